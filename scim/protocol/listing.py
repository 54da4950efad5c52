"""Queries: the parameters of RFC 7644 §3.4.2, the body of `.search` (§3.4.3), cursors (RFC 9865), and ListResponse."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from .errors import InvalidSyntax, InvalidValue, quote
from .filters import Compare, Filter, read_filter
from .pieces import resource_pieces
from .projection import Projection, read_projection
from .schema import Ref, ResourceType

LIST_URN = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
MAX_START_INDEX = 2**31 - 1
_INTEGER = re.compile(r"\s*[+-]?[0-9]{1,100}\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Query:
    """A query. With a `cursor`, the empty one of the first page included, `start_index` does not count (RFC 9865)."""

    filter: Filter | None
    sort_by: Ref | None
    descending: bool
    start_index: int
    count: int
    cursor: str | None
    projection: Projection

    def only(self, name: str) -> str | None:
        """The value of an attribute, if all that is asked for is who has it, as each look-up of an IdP does."""
        match self.filter:
            case Compare(ref=Ref(name=named), op="eq", value=str(value)) if named == name:
                return value if self.start_index == 1 and self.cursor is None else None
        return None


def read_query(parameters: Mapping[str, str], kind: ResourceType, *, default_count: int, max_count: int) -> Query:
    """The query of a URL's parameters; parameters that SCIM does not know are ignored (SPEC O5).

    Raises InvalidFilter, InvalidValue.
    """
    return _read({name.lower(): value for name, value in parameters.items()}, kind, default_count, max_count)


def read_search(body: Any, kind: ResourceType, *, default_count: int, max_count: int) -> Query:
    """The query of a SearchRequest. Raises InvalidSyntax, InvalidFilter, InvalidValue."""
    if not isinstance(body, dict):
        raise InvalidSyntax("A search request has to be a JSON object.")
    return _read({name.lower(): value for name, value in body.items()}, kind, default_count, max_count)


def _read(given: Mapping[str, Any], kind: ResourceType, default_count: int, max_count: int) -> Query:
    text, order, cursor = (_text(given, name) for name in ("filter", "sortOrder", "cursor"))
    if order and order.lower() not in ("ascending", "descending"):
        raise InvalidValue(f"sortOrder has to be ascending or descending, not {quote(order)}.")
    return Query(
        read_filter(text, kind) if text and text.strip() else None,
        _sort_by(_text(given, "sortBy"), kind),
        order is not None and order.lower() == "descending",
        min(max(_integer(given, "startIndex", 1), 1), MAX_START_INDEX),
        min(max(_integer(given, "count", default_count), 0), max_count),
        cursor,
        read_projection(_list(given, "attributes"), _list(given, "excludedAttributes"), kind),
    )


def _sort_by(name: str | None, kind: ResourceType) -> Ref | None:
    """What to sort by: of a complex attribute its `value` (RFC 7644 §3.4.2.3); None for what cannot be (SPEC S3)."""
    if not name:
        return None
    ref = kind.find(name.strip())
    if ref is not None and ref.attribute is not None and ref.leaf.type == "complex":
        ref = kind.find(f"{ref.name}.value")
    return ref if ref is not None and ref.attribute is not None and ref.attribute.returned != "never" else None


def _text(given: Mapping[str, Any], name: str) -> str | None:
    value = given.get(name.lower())
    if value is not None and not isinstance(value, str):
        raise InvalidValue(f"{name} has to be a string, not {quote(value)}.")
    return value


def _integer(given: Mapping[str, Any], name: str, default: int) -> int:
    value = given.get(name.lower())
    if value is None or value == "":
        return default
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    raise InvalidValue(f"{name} has to be an integer, not {quote(value)}.")


def _list(given: Mapping[str, Any], name: str) -> list[str]:
    """Names, as the comma-separated text of a URL or as the array of a search request."""
    value = given.get(name.lower()) or []
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(item, str) for item in names):
        raise InvalidValue(f"{name} has to be a list of attribute names, not {quote(value)}.")
    return [stripped for item in names if (stripped := item.strip())]


def list_pieces(
    resources: Iterable[Mapping[str, Any]],
    *,
    total: int | None = None,
    start_index: int | None = None,
    next_cursor: str | None = None,
) -> Iterator[bytes]:
    """A ListResponse in pieces; a resource is asked for when its turn comes, so they are counted at the end.

    `total` and `start_index` belong to index paging, `next_cursor` to all cursor pages but the last. RFC 9865 §2 lets
    totalResults be left out with a cursor.
    """
    head = {"schemas": [LIST_URN], "totalResults": total, "startIndex": start_index, "nextCursor": next_cursor}
    yield orjson.dumps({name: value for name, value in head.items() if value is not None})[:-1] + b',"Resources":['
    count = 0
    for resource in resources:
        if count:
            yield b","
        yield from resource_pieces(resource)
        count += 1
    yield b'],"itemsPerPage":%d}' % count
