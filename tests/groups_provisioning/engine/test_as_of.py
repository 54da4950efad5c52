"""Facts as of a moment, rebuilt from those of now, are what they were then; so is every why (SPEC T3)."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis.stateful import invariant, run_state_machine_as_test

from api.explanations import PersonExplanation, _told
from groups_provisioning.actions import conflict_decisions, group_ends, manual_changes
from groups_provisioning.actions.conflict_decisions import Card
from groups_provisioning.engine import as_of, explanation
from groups_provisioning.engine.as_of import MEMBER, TABLES, Facts
from groups_provisioning.engine.explanation import Explanation
from groups_provisioning.models import Conflict, GroupMapping, GroupMember
from orgs import past
from orgs.models import Entity, FactKind, Organization, Role, User
from tests.api import probes
from tests.conftest import Idp
from tests.factories import OrganizationFactory
from tests.groups_provisioning.engine import test_against_the_oracle as oracle
from tests.groups_provisioning.world import POOL, TEAM, by_admin, by_command, entity, map_to, push, push_user, settle

DERIVED = {
    FactKind.USER: (
        "password last_login session_epoch time_zone is_staff is_superuser revision modified_at folded email_keys"
    ),
    FactKind.GROUP: "revision modified_at member_count folded",
    FactKind.PROFILE: "revision",
}


def now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (at,) = cursor.fetchone()
        return at


def facts_of_now(org: Organization) -> Facts:
    """As whoever looks at the tables finds them."""
    return as_of.of_org(org.id, timezone.now() + timedelta(days=1))


def rows(facts: Facts) -> dict[str, list[dict[str, Any]]]:
    """The facts without what is derived."""
    found = {}
    for kind in TABLES:
        left_out = DERIVED.get(FactKind(kind), "").split()
        bare = [{name: value for name, value in row.items() if name not in left_out} for row in facts.all(kind)]
        found[kind] = sorted(bare, key=str)
    columns = ("group_id", "user_id", "added_at", "added_by_id")
    found[MEMBER] = sorted(({name: row[name] for name in columns} for row in facts.all(MEMBER)), key=str)
    return found


def told(why: Explanation) -> dict[str, Any]:
    """An explanation as the API tells it, without what the ledger says beside it."""
    places = why.places()
    data = dict(PersonExplanation(_told(why.user, why, places, why.withheld())).data)
    return {name: data[name] for name in ("person", "roles", "places", "not_placed", "groups")}


def explained(org: Organization) -> dict[UUID, dict[str, Any]]:
    """Everybody of an org, explained by the facts of now."""
    return {
        user.id: told(explanation.of(org, user)) for user in User.objects.for_org(org).select_related("org__profile")
    }


class Remembering(oracle.Portal):
    """Notes now and then how everything is, and compares it in the end with how it is said to have been."""

    def the_feed_has_told_everything(self) -> None:
        """That is looked at elsewhere."""

    def begin_to_remember(self) -> None:
        self.seen: list[tuple[datetime, dict[str, Any], dict[UUID, dict[str, Any]]]] = []
        self.steps = 0

    @invariant()
    def note(self) -> None:
        if not hasattr(self, "seen"):
            self.begin_to_remember()
        self.steps += 1
        if self.steps % 5 == 0:
            org = Organization.objects.select_related("profile").get(pk=self.org.pk)
            self.seen.append((now(), rows(facts_of_now(org)), explained(org)))

    def teardown(self) -> None:
        try:
            self.compare()
        finally:
            super().teardown()

    def compare(self) -> None:
        if not hasattr(self, "seen"):  # it did not even begin
            return
        erased = {str(id_) for id_ in self.erased}
        for at, facts, whys in self.seen:
            then = rows(as_of.of_org(self.org.id, at))
            assert _without(then, erased) == _without(facts, erased)
            for user_id, was in whys.items():
                with as_of.person(self.org, user_id, at) as why:
                    assert why is not None
                    assert told(why) == was


def _without(facts: dict[str, list[dict[str, Any]]], erased: set[str]) -> dict[str, list[dict[str, Any]]]:
    """Facts without what erasing takes from the past of people, too."""
    lost = (*past.PERSONAL, "user_name_key")
    kept = [
        {name: value for name, value in row.items() if row["id"] not in erased or name not in lost}
        for row in facts[FactKind.USER]
    ]
    return facts | {FactKind.USER: sorted(kept, key=str)}


@pytest.mark.usefixtures("db")
def test_what_was_is_found_again_whatever_happened_since() -> None:  # T3
    probes.install()
    run_state_machine_as_test(Remembering, settings=oracle.few)


@pytest.mark.usefixtures("db")
class TestAPersonAsOf:
    def test_was_where_they_were_and_says_why(self, org: Organization, idp: Idp) -> None:  # T3
        ada = User.objects.get(id=push_user(idp, "Ada"))
        group = push(idp, "Engineers", ada)
        team = map_to(group, TEAM).entity
        assert team
        before = now()
        idp.patch(f"/Groups/{group.id}", {"op": "remove", "path": "members"})
        Entity.objects.filter(pk=team.pk).update(name="Renamed")
        with as_of.person(org, ada.id, before) as why:
            assert why
            (place,) = why.places()
            assert (place.entity.name, place.through and place.through.member.group.display_name) == ("Engineers",) * 2
        assert explanation.of(org, ada).places() == []

    def test_did_not_exist_before_they_did(self, org: Organization, idp: Idp) -> None:
        before, ada = now(), push_user(idp, "Ada")
        with as_of.person(org, UUID(ada), before) as why:
            assert why is None

    def test_is_of_their_own_org_alone(self, idp: Idp) -> None:  # O7
        ada, stranger = push_user(idp, "Ada"), OrganizationFactory.create()
        with as_of.person(stranger, UUID(ada), now()) as why:
            assert why is None

    def test_had_the_roles_of_then(self, org: Organization) -> None:
        user = User.objects.create(
            org=org, user_name="ada", created_at=timezone.now(), modified_at=timezone.now(), manual_roles=["gone"]
        )
        settle(user)
        before = now()
        Role.objects.create(profile=org.profile, key="gone", rank=999)
        with as_of.person(org, user.id, before) as why:
            assert why
            assert why.why_roles().roles == [org.profile.roles.get(is_default=True).key]
        with as_of.person(org, user.id, now()) as why:
            assert why
            assert why.why_roles().roles == ["gone"]

    def test_was_not_in_a_group_while_it_was_ended(self, org: Organization, idp: Idp) -> None:  # G10
        """Who comes back has the time of before, and was away all the same."""
        ada = User.objects.get(id=push_user(idp, "Ada"))
        group = push(idp, "Engineers", ada)
        since = GroupMember.objects.get().added_at
        group_ends.end_group(org=org, group_id=group.id, cause=by_command())
        between = now()
        group_ends.undo_end(org=org, group_id=group.id, cause=by_command())
        assert GroupMember.objects.get().added_at == since
        with as_of.person(org, ada.id, between) as why:
            assert why
            assert why.groups() == []

    def test_takes_few_statements(self, org: Organization, idp: Idp) -> None:
        ada = User.objects.get(id=push_user(idp, "Ada"))
        pools = [map_to(push(idp, name, ada), POOL) for name in ("First", "Second")]
        map_to(push(idp, "Engineers", ada), TEAM)
        settle(ada)
        decided = [Card.of(each) for each in Conflict.objects.all()]
        conflict_decisions.decide(org=org, cards=decided, use_incoming=True, cause=by_command())
        hand = entity(org, "By hand")
        manual_changes.place(org=org, user_id=ada.id, entity_id=hand.id, cause=by_admin())
        before = now()
        GroupMapping.objects.filter(pk=pools[0].pk).update(status="rejected")
        with CaptureQueriesContext(connection) as asked, as_of.person(org, ada.id, before) as why:
            assert why
            assert len(told(why)["places"]) == 3
        assert len(asked) <= 10
