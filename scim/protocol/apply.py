"""The writes of a PATCH carried out on a resource (RFC 7644 §3.5.2.1-3).

An accepted PATCH that is sent again finds its work done: an element is added once, and what a value filter creates the
same filter finds.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

from .budget import Budget
from .errors import NoTarget, ScimError
from .evaluate import matches
from .filters import And, Compare, Filter, comparable, count_terms
from .lengths import restore_overlong
from .patch import Patch, Write
from .resources import Outcome, Resource, get, home_in, put, restore_immutable, still_refused
from .schema import Attribute, ResourceType
from .undescribed import OpenWrite, carry_out, place_of, value_at
from .values import Refusal, assign, check_size, notable


def apply_patch(patch: Patch, kind: ResourceType, resource: Mapping[str, Any], budget: Budget | None = None) -> Outcome:
    """What the writes make of the resource, which is left as it is. Members are not among them.

    The refusals are those of the patch and those that the resource gives cause to. A write that the budget does not
    allow is one of them, and costs nothing.
    """
    budget = budget or Budget()
    new = dict(resource)
    refusals = still_refused(patch.refusals, kind, resource)
    spelling: dict[str, str] = {}
    spelled: dict[Hashable, str | None] = {}
    for write in patch.writes:
        if isinstance(write, OpenWrite):
            try:
                budget.spend(_cost_of_open(write, kind, new))
                spelling |= _carry_out_open(write, kind, new, resource, spelled)
            except ScimError as error:
                refusals.append(Refusal(notable(write.name), error))
            continue
        ref, spelled_as = write.path.ref, write.path.spelling
        aliased = ref.schema if ref.schema and ref.schema.aliases else None
        if aliased and spelled.setdefault(ref.top, spelled_as) != spelled_as and write.value == get(resource, ref):
            continue  # The other spelling brought another value: that one is new (SPEC P1).
        try:
            budget.spend(_cost(write, new))
            _carry_out(write, new)
        except ScimError as error:
            refusals.append(Refusal(ref.top, error))
            continue
        if aliased and spelled_as:
            spelling[aliased.id] = spelled_as
    refusals += restore_immutable(kind, resource, new)
    refusals += restore_overlong(resource, new)
    return Outcome(new, tuple(refusals), spelling)


def _cost(write: Write, new: Resource) -> int:
    """The comparisons that a write makes: elements, those of before and those that it brings, times terms.

    A plain value is compared with nothing, `active` for example.
    """
    attribute, found = write.path.ref.attribute, write.path.filter
    if attribute is None or not (attribute.multi_valued or found):
        return 0
    elements = sum(len(value) if isinstance(value, list) else 1 for value in (get(new, write.path.ref), write.value))
    return elements * (count_terms(found) if found else 1)


def _cost_of_open(write: OpenWrite, kind: ResourceType, new: Resource) -> int:
    """The names among which a write finds its place, and the elements there."""
    place = place_of(write, kind, new)
    homes = (value_at(new, place[:depth]) for depth in range(1, len(place) + 1))
    return len(new) + sum(len(value) for value in (*homes, write.value) if isinstance(value, list | dict))


def _carry_out(write: Write, new: Resource) -> None:
    """One write, by replacing what it changes: nothing of the stored resource is touched.

    Raises NoTarget, and InvalidValue for too many values.
    """
    ref = write.path.ref
    put(new, ref, _changed(write, ref.attribute, get(new, ref)) if ref.attribute else None)


def _carry_out_open(
    write: OpenWrite,
    kind: ResourceType,
    new: Resource,
    resource: Mapping[str, Any],
    spelled: dict[Hashable, str | None],
) -> dict[str, str]:
    """One write into what no schema describes; the spelling of the described extension that it changes.

    Raises InvalidPath, InvalidValue, NoTarget.
    """
    place = place_of(write, kind, new)
    schema, _ = kind.urns.get(place[0].lower(), (None, ""))
    if schema is None:
        carry_out(write, place, new)
        return {}
    if spelled.setdefault(place, write.spelling) != write.spelling and write.value == value_at(resource, place):
        return {}  # The other spelling brought another value: that one is new (SPEC P1).
    # What was stored before anybody described the extension may be no object.
    home = {schema.id: home_in(new, schema.id)}
    carry_out(write, place, home)
    assign(new, schema.id, home.get(schema.id) or None)
    return {schema.id: write.spelling} if schema.aliases and write.spelling else {}


def _changed(write: Write, attribute: Attribute, old: Any) -> Any:
    """The new value of an attribute as a whole; None if it has none."""
    sub, value = write.path.ref.sub, write.value
    if attribute.multi_valued:
        elements = _changed_elements(write, attribute, old if isinstance(old, list) else [] if old is None else [old])
        check_size(attribute, elements)
        return elements or None
    if (found := write.path.filter) and not (isinstance(old, dict) and matches(found, old)):
        if write.op == "remove":
            return old
        raise NoTarget(f"{attribute.name} is not what the path selects; read the resource and correct the path.")
    if sub is None:
        return value
    # What stands for its `value` is new with it: a $ref to the former manager would be wrong.
    part = {} if attribute.is_reference and sub.name == "value" else dict(old or {})
    assign(part, sub.name, value)
    return None if attribute.is_reference and not part.get("value", "").strip() else part or None


def _changed_elements(write: Write, attribute: Attribute, old: list[Any]) -> list[Any]:
    if write.path.filter is None and write.path.ref.sub is None:
        if write.op == "replace":
            return list(write.value)
        if write.op == "add":
            return _added(attribute, old, write.value)
        return _without(attribute, old, write.value) if write.value is not None else []
    return _changed_selection(write, attribute, old)


def _changed_selection(write: Write, attribute: Attribute, old: list[Any]) -> list[Any]:
    """Change the elements that a filter selects, or a sub-attribute of all; create one that a filter describes."""
    found = write.path.filter
    fixed = _equalities(found) if found else {}
    new: list[Any] = []
    touched: list[Any] = []
    for element in old:
        if found is None or matches(found, element):
            element = _changed_element(write, element, fixed)
            touched.append(element)
        if element not in (None, {}):
            new.append(element)
    if touched:
        return _merged(attribute, new, touched)
    if write.op == "remove":
        return old
    if attribute.name == "roles" and fixed == {"primary": True} and len(old) == 1:
        # Whoever writes the primary role has one: the role that they wrote before does not stay beside it (SPEC S5).
        return [_changed_element(write, {**old[0], "primary": True}, fixed)]
    if not found or not fixed or not fixed.keys() <= {"type", "primary"}:
        raise NoTarget(
            f"No value of {attribute.name} is what the path selects; read the resource and correct the path."
        )
    element = _changed_element(write, dict(fixed), fixed)
    if not matches(found, element):
        raise NoTarget(f"The value contradicts the path, which selects {attribute.name} by {found}.")
    return _added(attribute, old, [element])


def _changed_element(write: Write, element: Any, fixed: Mapping[str, Any]) -> Any:
    sub, value = write.path.ref.sub, write.value
    if sub is not None:
        element = dict(element)
        assign(element, sub.name, value)
        return element
    if not isinstance(value, dict):
        return value
    # A replaced element stays what it was selected by, or the same request would not find it again.
    return {**element, **value} if write.op == "add" else {**fixed, **value}


def _equalities(found: Filter) -> dict[str, Any]:
    """What the filter says an element is, if it is equalities joined by `and`; otherwise nothing."""
    if isinstance(found, Compare) and found.op == "eq" and found.value is not None:
        return {found.ref.name: found.value}
    if isinstance(found, And):
        parts = [_equalities(term) for term in found.terms]
        if all(parts):
            return {name: value for part in parts for name, value in part.items()}
    return {}


def _added(attribute: Attribute, old: list[Any], values: Iterable[Any]) -> list[Any]:
    """The elements and the new ones; one that is there already is not added again (RFC 7644 §3.5.2.1)."""
    values = list(values)
    return _merged(attribute, [*old, *values], values)


def _without(attribute: Attribute, old: list[Any], listed: Iterable[Any]) -> list[Any]:
    """The elements but those that are as a listed one says, in the sub-attributes that it has (SPEC S5)."""
    described: dict[frozenset[str], set[Hashable]] = {}
    for element in listed:
        names = frozenset(element) - {"primary"} if isinstance(element, dict) else frozenset()
        if names or not isinstance(element, dict):
            described.setdefault(names, set()).add(_key(attribute, element))

    def is_listed(element: Any) -> bool:
        if not isinstance(element, dict):
            return _key(attribute, element) in described.get(frozenset(), ())
        parts = ({name: element[name] for name in names & element.keys()} for names in described)
        return any(_key(attribute, part) in keys for part, keys in zip(parts, described.values(), strict=True))

    return [element for element in old if not is_listed(element)]


def _merged(attribute: Attribute, elements: list[Any], touched: list[Any]) -> list[Any]:
    """The elements without repetitions, of which the last touched one that is primary is the only one.

    Of two that are the same, what a touched one says counts, or else the later.
    """
    touched_ids = set(map(id, touched))
    merged: dict[Hashable, Any] = {}
    decided = set()
    for element in elements:
        key = _key(attribute, element)
        if key in merged and isinstance(element, dict):
            first, second = merged[key], element
            if key in decided and id(element) not in touched_ids:
                first, second = second, first
            merged[key] = {**first, **second}
        else:
            merged[key] = element
        if id(element) in touched_ids:
            decided.add(key)
    primaries = [
        _key(attribute, element) for element in touched if isinstance(element, dict) and element.get("primary")
    ]
    if primaries:
        for key, element in merged.items():
            if element.get("primary") and key != primaries[-1]:
                merged[key] = {**element, "primary": False}
    return list(merged.values())


def _key(attribute: Attribute, element: Any) -> Hashable:
    """What makes two elements the same: everything but which is primary."""
    subs = attribute.subs
    if isinstance(element, dict) and element.keys() <= subs.keys():
        return frozenset((name, comparable(subs[name], value)) for name, value in element.items() if name != "primary")
    if isinstance(element, dict | list):  # stored before anybody described the attribute (SPEC P3)
        return json.dumps(element, sort_keys=True)
    # Python has True equal to 1.
    return isinstance(element, bool), comparable(attribute, element)
