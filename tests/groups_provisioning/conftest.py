"""An admin of `org`, at a browser."""

import pytest
from django.test import Client

from orgs.models import Organization, User
from tests.conftest import signed_in
from tests.factories import UserFactory


@pytest.fixture
def admin(org: Organization) -> User:
    return UserFactory.create(
        org=org,
        user_name="mo@corp.example",
        given_name="Mo",
        family_name="Adler",
        roles=["Admin"],
        manual_roles=["Admin"],
    )


@pytest.fixture
def browser(admin: User) -> Client:
    return signed_in(admin)
