"""Rows that every request writes, by SQL that is built once: Django would build the same text each time."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import connection, models

from orgs.db.keys import FoldedField
from orgs.db.prepared import Prepared
from orgs.db.transactions import postpone


def insert(row: models.Model) -> None:
    """`row.save(force_insert=True)`, without signals."""
    with connection.cursor() as cursor:
        cursor.execute(_insert(type(row)), [_document(row)])
    row._state.adding, row._state.db = False, connection.alias


def insert_unless(row: models.Model, condition: str, returning: str, params: Sequence[Any]) -> Any:
    """`insert`, unless a condition holds. Returns the value of an expression; None where nothing was inserted.

    condition, returning: SQL; params: of both, in this order.
    """
    with connection.cursor() as cursor:
        cursor.execute(_insert_unless(type(row), condition, returning), [_document(row), *params])
        found = cursor.fetchone()
    if found is None:
        return None
    row._state.adding, row._state.db = False, connection.alias
    return found[0]


def update(row: models.Model, names: Iterable[str], *, postponed: bool = False) -> None:
    """`row.save(update_fields=names)`, without signals, for a row that is locked and therefore exists.

    postponed: see `orgs.db.transactions.postpone`; for columns that no constraint is about.
    """
    sql, fields = _update(type(row), tuple(names))
    values = [field.get_db_prep_save(field.pre_save(row, False), connection) for field in fields] + [row.pk]
    if postponed:
        postpone(sql, values)
        return
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


@cache
def _insert(model: type[models.Model]) -> Prepared:
    return Prepared(_insertion(model))


@cache
def _insert_unless(model: type[models.Model], condition: str, returning: str) -> Prepared:
    return Prepared(f"{_insertion(model)} WHERE NOT ({condition}) RETURNING {returning}")


def _insertion(model: type[models.Model]) -> str:
    """One parameter for all columns: 36 literals take longer to write, and no less to read."""
    table, columns = model._meta.db_table, ", ".join(str(field.column) for field in model._meta.concrete_fields)
    return f"INSERT INTO {table} ({columns}) SELECT {columns} FROM jsonb_populate_record(NULL::{table}, %s)"  # noqa: S608


def _document(row: models.Model) -> str:
    """The columns of a row as JSON, which PostgreSQL reads as it reads literals."""
    values = {field.column: field.pre_save(row, True) for field in row._meta.concrete_fields}
    return json.dumps(values, default=_as_text)


def _as_text(value: Any) -> str:
    if isinstance(value, UUID | datetime):
        return str(value)
    raise TypeError(f"{type(value).__name__} is nothing that JSON has, nor an id or a time.")


@lru_cache(maxsize=256)
def _update(model: type[models.Model], names: tuple[str, ...]) -> tuple[Prepared, list[Any]]:
    wanted = {model._meta.get_field(name) for name in names}
    fields = [
        field
        for field in model._meta.concrete_fields
        if field in wanted or (isinstance(field, FoldedField) and model._meta.get_field(field.source) in wanted)
    ]
    columns = ", ".join(f"{field.column} = {_placeholder(field)}" for field in fields)
    sql = f"UPDATE {model._meta.db_table} SET {columns} WHERE {model._meta.pk.column} = %s"  # noqa: S608
    return Prepared(sql), fields


def _placeholder(field: Any) -> str:
    return f"%s::{field.db_type(connection)}" if isinstance(field, ArrayField) else "%s"
