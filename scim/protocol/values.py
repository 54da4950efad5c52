"""Values from request bodies: JSON types checked, leniencies of real identity providers applied, names made canonical.

A value that is wrong is refused by itself, not with the request: a request that deactivates somebody is carried out
whatever else is in it (SPEC U4). So readers collect refusals, and the caller raises the first unless it deactivates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import InvalidValue, ScimError, quote
from .schema import Attribute
from .text import is_storable, read_datetime

MAX_ELEMENTS = 1000
MAX_OPAQUE_DEPTH = 20
_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Refusal:
    """An attribute, by its canonical name as a whole, that keeps its stored value, and why.

    sent: the refused value, if it was to be that of the attribute as a whole. One that is equal to the stored value,
    which may be older than its description, is not refused after all (SPEC U14, P8).
    """

    name: str
    error: ScimError
    sent: Any = None


def assign(home: dict[str, Any], name: str, value: Any) -> None:
    """Set an attribute of an object or, with None, clear it."""
    if value is None:
        home.pop(name, None)
    else:
        home[name] = value


def notable(name: str) -> str:
    """What a client called something that is nothing here, in a form that can be noted: a refusal is (SPEC U4)."""
    return name[:200] if is_storable(name) else quote(name)


def read_value(attribute: Attribute, value: Any, *, loose: bool) -> Any:
    """The value in the attribute's form; None if it clears the attribute, as null, "", [] and {} do (SPEC S3).

    loose: whether the attribute belongs to an extension, whose single values may come as a one-element array (SPEC P1).
    Raises InvalidValue.
    """
    if attribute.required and isinstance(value, str) and not value.strip():
        raise InvalidValue(f"{attribute.name} must not be empty; map a value to it in the identity provider.")
    if value == "" and attribute.default is not None:
        raise _mistyped(attribute, "true or false", value)
    if value is None or value == "" or (is_empty(value) and not attribute.strict):
        return None
    if attribute.multi_valued:
        return _read_elements(attribute, value)
    if isinstance(value, list) and loose and len(value) < 2:
        value = value[0] if value else None
    return read_element(attribute, value)


def read_element(attribute: Attribute, value: Any) -> Any:
    """One element of a multi-valued attribute; None if nothing is in it. Raises InvalidValue."""
    if value is None or value == "":
        return None
    read = _READERS[attribute.type](attribute, value)
    return None if read == {} else read


def _read_elements(attribute: Attribute, value: Any) -> list[Any] | None:
    """The elements; one by itself is accepted where an array is meant (SPEC P1)."""
    read = [
        element
        for item in (value if isinstance(value, list) else (value,))
        if not is_empty(item) and (element := read_element(attribute, item)) is not None
    ]
    check_size(attribute, read)
    # The last that is marked primary stays so (RFC 7643 §2.4, RFC 7644 §3.5.2).
    primaries = [i for i, element in enumerate(read) if isinstance(element, dict) and element.get("primary")]
    for i in primaries[:-1]:
        read[i]["primary"] = False
    return read or None


def check_size(attribute: Attribute, elements: list[Any]) -> None:
    """Raise InvalidValue for more values than one attribute may have; members of groups are not limited."""
    if len(elements) > MAX_ELEMENTS:
        raise InvalidValue(f"{attribute.name} may have at most {MAX_ELEMENTS} values.")


def _read_text(attribute: Attribute, value: Any) -> str:
    if not isinstance(value, str):
        raise _mistyped(attribute, "a string", value)
    if not is_storable(value):
        raise InvalidValue(f"{attribute.name} contains a character that cannot be stored.")
    if attribute.check is not None and (complaint := attribute.check(value)):
        raise InvalidValue(f"{attribute.name}: {complaint}")
    return value


def _read_boolean(attribute: Attribute, value: Any) -> bool:
    read = truth_of(attribute, value)
    if read is None:
        raise _mistyped(attribute, "true or false", value)
    return read


def truth_of(attribute: Attribute, value: Any) -> bool | None:
    """The boolean that a value is, or the word for one: "True" and "False" (SPEC S3), Okta's statuses (SPEC S4)."""
    if isinstance(value, str):
        word = value.lower()
        return _BOOLEANS.get(word, attribute.truths.get(word))
    return value if isinstance(value, bool) else None


def _read_integer(attribute: Attribute, value: Any) -> int:
    if not isinstance(value, int) or not is_number(value):
        raise _mistyped(attribute, "an integer", value)
    return value


