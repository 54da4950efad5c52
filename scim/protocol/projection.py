"""Which attributes an answer has (RFC 7644 §3.9, RFC 7643 §2.2 `returned`), and under which URNs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .errors import ScimError
from .paths import read_path
from .pieces import Parts
from .resources import Resource
from .schema import Ref, ResourceType, Returned
from .undescribed import find_place, is_undescribed

# Attribute names to what is meant of their values: None the whole value, otherwise the parts.
Names = dict[str, "Names | None"]
_NO_SPELLING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Projection:
    """What a request wants to see: only some attributes, or (`only` is None) all, without some.

    `open` are names that lead into what no schema describes: where to, each resource says (SPEC P3).
    """

    kind: ResourceType
    only: Names | None
    without: Names
    open: tuple[str, ...] = ()

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
        only, without = self._named_in(resource) if self.open else (self.only, self.without)
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
            if value is None or value == {} or (value == [] and name not in self.kind.shown_empty):
                continue
            if ":" in name:
                name = spelling.get(name, name)
                extensions.append(name)
            shown[name] = value
        extensions.sort()  # jsonb keeps no order, and an answer should be the same every time
        shown["schemas"] = [self.kind.schema.id, *extensions]
        return shown

    def _named_in(self, resource: Mapping[str, Any]) -> tuple[Names | None, Names]:
        """The names, with those that lead into what no schema describes as this resource has them."""
        places = [place for name in self.open if (place := find_place(name, self.kind, resource))]
        if self.only is None:
            return None, _grown(self.without, places)
        return _grown(self.only, places), self.without


def read_projection(attributes: Iterable[str], excluded: Iterable[str], kind: ResourceType) -> Projection:
    """The projection that `attributes` and `excludedAttributes` ask for; names that mean nothing are ignored (SPEC S3).

    RFC 7644 §3.9 lets a client send one of the two. Of both, `attributes` counts.
    """
    wanted, unwanted = list(attributes), list(excluded)
    if wanted:
        only = _tree(_refs(wanted, kind)) | _characteristic(kind, "always")
        return Projection(kind, only, _characteristic(kind, "never"), _open(wanted, kind))
    if unwanted:
        without = _tree(_refs(unwanted, kind))
        for name in _characteristic(kind, "always"):
            without.pop(name, None)
        return Projection(kind, None, without | everything(kind).without, _open(unwanted, kind))
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


def _open(names: Iterable[str], kind: ResourceType) -> tuple[str, ...]:
    return tuple(name for name in names if is_undescribed(name, kind))


@lru_cache(maxsize=256)
def _characteristic(kind: ResourceType, returned: Returned) -> Names:
    """The attributes, at the top level, that are returned in that way."""
    refs = (ref for ref in kind.names.values() if ref.attribute and ref.sub is None)
    return _tree(ref for ref in refs if ref.leaf.returned == returned)


def _tree(refs: Iterable[Ref]) -> Names:
    tree: Names = {}
    for ref in refs:
        parts = [part.name for part in (ref.attribute, ref.sub) if part]
        _grow(tree, [ref.schema.id, *parts] if ref.schema else parts)
    return tree


def _grow(tree: Names, names: Sequence[str]) -> None:
    level: Names | None = tree
    for name in names[:-1]:
        if level is not None:
            level = level.setdefault(name, {})
    if level is not None:
        level[names[-1]] = None


def _grown(tree: Names, places: Iterable[Sequence[str]]) -> Names:
    grown = deepcopy(tree)
    for place in places:
        _grow(grown, place)
    return grown


def _pick(value: Any, parts: Names, *, keep: bool) -> Any:
    """The value with, or without, the parts; the elements of an array each by itself."""
    if isinstance(value, Parts):
        return value.map(lambda part: _pick(part, parts, keep=keep))
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
