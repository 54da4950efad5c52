"""What a conversation file says, with its values filled in, and how an expectation differs from what is there."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

ABSENT = "{{absent}}"
ANY = "{{any}}"
_REFERENCE = re.compile(r"{{([\w.]+)}}")
_REPEATED = re.compile(r"{{(.)\*([0-9]+)}}")
_NOISE = re.compile(r"{{noise:([0-9]+)}}")
_MISSING = object()


@dataclass(frozen=True, kw_only=True)
class Step:
    """One request, the answer it must get, what must then be in the database, and what must come of it."""

    request: str
    status: int
    note: str = ""
    sign_in: list[str] = field(default_factory=list)
    org: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    raw: str | None = None
    answer: Any = None
    keep: str = ""
    then: dict[str, Any] = field(default_factory=dict)
    settled: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """A file. `reconstructed` says what is not in the source, `given` what is there before the first request."""

    title: str
    source: str
    rules: list[str]
    steps: list[Step]
    reconstructed: str = ""
    profile: str = "standard"
    base: str = "/api/scim"
    given: dict[str, Any] = field(default_factory=dict)


def read(path: Path) -> Conversation:
    """The conversation in a file. A key that means nothing is a TypeError."""
    content = json.loads(path.read_text())
    steps = [Step(**step) for step in content.pop("steps")]
    return Conversation(steps=steps, **content)


def filled(value: Any, kept: dict[str, Any]) -> Any:
    """The value with its `{{references}}` to kept answers replaced, and `...` spread out."""
    if isinstance(value, list):
        return [filled(item, kept) for item in value]
    if isinstance(value, dict):
        own = {filled(key, kept): filled(item, kept) for key, item in value.items()}
        return own.pop("...", {}) | own
    if not isinstance(value, str) or value in (ABSENT, ANY):
        return value
    value = _REPEATED.sub(lambda match: match[1] * int(match[2]), value)
    value = _NOISE.sub(lambda match: Random(0).randbytes(int(match[1])).hex()[: int(match[1])], value)
    if match := _REFERENCE.fullmatch(value):
        return _looked_up(match[1], kept)
    return _REFERENCE.sub(lambda match: str(_looked_up(match[1], kept)), value)


def _looked_up(name: str, kept: dict[str, Any]) -> Any:
    found: Any = kept
    for part in name.split("."):
        found = found[int(part)] if isinstance(found, list) else found[part]
    return found


def differences(expected: Any, actual: Any, where: str) -> Iterator[str]:
    """Where `actual` is not what is expected: objects may have more keys than expected, arrays no more elements."""
    if expected == ABSENT:
        if actual is not _MISSING:
            yield f"{where} should be absent, and is {actual!r}"
    elif actual is _MISSING:
        yield f"{where} is missing"
    elif isinstance(expected, dict) and isinstance(actual, dict):
        for key, value in expected.items():
            yield from differences(value, actual.get(key, _MISSING), f"{where}.{key}")
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for i, (value, element) in enumerate(zip(expected, actual, strict=True)):
            yield from differences(value, element, f"{where}[{i}]")
    elif expected != ANY and (type(expected) is not type(actual) or expected != actual):
        yield f"{where} should be {expected!r}, and is {actual!r}"