def _read_decimal(attribute: Attribute, value: Any) -> float:
    if not is_number(value):
        raise _mistyped(attribute, "a number", value)
    return value


def _read_moment(attribute: Attribute, value: Any) -> str:
    text = _read_text(attribute, value)
    try:
        read_datetime(text)
    except ValueError:
        raise _mistyped(attribute, "a date and time such as 2011-05-13T04:42:34Z", value) from None
    return text


def _read_complex(attribute: Attribute, value: Any) -> dict[str, Any] | None:
    """The known sub-attributes that have a value; what is read-only or unknown is left out (SPEC U7, S3)."""
    if not isinstance(value, dict):
        if not (attribute.is_reference and isinstance(value, str)):
            raise _mistyped(attribute, _shape(attribute, value), value)
        value = {"value": value}
    subs = attribute.subs
    read = {}
    try:
        for key, item in value.items():
            sub = subs.get(key) or subs.get(key.lower())
            if sub is None or sub.mutability == "readOnly" or is_empty(item):
                continue
            read[sub.name] = _READERS[sub.type](sub, item)
    except InvalidValue as error:
        raise InvalidValue(f"{attribute.name}.{error.detail}") from None
    if attribute.is_reference and not read.get("value", "").strip():
        return None
    return read


def _shape(attribute: Attribute, value: Any) -> str:
    """What a value of a complex attribute looks like, for somebody who mapped a text to all of it."""
    if "value" not in attribute.subs:
        return f"an object with {', '.join(sub.name for sub in attribute.subs.values())}"
    example = quote([{"value": value if isinstance(value, str) else "…"}])
    return f"a list of objects such as {example} (in the identity provider, map {attribute.name}.value)"


def is_empty(value: Any) -> bool:
    """Whether a value stands for no value (SPEC S3)."""
    return value is None or value in ("", [], {}, [{}])


def read_opaque(_: Attribute | None, value: Any, *, depth: int = MAX_OPAQUE_DEPTH) -> Any:
    """A value that no schema describes, unchanged (SPEC P3), if it can be stored at all. Raises InvalidValue."""
    level: list[Any] = [value]
    for _level in range(depth):
        deeper: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                deeper += item
                deeper += item.values()
            elif isinstance(item, list):
                deeper += item
            elif not (is_storable(item) if isinstance(item, str) else _fits(item)):
                raise InvalidValue("A value of an extension contains a character or number that cannot be stored.")
        if not deeper:
            return value
        level = deeper
    raise InvalidValue(f"A value of an extension is nested deeper than {MAX_OPAQUE_DEPTH} levels.")


def read_member_ids(value: Any) -> tuple[str, ...] | None:
    """The distinct ids of a list of members, in order; None for null. Only `value` counts (SPEC S3, G3).

    Raises InvalidValue; what is empty in any other way must not empty a group.
    """
    if value is None:
        return None
    ids: dict[str, None] = {}
    for item in value if isinstance(value, list) else (value,):
        if not isinstance(item, dict):
            raise InvalidValue(f'members: expected objects such as {{"value": "<id>"}}, not {quote(item)}.')
        member = item.get("value")
        if member is None:
            member = next((found for key, found in item.items() if key.lower() == "value"), None)
        if not isinstance(member, str) or not member or not is_storable(member):
            raise InvalidValue(f"members: {quote(item)} does not name a member; its value has to be the member's id.")
        ids[member] = None
    return tuple(ids)


def is_number(value: Any) -> bool:
    """Whether this is a number that can be stored and compared; booleans are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and _fits(value)


def _fits(number: Any) -> bool:
    """Whether JSON encoders and databases take the number (null and booleans included).

    A database may give back a float as an integer, and so it may be no larger than one.
    """
    return number is None or -(2**63) <= number < 2**63


def _mistyped(attribute: Attribute, expected: str, value: Any) -> InvalidValue:
    return InvalidValue(f"{attribute.name} has to be {expected}, not {quote(value)}.")


_READERS: Mapping[str, Callable[[Attribute, Any], Any]] = {
    "string": _read_text,
    "reference": _read_text,
    "binary": _read_text,
    "boolean": _read_boolean,
    "integer": _read_integer,
    "decimal": _read_decimal,
    "dateTime": _read_moment,
    "complex": _read_complex,
    "any": read_opaque,
}
