"""The engine on the database: effects, the ledger, and what it costs."""

from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from groups_provisioning.actions import conflict_decisions
from groups_provisioning.actions.conflict_decisions import Card
from groups_provisioning.engine import reconcile
from groups_provisioning.models import Conflict, Decision, GroupMapping, Membership
from orgs import queue
from orgs.change_details import ProfileChanged
from orgs.history import record
from orgs.models import (
    Change,
    EntityKind,
    FeedTouch,
    LastAdmin,
    LedgerEntry,
    Mark,
    Organization,
    Standing,
    User,
)
from tests.conftest import Idp
from tests.factories import MappingFactory, OrganizationFactory, issue_token
from tests.groups_provisioning.states import drift
from tests.groups_provisioning.world import by_command, push, push_user, settle_marked
from tests.scim.api import crowds


@pytest.fixture
def lambdatest(org: Organization) -> Idp:
    org = OrganizationFactory.create(dialect="lambdatest")
    return Idp(issue_token(org).secret)


def ledger(user: str, slot: str) -> list[tuple[Any, Any]]:
    return list(LedgerEntry.objects.filter(user=user, slot=slot).order_by("id").values_list("was", "now"))


class TestPlaces:
    def test_follow_the_group_and_are_told(self, org: Organization, idp: Idp) -> None:
        ada = push_user(idp, "ada")
        group = push(idp, "Platform", ada)
        team = MappingFactory.create(group=group).entity
        settle_marked(org)
        assert Membership.objects.get(user=ada).entity_id == team.id
        idp.patch(f"/Groups/{group.id}", {"op": "remove", "path": f'members[value eq "{ada}"]'})
        settle_marked(org)
        assert not Membership.objects.filter(user=ada).exists()
        assert ledger(ada, "team") == [(None, str(team.id)), (str(team.id), None)]

    def test_are_told_with_the_change_that_marked_them(self, org: Organization, idp: Idp) -> None:
        ada = push_user(idp, "ada")
        group = push(idp, "Platform", ada)
        MappingFactory.create(group=group)
        settle_marked(org)
        assert LedgerEntry.objects.get(user=ada, slot="team").change == Change.objects.get(verb="group.created")

    def test_of_an_exclusive_kind_move_in_one_entry(self, org: Organization, idp: Idp) -> None:  # R2
        ada = push_user(idp, "ada")
        gold, silver = (push(idp, name, ada) for name in ("Gold", "Silver"))
        first = MappingFactory.create(group=gold, kind=EntityKind.CONCURRENCY_GROUP)
        settle_marked(org)
        second = MappingFactory.create(group=silver, kind=EntityKind.CONCURRENCY_GROUP)
        idp.delete(f"/Groups/{gold.id}")
        settle_marked(org)
        assert ledger(ada, "concurrency_group") == [
            (None, str(first.entity_id)),
            (str(first.entity_id), str(second.entity_id)),
        ]

    def test_end_when_scim_deletes_somebody_within_the_request(self, org: Organization, idp: Idp) -> None:  # U5
        ada = push_user(idp, "ada")
        MappingFactory.create(group=push(idp, "Platform", ada))
        settle_marked(org)
        idp.delete(f"/Users/{ada}")
        assert not Membership.objects.filter(user=ada).exists()

    def test_of_somebody_inactive_stay(self, org: Organization, idp: Idp) -> None:  # U4
        ada = push_user(idp, "ada")
        MappingFactory.create(group=push(idp, "Platform", ada))
        settle_marked(org)
        idp.patch(f"/Users/{ada}", {"op": "replace", "path": "active", "value": False})
        assert Membership.objects.filter(user=ada).exists()


