"""Attribute paths of PATCH (RFC 7644 §3.10 and figure 7), resolved against a resource type."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import InvalidPath, quote
from .filters import MAX_LENGTH, Filter, FilterParser
from .schema import Ref, ResourceType, Schema

_NAME = re.compile(r"[a-z$][\w$-]*(?:\.[a-z$][\w$-]*)?", re.IGNORECASE | re.ASCII)


class UnknownAttribute(InvalidPath):
    """A well-formed path to what no schema has."""

    def __init__(self, name: str, kind: ResourceType) -> None:
        super().__init__(f"{quote(name)} is no attribute of a {kind.name}; correct or remove its mapping.")


@dataclass(frozen=True, slots=True)
class Path:
    """A target: where it lives, and which elements there are meant.

    `spelling` is the extension URN that the client wrote, if it did, in the schema's letter case (SPEC P1).
    """

    ref: Ref
    filter: Filter | None = None
    spelling: str | None = None


def read_path(text: str, kind: ResourceType) -> Path:
    """The target that a PATCH operation names, among what schemas describe.

    Raises UnknownAttribute, InvalidPath where the text is no path, InvalidFilter where its filter is wrong.
    """
    if len(text) > MAX_LENGTH:
        raise InvalidPath(f"The path is longer than {MAX_LENGTH} characters.")
    name, bracket, _ = text.partition("[")
    name = name.strip()
    ref = kind.find(name)
    if ref is None:
        if _NAME.fullmatch(name) or name.lower().startswith("urn:"):
            raise UnknownAttribute(name, kind)
        raise InvalidPath(f"{quote(text)} is no attribute path, such as name.givenName.")
    spelling = spelling_of(name, ref.schema) if ref.schema else None
    if not bracket:
        return Path(ref, None, spelling)
    return _value_path(text, ref, spelling, kind)


def _value_path(text: str, ref: Ref, spelling: str | None, kind: ResourceType) -> Path:
    """valuePath [subAttr]: `emails[type eq "work"]`, `emails[type eq "work"].value`."""
    attribute = ref.attribute
    if attribute is None or ref.sub or not (attribute.multi_valued or attribute.is_reference):
        raise InvalidPath(f"{quote(ref.name)} has no elements that [...] could choose from.")
    parser = FilterParser(text, kind, pos=text.index("[") + 1)
    found = parser.element_filter(attribute, 0)
    rest = text[parser.pos :].strip()
    if rest:
        target = kind.find(f"{ref.name}{rest}") if rest.startswith(".") else None
        if target is None:
            raise UnknownAttribute(f"{ref.name}{rest}", kind)
        ref = target
    return Path(ref, found, spelling)


def spelling_of(name: str, schema: Schema) -> str | None:
    """Which of the schema's URNs a name begins with, if any."""
    lowered = name.lower()
    return next((urn for urn in (*schema.aliases, schema.id) if lowered.startswith(urn.lower())), None)
