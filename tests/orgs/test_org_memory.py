"""What a process remembers of orgs is what they are now."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import models

from orgs import tokens
from orgs.db.keys import uuid7
from orgs.models import Organization, SchemaProfile
from tests.factories import issue_token

COLUMNS = [
    (model, field.name)
    for model in (Organization, SchemaProfile)
    for field in model._meta.concrete_fields
    if not field.primary_key and not field.is_relation and not field.name.endswith("_key") and field.name != "closed_at"
]


@pytest.mark.parametrize(("model", "name"), COLUMNS)
def test_a_change_of_any_column_is_seen_at_once(model: type[models.Model], name: str, org: Organization) -> None:
    secret = issue_token(org).secret
    org.group_provisioning = False  # which needs that it is activated
    org.save()
    before = recognised(secret)
    row = org if model is Organization else org.profile
    value = other(model._meta.get_field(name), getattr(row, name))
    model._base_manager.filter(pk=row.pk).update(**{name: value})
    after = recognised(secret)
    assert getattr(after if model is Organization else after.profile, name) == value
    assert getattr(before if model is Organization else before.profile, name) != value


def test_the_beginning_of_its_deletion_is_seen_at_once(org: Organization) -> None:
    secret = issue_token(org).secret
    recognised(secret)
    Organization.objects.filter(pk=org.pk).update(closed_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert tokens.recognise(secret) is None


def test_another_profile_is_seen_at_once(org: Organization) -> None:
    secret = issue_token(org).secret
    recognised(secret)
    profile = SchemaProfile.objects.create(key="another", name="Another")
    Organization.objects.filter(pk=org.pk).update(profile=profile)
    assert recognised(secret).profile == profile


def test_an_org_that_is_as_it_was_is_not_read_again(org: Organization, django_assert_num_queries: Any) -> None:
    secret = issue_token(org).secret
    recognised(secret)
    with django_assert_num_queries(1):
        assert recognised(secret).profile.key == org.profile.key


def test_nobody_changes_what_others_remember(org: Organization) -> None:
    secret = issue_token(org).secret
    for _ in range(2):
        found = recognised(secret)
        assert (found.name, found.profile.name) == (org.name, org.profile.name)
        found.name = found.profile.name = "Mallory"


def recognised(secret: str) -> Organization:
    token = tokens.recognise(secret)
    assert token is not None
    return token.org


def other(field: Any, value: Any) -> Any:
    """Another value for a column."""
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case datetime():
            return datetime(2026, 1, 1, tzinfo=UTC)
        case list():
            return [other(field.base_field, "" if isinstance(field.base_field, models.CharField) else None)]
        case None:
            return uuid7() if isinstance(field, models.UUIDField) else datetime(2026, 1, 1, tzinfo=UTC)
    if field.choices:
        return next(choice for choice, _ in field.choices if choice != value)
    return f"{value}x"
