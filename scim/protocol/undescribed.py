"""Extensions and attributes that no schema describes (SPEC P3): where a name leads, and how a value there changes.

POST and PUT store such values as they came, so a name can only be understood against what is stored. A *place* is the
way to a value in a resource: the key of the extension, then the names inside.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .errors import InvalidPath, InvalidValue, NoTarget, quote
from .schema import ResourceType, Schema
from .text import fold
from .values import MAX_ELEMENTS, MAX_OPAQUE_DEPTH, assign, is_empty, read_opaque

Place = tuple[str, ...]

_SCIM_OWN = (
    "urn:ietf:params:scim:schemas:core:",
    "urn:ietf:params:scim:api:",
    "urn:scim:schemas:core:",
)
_SEPARATOR = re.compile("[:.]")
_VERSIONED = re.compile(r"(urn:.+?:[0-9]+(?:\.[0-9]+)*:[^:.]+)[:.](.+)", re.IGNORECASE | re.DOTALL)
_NAMES = re.compile(r"(?:[^\W\d]|\$)[\w$-]*(?:\.(?:[^\W\d]|\$)[\w$-]*)*")
_RESOURCES = frozenset(("user", "group"))


@dataclass(frozen=True, slots=True)
class OpenWrite:
    """A write whose target is known only when it meets the resource (SPEC P3); removals may have a value.

    `name` is the client's text. `key`, if any, is an attribute inside the extension of that name, letter for letter.
    `by_path` says that the name is the path of an operation and not a key. `spelling` is as in `Path`.
    """

    op: Literal["add", "replace", "remove"]
    name: str
    value: Any
    key: str | None = None
    by_path: bool = False
    spelling: str | None = None


def is_extension_name(name: str) -> bool:
    """Whether a name leads into an extension, as opposed to a schema that SCIM itself defines."""
    lowered = name.lower()
    return lowered.startswith("urn:") and not lowered.startswith(_SCIM_OWN)


def is_undescribed(name: str, kind: ResourceType) -> bool:
    """Whether a name leads into an extension, and there to something that no schema describes."""
    if not is_extension_name(name):
        return False
    head = name.partition("[")[0].strip()
    if kind.find(head):
        return False
    schema, rest = described_part(head, kind)
    return schema is None or _SEPARATOR.split(rest)[0].lower() not in schema.by_name


def described_part(name: str, kind: ResourceType) -> tuple[Schema | None, str]:
    """The described extension that a name leads into, and the rest of the name."""
    lowered = name.lower()
    for urn in sorted(kind.urns, key=len, reverse=True):
        schema, _ = kind.urns[urn]
        if schema and lowered.startswith(urn) and lowered[len(urn) : len(urn) + 1] in ("", ":", "."):
            return schema, name[len(urn) + 1 :]
    return None, name


def find_place(name: str, kind: ResourceType, resource: Mapping[str, Any]) -> Place | None:
    """Where a name leads among the extensions that are described or stored, the longest URN first."""
    homes = {fold(key): key for key in resource if ":" in key}
    homes |= {fold(urn): schema.id for urn, (schema, _) in kind.urns.items() if schema}
    folded = fold(name)
    if folded in homes:
        return (homes[folded],)
    leading = [urn for urn in homes if folded.startswith(urn) and folded[len(urn) : len(urn) + 1] in (":", ".")]
    if not leading:
        return None
    separators = [match.start() for match in _SEPARATOR.finditer(name)]
    for urn in sorted(leading, key=len, reverse=True):
        rest = name[separators[len(_SEPARATOR.findall(urn))] + 1 :]
        if inner := _inside(resource.get(homes[urn]), rest):
            return (homes[urn], *inner)
    return None


def guess_place(name: str) -> Place | None:
    """Where a name leads that has nothing to lead to yet: its version says so, or else its last colon."""
    match = _VERSIONED.fullmatch(name)
    if match and _NAMES.fullmatch(match[2]):
        return match[1], *match[2].split(".")
    urn, _, rest = name.rpartition(":")
    first, _, inner = rest.partition(".")
    if first.lower() in _RESOURCES:  # `…:custom:User` is an extension, not an attribute `User`
        urn, rest = f"{urn}:{first}", inner
    if urn.count(":") < 2 or not _NAMES.fullmatch(rest):
        return None
    return urn, *rest.split(".")


def _inside(home: Any, rest: str) -> Place | None:
    """The names inside an extension: those that are stored, however odd, and otherwise the parts of a proper path."""
    if isinstance(home, Mapping) and home:
        if rest in home:
            return (rest,)
        stored = {fold(key): key for key in home}
        if name := stored.get(fold(rest)):
            return (name,)
        for match in reversed(list(re.finditer(r"\.", rest))):
            if name := stored.get(fold(rest[: match.start()])):
                inner = _inside(home[name], rest[match.end() :])
                return (name, *inner) if inner else None
    return tuple(rest.split(".")) if _NAMES.fullmatch(rest) else None


def stored_name(home: Mapping[str, Any], name: str) -> str:
    """The name as it is stored, whatever its letter case; as given where it is new."""
    if name in home:
        return name
    folded = fold(name)
    return next((key for key in home if fold(key) == folded), name)


def value_at(resource: Mapping[str, Any], place: Place) -> Any:
    """What is stored at a place; None if nothing is."""
    value: Any = resource
    for name in place:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def place_of(write: OpenWrite, kind: ResourceType, resource: Mapping[str, Any]) -> Place:
    """Where a write leads. Raises InvalidPath where neither what is stored nor the form of the name says so."""
    place = find_place(write.name, kind, resource)
    if place is None and write.by_path:
        place = find_place(write.name.strip(), kind, resource)
    if place is None and isinstance(write.value, dict) and write.op != "remove":
        place = (write.name,)
    if place is None:
        place = guess_place(write.name)
    if place is None and write.by_path:
        raise InvalidPath(
            f"{quote(write.name)} leads to no extension and no attribute of one. Write the extension as an object "
            "under its URN first, or correct the path."
        )
    place = place or (write.name,)
    urn = stored_name(resource, place[0])
    if write.key is None:
        return urn, *place[1:]
    home = resource.get(urn)
    return urn, stored_name(home if isinstance(home, Mapping) else {}, write.key)


def carry_out(write: OpenWrite, place: Place, resource: dict[str, Any]) -> None:
    """One write, by replacing what it changes. Raises InvalidValue, NoTarget."""
    if write.op != "remove":
        read_opaque(None, write.value, depth=MAX_OPAQUE_DEPTH + 1 - len(place))
    _write(resource, place, write)


def _write(home: dict[str, Any], place: Place, write: OpenWrite) -> None:
    name, old = place[0], home.get(place[0])
    if len(place) == 1:
        new = changed(write.op, old, write.value)
    elif isinstance(old, Mapping) or old is None:
        inner = dict(old or {})
        _write(inner, place[1:], write)
        new = inner or None
    elif write.op == "remove" and not isinstance(old, list):
        return  # What has no parts has none to remove.
    else:
        raise NoTarget(f"{quote(write.name)} leads into a value without parts; write {quote(name)} as a whole.")
    assign(home, name, new)


def changed(op: str, old: Any, value: Any) -> Any:
    """The new value, by the shape of the old one: an object is merged, an array added to and removed from by value.

    None if there is none. Emptiness clears, or adds nothing (SPEC S3).
    """
    if op == "remove":
        if not isinstance(old, list) or value is None or value == "":
            return None
        return _without(old, value if isinstance(value, list) else [value]) or None
    if is_empty(value):
        return None if op == "replace" else old
    if isinstance(value, dict):
        if isinstance(old, list) and op == "add":
            return _joined(old, [value])
        return _merged(op, old if isinstance(old, Mapping) else {}, value) or None
    if op == "add" and isinstance(old, list):
        return _joined(old, value if isinstance(value, list) else [value])
    return value


def _merged(op: str, old: Mapping[str, Any], value: Mapping[str, Any]) -> dict[str, Any]:
    new = dict(old)
    for key, item in value.items():
        name = stored_name(new, key)
        assign(new, name, changed("replace" if item is None else op, new.get(name), item))
    return new


def _joined(old: list[Any], values: Iterable[Any]) -> list[Any]:
    known = set(map(_key, old))
    new = list(old)
    for value in values:
        if (key := _key(value)) not in known:
            known.add(key)
            new.append(value)
    if len(new) > MAX_ELEMENTS:
        raise InvalidValue(f"An attribute of an extension may have at most {MAX_ELEMENTS} values.")
    return new


def _without(old: list[Any], listed: list[Any]) -> list[Any]:
    """The elements but those that are listed; an object lists all that have what it has."""
    keys = {_key(item) for item in listed}
    parts = [item.items() for item in listed if isinstance(item, dict) and item]

    def is_listed(element: Any) -> bool:
        if _key(element) in keys:
            return True
        return isinstance(element, dict) and any(
            all(name in element and _key(element[name]) == _key(item) for name, item in part) for part in parts
        )

    return [element for element in old if not is_listed(element)]


def _key(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
