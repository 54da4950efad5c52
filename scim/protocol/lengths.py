"""How long text and resources may be (SPEC U14)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from .errors import InvalidValue
from .values import Refusal, assign, notable

MAX_TEXT = 2048
MAX_CERTIFICATE = 64 * 1024
MAX_RESOURCE = 256 * 1024  # bytes of JSON, without the members of a group

_LIMITS = {"x509Certificates": MAX_CERTIFICATE}


def restore_overlong(stored: Mapping[str, Any], new: dict[str, Any]) -> list[Refusal]:
    """Give what became too long its stored value back, and refuse it.

    Text that is stored already may stay, and a resource that is too large already may change as long as it does not
    grow: it was written before there were limits.
    """
    refusals = []
    for name, value in list(new.items()):
        was = stored.get(name)
        if value == was:
            continue
        if ":" in name and isinstance(value, dict):
            parts, old = dict(value), was if isinstance(was, Mapping) else {}
            refusals += [_refused(f"{name}:{part}", MAX_TEXT) for part in _restored(parts, old)]
            assign(new, name, parts or was)
        elif _is_overlong(name, value, was):
            refusals.append(_refused(name, _LIMITS.get(name, MAX_TEXT)))
            assign(new, name, was)
    return refusals + _restore_size(stored, new)


def _restored(parts: dict[str, Any], old: Mapping[str, Any]) -> Iterator[str]:
    for part, value in list(parts.items()):
        if value != old.get(part) and _is_overlong(part, value, old.get(part)):
            assign(parts, part, old.get(part))
            yield part


def _is_overlong(name: str, value: Any, was: Any) -> bool:
    limit = _LIMITS.get(name, MAX_TEXT)
    long = [text for text in _texts(value) if len(text) > limit]
    return bool(long) and not set(long) <= set(_texts(was))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield key
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _restore_size(stored: Mapping[str, Any], new: dict[str, Any]) -> list[Refusal]:
    """The largest of the attributes that changed are given back until the rest is small enough.

    A truth value never makes the difference: deactivating is not refused (SPEC U4).
    """
    refusals: list[Refusal] = []
    if _size(new) <= MAX_RESOURCE:
        return refusals
    limit = max(MAX_RESOURCE, _size(stored))
    changed = [name for name in new if new[name] != stored.get(name) and not isinstance(new[name], bool)]
    for name in sorted(changed, key=lambda name: _size(new[name]), reverse=True):
        if _size(new) <= limit:
            break
        error = InvalidValue(f"{notable(name)} makes the resource larger than {MAX_RESOURCE} bytes; send less of it.")
        refusals.append(Refusal(notable(name), error))
        assign(new, name, stored.get(name))
    return refusals


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, default=str).encode("utf-8", "replace"))


def _refused(name: str, limit: int) -> Refusal:
    shown = notable(name)
    return Refusal(shown, InvalidValue(f"{shown} may have at most {limit} characters; send less text."))
