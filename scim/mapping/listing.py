"""The rows that a query returns: index and cursor paging, sorting, counting (RFC 7644 §3.4.2, RFC 9865)."""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Generic, TypeVar

from django.core import signing
from django.db import connection
from django.db.models import BooleanField, F, Model, OrderBy, QuerySet, TextField
from django.db.models.expressions import RawSQL

from orgs.models import Organization
from scim.mapping.filters import FilterSql
from scim.mapping.whole_lists import WholeList
from scim.protocol.errors import InvalidCursor, InvalidValue
from scim.protocol.listing import Query

Row = TypeVar("Row", bound=Model)
Shown = TypeVar("Shown")

# The attributes by which a cursor can page: each one to the column whose index serves it.
Keys = dict[str, str]

PORTION = 2**20
"""Bytes of resources that are read at once."""
ROWS = 100
"""Resources that are read at once. To read many keeps the other threads of the process waiting (SPEC S9)."""
REST = 0.05
"""Seconds between two portions at most."""
CURSOR_PAGE = 2**23
"""Bytes at which a page with a cursor ends. Clients of index pages go on by `count`, so these are always full."""


@dataclass(frozen=True, slots=True)
class Page(Generic[Shown]):
    """portions: the rows, some at a time, read when their turn comes. total: with index paging. next_cursor: with
    cursor paging, unless this is the last page.
    """

    portions: Iterable[list[Shown]]
    total: int | None = None
    next_cursor: str | None = None


def page(
    rows: Callable[[], QuerySet[Row]],
    query: Query,
    *,
    org: Organization,
    whole: WholeList,
    filters: FilterSql,
    keys: Keys,
    read: Callable[[Sequence[str]], list[Shown]],
) -> Page[Shown]:
    """The page of `rows` that a query asks for, in an order without ties. Raises InvalidCursor, InvalidValue.

    whole: the same rows. First only ids and weights are read, by one statement that says what is on the page. read:
    what is shown of the rows with these ids, in their order, but for those that are gone.
    """
    if query.cursor is not None:
        found, next_cursor = _by_cursor(_wanted(rows(), query, filters), query, org, keys, whole.weight)
        return Page(_portions(read, found), next_cursor=next_cursor)
    order, skip = _order(query, filters), query.start_index - 1
    if query.filter is None and not order and not query.descending:
        found, total = whole.page(org.id, skip=skip, count=query.count)
        return Page(_portions(read, found), total=total)
    wanted = _wanted(rows(), query, filters)
    ordered = wanted.order_by(*order, "-id" if query.descending else "id")
    found = _weighed(ordered.values("id")[skip : skip + query.count], whole.weight) if query.count else []
    is_all = len(found) < query.count and (found or not skip)
    return Page(_portions(read, found), total=skip + len(found) if is_all else wanted.count())


def _wanted(rows: QuerySet[Row], query: Query, filters: FilterSql) -> QuerySet[Row]:
    return rows if query.filter is None else rows.filter(filters.condition(query.filter))


def _weighed(ids: QuerySet[Row, dict[str, Any]], weight: str) -> list[tuple[Any, ...]]:
    """The values of a query, in its order, each with the weight. Nothing is weighed that an OFFSET skips."""
    sql, params = ids.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT listed.*, {weight} FROM ({sql}) AS listed", params)  # noqa: S608 - no words of others
        return [(str(id_), *rest) for id_, *rest in cursor.fetchall()]


def _portions(read: Callable[[Sequence[str]], list[Shown]], found: Sequence[tuple[Any, ...]]) -> Iterator[list[Shown]]:
    """What is shown of the ids that come first in `found`, but for those that are gone by now.

    Between two portions it rests for as long as the first took this thread, in which the other threads go on (SPEC S9).
    """
    begun = time.thread_time()
    for number, ids in enumerate(_id_portions(found)):
        if number:
            time.sleep(min(time.thread_time() - begun, REST))
            begun = time.thread_time()
        yield read(ids)


def _id_portions(found: Sequence[tuple[Any, ...]]) -> Iterator[list[str]]:
    ids: list[str] = []
    size = 0
    for id_, *_, weight in found:
        if ids and (len(ids) == ROWS or size + weight > PORTION):
            yield ids
            ids, size = [], 0
        ids.append(id_)
        size += weight
    if ids:
        yield ids


def _order(query: Query, filters: FilterSql) -> list[OrderBy]:
    """Sort by the attribute; rows without a value are last, or first if descending, as is PostgreSQL's default."""
    if query.sort_by is None or query.sort_by.name == "id":
        return []
    sql, params = filters.sort_key(query.sort_by)
    key = RawSQL(sql, params, output_field=TextField())  # noqa: S611 - made of columns and parameters
    return [OrderBy(key, descending=query.descending)]


def _by_cursor(
    rows: QuerySet[Row], query: Query, org: Organization, keys: Keys, weight: str
) -> tuple[list[tuple[Any, ...]], str | None]:
    name = query.sort_by.name if query.sort_by else "id"
    if name not in keys:
        raise InvalidValue(f"With a cursor, sort by {' or '.join(keys)}, not by {name}; or leave the cursor out.")
    column = keys[name]
    # A cursor is valid only for its own query: other resources, another org, filter or order have other pages.
    asked = f"{rows.model.__name__} {org.id} {query.filter} {name} {query.descending}"
    asked = hashlib.sha256(asked.encode()).hexdigest()[:16]
    if query.cursor:
        rows = _after(rows, query.cursor, asked, column, descending=query.descending)
    sign = "-" if query.descending else ""
    order = [f"{sign}id"] if column == "id" else [f"{sign}{column}", f"{sign}id"]
    found = _weighed(rows.order_by(*order).values("id", key=F(column))[: query.count + 1], weight)
    shown = found[: _fitting([weight for *_, weight in found[: query.count]])]
    if len(shown) == len(found):
        return shown, None
    key = [str(part) for part in (shown[-1][1], shown[-1][0])] if shown else []
    return shown, signing.dumps([asked, *key], salt="scim.cursor", compress=True)


def _fitting(weights: list[int]) -> int:
    """How many make up a page: at least one, so that a client gets on."""
    sizes = accumulate(weights)
    return max(sum(size <= CURSOR_PAGE for size in sizes), min(len(weights), 1))


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
