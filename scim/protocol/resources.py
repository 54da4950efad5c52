"""Whole resources as POST and PUT bodies carry them (RFC 7644 §3.3, §3.5.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import InvalidSyntax, InvalidValue, Mutability, quote
from .paths import is_extension_urn, spelling_of
from .schema import Attribute, Ref, ResourceType, Schema
from .text import fold, is_storable
from .values import Refusal, notable, read_member_ids, read_opaque, read_value

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
    """

    kind: ResourceType
    values: Resource = field(default_factory=dict)
    extensions: dict[str, list[tuple[str, Resource]]] = field(default_factory=dict)
    members: tuple[str, ...] | None = None
    cleared: set[str] = field(default_factory=set)
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
            if not self._mentions(ref):
                put(new, ref, get(stored, ref))
        for refusal in self.refusals:
            if refused := self.kind.find(refusal.name):
                put(new, refused, get(stored, refused))
        return Outcome(new, (*self.refusals, *restore_immutable(self.kind, stored, new)), spelling)

    def _mentions(self, ref: Ref) -> bool:
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
    _read_core(draft, body)
    _read_schemas(draft, body.get("schemas"))
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
    by_name = draft.kind.by_name
    for key, value in body.items():
        attribute = by_name.get(key) or by_name.get(key.lower())
        if attribute is not None:
            _read_core_attribute(draft, attribute, value)
        elif ":" in key:
            _read_qualified(draft, key, value)


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
        draft.refusals.append(Refusal(name, error))
        return
    if read is not None:
        draft.values[name] = read
    elif not attribute.required and attribute.default is None:
        draft.cleared.add(name)


def _read_qualified(draft: Draft, key: str, value: Any) -> None:
    """A key with a URN: an extension, one attribute of a schema, or an extension that nobody knows (SPEC P3)."""
    ref = draft.kind.find(key)
    if ref is None:
        _read_unknown(draft, key, value)
    elif ref.schema is not None and ref.sub is None:
        attributes = value if ref.attribute is None else {ref.attribute.name: value}
        _read_extension(draft, ref.schema, spelling_of(key, ref.schema), attributes)
    elif ref.attribute is not None and ref.sub is None:
        _read_core_attribute(draft, ref.attribute, value)


def _read_extension(draft: Draft, schema: Schema, spelled: str, attributes: Any) -> None:
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
            if attribute is None or attribute.mutability == "readOnly" or attribute.returned == "never":
                continue
            try:
                part[attribute.name] = read_value(attribute, value, loose=True)
            except InvalidValue as error:
                draft.refusals.append(Refusal(f"{schema.id}:{attribute.name}", error))
    draft.extensions.setdefault(schema.id, []).append((spelled, part))
    if schema.aliases:
        draft.spelling[schema.id] = spelled


def _read_unknown(draft: Draft, key: str, value: Any) -> None:
    if value in (None, "", [], {}) or not is_extension_urn(key):
        return
    try:
        if not is_storable(key):
            raise InvalidValue("The name of an extension contains a character that cannot be stored.")
        draft.values[key] = read_opaque(None, value)
    except InvalidValue as error:
        draft.refusals.append(Refusal(notable(key), error))


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


def assign(home: Resource, name: str, value: Any) -> None:
    if value is None:
        home.pop(name, None)
    else:
        home[name] = value


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
