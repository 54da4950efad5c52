"""What a schema is made of (RFC 7643 §2, §6, §7), with the look-ups that make reading a body a few dictionary hits.

Everything here is built once per process and compared by identity.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

Type = Literal["string", "boolean", "decimal", "integer", "dateTime", "binary", "reference", "complex", "any"]
Mutable = Literal["readWrite", "readOnly", "immutable", "writeOnly"]
Returned = Literal["always", "default", "request", "never"]
Uniqueness = Literal["none", "server", "global"]

CORE_OF_SCIM_1 = "urn:scim:schemas:core:1.0"
"""What SCIM 1.1 called the core schema of users and groups alike."""


@dataclass(frozen=True, slots=True, eq=False)
class Attribute:
    """One attribute with its characteristics (RFC 7643 §2.2).

    `any` is the type of attributes in extensions that nobody described (SPEC P3). `check` returns what is wrong with a
    value of the right JSON type, or None. An attribute with a `default` always has a value: clearing it does nothing.
    A `strict` one takes no other JSON type, not even an empty one (SPEC P1). `truths` are words of identity providers
    for true and false, in lower case (SPEC S4).
    """

    name: str
    description: str = ""
    type: Type = "string"
    multi_valued: bool = False
    required: bool = False
    case_exact: bool = False
    mutability: Mutable = "readWrite"
    returned: Returned = "default"
    uniqueness: Uniqueness = "none"
    canonical_values: tuple[str, ...] = ()
    reference_types: tuple[str, ...] = ()
    sub_attributes: tuple[Attribute, ...] = ()
    check: Callable[[str], str | None] | None = None
    default: Any = None
    strict: bool = False
    truths: Mapping[str, bool] = field(default_factory=dict)
    subs: Mapping[str, Attribute] = field(init=False, repr=False)
    element_names: Mapping[str, Ref] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "subs", _by_name(self.sub_attributes))
        # Inside `emails[...]` names mean sub-attributes; the elements of a plain array are their own `value`.
        inner = {sub.name.lower(): Ref(sub.name, None, sub, None) for sub in self.sub_attributes}
        object.__setattr__(self, "element_names", inner or {"value": Ref("value", None, self, None)})

    @property
    def is_reference(self) -> bool:
        """Whether this is one complex value that stands for its `value`, as `manager` does.

        Such an attribute may be given as the bare value, is replaced as a whole, and is none without one (SPEC P5).
        """
        return not self.multi_valued and "value" in self.subs


@dataclass(frozen=True, slots=True, eq=False)
class Schema:
    """A schema and the other URNs that mean the same (SPEC P1)."""

    id: str
    name: str
    description: str
    attributes: tuple[Attribute, ...]
    aliases: tuple[str, ...] = ()
    by_name: Mapping[str, Attribute] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", _by_name(self.attributes))


@dataclass(frozen=True, slots=True)
class Ref:
    """Where a value lives: an attribute or sub-attribute, of the core schema or of the extension `schema`.

    Without an attribute it is the whole extension, or, without a schema either, the whole resource. `name` is the
    canonical spelling.
    """

    name: str
    schema: Schema | None
    attribute: Attribute | None
    sub: Attribute | None

    @property
    def leaf(self) -> Attribute:
        """What describes the values; only a ref to an attribute has it."""
        return self.sub or cast(Attribute, self.attribute)

    @property
    def top(self) -> str:
        """The canonical name of the attribute as a whole, which a refusal of any part of it names."""
        return self.name[: -len(self.sub.name) - 1] if self.sub else self.name


@dataclass(frozen=True, slots=True, eq=False)
class ResourceType:
    """A kind of resource: its schema, its extensions, and every name that a client may call an attribute by.

    `common` are the attributes of RFC 7643 §3.1, which belong to no schema document. `kept` names the
    attributes and extensions that keep their value where a PUT leaves them out (SPEC U7, G9). `members` is the
    attribute whose values are handled as a set of ids, apart from the resource (SPEC G8).
    """

    name: str
    endpoint: str
    schema: Schema
    extensions: tuple[Schema, ...]
    common: tuple[Attribute, ...]
    kept: tuple[str, ...] = ()
    members: Attribute | None = None
    by_name: Mapping[str, Attribute] = field(init=False, repr=False)
    urns: Mapping[str, tuple[Schema | None, str]] = field(init=False, repr=False)
    names: Mapping[str, Ref] = field(init=False, repr=False)
    name_pattern: re.Pattern[str] = field(init=False, repr=False)
    immutable: tuple[Ref, ...] = field(init=False, repr=False)
    kept_by_put: tuple[Ref, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        core = (*self.common, *self.schema.attributes)
        urns: dict[str, tuple[Schema | None, str]] = {self.schema.id.lower(): (None, self.schema.id)}
        names = _names("", None, core)
        for urn in (self.schema.id, CORE_OF_SCIM_1):
            names[urn.lower()] = Ref("", None, None, None)
            names |= _names(urn, None, core)
        for schema in self.extensions:
            for urn in (schema.id, *schema.aliases):
                urns[urn.lower()] = (schema, urn)
                names[urn.lower()] = Ref(schema.id, schema, None, None)
                names |= _names(urn, schema, schema.attributes)
        names = _short_names(self.schema.id, self.extensions, _by_name(core)) | names
        immutable = (ref for ref in names.values() if ref.attribute and ref.leaf.mutability == "immutable")
        # A URN with a space in it (`...:TestMu AI:2.0:User`) is still one name.
        spaced = sorted((re.escape(urn) for urn in urns if " " in urn), key=len, reverse=True)
        prefix = f"(?:{'|'.join(spaced)})?" if spaced else ""
        object.__setattr__(self, "by_name", _by_name(core))
        object.__setattr__(self, "urns", urns)
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "immutable", tuple(dict.fromkeys(ref for ref in immutable if ref.sub is None)))
        object.__setattr__(self, "kept_by_put", tuple(names[name.lower()] for name in self.kept))
        object.__setattr__(self, "name_pattern", re.compile(rf'\s*({prefix}[^\s()\[\]"]+)', re.IGNORECASE))

    @property
    def shown_empty(self) -> tuple[str, ...]:
        """The attributes that an answer has even where they have no values (SPEC S10)."""
        return (self.members.name,) if self.members else ()

    def find(self, name: str) -> Ref | None:
        """What a name of any spelling means: `userName`, `name.givenName`, `urn:...:User:department`, a bare URN."""
        return self.names.get(name.lower())


def _by_name(attributes: tuple[Attribute, ...]) -> dict[str, Attribute]:
    """The attributes by their exact name, for speed, and by their lower-case one."""
    exact = {attribute.name: attribute for attribute in attributes}
    return {name.lower(): attribute for name, attribute in exact.items()} | exact


def _short_names(core_urn: str, extensions: tuple[Schema, ...], core: Mapping[str, Attribute]) -> dict[str, Ref]:
    """The attributes of extensions without their URN or under the core one, but for those that core has (SPEC P8).

    Of two extensions with the same name the later one has it.
    """
    homes = {attribute.name.lower(): schema for schema in extensions for attribute in schema.attributes}
    names: dict[str, Ref] = {}
    for schema in extensions:
        own = {name for name, home in homes.items() if home is schema and name not in core}
        attributes = tuple(attribute for attribute in schema.attributes if attribute.name.lower() in own)
        for urn in ("", core_urn, CORE_OF_SCIM_1):
            names |= _names(urn, schema, attributes)
    return names


def _names(urn: str, schema: Schema | None, attributes: tuple[Attribute, ...]) -> dict[str, Ref]:
    """Every spelling of every attribute under a URN, in lower case; `.` stands for the last `:` too (SPEC P1)."""
    canonical = f"{schema.id}:" if schema else ""
    spellings = (f"{urn}:".lower(), f"{urn}.".lower()) if urn else ("",)
    names: dict[str, Ref] = {}
    for attribute in attributes:
        for sub in (None, *attribute.sub_attributes):
            name = f"{attribute.name}.{sub.name}" if sub else attribute.name
            ref = Ref(canonical + name, schema, attribute, sub)
            names |= {spelling + name.lower(): ref for spelling in spellings}
    return names
