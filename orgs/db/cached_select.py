"""Queries of every request, whose SQL is built once: Django would build the same text each time."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import orjson
from django.db import connection, models
from django.db.models.base import ModelState

from orgs.db.prepared import Prepared
from orgs.db.transactions import ask


class Joined:
    """Rows of a model, each with the rows along a chain of foreign keys that starts at it.

    `Joined(ScimToken, "org", "profile").get("digest", value)` is
    `ScimToken.objects.select_related("org__profile").filter(digest=value).first()`, for a unique column.

    json: the JSON columns of the first model to load at once. only: the other columns to load at once, those of a model
    along the path as Django writes them (`profile__key`); empty for all. What is not loaded is read on first access.
    also: more columns by name, as SQL about the first table, `t0`; they become attributes.
    """

    def __init__(
        self,
        model: type[models.Model],
        *path: str,
        json: Sequence[str] = (),
        only: Sequence[str] = (),
        also: Mapping[str, str] | None = None,
    ) -> None:
        self._also = dict(also or {})
        chain: list[Any] = [model]
        joins = []
        for number, name in enumerate(path):
            link = chain[-1]._meta.get_field(name)
            chain.append(link.related_model)
            kind, table = "LEFT JOIN" if link.null else "JOIN", link.related_model._meta.db_table
            joins.append(f"{kind} {table} t{number + 1} ON t{number + 1}.id = t{number}.{link.column}")
        self._parts: list[tuple[Any, list[str], slice, int, str]] = []  # what `_instance` has to know of each model
        self._json: list[int] = []
        columns: list[str] = []
        before = ""
        for number, each in enumerate(chain):
            fields = [
                field
                for field in each._meta.concrete_fields
                if (
                    number == 0 and field.name in json
                    if isinstance(field, models.JSONField)
                    else not only or field.primary_key or before + field.name in only
                )
            ]
            self._json += [
                len(columns) + place for place, field in enumerate(fields) if isinstance(field, models.JSONField)
            ]
            names = [field.attname for field in fields]
            span = slice(len(columns), len(columns) + len(names))
            key = span.start + names.index(each._meta.pk.attname)
            self._parts.append((each, names, span, key, path[number - 1] if number else ""))
            columns += [f"t{number}.{field.column}" for field in fields]
            before += f"{path[number]}__" if number < len(path) else ""
        self._beside = len(columns)
        columns += [f"({sql}) AS {name}" for name, sql in self._also.items()]
        self._sql = f"SELECT {', '.join(columns)} FROM {model._meta.db_table} t0 {' '.join(joins)} WHERE "  # noqa: S608
        self._statements: dict[tuple[str, str, str], Prepared] = {}

    def get(self, column: str, value: Any, *, where: str = "", params: Sequence[Any] = (), lock: str = "") -> Any:
        """The row with this value in a unique column of the first table, or None.

        where: what else has to hold, as SQL with params. lock: for the first table, such as `FOR UPDATE`; the time of
        the database at which it was obtained becomes the attribute `locked_at`.
        """
        return self.ask(column, value, where=where, params=params, lock=lock)()

    def ask(
        self, column: str, value: Any, *, where: str = "", params: Sequence[Any] = (), lock: str = ""
    ) -> Callable[[], Any]:
        """What gives the row that `get` returns, asked for as by `orgs.db.transactions.ask`."""
        rows = ask(self._statement(column, where, lock), [value, *params])

        def found() -> Any:
            (row,) = rows() or (None,)
            if row is None:
                return None
            instance = self._instance(list(row))
            if lock:
                instance.locked_at = row[-1]
            return instance

        return found

    def _statement(self, column: str, where: str, lock: str) -> Prepared:
        if statement := self._statements.get((column, where, lock)):
            return statement
        sql = f"{self._sql}t0.{column} = %s{where and ' AND '}{where}"
        if lock:
            # Around the lock: beside it, the time might be that at which the wait for the lock began.
            sql = f"SELECT found.*, clock_timestamp() FROM ({sql} {lock} OF t0) AS found"  # noqa: S608 - ours
        return self._statements.setdefault((column, where, lock), Prepared(sql))

    def in_order(self, ids: Sequence[str], *, where: str, params: Sequence[Any]) -> list[Any]:
        """The rows with these ids, in their order; those that are gone are left out. where: as in `get`."""
        with connection.cursor() as cursor:
            cursor.execute(f"{self._sql}t0.id = ANY(%s::uuid[]) AND {where}", [array(ids), *params])
            rows = cursor.fetchall()
        found = {str(row.id): row for row in self._instances(map(list, rows))}
        return [found[id_] for id_ in ids if id_ in found]

    def _instance(self, row: list[Any]) -> Any:
        return self._instances([row])[0]

    def _instances(self, rows: Iterable[list[Any]]) -> list[Any]:
        alias = connection.alias
        found = []
        for row in rows:
            for place in self._json:
                row[place] = orjson.loads(row[place])
            first = before = None
            for model, names, span, key, name in self._parts:
                instance = None
                if row[key] is not None:
                    instance = loaded(model, dict(zip(names, row[span], strict=True)), alias)
                if not name:
                    first = instance
                elif before is not None:
                    before._state.fields_cache[name] = instance
                before = instance
            first.__dict__.update(zip(self._also, row[self._beside :], strict=False))
            found.append(first)
        return found


def array(ids: Iterable[object]) -> str:
    """An array as PostgreSQL writes it, of what needs no quotes: numbers, IDs and NULLs.

    For psycopg to write one of a list takes longer than all other parameters.
    """
    return f"{{{','.join(map(str, ids))}}}"


def loaded(model: Any, values: dict[str, Any], alias: str | None = None) -> Any:
    """`model.from_db`, without signals: it looks at each field twice, which took half the time of reading many rows.

    values: by the names of attributes. alias: of the connection, for who loads many.
    """
    instance = model.__new__(model)
    instance.__dict__ = values
    instance._state = ModelState()
    instance._state.adding, instance._state.db = False, alias or connection.alias
    return instance
