"""The migrations that turn single times into spans, on the database of the version before (SPEC M2)."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from groups_provisioning.engine import reconcile
from groups_provisioning.models import GroupMapping, GroupMember, Membership, Pending, Status
from orgs.models import Organization, User
from tests.conftest import install_profiles
from tests.factories import OrganizationFactory, UserFactory
from tests.groups_provisioning.states import drift
from tests.groups_provisioning.world import POOL, SUB, TEAM, entity, group, settle, tie

APPROVED, ENDED, AWAY = (datetime(2026, 5, day, tzinfo=UTC) for day in (4, 6, 8))

MAPPINGS = "SELECT kind, status, reason, approved_at, fell_back_at FROM groups_provisioning_mapping ORDER BY kind"


def run(statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def latest() -> None:
    call_command("migrate", verbosity=0)


@pytest.fixture
def acme(transactional_db: None) -> Iterator[Organization]:
    """Ada and Bo in three groups of the version before: one approved, one that fell back, one whose kind is off."""
    install_profiles()
    acme = OrganizationFactory.create(name="Acme")
    people = UserFactory.create_batch(2, org=acme)
    for kind in (TEAM, POOL, SUB):
        tie(group(acme, str(kind), *people), entity(acme, f"The {kind}", kind), approved_at=APPROVED)
    GroupMember.objects.update(added_at=APPROVED)
    settle(*people)
    call_command("migrate", "groups_provisioning", "0004", verbosity=0)
    call_command("migrate", "orgs", "0012", verbosity=0)
    run(
        "UPDATE groups_provisioning_mapping SET status = 'pending', reason = 'rule_changed', fell_back_at = %s"
        " WHERE kind = 'team'",
        ENDED,
    )
    run("UPDATE orgs_organization SET concurrency_groups = false, concurrency_groups_off_at = %s", ENDED)
    run("UPDATE orgs_user SET active_since = %s WHERE id = %s", AWAY, people[1].id)
    yield acme
    latest()


def times(kind: str) -> list[datetime]:
    return GroupMapping.objects.get(kind=kind).switched_at


def test_keep_when_each_mapping_was_approved_and_each_kind_was_on_and_who_was_held(acme: Organization) -> None:
    latest()
    assert (times(TEAM), times(POOL), times(SUB)) == ([APPROVED, ENDED], [APPROVED], [APPROVED])
    found = Organization.objects.get(pk=acme.pk)
    assert (found.teams_switched_at, found.concurrency_groups_switched_at) == ([], [ENDED])
    ada, bo = User.objects.for_org(acme).order_by("id")
    assert (ada.deactivated_at, bo.deactivated_at) == ([], [AWAY])
    assert_those_are_held_who_were(acme)


def assert_those_are_held_who_were(acme: Organization) -> None:
    GroupMapping.objects.filter(kind=SUB).update(status=Status.REJECTED)
    people = list(User.objects.for_org(acme).order_by("id"))
    for user in people:
        reconcile.settle(org=Organization.objects.select_related("profile").get(pk=acme.pk), user=user)
    held = {(place.user_id, place.kind, place.source) for place in Membership.objects.all()}
    # Bo was away after both had ended.
    assert held == {(people[0].id, TEAM, "held"), (people[0].id, POOL, "held")}
    assert not drift(Organization.objects.select_related("profile").get(pk=acme.pk))


def test_go_back_to_single_times(acme: Organization) -> None:
    before = run(
        "SELECT kind, status, reason, approved_at, fell_back_at FROM groups_provisioning_mapping ORDER BY kind"
    )
    off = run("SELECT teams_off_at, concurrency_groups_off_at FROM orgs_organization")
    latest()
    assert GroupMapping.objects.get(kind=TEAM).reason == Pending.RULE_CHANGED
    call_command("migrate", "groups_provisioning", "0004", verbosity=0)
    call_command("migrate", "orgs", "0012", verbosity=0)
    assert run(MAPPINGS) == before
    assert run("SELECT teams_off_at, concurrency_groups_off_at FROM orgs_organization") == off
