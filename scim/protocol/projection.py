"""Which attributes an answer has (RFC 7644 §3.9, RFC 7643 §2.2 `returned`), and under which URNs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .errors import ScimError
from .paths import read_path
from .resources import Resource
from .schema import Ref, ResourceType, Returned

# Attribute names to what is meant of their values: None the whole value, otherwise the parts.
Names = dict[str, "Names | None"]
_NO_SPELLING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Projection:
    """What a request wants to see: only some attributes, or (`only` is None) all, without some."""

    kind: ResourceType
    only: Names | None
    without: Names

    def wants(self, name: str) -> bool:
        """Whether any of the attribute will be returned; what is not wanted need not be loaded (SPEC G8)."""
        if name in self.without and self.without[name] is None:
            return False
        return self.only is None or name in self.only

    def apply(self, resource: Mapping[str, Any], spelling: Mapping[str, str] = _NO_SPELLING) -> Resource:
        """The resource as answered, `schemas` first: the schemas of what is in it (RFC 7643 §3).

        spelling: for the ids of extensions with aliases, the URN that they were last written with (SPEC P1).
        """
        extensions = []
        shown: Resource = {"schemas": []}
        only, without = self.only, self.without
        for name, value in resource.items():
            if name in without:
                if (parts := without[name]) is None:
                    continue
                value = _pick(value, parts, keep=False)
            if only is not None:
                if name not in only:
                    continue
                if (parts := only[name]) is not None:
                    value = _pick(value, parts, keep=True)
            if value is None or value == [] or value == {}:
                continue
            if ":" in name:
                name = spelling.get(name, name)
                extensions.append(name)
            shown[name] = value
        extensions.sort()  # jsonb keeps no order, and an answer should be the same every time
        shown["schemas"] = [self.kind.schema.id, *extensions]
        return shown


def read_projection(attributes: Iterable[str], excluded: Iterable[str], kind: ResourceType) -> Projection:
    """The projection that `attributes` and `excludedAttributes` ask for; names that mean nothing are ignored (SPEC S3).

    RFC 7644 §3.9 lets a client send one of the two. Of both, `attributes` counts.
    """
    wanted, unwanted = list(attributes), list(excluded)
    if wanted:
        return Projection(
            kind, _tree(_refs(wanted, kind)) | _characteristic(kind, "always"), _characteristic(kind, "never")
        )
    if unwanted:
        without = _tree(_refs(unwanted, kind))
        for name in _characteristic(kind, "always"):
            without.pop(name, None)
        return Projection(kind, None, without | everything(kind).without)
    return everything(kind)


@lru_cache(maxsize=256)
def everything(kind: ResourceType) -> Projection:
    """The attributes that are returned by default."""
    return Projection(kind, None, _characteristic(kind, "request") | _characteristic(kind, "never"))


def _refs(names: Iterable[str], kind: ResourceType) -> Iterable[Ref]:
    for name in names:
        try:
            path = read_path(name, kind)
        except ScimError:
            continue
        if path.filter is None and path.ref.name:
            yield path.ref


@lru_cache(maxsize=256)
def _characteristic(kind: ResourceType, returned: Returned) -> Names:
    """The attributes, at the top level, that are returned in that way."""
    refs = (ref for ref in kind.names.values() if ref.attribute and ref.sub is None)
    return _tree(ref for ref in refs if ref.leaf.returned == returned)


def _tree(refs: Iterable[Ref]) -> Names:
    tree: Names = {}
    for ref in refs:
        parts = [part.name for part in (ref.attribute, ref.sub) if part]
        level: Names | None = tree
        names = [ref.schema.id, *parts] if ref.schema else parts
        for name in names[:-1]:
            if level is not None:
                level = level.setdefault(name, {})
        if level is not None:
            level[names[-1]] = None
    return tree


def _pick(value: Any, parts: Names, *, keep: bool) -> Any:
    """The value with, or without, the parts; the elements of an array each by itself."""
    if isinstance(value, list):
        return [picked for item in value if (picked := _pick(item, parts, keep=keep)) not in (None, {})]
    if not isinstance(value, dict):
        return None if keep else value
    picked = {}
    for name, item in value.items():
        if name not in parts:
            if not keep:
                picked[name] = item
        elif (inner := parts[name]) is not None:
            picked[name] = _pick(item, inner, keep=keep)
        elif keep:
            picked[name] = item
    return picked
