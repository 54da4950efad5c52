"""What a mass change would take away is held until an admin lets it through, or it is mended (SPEC T1)."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from groups_provisioning.actions import (
    account_switches,
    conflict_decisions,
    entity_edits,
    held_changes,
    manual_changes,
    mappings,
)
from groups_provisioning.engine import breaker, effect_checks, holds, reconcile
from groups_provisioning.engine.breaker import Limits
from groups_provisioning.engine.holds import Held
from groups_provisioning.models import (
    Breach,
    BreachState,
    Conflict,
    Excess,
    GroupMember,
    Hold,
    MemberPast,
    Membership,
    PushedGroup,
    Taken,
)
from orgs import organizations
from orgs.choices import HoldLimits
from orgs.db.keys import uuid7
from orgs.models import Change, Entity, HandPlacement, LastAdmin, LedgerEntry, Organization, Standing, Turn, User
from orgs.open_matters import everything
from tests.conftest import Idp
from tests.factories import UserFactory
from tests.groups_provisioning.states import drift, exported
from tests.groups_provisioning.world import (
    POOL,
    TEAM,
    by_admin,
    by_command,
    entity,
    give,
    idp_of,
    map_to,
    push,
    settle_marked,
)

LONG_AGO = timezone.now() - timedelta(days=30)
ADMIN, MEMBER = "Admin", "Member"


def staff(org: Organization, count: int, **more: Any) -> list[str]:
    """The ids of people whom SCIM made a month ago."""
    return [str(user.id) for user in UserFactory.create_batch(count, org=org, created_at=LONG_AGO, **more)]


def long_ago(org: Organization) -> None:
    """Everything that was done so far was done a month ago."""
    settle_marked(org)
    Turn.objects.update(reached=None)
    Taken.objects.all().delete()
    Change.objects.for_org(org).update(at=LONG_AGO)


def team(org: Organization, idp: Idp, name: str, members: Sequence[str]) -> PushedGroup:
    """A pushed group that has been a team for long."""
    pushed = push(idp, name, *members)
    map_to(pushed)
    long_ago(org)
    return pushed


def admins(org: Organization, idp: Idp, members: Sequence[str]) -> PushedGroup:
    """A pushed group that has given the admin role for long."""
    pushed = push(idp, "Admins", *members)
    give(pushed, ADMIN)
    long_ago(org)
    return pushed


def set_members(idp: Idp, group: PushedGroup, members: Sequence[str]) -> None:
    value = [{"value": id_} for id_ in members]
    assert idp.patch(f"/Groups/{group.id}", {"op": "replace", "path": "members", "value": value}).status_code < 300


def set_active(idp: Idp, user: str, active: bool) -> None:
    assert idp.patch(f"/Users/{user}", {"op": "replace", "path": "active", "value": active}).status_code == 200


def set_role(idp: Idp, user: str, role: str) -> None:
    operation = {"op": "replace", "path": "roles", "value": [{"value": role}]}
    assert idp.patch(f"/Users/{user}", operation).status_code == 200


def minutes_later(minutes: int) -> None:
    """Have the time pass for what was counted, and for breaches."""
    span = timedelta(minutes=minutes)
    Taken.objects.update(at=F("at") - span)
    Breach.objects.update(began_at=F("began_at") - span, opened_at=F("opened_at") - span, reset_at=F("reset_at") - span)


def held(org: Organization) -> set[str]:
    return {str(id_) for id_ in Hold.objects.for_org(org).filter(released=False).values_list("user_id", flat=True)}


def in_team(name: str) -> set[str]:
    return {str(id_) for id_ in Membership.objects.filter(entity__name=name).values_list("user_id", flat=True)}


def with_role(role: str) -> set[str]:
    return {str(id_) for id_ in Standing.objects.filter(roles__contains=[role]).values_list("user_id", flat=True)}


def let_through(org: Organization, *people: str) -> int:
    ids = [UUID(id_) for id_ in people] if people else None
    breach = Breach.objects.for_org(org).get(state=BreachState.OPEN)
    done = held_changes.let_through(org=org, breach_id=breach.id, user_ids=ids, cause=by_admin())
    settle_marked(org)
    return done


@pytest.fixture(autouse=True)
def _small_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(breaker.LIMITS, "standard", Limits(many=10, few=4, admins=2, percentage=20))


@pytest.fixture
def people(org: Organization) -> list[str]:
    return staff(org, 12)


@pytest.fixture
def everybody(org: Organization, idp: Idp, people: list[str]) -> PushedGroup:
    return team(org, idp, "Everybody", people)


@pytest.fixture
def emptied(org: Organization, idp: Idp, everybody: PushedGroup) -> PushedGroup:
    """A team of which everybody is held, since its group was emptied."""
    set_members(idp, everybody, [])
    settle_marked(org)
    return everybody


class TestAMassChange:
    def test_is_held_and_everybody_keeps_what_they_had(
        self, org: Organization, people: list[str], emptied: PushedGroup
    ) -> None:  # T1
        assert held(org) == in_team("Everybody") == set(people)
        breach = Breach.objects.get()
        assert (breach.state, breach.rules) == (BreachState.OPEN, ["losses"])
        assert Change.objects.get(verb="hold.began").detail["rules"] == ["losses"]
        assert drift(org) == []

    def test_is_accepted_and_shown_as_the_idp_wrote_it(self, idp: Idp, emptied: PushedGroup) -> None:  # T1
        assert idp.get(f"/Groups/{emptied.id}").json()["members"] == []

    def test_that_concerns_few_of_a_large_org_passes(self, org: Organization, idp: Idp) -> None:  # T1
        staff(org, 12)
        some = staff(org, 11)
        group = team(org, idp, "Everybody", some)
        set_members(idp, group, some[:1])
        settle_marked(org)
        assert not held(org)
        assert in_team("Everybody") == {some[0]}
        assert not Breach.objects.exists()

    def test_of_accounts_younger_than_a_day_passes(self, org: Organization, idp: Idp) -> None:  # T1
        young = [str(user.id) for user in UserFactory.create_batch(12, org=org)]
        group = team(org, idp, "Everybody", young)
        set_members(idp, group, [])
        settle_marked(org)
        assert not held(org)
        assert not in_team("Everybody")

    def test_of_an_admin_of_the_org_passes(self, org: Organization, everybody: PushedGroup) -> None:  # T1
        mappings.reject(org=org, mapping_ids=[everybody.mappings.get().id], cause=by_admin())
        settle_marked(org)
        assert not held(org)
        assert not in_team("Everybody")

    def test_of_one_token_is_not_counted_with_that_of_another(
        self, org: Organization, idp: Idp, people: list[str], everybody: PushedGroup
    ) -> None:  # T1
        staff(org, 12)
        set_members(idp, everybody, people[6:])
        set_members(idp_of(org, "other"), everybody, [])
        settle_marked(org)
        assert not held(org)

    def test_of_two_tokens_at_once_is_held_and_decided_for_each(
        self, org: Organization, idp: Idp, people: list[str], everybody: PushedGroup
    ) -> None:  # T1
        others = staff(org, 14)
        second = team(org, idp, "Others", others)
        set_members(idp, everybody, [])
        set_members(idp_of(org, "other"), second, [])
        settle_marked(org)
        first_one, other_one = (Breach.objects.get(token__name=name) for name in ("test", "other"))
        assert {str(hold.user_id) for hold in first_one.holds.all()} == in_team("Everybody") == set(people)
        assert {str(hold.user_id) for hold in other_one.holds.all()} == in_team("Others") == set(others)
        held_changes.let_through(org=org, breach_id=first_one.id, cause=by_admin())
        settle_marked(org)
        assert held(org) == in_team("Others") == set(others)
        assert not in_team("Everybody")
        assert drift(org) == []

    def test_is_counted_in_people_over_ten_minutes(
        self, org: Organization, idp: Idp, people: list[str], everybody: PushedGroup
    ) -> None:  # T1
        for last in range(2, 12, 2):
            set_members(idp, everybody, people[last:])
            settle_marked(org)
        assert held(org) == set(people[6:10])  # with them, it is more than half of the org
        assert in_team("Everybody") == set(people[6:])

    def test_that_trickles_is_not_held(
        self, org: Organization, idp: Idp, people: list[str], everybody: PushedGroup
    ) -> None:  # T1
        for last in range(2, 12, 2):
            set_members(idp, everybody, people[last:])
            settle_marked(org)
            minutes_later(11)
        assert not held(org)

    def test_stays_held_when_time_passes_and_what_is_little_then_passes(
        self, org: Organization, idp: Idp, people: list[str], emptied: PushedGroup
    ) -> None:  # T1
        other = team(org, idp, "Others", staff(org, 3))
        minutes_later(60)
        set_members(idp, other, [])
        settle_marked(org)
        assert held(org) == in_team("Everybody") == set(people)
        assert not in_team("Others")

    def test_leaves_nobody_held_who_loses_nothing(
        self, org: Organization, idp: Idp, people: list[str], everybody: PushedGroup
    ) -> None:  # T1
        newcomer = staff(org, 1)
        set_members(idp, everybody, newcomer)
        settle_marked(org)
        assert held(org) == set(people)
        assert in_team("Everybody") == {*people, *newcomer}

    def test_is_held_while_the_token_is_no_more(
        self, org: Organization, idp: Idp, people: list[str], emptied: PushedGroup
    ) -> None:  # T1
        effect_checks.rebuild(org=org, cause=by_command())
        assert held(org) == in_team("Everybody") == set(people)
        assert drift(org) == []


class TestAMassChangeOfSeveralBatches:
    def settle_one_batch(self, org: Organization) -> None:
        assert reconcile.settle_marked(org.id, 4) == 4

    def test_takes_effect_for_nobody_while_it_is_assessed(
        self, org: Organization, idp: Idp, people: list[str], everybody: PushedGroup
    ) -> None:  # T1
        set_members(idp, everybody, [])
        for done in (4, 8):
            self.settle_one_batch(org)
            assert len(held(org)) == done
            assert in_team("Everybody") == set(people)
            assert Breach.objects.get().state == BreachState.ASSESSING
            assert drift(org) == []
        assert not [matter for matter in everything(org, at=timezone.now()) if matter.kind == "changes.held"]
        self.settle_one_batch(org)
        assert Breach.objects.get().state == BreachState.OPEN
        assert held(org) == in_team("Everybody") == set(people)

    def test_is_assessed_all_the_same_by_a_worker_after_one_that_died(
        self, org: Organization, idp: Idp, people: list[str], everybody: PushedGroup
    ) -> None:  # T1
        set_members(idp, everybody, [])
        self.settle_one_batch(org)
        for _ in range(2):
            with transaction.atomic():
                self.settle_one_batch(org)
                transaction.set_rollback(True)
            assert len(held(org)) == 4
            assert Breach.objects.get().state == BreachState.ASSESSING
        settle_marked(org)
        assert Breach.objects.get().state == BreachState.OPEN
        assert held(org) == in_team("Everybody") == set(people)

    def test_takes_effect_after_all_if_it_was_not_too_much(self, org: Organization, idp: Idp) -> None:  # T1
        some, others, newcomers = staff(org, 6), staff(org, 12), staff(org, 6)
        group = team(org, idp, "Everybody", [*some, *others])
        set_members(idp, group, [*others, *newcomers])
        self.settle_one_batch(org)
        assert Breach.objects.get().state == BreachState.ASSESSING
        settle_marked(org)
        assert Breach.objects.get().state == BreachState.ENDED
        assert not Hold.objects.exists()
        assert in_team("Everybody") == {*others, *newcomers}
        left = LedgerEntry.objects.filter(user=some[0], slot=TEAM).latest("id")
        assert left.change.by_token  # and not Muster itself
        assert drift(org) == []
        assert not Change.objects.filter(verb__startswith="hold.").exists()

    def test_that_was_not_too_much_counts_with_what_follows(self, org: Organization, idp: Idp) -> None:  # T1
        some, others, newcomers = staff(org, 8), staff(org, 6), staff(org, 6)
        group = team(org, idp, "Everybody", [*some, *others])
        set_members(idp, group, [*others, *newcomers])
        self.settle_one_batch(org)
        assert Breach.objects.get().state == BreachState.ASSESSING
        settle_marked(org)
        assert not held(org)
        set_members(idp, group, newcomers)
        settle_marked(org)
        assert held(org) == set(others)

    def test_holds_nobody_for_good_because_of_an_earlier_one(
        self, org: Organization, idp: Idp, people: list[str], emptied: PushedGroup
    ) -> None:  # T1
        minutes_later(60)
        some, newcomers = staff(org, 3), staff(org, 20)
        other = team(org, idp, "Others", some)
        set_members(idp, other, newcomers)
        self.settle_one_batch(org)
        assert held(org) == {*people, *some}
        settle_marked(org)
        assert held(org) == in_team("Everybody") == set(people)
        assert in_team("Others") == set(newcomers)
        assert Breach.objects.get().state == BreachState.OPEN
        assert drift(org) == []

    def test_that_follows_an_earlier_one_is_held_as_well(
        self, org: Organization, idp: Idp, people: list[str], emptied: PushedGroup
    ) -> None:  # T1
        minutes_later(60)
        some = staff(org, 11)
        set_members(idp, team(org, idp, "Others", some), [])
        settle_marked(org)
        assert held(org) == {*people, *some}

    def test_holds_one_who_is_settled_by_a_request_meanwhile(
        self, org: Organization, idp: Idp, people: list[str], everybody: PushedGroup
    ) -> None:  # S7
        set_members(idp, everybody, [])
        for id_ in (people[0], people[-1]):
            set_role(idp, id_, MEMBER)
        assert held(org) == {people[0], people[-1]}
        settle_marked(org)
        assert held(org) == in_team("Everybody") == set(people)

    def test_holds_one_whom_an_admin_is_about_to_change(
        self, org: Organization, idp: Idp, people: list[str], everybody: PushedGroup
    ) -> None:  # T1
        set_members(idp, everybody, [])
        manual_changes.set_roles(org=org, user_id=UUID(people[0]), roles=[ADMIN], cause=by_admin())
        assert held(org) == {people[0]}

    def test_is_forgotten_with_what_was_counted_of_it(self, org: Organization, emptied: PushedGroup) -> None:
        holds.forget()
        assert Taken.objects.count() == 12
        minutes_later(61)
        holds.forget()
        assert not Taken.objects.exists()


class TestTheAdminRole:
    def test_of_most_admins_is_not_taken_away(self, org: Organization, idp: Idp) -> None:  # T1
        staff(org, 20)
        those = staff(org, 3)
        group = admins(org, idp, those)
        set_members(idp, group, [])
        settle_marked(org)
        assert held(org) == with_role(ADMIN) == set(those)
        assert Breach.objects.get().rules == ["demotions"]
        assert not LastAdmin.objects.exists()
        assert drift(org) == []

    def test_of_a_mapping_is_not_taken_away_by_deleting_its_group(self, org: Organization, idp: Idp) -> None:  # R6
        staff(org, 20)
        those = staff(org, 3)
        group = admins(org, idp, those)
        assert idp.delete(f"/Groups/{group.id}").status_code == 204
        settle_marked(org)
        assert held(org) == with_role(ADMIN) == set(those)
        again = push(idp, "Admins", *those)
        settle_marked(org)
        assert held(org) == set(those)  # its new mapping has to be approved
        give(again, ADMIN)
        settle_marked(org)
        assert not held(org)
        assert with_role(ADMIN) == set(those)
        assert drift(org) == []

    def test_is_kept_by_one_when_it_is_taken_from_all_after_all(self, org: Organization, idp: Idp) -> None:  # R5
        those = staff(org, 3)
        group = admins(org, idp, those)
        set_members(idp, group, [])
        settle_marked(org)
        let_through(org)
        assert with_role(ADMIN) == {str(LastAdmin.objects.get().user_id)}
        assert drift(org) == []

    def test_is_not_given_to_many(self, org: Organization, idp: Idp) -> None:  # T1
        first, new = staff(org, 1), staff(org, 3)
        group = admins(org, idp, first)
        set_members(idp, group, [*first, *new])
        settle_marked(org)
        assert held(org) == set(new)
        assert with_role(ADMIN) == set(first)
        assert Breach.objects.get().rules == ["promotions"]
        assert let_through(org, *new[:2]) == 2
        assert with_role(ADMIN) == {*first, *new[:2]}

    def test_is_given_to_many_before_anybody_had_it_through_scim(self, org: Organization, idp: Idp) -> None:  # T1
        new = staff(org, 4)
        UserFactory.create(org=org, scim_managed=False, roles=[ADMIN])
        group = push(idp, "Admins", *new[:2])
        give(group, ADMIN)
        settle_marked(org)
        set_members(idp, group, new)
        settle_marked(org)
        assert not held(org)
        assert with_role(ADMIN) > set(new)

    def test_is_not_given_to_many_who_are_created_with_it(self, org: Organization, idp: Idp) -> None:  # T1
        admins(org, idp, staff(org, 1))
        for number in range(4):
            body = {"userName": f"new{number}", "roles": [{"value": ADMIN}]}
            assert idp.post("/Users", body).status_code == 201
        assert len(held(org)) == 2
        assert len(with_role(ADMIN)) == 1 + 2
        assert drift(org) == []

    def test_is_not_given_to_many_by_activating_them(self, org: Organization, idp: Idp) -> None:  # T1
        first = staff(org, 1)
        group = admins(org, idp, first)
        inactive = staff(org, 4, active=False, idp_active=None)
        set_members(idp, group, [*first, *inactive])
        settle_marked(org)
        assert not held(org)
        for id_ in inactive:
            set_active(idp, id_, True)
        assert held(org) == set(inactive[2:])
        active = {str(id_) for id_ in User.objects.filter(active=True).values_list("id", flat=True)}
        assert with_role(ADMIN) & active == {*first, *inactive[:2]}
        assert drift(org) == []

    def test_that_somebody_keeps_as_the_last_admin_is_lost_once(self, org: Organization, idp: Idp) -> None:  # R5
        (only,) = staff(org, 1)
        group = admins(org, idp, [only])
        set_members(idp, group, [])
        settle_marked(org)
        assert LastAdmin.objects.get().user_id == UUID(only)
        assert Taken.objects.count() == 1
        set_role(idp, only, MEMBER)
        assert Taken.objects.count() == 1
        assert not held(org)


class TestMending:
    def test_in_the_idp_ends_the_hold(
        self, org: Organization, idp: Idp, people: list[str], emptied: PushedGroup
    ) -> None:  # T1
        set_members(idp, emptied, people[:4])
        settle_marked(org)
        assert held(org) == set(people[4:])
        assert Breach.objects.get().state == BreachState.OPEN
        set_members(idp, emptied, people)
        settle_marked(org)
        assert not Hold.objects.exists()
        assert in_team("Everybody") == set(people)
        assert Breach.objects.get().state == BreachState.ENDED
        assert Change.objects.filter(verb="hold.ended").count() == 1
        assert drift(org) == []

    def test_lets_what_was_mended_count_no_longer(
        self, org: Organization, idp: Idp, people: list[str], emptied: PushedGroup
    ) -> None:  # T1
        set_members(idp, emptied, people)
        settle_marked(org)
        set_members(idp, emptied, people[2:])
        settle_marked(org)
        assert not held(org)
        assert in_team("Everybody") == set(people[2:])

    def test_of_one_person_by_a_request_ends_it_at_once(self, org: Organization, idp: Idp) -> None:  # S7
        those, first = staff(org, 4), staff(org, 4)
        admins(org, idp, first)
        for id_ in those:
            set_role(idp, id_, ADMIN)
        assert held(org) == set(those[2:])
        set_role(idp, those[2], MEMBER)
        assert held(org) == {those[3]}


class TestAddingAMemberAgain:
    def added(self, group: PushedGroup) -> dict[str, tuple[datetime, UUID]]:
        rows = GroupMember.objects.filter(group=group)
        return {str(user): (at, by) for user, at, by in rows.values_list("user_id", "added_at", "added_by_id")}

    def rivals(self, org: Organization, idp: Idp) -> tuple[list[str], list[PushedGroup]]:
        """People whom the first of two groups has in its concurrency group, and whom the other claims as well."""
        those = staff(org, 5)
        groups = [push(idp, name, *those) for name in ("Days", "Nights")]
        for group in groups:
            map_to(group, POOL)
        long_ago(org)
        assert in_team("Days") == set(those)
        return those, groups

    def test_gives_who_is_held_the_old_time_back(
        self, org: Organization, idp: Idp, people: list[str], everybody: PushedGroup
    ) -> None:  # T1
        before = self.added(everybody)
        set_members(idp, everybody, [])
        settle_marked(org)
        set_members(idp, everybody, people)
        assert self.added(everybody) == before

    def test_ends_the_hold_where_another_group_claims_the_person_too(self, org: Organization, idp: Idp) -> None:  # C2
        those, (days, _) = self.rivals(org, idp)
        set_members(idp, days, [])
        settle_marked(org)
        assert held(org) == in_team("Days") == set(those)
        set_members(idp, days, those)
        settle_marked(org)
        assert not Hold.objects.exists()
        assert in_team("Days") == set(those)
        assert Breach.objects.get().state == BreachState.ENDED
        assert drift(org) == []

    def test_counts_what_was_removed_before_the_change_that_is_named(self, org: Organization, idp: Idp) -> None:  # T1
        those, (days, nights) = self.rivals(org, idp)
        before = self.added(days)
        set_members(idp, days, [])
        set_members(idp, nights, [])
        settle_marked(org)
        assert held(org) == set(those)
        set_members(idp, nights, those)
        set_members(idp, days, those)
        settle_marked(org)
        assert self.added(days) == before
        assert not held(org)
        assert in_team("Days") == set(those)

    def test_again_and_again_gives_back_the_time_before_the_first_removal(
        self, org: Organization, idp: Idp, people: list[str], emptied: PushedGroup
    ) -> None:  # T1
        other = push(idp, "Other", *people)
        set_members(idp, other, [])
        set_members(idp, other, people[:1])
        first = self.added(other)
        set_members(idp, other, [])
        set_members(idp, other, people[:1])
        assert self.added(other) == first

    def test_gives_nothing_back_that_had_ended_before(
        self, org: Organization, idp: Idp, people: list[str], everybody: PushedGroup
    ) -> None:  # C2
        other = push(idp, "Other", people[0])
        set_members(idp, other, [])
        long_ago(org)
        set_members(idp, everybody, [])
        settle_marked(org)
        began = Hold.objects.get(user=people[0]).at
        set_members(idp, other, people[:1])
        assert self.added(other)[people[0]][0] > began

    def test_gives_nothing_back_once_the_person_was_let_through(
        self, org: Organization, idp: Idp, people: list[str], everybody: PushedGroup
    ) -> None:  # C2
        before = self.added(everybody)
        set_members(idp, everybody, [])
        settle_marked(org)
        breach = Breach.objects.get()
        held_changes.let_through(org=org, breach_id=breach.id, user_ids=[UUID(people[0])], cause=by_admin())
        set_members(idp, everybody, people)
        after = self.added(everybody)
        assert after.pop(people[0]) > before.pop(people[0])
        assert after == before

    def test_names_who_added_them_now_if_history_no_longer_has_who_did(
        self, org: Organization, idp: Idp, people: list[str], everybody: PushedGroup
    ) -> None:  # T1
        before = self.added(everybody)
        set_members(idp, everybody, [])
        settle_marked(org)
        MemberPast.objects.update(added_by_id=uuid7())
        set_members(idp, everybody, people)
        last = Change.objects.filter(verb="group.changed").latest("id").id
        assert self.added(everybody) == {id_: (at, last) for id_, (at, _) in before.items()}

    def test_to_a_group_that_was_deleted_ends_no_hold_before_its_new_mapping_is_approved(
        self, org: Organization, idp: Idp, people: list[str], everybody: PushedGroup
    ) -> None:  # G4
        assert idp.delete(f"/Groups/{everybody.id}").status_code == 204
        settle_marked(org)
        again = push(idp, "Everybody", *people)
        settle_marked(org)
        assert held(org) == in_team("Everybody") == set(people)
        map_to(again, TEAM, Entity.objects.get(name="Everybody").id)
        settle_marked(org)
        assert not held(org)
        assert in_team("Everybody") == set(people)
        assert drift(org) == []


class TestAHold:
    def test_ends_when_the_person_is_deactivated_and_gives_nothing_back(
        self, org: Organization, idp: Idp, people: list[str], emptied: PushedGroup
    ) -> None:  # U4
        set_active(idp, people[0], False)
        assert people[0] not in held(org) | in_team("Everybody")
        set_active(idp, people[0], True)
        settle_marked(org)
        assert people[0] not in held(org) | in_team("Everybody")
        account_switches.deactivate(org=org, user_id=UUID(people[1]), cause=by_admin())
        assert people[1] not in held(org) | in_team("Everybody")
        assert drift(org) == []

    def test_ends_when_the_person_is_deleted(
        self, org: Organization, idp: Idp, people: list[str], emptied: PushedGroup
    ) -> None:  # U5
        assert idp.delete(f"/Users/{people[0]}").status_code == 204
        assert people[0] not in held(org) | in_team("Everybody")

    def test_keeps_nobody_in_an_entity_that_is_deleted(
        self, org: Organization, people: list[str], emptied: PushedGroup
    ) -> None:  # M7
        everybody = Entity.objects.get(name="Everybody")
        entity_edits.delete_entity(org=org, entity_id=everybody.id, cause=by_admin())
        settle_marked(org)
        assert not Membership.objects.filter(entity=everybody).exists()
        assert not held(org)
        assert Breach.objects.get().state == BreachState.ENDED
        assert drift(org) == []

    def test_keeps_nobody_in_an_entity_that_was_deleted_before_they_were_settled(
        self, org: Organization, idp: Idp, everybody: PushedGroup
    ) -> None:  # M7
        set_members(idp, everybody, [])
        entity_edits.delete_entity(org=org, entity_id=Entity.objects.get(name="Everybody").id, cause=by_admin())
        settle_marked(org)
        assert not held(org)
        assert not Membership.objects.exists()
        assert drift(org) == []

    def test_keeps_people_where_they_are_when_the_kind_goes_off(
        self, org: Organization, people: list[str], emptied: PushedGroup
    ) -> None:  # M8
        org.teams = False
        org.save(update_fields=["teams"])
        assert drift(org) == []
        assert in_team("Everybody") == set(people)

    def test_of_somebody_leaves_other_changes_to_them_undone_until_it_ends(
        self, org: Organization, idp: Idp, people: list[str], emptied: PushedGroup
    ) -> None:  # T1
        map_to(push(idp, "Other", *people[:2]))
        settle_marked(org)
        assert not in_team("Other")
        let_through(org, people[0])
        assert in_team("Other") == {people[0]}

    def test_is_told_with_the_facts(self, org: Organization, people: list[str], emptied: PushedGroup) -> None:
        told = exported(org)["holds"]
        assert {row["user"] for row in told} == set(people)
        assert told[0]["kept"]["roles"] == [MEMBER]
        assert not told[0]["released"]


class TestLettingThrough:
    def test_everybody_has_the_facts_count_for_all(
        self, org: Organization, people: list[str], emptied: PushedGroup
    ) -> None:  # T1
        assert let_through(org) == 12
        assert not Hold.objects.exists()
        assert not in_team("Everybody")
        assert Breach.objects.get().state == BreachState.ENDED
        change = Change.objects.get(verb="hold.let_through")
        assert (change.detail["everybody"], change.detail["marked"]) == (True, 12)
        assert LedgerEntry.objects.filter(user=people[0]).latest("id").change == change
        assert not Change.objects.filter(verb="hold.ended").exists()
        assert drift(org) == []

    def test_some_leaves_the_others_held(self, org: Organization, people: list[str], emptied: PushedGroup) -> None:
        assert let_through(org, *people[:4]) == 4
        assert held(org) == in_team("Everybody") == set(people[4:])
        assert let_through(org, *people[4:]) == 8
        assert Breach.objects.get().state == BreachState.ENDED

    def test_everybody_has_the_token_count_anew(
        self, org: Organization, idp: Idp, people: list[str], emptied: PushedGroup
    ) -> None:  # T1
        let_through(org)
        other = team(org, idp, "Others", people)
        set_members(idp, other, people[4:])
        settle_marked(org)
        assert not held(org)
        set_members(idp, other, people[6:])
        settle_marked(org)
        assert not held(org)
        set_members(idp, other, people[7:])
        settle_marked(org)
        assert held(org) == {people[6]}

    def test_some_has_the_token_count_on(
        self, org: Organization, idp: Idp, people: list[str], emptied: PushedGroup
    ) -> None:  # T1
        let_through(org, people[0])
        group = push(idp, "Others", people[0])
        map_to(group)
        settle_marked(org)
        set_members(idp, group, [])
        settle_marked(org)
        assert people[0] in held(org)

    def test_what_is_over_is_refused(self, org: Organization, people: list[str], emptied: PushedGroup) -> None:
        breach = Breach.objects.get()
        let_through(org, people[0])
        for ids in ([UUID(people[0])], []):
            with pytest.raises(held_changes.NothingHeld):
                held_changes.let_through(org=org, breach_id=breach.id, user_ids=ids, cause=by_admin())
        let_through(org)
        with pytest.raises(held_changes.NothingHeld):
            held_changes.let_through(org=org, breach_id=breach.id, cause=by_admin())


class TestByHand:
    @pytest.mark.parametrize(
        "act",
        [
            lambda **whom: manual_changes.set_roles(roles=[ADMIN], **whom),
            lambda **whom: manual_changes.place(entity_id=Entity.objects.get(name="Here").id, **whom),
            lambda **whom: manual_changes.take_out(entity_id=Entity.objects.get(name="Everybody").id, **whom),
            lambda **whom: manual_changes.put_back(entity_id=Entity.objects.get(name="Everybody").id, **whom),
        ],
        ids=["role", "place", "take out", "put back"],
    )
    def test_nothing_is_done_to_somebody_who_is_held(
        self, org: Organization, people: list[str], emptied: PushedGroup, act: Callable[..., Any]
    ) -> None:  # T1
        entity(org, "Here")
        with pytest.raises(Held):
            act(org=org, user_id=UUID(people[0]), cause=by_admin())
        assert not HandPlacement.objects.exists()
        let_through(org)
        act(org=org, user_id=UUID(people[0]), cause=by_admin())

    def test_nothing_is_decided_about_somebody_who_is_held(self, org: Organization, idp: Idp) -> None:  # T1
        those = staff(org, 5)
        groups = [push(idp, name, *those) for name in ("Days", "Nights")]
        for group in groups:
            map_to(group, POOL)
        long_ago(org)
        card = conflict_decisions.Card.of(Conflict.objects.get(user=those[0]))
        set_members(idp, groups[0], [])
        settle_marked(org)
        assert held(org) == set(those)
        with pytest.raises(Held):
            conflict_decisions.decide(org=org, cards=[card], use_incoming=True, cause=by_admin())


class TestTheLimits:
    def choose(self, org: Organization, limits: HoldLimits) -> None:
        assert organizations.set_hold_limits(org=org, limits=limits, cause=by_admin())

    def exceeded(self) -> list[str]:
        return list(Excess.objects.order_by("limits").values_list("limits", flat=True))

    @pytest.fixture(autouse=True)
    def _steps(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(breaker.LIMITS, "strict", Limits(many=4, few=4, admins=2, percentage=10))
        monkeypatch.setitem(breaker.LIMITS, "lenient", Limits(many=20, few=20, admins=20, percentage=20))

    def test_decide_what_is_held(
        self, org: Organization, idp: Idp, people: list[str], everybody: PushedGroup
    ) -> None:  # T1
        self.choose(org, HoldLimits.STRICT)
        set_members(idp, everybody, people[5:])
        settle_marked(org)
        assert held(org) == set(people[:5])
        assert Breach.objects.get().rules == ["losses"]

    def test_that_are_lenient_let_pass_what_others_hold(
        self, org: Organization, idp: Idp, people: list[str], everybody: PushedGroup
    ) -> None:  # T1
        self.choose(org, HoldLimits.LENIENT)
        set_members(idp, everybody, [])
        settle_marked(org)
        assert not held(org)
        assert not in_team("Everybody")
        assert self.exceeded() == ["standard", "strict"]

    def test_that_are_chosen_while_somebody_is_held_let_nobody_through(
        self, org: Organization, idp: Idp, people: list[str], emptied: PushedGroup
    ) -> None:  # T1
        self.choose(org, HoldLimits.LENIENT)
        settle_marked(org)
        effect_checks.rebuild(org=org, cause=by_command())
        assert held(org) == in_team("Everybody") == set(people)
        minutes_later(11)
        others = staff(org, 11)
        set_members(idp, team(org, idp, "Others", others), [])
        settle_marked(org)
        assert held(org) == set(people)
        assert not in_team("Others")

    def test_that_are_chosen_while_a_change_is_assessed_decide_about_it(
        self, org: Organization, idp: Idp, people: list[str], everybody: PushedGroup
    ) -> None:  # T1
        set_members(idp, everybody, [])
        assert reconcile.settle_marked(org.id, 4) == 4
        assert Breach.objects.get().state == BreachState.ASSESSING
        self.choose(org, HoldLimits.LENIENT)
        settle_marked(org)
        assert not held(org)
        assert not in_team("Everybody")
        assert Breach.objects.get().state == BreachState.ENDED

    def test_are_tried_on_what_happens_whichever_the_org_has(
        self, org: Organization, idp: Idp, people: list[str], everybody: PushedGroup
    ) -> None:  # T1
        set_members(idp, everybody, people[5:])
        settle_marked(org)
        assert not held(org)
        assert self.exceeded() == ["strict"]
        set_members(idp, everybody, people[6:])
        settle_marked(org)
        assert self.exceeded() == ["strict"]  # within a minute
        set_members(idp, everybody, [])
        settle_marked(org)
        assert self.exceeded() == ["standard", "strict"]

    def test_are_tried_on_what_is_assessed_too(
        self, org: Organization, idp: Idp, people: list[str], everybody: PushedGroup
    ) -> None:  # T1
        set_members(idp, everybody, [])
        while reconcile.settle_marked(org.id, 4):
            assert self.exceeded() in ([], ["standard", "strict"])
        assert self.exceeded() == ["standard", "strict"]

    def test_that_were_exceeded_are_forgotten_after_weeks(
        self, org: Organization, idp: Idp, people: list[str], emptied: PushedGroup
    ) -> None:
        holds.forget()
        assert Excess.objects.exists()
        Excess.objects.update(at=timezone.now() - holds.WEEKS - timedelta(minutes=1))
        holds.forget()
        assert not Excess.objects.exists()


class TestTheMatter:
    def test_begins_when_changes_are_held_and_ends_when_nobody_is(
        self, org: Organization, idp: Idp, people: list[str], emptied: PushedGroup
    ) -> None:  # N1
        (matter,) = [each for each in everything(org, at=timezone.now()) if each.kind == "changes.held"]
        assert (matter.is_urgent, matter.count, matter.title) == (True, 12, "Changes to 12 people are held")
        set_members(idp, emptied, people)
        settle_marked(org)
        assert not [each for each in everything(org, at=timezone.now()) if each.kind == "changes.held"]


class TestAnOrdinaryWrite:
    def test_that_takes_nothing_away_asks_nothing(self, org: Organization, idp: Idp, people: list[str]) -> None:  # T1
        assert _statements(lambda: set_role(idp, people[0], MEMBER)) == 0

    def test_that_takes_a_role_away_asks_once(self, org: Organization, idp: Idp, people: list[str]) -> None:  # T1
        set_role(idp, people[0], ADMIN)
        assert _statements(lambda: set_role(idp, people[0], MEMBER)) == 1


def _statements(request: Callable[[], Any]) -> int:
    """How many statements about holds a request waits for; what is written goes with the next one."""
    with CaptureQueriesContext(
        connection,
    ) as queries:
        request()
    return sum("groups_provisioning_breach" in each["sql"] for each in queries)
