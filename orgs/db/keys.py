"""Keys: how IDs are made, and how names are compared without letter case."""

import unicodedata
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any, TypeVar
from uuid import UUID

import uuid_utils.compat
from django.db import models

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def uuid7() -> UUID:
    """A new time-ordered ID (RFC 9562 §5.7). IDs that clients see are made in Python, not by the database."""
    return uuid_utils.compat.uuid7()


def id_at(moment: datetime) -> UUID:
    """The lowest ID that is made at a moment, to the millisecond: what came earlier has a lower one."""
    return UUID(int=((moment - EPOCH) // timedelta(milliseconds=1)) << 80)


def moment_of(id: UUID) -> datetime:
    """When an ID was made, to the millisecond."""
    return EPOCH + timedelta(milliseconds=id.int >> 80)


def as_uuid(text: str) -> UUID | None:
    """The id that a text is; None where it is none."""
    try:
        return UUID(text)
    except ValueError:
        return None


def fold(text: str) -> str:
    """The key under which `text` is compared without case: the same on every machine, whatever the cluster's locale."""
    return text.lower() if text.isascii() else unicodedata.normalize("NFC", text).casefold()


Row = TypeVar("Row", bound=models.Model)


class FoldingQuerySet(models.QuerySet[Row]):
    """Rows whose names have keys, see `FoldedField`."""

    def update(self, **values: Any) -> int:
        """Raises TypeError where a name would be worked out by the database: its key is made in Python."""
        for field in self.model._meta.fields:
            if isinstance(field, FoldedField) and field.source in values:
                name = values[field.source]
                if not isinstance(name, str):
                    raise TypeError(f"{field.source} has a key, and is updated with a text only: {name!r}")
                values[field.name] = fold(name)
        return super().update(**values)

    update.alters_data = True  # type: ignore[attr-defined]


class FoldedField(models.TextField):
    """The key of another column of the row: `name_key = FoldedField("name")`.

    Whatever writes that column writes the key too: `save`, whether or not `update_fields` names the key, `bulk_create`,
    and the `update` of a `FoldingQuerySet`, which the model's manager has to be of.
    """

    def __init__(self, source: str, **options: Any) -> None:
        self.source = source
        options |= {"editable": False, "db_collation": "C"}
        super().__init__(**options)

    def deconstruct(self) -> Any:
        name, path, _, options = super().deconstruct()
        return name, path, [self.source], options

    def contribute_to_class(self, cls: Any, name: str, private_only: bool = False) -> None:
        super().contribute_to_class(cls, name, private_only)
        save_base = cls.save_base

        @wraps(save_base)
        def keeping_the_key(instance: Any, *args: Any, update_fields: Any = None, **options: Any) -> None:
            if update_fields and self.source in update_fields:
                update_fields = {*update_fields, name}
            save_base(instance, *args, update_fields=update_fields, **options)

        cls.save_base = keeping_the_key

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        key = fold(getattr(model_instance, self.source))
        setattr(model_instance, self.attname, key)
        return key
