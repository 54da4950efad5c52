"""Lists that are read in chunks."""

from typing import Any

import pytest
from django.utils import timezone

from orgs.db.keyset import chunks
from orgs.models import Organization, User
from tests.factories import OrganizationFactory, UserFactory

pytestmark = pytest.mark.django_db

COLUMNS = ("user_name", "active", "id")


@pytest.fixture
def org() -> Organization:
    """Three people who had one name after another, and two more."""
    org: Organization = OrganizationFactory.create()
    for _ in range(3):
        UserFactory.create(
            org=org, user_name="m@corp.example", active=False, login_email=None, deleted_at=timezone.now()
        )
    for name in ("a@corp.example", "z@corp.example"):
        UserFactory.create(org=org, user_name=name)
    return org


@pytest.mark.parametrize("size", range(1, 7))
@pytest.mark.parametrize("by", ["user_name_key", None])
def test_have_every_row_once_and_in_order_whatever_their_size(
    org: Organization, by: str | None, size: int, django_assert_max_num_queries: Any
) -> None:
    people = User.objects.for_org(org)
    order = ["id"] if by is None else [by, "id"]
    wanted = list(people.order_by(*order).values_list(*COLUMNS))
    with django_assert_max_num_queries(len(wanted) // size + 1):
        found = list(chunks(people, COLUMNS, tie="id", by=by, size=size))
    assert [row for chunk in found for row in chunk] == wanted
    assert max(len(chunk) for chunk in found) <= size


def test_of_nothing_are_none() -> None:
    assert list(chunks(User.objects.none(), COLUMNS, tie="id")) == []
