"""The times that claims, decisions and spans are played by are those of the database (SPEC C2, M2)."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from groups_provisioning.actions import account_switches, conflict_decisions, entity_edits, mappings
from groups_provisioning.actions.conflict_decisions import Card
from groups_provisioning.models import Conflict, Decision, GroupMapping, GroupMember
from orgs import organizations
from orgs.history import Cause
from orgs.models import Door, Organization, User
from tests.conftest import Idp
from tests.groups_provisioning.world import POOL, map_to, only, push, push_user, rule

AN_HOUR = timedelta(hours=1)


def database_time() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone()
    assert isinstance(now, datetime)
    return now


def played(org: Organization) -> dict[str, list[datetime]]:
    """Every time that the engine compares, by the column that it comes from."""
    org.refresh_from_db()
    arrays = {
        "deactivated": User.objects.for_org(org).values_list("deactivated_at", flat=True),
        "switched mappings": GroupMapping.objects.for_org(org).values_list("switched_at", flat=True),
        "switched kinds": [org.teams_switched_at],
    }
    return {
        "added": list(GroupMember.objects.for_org(org).values_list("added_at", flat=True)),
        "decided": list(Decision.objects.for_org(org).values_list("at", flat=True)),
        **{name: [time for array in column for time in array] for name, column in arrays.items()},
    }


@pytest.mark.parametrize("error", [-AN_HOUR, AN_HOUR], ids=["behind", "ahead"])
def test_the_clock_of_a_host_decides_nothing(
    idp: Idp, org: Organization, error: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:  # C2, M2, M8
    right, start = timezone.now, database_time()
    monkeypatch.setattr(timezone, "now", lambda: right() + error)

    def cause() -> Cause:
        return Cause(Door.COMMAND, timezone.now())

    rule(org, "eng")
    ada, bob = push_user(idp, "Ada"), push_user(idp, "Bob")
    engineers, first, second = push(idp, "Engineers", ada), push(idp, "A", ada), push(idp, "B", ada)
    map_to(first, POOL)
    map_to(second, POOL)
    moved = mappings.retarget(org=org, mapping_id=only(first).id, target="C", cause=cause())
    idp.patch(f"/Groups/{engineers.id}", {"op": "add", "path": "members", "value": [{"value": bob}]})
    idp.put(f"/Groups/{second.id}", {"displayName": "B", "members": [{"value": ada}, {"value": bob}]})
    idp.patch(f"/Users/{ada}", {"op": "replace", "value": {"displayName": "Ada"}})  # settles her
    conflict_decisions.decide(
        org=org, cards=[Card.of(each) for each in Conflict.objects.filter(user=ada)], use_incoming=True, cause=cause()
    )
    idp.patch(f"/Groups/{engineers.id}", {"op": "replace", "path": "displayName", "value": "Makers"})
    organizations.change(org=org, wishes={"teams": False}, cause=cause())
    organizations.change(org=org, wishes={"teams": True}, cause=cause())
    idp.patch(f"/Users/{ada}", {"op": "replace", "value": {"active": False}})
    account_switches.deactivate(org=org, user_id=User.objects.get(id=bob).id, cause=cause())
    mappings.reject(org=org, mapping_ids=[moved.id], cause=cause())
    entity = only(second).entity_id
    assert entity
    entity_edits.delete_entity(org=org, entity_id=entity, cause=cause())
    end = database_time()

    for column, times in played(org).items():
        assert times, column
        assert start <= min(times) <= max(times) <= end, column