class TestTheQueue:
    def test_settling_again_writes_nothing_but_that_nobody_waits(self, org: Organization, idp: Idp) -> None:
        ada = push_user(idp, "ada")
        group = push(idp, "Platform", ada)
        MappingFactory.create(group=group)
        settle_marked(org)
        entries = LedgerEntry.objects.count()
        mark_again(org, [User.objects.get(id=ada)])
        FeedTouch.objects.all().delete()
        with CaptureQueriesContext(connection) as queries:
            reconcile.settle_marked(org.id)
        asked = {each["sql"].strip().partition("\n")[0] for each in queries.captured_queries}
        writes = [sql for sql in asked if "INSERT" in sql or "UPDATE orgs_standing" in sql]
        assert len(writes) == FeedTouch.objects.filter(resource_id=ada).count() == FeedTouch.objects.count() == 1
        assert LedgerEntry.objects.count() == entries

    def test_a_mark_that_comes_meanwhile_stays(self, org: Organization, idp: Idp) -> None:
        ada = push_user(idp, "ada")
        push(idp, "Platform", ada)
        marked = queue.next_marked(org.id, 500)
        mark_again(org, [User.objects.get(id=ada)])
        queue.done(org.id, marked)
        assert Mark.objects.count() == 1

    def test_nobody_waits_behind_people_who_change_all_the_time(self, org: Organization, idp: Idp) -> None:
        people = [User.objects.get(id=push_user(idp, name)) for name in ("ada", "bo", "cy")]
        mark_again(org, people)
        settled = []
        for _ in range(3):
            (first,) = queue.next_marked(org.id, 1)
            reconcile.settle_marked(org.id, limit=1)
            settled.append(first.user_id)
            mark_again(org, people[:1])
        assert settled == [each.id for each in people]

    def test_only_the_org_s_own_people_are_taken(self, org: Organization, idp: Idp) -> None:  # O7
        push(idp, "Platform", push_user(idp, "ada"))
        assert reconcile.settle_marked(OrganizationFactory.create().id) == 0
        assert Mark.objects.count() == 1

    @pytest.mark.parametrize("people", [500, 1500])
    def test_n_people_cost_statements_in_proportion_to_n_by_500(self, org: Organization, idp: Idp, people: int) -> None:
        crowds.fill(org, people)
        group = push(idp, "Everybody", *map(str, User.objects.for_org(org).values_list("id", flat=True)))
        MappingFactory.create(group=group)
        with CaptureQueriesContext(connection) as queries:
            settle_marked(org)
        assert Membership.objects.count() == people
        assert len(queries) <= 12 * people / 500 + 2

    def test_one_person_costs_twelve_statements_at_most(self, org: Organization, idp: Idp) -> None:
        ada = push_user(idp, "ada")
        group = push(idp, "Platform", ada)
        MappingFactory.create(group=group)
        with CaptureQueriesContext(connection) as queries:
            assert reconcile.settle_marked(org.id) == 1
        assert Membership.objects.filter(user=ada).exists()
        assert len(queries) <= 12


def mark_again(org: Organization, people: list[User]) -> None:
    with transaction.atomic():
        change = record(org, by_command(), ProfileChanged(profile="x", marked=len(people)))
        queue.mark(org.id, [each.id for each in people], change.id)


