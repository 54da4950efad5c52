"""Keys: how IDs are made, and how names are compared without letter case."""

import unicodedata
from typing import Any
from uuid import UUID

import uuid_utils.compat
from django.db import models


def uuid7() -> UUID:
    """A new time-ordered ID (RFC 9562 §5.7). IDs that clients see are made in Python, not by the database."""
    return uuid_utils.compat.uuid7()


def as_uuid(text: str) -> UUID | None:
    """The id that a text is; None where it is none."""
    try:
        return UUID(text)
    except ValueError:
        return None


def fold(text: str) -> str:
    """The key under which `text` is compared without case: the same on every machine, whatever the cluster's locale."""
    return text.lower() if text.isascii() else unicodedata.normalize("NFC", text).casefold()


class FoldedField(models.TextField):
    """The key of another column of the row, kept in step by `save` and `bulk_create`: `name_key = FoldedField("name")`.

    `QuerySet.update` does not keep it in step; nothing updates a name that way.
    """

    def __init__(self, source: str, **options: Any) -> None:
        self.source = source
        options |= {"editable": False, "db_collation": "C"}
        super().__init__(**options)

    def deconstruct(self) -> Any:
        name, path, _, options = super().deconstruct()
        return name, path, [self.source], options

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        key = fold(getattr(model_instance, self.source))
        setattr(model_instance, self.attname, key)
        return key
