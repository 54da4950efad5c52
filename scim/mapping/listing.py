"""The rows that a query returns: index and cursor paging, sorting, counting (RFC 7644 §3.4.2, RFC 9865)."""

import hashlib
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.core import signing
from django.db.models import BooleanField, Model, OrderBy, QuerySet, TextField
from django.db.models.expressions import RawSQL

from orgs.models import Organization
from scim.mapping.filters import FilterSql
from scim.protocol.errors import InvalidCursor, InvalidValue
from scim.protocol.listing import Query

Row = TypeVar("Row", bound=Model)
Shown = TypeVar("Shown")

# The attributes by which a cursor can page: each one to the column whose index serves it.
Keys = dict[str, str]


@dataclass(frozen=True, slots=True)
class Page(Generic[Shown]):
    """total: with index paging. next_cursor: with cursor paging, unless this is the last page."""

    rows: list[Shown]
    total: int | None = None
    next_cursor: str | None = None


def page(rows: QuerySet[Row], query: Query, *, org: Organization, filters: FilterSql, keys: Keys) -> Page[Row]:
    """The page of `rows` that a query asks for, in an order without ties. Raises InvalidCursor, InvalidValue."""
    if query.filter is not None:
        rows = rows.filter(filters.condition(query.filter))
    if query.cursor is not None:
        return _page_by_cursor(rows, query, org, keys)
    wished = rows.order_by(*_order(query, filters), "-id" if query.descending else "id")
    skip = query.start_index - 1
    found = list(wished[skip : skip + query.count]) if query.count else []
    if len(found) < query.count and (found or not skip):
        return Page(found, total=skip + len(found))
    return Page(found, total=rows.count())


def _order(query: Query, filters: FilterSql) -> list[OrderBy]:
    """Sort by the attribute; rows without a value are last, or first if descending, as is PostgreSQL's default."""
    if query.sort_by is None or query.sort_by.name == "id":
        return []
    sql, params = filters.sort_key(query.sort_by)
    key = RawSQL(sql, params, output_field=TextField())  # noqa: S611 - made of columns and parameters
    return [OrderBy(key, descending=query.descending)]


def _page_by_cursor(rows: QuerySet[Row], query: Query, org: Organization, keys: Keys) -> Page[Row]:
    name = query.sort_by.name if query.sort_by else "id"
    if name not in keys:
        raise InvalidValue(f"With a cursor, sort by {' or '.join(keys)}, not by {name}; or leave the cursor out.")
    column = keys[name]
    # A cursor is valid only for its own query: another org, filter or order has other pages.
    asked = hashlib.sha256(f"{org.id} {query.filter} {name} {query.descending}".encode()).hexdigest()[:16]
    if query.cursor:
        rows = _after(rows, query.cursor, asked, column, descending=query.descending)
    sign = "-" if query.descending else ""
    order = [f"{sign}id"] if column == "id" else [f"{sign}{column}", f"{sign}id"]
    found = list(rows.order_by(*order)[: query.count + 1])
    if len(found) <= query.count:
        return Page(found)
    last = found[query.count - 1] if query.count else None
    key = [str(getattr(last, column)), str(last.pk)] if last else []
    return Page(found[: query.count], next_cursor=signing.dumps([asked, *key], salt="scim.cursor", compress=True))


def _after(rows: QuerySet[Row], cursor: str, asked: str, column: str, *, descending: bool) -> QuerySet[Row]:
    try:
        belongs_to, *key = signing.loads(cursor, salt="scim.cursor")
    except (signing.BadSignature, ValueError, TypeError):
        raise InvalidCursor("This cursor is not valid. Start again with an empty cursor.") from None
    if belongs_to != asked:
        raise InvalidCursor("This cursor belongs to another query. Start again with an empty cursor.")
    if not key:
        return rows
    operator = "<" if descending else ">"
    table = rows.model._meta.db_table
    row = f"{table}.{column}, {table}.id"
    after = RawSQL(f"({row}) {operator} (%s, %s)", key, output_field=BooleanField())  # noqa: S611
    return rows.filter(after)
