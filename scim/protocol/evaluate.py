"""Filters evaluated in memory, as PATCH needs for its value paths; the SQL compilation follows the same rules.

RFC 7644 §3.4.2.2 leaves two things open. Both are decided by one rule: *what has no value has the value null, and null
is different from everything else*. So `ne` holds for an absent attribute, as it does for one that differs, `eq null` is
`not pr`, and every other comparison with an absent value fails. A comparison on a multi-valued attribute holds if it
holds for any element; an attribute without elements is compared once, as null.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .filters import And, Compare, ElementMatch, Filter, Not, Or, Present, comparable
from .schema import Ref
from .values import is_number

_TESTS: Mapping[str, Callable[[Any, Any], bool]] = {
    "co": operator.contains,
    "sw": str.startswith,
    "ew": str.endswith,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}


def matches(found: Filter, resource: Any) -> bool:
    """Whether a resource with canonical names, or an element of a multi-valued attribute, satisfies the filter."""
    match found:
        case Compare():
            values = list(_values(found.ref, resource)) or [None]
            return any(_holds(found, value) for value in values)
        case Present():
            return any(value not in (None, "", [], {}) for value in _values(found.ref, resource))
        case And():
            return all(matches(term, resource) for term in found.terms)
        case Or():
            return any(matches(term, resource) for term in found.terms)
        case Not():
            return not matches(found.term, resource)
        case ElementMatch():
            return any(matches(found.filter, element) for element in _elements(found.ref, resource))


def _elements(ref: Ref, resource: Any) -> list[Any]:
    """The values of an attribute, one for a single-valued one, none for an absent one."""
    home = resource.get(ref.schema.id) or {} if ref.schema else resource
    if ref.attribute is None:
        return [home] if home else []
    # An element of a plain array is its own `value`.
    value = home.get(ref.attribute.name) if isinstance(home, Mapping) else home
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _values(ref: Ref, resource: Any) -> Iterable[Any]:
    elements = _elements(ref, resource)
    return elements if ref.sub is None else [element.get(ref.sub.name) for element in elements]


def _holds(found: Compare, value: Any) -> bool:
    attribute = found.ref.leaf
    if value is None or found.value is None:
        return (value is found.value) is (found.op == "eq") and found.op in ("eq", "ne")
    one, other = comparable(attribute, value), found.wanted
    alike = _are_alike(one, other)
    if found.op in ("eq", "ne"):
        return (alike and one == other) is (found.op == "eq")
    return alike and bool(_TESTS[found.op](one, other))


def _are_alike(one: Any, other: Any) -> bool:
    """Whether two values are of one type; what is older than its description may be of any (SPEC P3, P8)."""
    if is_number(one) or is_number(other):
        return is_number(one) and is_number(other)
    return type(one) is type(other)
