"""Queries of every request, whose SQL is built once: Django would build the same text each time."""

from collections.abc import Callable, Mapping, Sequence
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

    json: the JSON columns of the first model to load at once; others are loaded on first access.
    also: more columns by name, as SQL about the first table, `t0`; they become attributes.
    """

    def __init__(
        self,
        model: type[models.Model],
        *path: str,
        json: Sequence[str] = (),
        also: Mapping[str, str] | None = None,
    ) -> None:
        self._path = path
        self._also = dict(also or {})
        self._models: list[Any] = [model]
        joins = []
        for number, name in enumerate(path):
            key = self._models[-1]._meta.get_field(name)
            self._models.append(key.related_model)
            kind = "LEFT JOIN" if key.null else "JOIN"
            joins.append(
                f"{kind} {key.related_model._meta.db_table} t{number + 1} ON t{number + 1}.id = t{number}.{key.column}"
            )
        self._names: list[list[str]] = []
        self._json: list[int] = []
        columns: list[str] = []
        for number, each in enumerate(self._models):
            fields = [
                field
                for field in each._meta.concrete_fields
                if not isinstance(field, models.JSONField) or (number == 0 and field.name in json)
            ]
            self._json += [
                len(columns) + place for place, field in enumerate(fields) if isinstance(field, models.JSONField)
            ]
            self._names.append([field.attname for field in fields])
            columns += [f"t{number}.{field.column}" for field in fields]
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

    def among(
        self, column: str, values: Sequence[Any], *, where: str = "", params: Sequence[Any] = ()
    ) -> dict[Any, Any]:
        """The rows with one of these values in a unique column of the first table, by it. where: as in `get`."""
        with connection.cursor() as cursor:
            cursor.execute(f"{self._sql}t0.{column} = ANY(%s){where and ' AND '}{where}", [list(values), *params])
            rows = cursor.fetchall()
        return {getattr(row, column): row for row in (self._instance(list(each)) for each in rows)}

    def _instance(self, row: list[Any]) -> Any:
        for place in self._json:
            row[place] = orjson.loads(row[place])
        instances, start = [], 0
        for model, names in zip(self._models, self._names, strict=True):
            end = start + len(names)
            values = dict(zip(names, row[start:end], strict=True))
            is_there = values[model._meta.pk.attname] is not None
            instances.append(loaded(model, values) if is_there else None)
            start = end
        for instance, name, related in zip(instances, self._path, instances[1:], strict=False):
            if instance is not None:
                setattr(instance, name, related)
        for name, value in zip(self._also, row[start:], strict=False):
            setattr(instances[0], name, value)
        return instances[0]


def loaded(model: Any, values: dict[str, Any]) -> Any:
    """`model.from_db`, without signals: it looks at each field twice, which took half the time of reading many rows.

    values: by the names of attributes.
    """
    instance = model.__new__(model)
    instance.__dict__ = values
    instance._state = ModelState()
    instance._state.adding, instance._state.db = False, connection.alias
    return instance