class TestConflicts:  # C3
    @pytest.fixture
    def card(self, org: Organization, idp: Idp) -> Card:
        """Ada in two groups, each mapped to a concurrency group of its own."""
        ada = push_user(idp, "ada")
        for name in ("Silver", "Gold"):
            MappingFactory.create(group=push(idp, name, ada), kind=EntityKind.CONCURRENCY_GROUP)
        settle_marked(org)
        return Card.of(Conflict.objects.get(user=ada))

    @pytest.mark.parametrize("use_incoming", [True, False])
    def test_a_decision_is_in_effect_at_once(self, org: Organization, card: Card, use_incoming: bool) -> None:
        conflict_decisions.decide(org=org, cards=[card], use_incoming=use_incoming, cause=by_command())
        expected = card.incoming_id if use_incoming else card.holders[0]
        assert Membership.objects.get(user=card.user_id).mapping_id == expected
        assert not Conflict.objects.exists()

    def test_an_undone_decision_asks_again(self, org: Organization, card: Card) -> None:
        conflict_decisions.decide(org=org, cards=[card], use_incoming=True, cause=by_command())
        conflict_decisions.undo(org=org, decision_ids=[Decision.objects.get().id], cause=by_command())
        assert Card.of(Conflict.objects.get()) == card
        with pytest.raises(conflict_decisions.UnknownDecision):
            conflict_decisions.undo(org=org, decision_ids=[Decision.objects.get().id], cause=by_command())

    def test_one_that_is_not_as_it_was_shown_is_not_decided(self, org: Organization, card: Card) -> None:
        stale = Card(card.user_id, card.holders[0], (card.incoming_id,))
        with pytest.raises(conflict_decisions.ConflictGone):
            conflict_decisions.decide(org=org, cards=[card, stale], use_incoming=True, cause=by_command())
        assert not Decision.objects.exists()

    def test_of_another_org_does_not_exist(self, card: Card) -> None:  # O7
        with pytest.raises(conflict_decisions.ConflictGone):
            conflict_decisions.decide(
                org=OrganizationFactory.create(), cards=[card], use_incoming=True, cause=by_command()
            )

    def test_many_are_settled_by_a_worker(self, org: Organization, idp: Idp) -> None:
        people = [push_user(idp, name) for name in ("ada", "bo")]
        for name in ("Silver", "Gold"):
            MappingFactory.create(group=push(idp, name, *people), kind=EntityKind.CONCURRENCY_GROUP)
        settle_marked(org)
        cards = [Card.of(each) for each in Conflict.objects.all()]
        conflict_decisions.decide(org=org, cards=cards, use_incoming=True, cause=by_command())
        settle_marked(org)
        assert not Conflict.objects.exists()
        assert {each.mapping_id for each in Membership.objects.all()} == {cards[0].incoming_id}

    def test_closes_when_the_claim_is_gone(self, org: Organization, idp: Idp, card: Card) -> None:
        group = GroupMapping.objects.get(id=card.incoming_id).group
        idp.patch(f"/Groups/{group.id}", {"op": "remove", "path": "members"})
        settle_marked(org)
        assert not Conflict.objects.exists()
        assert [now for _, now in ledger(str(card.user_id), "conflict")][-1] is None

    def test_of_somebody_who_is_deactivated_is_hidden_until_they_are_back(self, idp: Idp, card: Card) -> None:
        switch = {"op": "replace", "path": "active"}
        idp.patch(f"/Users/{card.user_id}", switch | {"value": False})
        assert not Conflict.objects.exists()
        idp.patch(f"/Users/{card.user_id}", switch | {"value": True})
        assert Card.of(Conflict.objects.get()) == card


class TestEffects:
    def test_thrown_away_and_made_anew_are_the_same(self, org: Organization, idp: Idp) -> None:  # C4
        ada, bo = push_user(idp, "ada"), push_user(idp, "bo")
        for name in ("Silver", "Gold"):
            MappingFactory.create(group=push(idp, name, ada, bo), kind=EntityKind.CONCURRENCY_GROUP)
        MappingFactory.create(group=push(idp, "Platform", ada))
        settle_marked(org)
        before = everything(org)
        reconcile.rebuild(org=org)
        assert everything(org) == before
        assert len(before) == 2 + 3 + 2

    def test_that_are_as_they_should_be_have_no_drift(self, org: Organization, idp: Idp) -> None:
        ada = push_user(idp, "ada")
        MappingFactory.create(group=push(idp, "Platform", ada))
        assert drift(org) == []  # she waits to be settled
        settle_marked(org)
        assert drift(org) == []
        Membership.objects.all().delete()
        assert [effect.slot for effect in drift(org)] == ["team"]

    def test_of_the_last_admin_survive_being_thrown_away(self, org: Organization, idp: Idp) -> None:  # R5
        ada = str(idp.post("/Users", {"userName": "ada@corp.example", "roles": [{"value": "Admin"}]}).json()["id"])
        idp.put(f"/Users/{ada}", {"userName": "ada@corp.example", "roles": [{"value": "Member"}]})
        assert Standing.objects.get(user=ada).roles == ["Admin"]
        Standing.objects.all().delete()
        reconcile.rebuild(org=org)
        assert Standing.objects.get(user=ada).roles == ["Admin"]
        assert LastAdmin.objects.get().user_id == User.objects.get(id=ada).id


def everything(org: Organization) -> set[Any]:
    return {
        *Standing.objects.for_org(org).values_list("user", "roles__0"),
        *Membership.objects.for_org(org).values_list("user", "entity", "kind", "source", "mapping"),
        *Conflict.objects.for_org(org).values_list("user", "incoming", "holders__0", "since"),
    }
