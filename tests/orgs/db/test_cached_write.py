"""Rows that are written by SQL that is built once are those that Django would have written."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import models

from groups_provisioning.models import PushedGroup
from orgs.db import cached_write
from orgs.db.keys import uuid7
from orgs.models import EntityKind, Organization, User
from tests.factories import EntityFactory, UserFactory

AT = datetime(2026, 2, 3, 4, 5, 6, 789012, tzinfo=UTC)
EARLIER = datetime(2026, 1, 1, tzinfo=UTC)
TEXT = "Zoë %s; '\\N{SNOWMAN}'"


def drawn(field: Any, org: Organization) -> Any:
    """A value that is no column's default."""
    if field.name in ("placement", "placement_id"):
        return EntityFactory.create(org=org, kind=EntityKind.CONCURRENCY_GROUP).id
    base = getattr(field, "base_field", None)
    if base is not None:
        return [drawn(base, org), drawn(base, org)]
    match field:
        case models.JSONField():
            return {"a": [1.5, None, True, TEXT, 2**70], "urn:x:y": {}}
        case models.DateTimeField():
            return AT
        case models.BooleanField():
            return not field.get_default()
        case models.IntegerField():
            return 7
        case models.UUIDField():
            return uuid7()
    return TEXT


def stored(row: models.Model) -> dict[str, Any]:
    fresh = type(row)._base_manager.get(pk=row.pk)
    return {field.attname: getattr(fresh, field.attname) for field in row._meta.concrete_fields}


def free(model: type[models.Model]) -> list[Any]:
    """Columns that can have any value."""
    fixed = {"id", "org", "is_staff", "is_owner", "deleted_at", "erased_at", "user_name_key", "display_name_key"}
    return [field for field in model._meta.concrete_fields if field.name not in fixed]


def rows(model: type[models.Model], org: Organization) -> tuple[Any, Any]:
    """Two rows that are alike but for their ids."""
    values = {field.attname: drawn(field, org) for field in free(model)}
    return model(org=org, **values), model(org=org, **values)


@pytest.mark.parametrize("model", [User, PushedGroup])
def test_an_insert_is_that_of_save(model: type[models.Model], org: Organization) -> None:
    ours, _ = rows(model, org)
    cached_write.insert(ours)
    assert not ours._state.adding
    written = stored(ours)
    model._base_manager.filter(pk=ours.pk).delete()
    ours.save(force_insert=True)
    assert stored(ours) == written
    assert all(written[field.attname] != field.get_default() for field in free(model))


@pytest.mark.parametrize("postponed", [False, True])
@pytest.mark.parametrize("model", [User, PushedGroup])
def test_an_update_of_each_column_is_that_of_save(
    model: type[models.Model], postponed: bool, org: Organization
) -> None:
    ours = model(org=org, created_at=EARLIER, modified_at=EARLIER, **named(model))
    ours.save()
    other, _ = rows(model, org)
    for field in free(model):
        setattr(ours, field.attname, getattr(other, field.attname))
        before = stored(ours)
        cached_write.update(ours, [field.name], postponed=postponed)
        written = stored(ours)
        type(ours)._base_manager.filter(pk=ours.pk).update(**{field.attname: before[field.attname]})
        ours.save(update_fields=[field.name])
        assert stored(ours) == written
        changed = {name for name in written if written[name] != before[name]}
        key = {f"{field.name}_key"} & written.keys()
        assert changed == {field.attname} | key


def named(model: type[models.Model]) -> dict[str, str]:
    return {"user_name" if model is User else "display_name": "Ada"}


def test_no_other_row_is_written(org: Organization) -> None:
    ada, grace = UserFactory.create(org=org), UserFactory.create(org=org)
    before = stored(grace)
    ada.given_name = "Ada"
    cached_write.update(ada, ["given_name"])
    assert stored(grace) == before


def test_an_insert_unless_is_an_insert_or_nothing(org: Organization) -> None:
    ours, another = rows(User, org)
    assert cached_write.insert_unless(ours, "%s", "ARRAY[revision]", [False]) == [7]
    assert not ours._state.adding
    written = stored(ours)
    User.objects.filter(pk=ours.pk).delete()
    assert cached_write.insert_unless(another, "%s", "true", [True]) is None
    assert another._state.adding
    assert not User.objects.filter(pk=another.pk).exists()
    ours.save(force_insert=True)
    assert stored(ours) == written
