"""Whole resources as POST and PUT bodies carry them (RFC 7644 §3.3, §3.5.1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from .errors import InvalidSyntax, InvalidValue, Mutability, quote
from .filters import MAX_LENGTH
from .lengths import restore_overlong
from .paths import spelling_of
from .schema import Attribute, Ref, ResourceType, Schema
from .text import fold, is_storable
from .undescribed import (
    Place,
    described_part,
    find_place,
    guess_place,
    is_extension_name,
    is_undescribed,
    stored_name,
    value_at,
)
from .values import Refusal, assign, is_empty, notable, read_member_ids, read_opaque, read_value

Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a request makes of a resource: its new state, the values it may not set, the URNs it wrote (SPEC P1).

    A refused attribute has its stored value in `resource`. `spelling` maps the id of each extension with aliases that
    was written to the URN that it was written with.
    """

    resource: Resource
    refusals: tuple[Refusal, ...]
    spelling: dict[str, str]


@dataclass(slots=True)
class Draft:
    """A body as read, by canonical names: core values, extensions of which one may come under two URNs, member ids.

    `members` is None where the body leaves them as they are. `cleared` holds the core attributes that the body clears.
    `open` are the names, with their values, that lead into what no schema describes; `refused` those of them that are
    among the refusals (SPEC P3).
    """

    kind: ResourceType
    values: Resource = field(default_factory=dict)
    extensions: dict[str, list[tuple[str, Resource]]] = field(default_factory=dict)
    members: tuple[str, ...] | None = None
    cleared: set[str] = field(default_factory=set)
    open: list[tuple[str, Any]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    spelling: dict[str, str] = field(default_factory=dict)

    @property
    def deactivates(self) -> bool:
        return self.values.get("active") is False

    def replace(self, stored: Mapping[str, Any]) -> Outcome:
        """The resource after a PUT over the stored one, or after a POST where nothing is stored (SPEC U7, G9).

        What the identity provider may write is replaced, but `kept_by_put` stays where the body leaves it out.
        """
        new = dict(self.values)
        spelling = dict(self.spelling)
        for urn, parts in self.extensions.items():
            merged, spelled = _merge(parts, home_in(stored, urn))
            new[urn] = {name: value for name, value in merged.items() if value is not None}
            if urn in spelling:
                spelling[urn] = spelled
            if not new[urn]:
                del new[urn]
        for ref in self.kind.kept_by_put:
            if not self.mentions(ref):
                put(new, ref, get(stored, ref))
        refusals = [*still_refused(self.refusals, self.kind, stored), *self._place_open(stored, new)]
        for refusal in self.refusals:
            if refused := self.kind.find(refusal.name):
                put(new, refused, get(stored, refused))
        for name in self.refused:
            place = find_place(name, self.kind, stored)
            if place and (value := value_at(stored, place)) is not None:
                with suppress(InvalidValue):
                    _set(new, place, value)
        refusals += restore_immutable(self.kind, stored, new)
        refusals += restore_overlong(stored, new)
        return Outcome(new, tuple(refusals), spelling)

    def _place_open(self, stored: Mapping[str, Any], new: Resource) -> list[Refusal]:
        """Put what no schema describes where its names lead, objects first: those are extensions, letter for letter.

        What else leads nowhere stays under the name that it came with.
        """
        refusals = []
        for name, value in sorted(self.open, key=lambda entry: not isinstance(entry[1], dict)):
            if isinstance(value, dict):
                place = find_place(name, self.kind, {}) or (stored_name(new, stored_name(stored, name)),)
            else:
                place = find_place(name, self.kind, {**stored, **new}) or guess_place(name) or (name,)
            home, *inner = place
            try:
                _set(new, (stored_name(new, stored_name(stored, home)), *inner), value)
            except InvalidValue as error:
                refusals.append(Refusal(notable(name), error))
        return refusals

    def mentions(self, ref: Ref) -> bool:
        """Whether the body says something about an attribute, or an extension."""
        if ref.schema is None:
            return ref.name in self.values or ref.name in self.cleared
        parts = self.extensions.get(ref.schema.id, ())
        return any(ref.attribute is None or ref.attribute.name in part for _, part in parts)


def read_resource(body: Any, kind: ResourceType, *, creating: bool = False) -> Draft:
    """The body of a POST (`creating`) or PUT. Wrong values are in the draft's refusals.

    Raises InvalidSyntax where the body as such is none.
    """
    if not isinstance(body, dict):
        raise InvalidSyntax(f"The body has to be a JSON object with the attributes of a {kind.name}.")
    draft = Draft(kind)
    _read_schemas(draft, body.get("schemas"))
    _read_core(draft, body)
    if creating:
        for attribute in kind.schema.attributes:
            if attribute.default is not None:
                draft.values.setdefault(attribute.name, attribute.default)
            elif attribute.required and attribute.name not in draft.values:
                error = InvalidValue(f"{attribute.name} is required; map it in the identity provider.")
                draft.refusals.append(Refusal(attribute.name, error))
    return draft


def _read_schemas(draft: Draft, urns: Any) -> None:
    """`schemas` only tells which alias is meant; URIs that nobody knows are no matter (SPEC S3)."""
    listed = [urns] if isinstance(urns, str) else [] if urns is None else urns
    if not isinstance(listed, list) or not all(isinstance(urn, str) for urn in listed):
        raise InvalidSyntax("schemas has to be an array of schema URIs.")
    for urn in listed:
        schema, spelled = draft.kind.urns.get(urn.lower(), (None, ""))
        if schema and schema.aliases:
            draft.spelling.setdefault(schema.id, spelled)


def _read_core(draft: Draft, body: Resource) -> None:
    """The attributes by all their names; of one that is named twice, the name with more of a URN counts (SPEC P8)."""
    core: dict[str, tuple[Attribute, Any]] = {}
    short: dict[str, tuple[Ref, Any]] = {}
    for _, key, ref, value in sorted(_entries(body, draft.kind), key=itemgetter(0)):
        if ref is None:
            _read_open(draft, key, value)
        elif ref.attribute is None and ref.schema is None:
            error = InvalidValue(f"{quote(key)} has to be an object with attributes, not {quote(value)}.")
            draft.refusals.append(Refusal(notable(key), error))
        elif ref.schema and (spelled := spelling_of(key, ref.schema)):
            _read_extension(draft, ref.schema, spelled, _attributes(ref, value))
        elif ref.schema:
            short[ref.top] = ref, value
        elif ref.sub is None:
            core[ref.top] = ref.leaf, value
        elif ref.attribute and not ref.attribute.multi_valued:
            _, whole = core.get(ref.top, (None, None))
            core[ref.top] = ref.attribute, (whole if isinstance(whole, dict) else {}) | {ref.sub.name: value}
    for attribute, value in core.values():
        _read_core_attribute(draft, attribute, value)
    refused = {refusal.name for refusal in draft.refusals}
    for name, (ref, value) in short.items():
        assert ref.schema
        if name not in refused and not draft.mentions(ref):
            _read_extension(draft, ref.schema, None, _attributes(ref, value))


def _entries(body: Resource, kind: ResourceType) -> Iterator[tuple[int, str, Ref | None, Any]]:
    """What a body names: how much of a URN each name has, the name, what it means if it is described, the value.

    Attributes that core does not have are left out (SPEC S3).
    """
    for key, value in body.items():
        ref = kind.find(key)
        if ref is None:
            if is_extension_name(key):
                yield 2, key, None, value
        elif ref.attribute is None and ref.schema is None and (isinstance(value, dict) or is_empty(value)):
            yield from ((1, *rest) for _, *rest in _entries(value or {}, kind))
        elif ":" not in key:
            yield 0, key, ref, value
        else:
            yield 2 if ref.schema and spelling_of(key, ref.schema) else 1, key, ref, value


def _attributes(ref: Ref, value: Any) -> Any:
    """The value of a key as that of the extension which the key leads into."""
    if ref.attribute is None:
        return value
    return {ref.attribute.name: value if ref.sub is None else {ref.sub.name: value}}


def _read_core_attribute(draft: Draft, attribute: Attribute, value: Any) -> None:
    if attribute.mutability == "readOnly" or attribute.returned == "never":
        return
    name = attribute.name
    try:
        if attribute is draft.kind.members:
            draft.members = read_member_ids(value)
            return
        read = read_value(attribute, value, loose=False)
    except InvalidValue as error:
        draft.refusals.append(Refusal(name, error, value))
        return
    if read is not None:
        draft.values[name] = read
    elif not attribute.required and attribute.default is None:
        draft.cleared.add(name)


def _read_extension(draft: Draft, schema: Schema, spelled: str | None, attributes: Any) -> None:
    """One writing of a described extension; `spelled` is None where its URN was not written."""
    part: Resource = {}
    if attributes is None or attributes == "":
        part = dict.fromkeys(attribute.name for attribute in schema.attributes)
    elif not isinstance(attributes, dict):
        error = InvalidValue(f"{schema.id} has to be an object with attributes, not {quote(attributes)}.")
        draft.refusals.append(Refusal(schema.id, error))
        return
    else:
        for key, value in attributes.items():
            attribute = schema.by_name.get(key) or schema.by_name.get(key.lower())
            if attribute and (attribute.mutability == "readOnly" or attribute.returned == "never"):
                continue
            name = attribute.name if attribute else key
            try:
                part[name] = read_value(attribute, value, loose=True) if attribute else _read_undescribed(key, value)
            except InvalidValue as error:
                draft.refusals.append(Refusal(notable(f"{schema.id}:{name}"), error, value))
                if attribute is None:
                    draft.refused.append(f"{schema.id}:{name}")
    spelled = spelled or draft.spelling.get(schema.id)
    draft.extensions.setdefault(schema.id, []).append((spelled or schema.id, part))
    if schema.aliases and spelled:
        draft.spelling[schema.id] = spelled


def _read_undescribed(key: str, value: Any) -> Any:
    """An attribute that an extension does not list, as it came (SPEC P3). Raises InvalidValue."""
    if is_empty(value):
        return None
    read_opaque(None, {key: None})
    return read_opaque(None, value)


def _read_open(draft: Draft, key: str, value: Any) -> None:
    """A name that leads into what no schema describes."""
    if value in (None, "", [], {}):
        return
    schema, _ = described_part(key, draft.kind)
    try:
        if schema and not is_undescribed(key, draft.kind):
            raise InvalidValue(f"{quote(key)} is no attribute of {schema.id}; correct or remove its mapping.")
        if not is_storable(key) or len(key) > MAX_LENGTH:
            raise InvalidValue(f"The name of an extension has at most {MAX_LENGTH} characters that can be stored.")
        draft.open.append((key, read_opaque(None, value)))
    except InvalidValue as error:
        draft.refusals.append(Refusal(notable(key), error))
        draft.refused.append(key)
        return
    if schema and schema.aliases and (spelled := spelling_of(key, schema)):
        draft.spelling[schema.id] = spelled


def _merge(parts: list[tuple[str, Resource]], stored: Mapping[str, Any]) -> tuple[Resource, str]:
    """The extension and its URN; of two spellings the value that differs from the stored one wins (SPEC P1)."""
    spelled, merged = parts[0]
    if len(parts) > 1:
        merged = dict(merged)
        for other, part in parts[1:]:
            for name, value in part.items():
                if name not in merged or value != stored.get(name):
                    merged[name] = value
                    spelled = other
    return merged, spelled


def get(resource: Mapping[str, Any], ref: Ref) -> Any:
    """The value of an attribute as a whole, or of an extension; None where there is none."""
    if ref.schema is None:
        return resource.get(ref.top)
    if ref.attribute is None:
        return resource.get(ref.schema.id)
    return home_in(resource, ref.schema.id).get(ref.attribute.name)


def _set(resource: Resource, place: Place, value: Any) -> None:
    """Put a value as it came where it belongs; an object joins what is there. Raises InvalidValue."""
    home = resource
    for name in place[:-1]:
        inner = home.get(name, {})
        if not isinstance(inner, dict):
            raise InvalidValue(f"{quote(name)} is given as a value and as an object with attributes; send one of them.")
        home[name] = home = dict(inner)
    name, old = place[-1], home.get(place[-1])
    home[name] = {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value


def still_refused(refusals: Iterable[Refusal], kind: ResourceType, stored: Mapping[str, Any]) -> list[Refusal]:
    """The refusals but those of values that are stored already: no value is refused for staying (SPEC U14)."""
    return [
        refusal
        for refusal in refusals
        if refusal.sent is None or not (ref := kind.find(refusal.name)) or refusal.sent != get(stored, ref)
    ]


def canonical(kind: ResourceType, resource: Mapping[str, Any]) -> Resource:
    """A stored resource by canonical names: what is older than its description has those it came with (SPEC P3, P8).

    Where two names are the same one now, the canonical one counts, and the other attribute stays beside it.
    """
    new: Resource = {}
    for name, value in resource.items():
        schema, _ = kind.urns.get(name.lower(), (None, "")) if ":" in name else (None, "")
        if schema is None:
            new[name] = value
            continue
        home = _by_canonical_names(schema, value) if isinstance(value, Mapping) else value
        other = new.get(schema.id)
        if isinstance(other, Mapping) and isinstance(home, Mapping):
            new[schema.id] = {**other, **home} if name == schema.id else {**home, **other}
        elif other is None or name == schema.id:
            new[schema.id] = home
    return new


def _by_canonical_names(schema: Schema, home: Mapping[str, Any]) -> Resource:
    named: Resource = {}
    for key, value in home.items():
        attribute = schema.by_name.get(key) or schema.by_name.get(key.lower())
        name = attribute.name if attribute else key
        named[key if name != key and (name in home or name in named) else name] = value
    return named


def home_in(resource: Mapping[str, Any], urn: str) -> Mapping[str, Any]:
    """The attributes of an extension. What was stored before anybody described it may be no object (SPEC P3)."""
    home = resource.get(urn)
    return home if isinstance(home, Mapping) else {}


def put(resource: Resource, ref: Ref, value: Any) -> None:
    """Set or, with None, clear an attribute as a whole, or an extension. Only `resource` itself is changed."""
    if ref.schema is not None and ref.attribute is not None:
        home = dict(home_in(resource, ref.schema.id))
        assign(home, ref.attribute.name, value)
        assign(resource, ref.schema.id, home or None)
    else:
        assign(resource, ref.top, value)


def restore_immutable(kind: ResourceType, stored: Mapping[str, Any], new: Resource) -> list[Refusal]:
    """Give immutable attributes their stored value back, and refuse what would have changed it (SPEC U6).

    The same text in other letter case is no change.
    """
    refusals = []
    for ref in kind.immutable:
        was, now = get(stored, ref), get(new, ref)
        if was is None or was == now:
            continue
        put(new, ref, was)
        same = not ref.leaf.case_exact and isinstance(was, str) and isinstance(now, str) and fold(was) == fold(now)
        if not same:
            detail = f"{ref.name} cannot change from {quote(was)} to {quote(now)}; it is fixed since creation."
            refusals.append(Refusal(ref.name, Mutability(detail)))
    return refusals
