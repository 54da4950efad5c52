"""The keys of names, whichever way a name is written."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import models, transaction
from django.db.models import F, Value
from django.db.models.functions import Concat
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from groups_provisioning.actions import imports
from groups_provisioning.models import ImportRow, Kind, PushedGroup
from orgs import outbox
from orgs.db.keys import FoldedField, fold, id_at, moment_of, uuid7
from orgs.models import Entity, Invitation, Mail, MailKind, Matter, MatterKind, Organization, ProfileAttribute, User
from orgs.outbox import Letter
from tests.factories import EntityFactory, OrganizationFactory, UserFactory
from tests.groups_provisioning import world

KEYS = [
    pytest.param(model, field, id=f"{model.__name__}.{field.name}")
    for model in apps.get_models()
    for field in model._meta.fields
    if isinstance(field, FoldedField)
]


def an_import_row() -> ImportRow:
    run = imports.begin(
        org=OrganizationFactory.create(),
        name="people.csv",
        rows=[imports.NewRow(Kind.PERSON, 2, "ada")],
        check=True,
        makes_admins=False,
        cause=world.by_command(),
    )
    return ImportRow.objects.get(run=run)


def a_mail() -> Mail:
    letter = Letter(kind=MailKind.OWNER, to="ada@corp.example", subject="Hello", text="A link.")
    outbox.put([letter], at=timezone.now())
    return Mail.objects.get()


MAKE: dict[Any, Callable[[], Any]] = {
    Organization: OrganizationFactory.create,
    User: UserFactory.create,
    Entity: EntityFactory.create,
    ProfileAttribute: lambda: ProfileAttribute.objects.create(
        profile=OrganizationFactory.create().profile, name="site"
    ),
    Matter: lambda: Matter.objects.create(
        org=OrganizationFactory.create(),
        kind=MatterKind.USER_REFUSED,
        subject="ada",
        first_at=timezone.now(),
        last_at=timezone.now(),
    ),
    Invitation: lambda: Invitation.objects.create(
        org=OrganizationFactory.create(),
        address="ada@corp.example",
        roles=[],
        days=7,
        invited_at=timezone.now(),
        expires_at=timezone.now(),
    ),
    Mail: a_mail,
    ImportRow: an_import_row,
    PushedGroup: lambda: world.group(OrganizationFactory.create(), "Engineers"),
}
NAME = "Ärzte GmbH"


def by_save(row: Any, field: FoldedField) -> None:
    setattr(row, field.source, NAME)
    row.save()


def by_save_of_the_name(row: Any, field: FoldedField) -> None:
    setattr(row, field.source, NAME)
    row.save(update_fields=[field.source])


def by_save_of_what_was_loaded(row: Any, field: FoldedField) -> None:
    row = type(row)._default_manager.only(field.source).get(pk=row.pk)
    setattr(row, field.source, NAME)
    row.save()


def by_update(row: Any, field: FoldedField) -> None:
    type(row)._default_manager.filter(pk=row.pk).update(**{field.source: NAME})


def by_update_or_create(row: Any, field: FoldedField) -> None:
    type(row)._default_manager.update_or_create(pk=row.pk, defaults={field.source: NAME})


@pytest.mark.parametrize(
    "write", [by_save, by_save_of_the_name, by_save_of_what_was_loaded, by_update, by_update_or_create]
)
@pytest.mark.parametrize(("model", "field"), KEYS)
def test_a_key_follows_its_name(
    db: None, model: type[models.Model], field: FoldedField, write: Callable[[Any, FoldedField], None]
) -> None:
    row = MAKE[model]()
    write(row, field)
    row.refresh_from_db()
    assert (getattr(row, field.source), getattr(row, field.name)) == (NAME, fold(NAME))


@pytest.mark.parametrize(("model", "field"), KEYS)
def test_a_name_without_key_is_refused(db: None, model: type[models.Model], field: FoldedField) -> None:
    row = MAKE[model]()
    rows = model._default_manager.filter(pk=row.pk)
    with pytest.raises(TypeError, match=field.source):
        rows.update(**{field.source: Concat(F(field.source), Value("x"))})
    with pytest.raises(TypeError, match=field.source), transaction.atomic():
        model._default_manager.bulk_update([row], [field.source])
    row.refresh_from_db()
    assert getattr(row, field.name) == fold(getattr(row, field.source))


def test_other_columns_are_saved_alone(db: None, django_assert_num_queries: Any) -> None:
    user = UserFactory.create()
    user.user_name, user.active = NAME, False
    user.active_since = timezone.now()
    with django_assert_num_queries(1) as queries:
        user.save(update_fields=["active"])
    assert "user_name" not in queries.captured_queries[0]["sql"].partition("WHERE")[0]


class TestTheTimeOfAnId:
    def test_is_when_it_was_made(self) -> None:
        before, id, after = timezone.now(), uuid7(), timezone.now()
        assert id_at(before) <= id < id_at(after + timedelta(milliseconds=1))
        assert before - timedelta(milliseconds=1) < moment_of(id) <= after

    @given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)))
    def test_is_to_the_millisecond(self, moment: datetime) -> None:
        assert moment_of(id_at(moment)) == moment.replace(microsecond=moment.microsecond // 1000 * 1000)
