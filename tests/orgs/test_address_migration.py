"""The migration after which one address may have accounts in several orgs (SPEC U2, O6)."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from orgs import domains
from orgs.history import Cause
from orgs.models import Door, Organization, User
from tests.conftest import Idp, install_profiles
from tests.factories import OrganizationFactory, OwnerFactory, StaffFactory, UserFactory, issue_token

AFTER = "0014_addresses_in_several_orgs"
((_, BEFORE),) = MigrationLoader(None).disk_migrations["orgs", AFTER].dependencies
ADA = "ada@corp.example"


def migrate(to: str) -> None:
    call_command("migrate", "orgs", to, verbosity=0)


def constraints() -> set[str]:
    with connection.cursor() as cursor:
        return {
            name
            for name, found in connection.introspection.get_constraints(cursor, "orgs_user").items()
            if found["unique"] or found["index"]
        }


@pytest.fixture
def acme(transactional_db: None) -> Iterator[Organization]:
    """An org with Ada, its owner and somebody who is deleted, in a database of before; and another org, and support."""
    install_profiles()
    acme, globex = OrganizationFactory.create(name="Acme"), OrganizationFactory.create(name="Globex")
    UserFactory.create(org=acme, user_name=ADA)
    OwnerFactory.create(org=acme, user_name="owner@corp.example")
    UserFactory.create(
        org=acme, user_name="kim@corp.example", active=False, deleted_at=timezone.now(), login_email=None
    )
    UserFactory.create(org=globex, user_name="ben@corp.example")
    StaffFactory.create(user_name="support@muster.example")
    domains.keep(org=acme, names=["corp.example"], cause=Cause(Door.COMMAND, timezone.now()))
    migrate(BEFORE)
    yield acme
    call_command("migrate", "orgs", verbosity=0)


def test_keeps_every_account_and_lets_another_org_have_its_address(acme: Organization) -> None:  # U2
    before = list(User.objects.order_by("id").values())
    assert "user_login_email_once" in constraints()
    migrate(AFTER)
    assert list(User.objects.order_by("id").values()) == before
    assert not {"user_login_email_once", "user_name_once_per_org", "user_name_of_deleted"} & constraints()
    call_command("migrate", "orgs", verbosity=0)
    globex = Idp(issue_token(Organization.objects.get(name="Globex")).secret)
    assert globex.post("/Users", {"userName": ADA}).status_code == 201
    assert User.objects.filter(login_email=ADA).count() == 2


def test_goes_back_while_nothing_is_shared_and_names_what_is(acme: Organization) -> None:
    before = constraints()
    migrate(AFTER)
    after = constraints()
    globex: Any = Organization.objects.get(name="Globex")
    shared = UserFactory.create(org=globex, user_name=ADA)
    domains.keep(org=globex, names=["corp.example"], cause=Cause(Door.COMMAND, timezone.now()))
    with pytest.raises(Exception, match=f"sign-in address {ADA}.*domain corp.example"):
        migrate(BEFORE)
    assert constraints() == after
    domains.keep(org=globex, names=[], cause=Cause(Door.COMMAND, timezone.now()))
    shared.standing.delete()
    User.objects.filter(pk=shared.pk).delete()
    migrate(BEFORE)
    assert constraints() == before
