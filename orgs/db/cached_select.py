"""SELECTs on the hottest path, with SQL that is built once: Django takes longer to build a join than to run it."""

from collections.abc import Sequence
from typing import Any

from django.db import connection, models


class Joined:
    """One row of a model, together with the rows along a chain of foreign keys that starts at it.

    `Joined(ScimToken, "org", "profile").get("digest", value)` is
    `ScimToken.objects.select_related("org__profile").filter(digest=value).first()`, for a unique column.
    """

    def __init__(self, model: type[models.Model], *path: str) -> None:
        self._path = path
        self._models: list[Any] = [model]
        for name in path:
            self._models.append(self._models[-1]._meta.get_field(name).related_model)
        self._fields = [
            [field for field in each._meta.concrete_fields if not isinstance(field, models.JSONField)]
            for each in self._models
        ]
        columns = [f"t{index}.{field.column}" for index, fields in enumerate(self._fields) for field in fields]
        joins = [
            f"JOIN {self._models[index + 1]._meta.db_table} t{index + 1} ON t{index + 1}.id = t{index}.{name}_id"
            for index, name in enumerate(path)
        ]
        self._sql = f"SELECT {', '.join(columns)} FROM {model._meta.db_table} t0 {' '.join(joins)} WHERE t0."  # noqa: S608

    def get(self, column: str, value: Any) -> Any:
        """The row, or None. JSON columns are loaded on first access."""
        with connection.cursor() as cursor:
            cursor.execute(f"{self._sql}{column} = %s", [value])
            row = cursor.fetchone()
        return self._instance(row) if row else None

    def _instance(self, row: Sequence[Any]) -> models.Model:
        instances, start = [], 0
        for model, fields in zip(self._models, self._fields, strict=True):
            end = start + len(fields)
            instances.append(model.from_db("default", [field.attname for field in fields], row[start:end]))
            start = end
        for instance, name, related in zip(instances, self._path, instances[1:], strict=False):
            setattr(instance, name, related)
        return instances[0]
