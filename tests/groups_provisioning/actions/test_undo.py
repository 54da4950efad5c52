"""Taking back what an identity provider did (SPEC T2)."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from groups_provisioning.actions import account_switches, erasing, group_ends, manual_changes, mappings, members, undo
from groups_provisioning.engine import breaker, taking_back
from groups_provisioning.engine.breaker import Limits
from groups_provisioning.engine.taking_back import HistoryTooShort, NotTaken, Span
from groups_provisioning.engine.undo_plan import Reason, TakingBack
from groups_provisioning.models import GroupMember, Hold, Membership, PushedGroup, Status
from orgs import people
from orgs.models import Change, HandPlacement, LedgerEntry, Organization, PastBegin, ScimToken, Session, User
from scim import filter_copies
from tests.conftest import Idp, signed_in
from tests.factories import OrganizationFactory
from tests.groups_provisioning.states import drift
from tests.groups_provisioning.world import (
    POOL,
    SUB,
    TEAM,
    by_admin,
    by_command,
    entity,
    idp_of,
    map_to,
    only,
    person,
    places,
    push,
    push_user,
    rule,
    settle_marked,
)


class Accident:
    """An identity provider that does something at a known time, and an admin who takes it back."""

    def __init__(self, org: Organization) -> None:
        self.org, self.idp = org, idp_of(org, "faulty")
        self.token = ScimToken.objects.get(name="faulty")
        self.since = timezone.now()

    def span(self, until: datetime | None = None) -> Span:
        return Span(token=self.token.id, since=self.since, until=until or timezone.now())

    def plan(self) -> TakingBack:
        return taking_back.plan(self.org, self.span())

    def take_back(self, span: Span | None = None) -> Change:
        undo.take_back(org=self.org, span=span or self.span(), copies=filter_copies.of_row, cause=by_admin())
        settle_marked(self.org)
        assert drift(self.org) == []
        return Change.objects.for_org(self.org).filter(verb="changes.taken_back").latest("id")

    def refused(self) -> list[tuple[str, str, str]]:
        return [(each.kind, each.name, each.reason) for each in self.plan().refused]

    def set_members(self, group: PushedGroup, *users: User) -> None:
        value = [{"value": str(user.id)} for user in users]
        self.idp.patch(f"/Groups/{group.id}", {"op": "replace", "path": "members", "value": value})

    def patch(self, user: User, path: str, value: Any) -> None:
        self.idp.patch(f"/Users/{user.id}", {"op": "replace", "path": path, "value": value})


@pytest.fixture
def ada(org: Organization) -> User:
    return person(org, "Ada", "Lovelace", created_at=timezone.now() - timedelta(days=30))


@pytest.fixture
def group(org: Organization, idp: Idp, ada: User) -> PushedGroup:
    """Engineers, a team, with Ada in it."""
    pushed = push(idp, "Engineers", ada)
    map_to(pushed)
    settle_marked(org)
    return pushed


@pytest.fixture
def accident(org: Organization, group: PushedGroup) -> Accident:
    return Accident(org)


class TestMembers:
    def test_are_back_since_when_and_by_what_they_had_been_added(
        self, accident: Accident, group: PushedGroup, ada: User
    ) -> None:  # C2
        before = GroupMember.objects.values("added_at", "added_by", "user").get()
        accident.set_members(group)
        accident.take_back()
        assert GroupMember.objects.values("added_at", "added_by", "user").get() == before
        assert places(ada) == {"Engineers": "claim"}
        group.refresh_from_db()
        assert group.member_count == 1

    def test_who_were_added_again_are_as_old_as_they_were(
        self, accident: Accident, group: PushedGroup, ada: User
    ) -> None:
        before = GroupMember.objects.values("added_at", "added_by").get()
        accident.set_members(group)
        accident.set_members(group, ada)
        accident.take_back()
        assert GroupMember.objects.values("added_at", "added_by").get() == before

    def test_who_were_added_go(self, org: Organization, accident: Accident, group: PushedGroup, ada: User) -> None:
        bo = person(org, "Bo", "Diddley")
        accident.set_members(group, ada, bo)
        accident.take_back()
        assert GroupMember.objects.get().user == ada

    def test_make_the_group_out_of_sync(self, accident: Accident, group: PushedGroup) -> None:  # O3
        accident.set_members(group)
        accident.take_back()
        group.refresh_from_db()
        assert group.out_of_sync

    def test_whom_somebody_else_has_removed_since_stay_away(
        self, org: Organization, idp: Idp, accident: Accident, group: PushedGroup
    ) -> None:
        bo = person(org, "Bo", "Diddley")
        accident.idp.patch(f"/Groups/{group.id}", {"op": "add", "path": "members", "value": [{"value": str(bo.id)}]})
        idp.patch(f"/Groups/{group.id}", {"op": "remove", "path": f'members[value eq "{bo.id}"]'})
        assert accident.plan().is_nothing

    def test_do_not_come_back_if_they_were_deleted(
        self, idp: Idp, accident: Accident, group: PushedGroup, ada: User
    ) -> None:
        accident.set_members(group)
        idp.delete(f"/Users/{ada.id}")
        assert accident.plan().pairs == []

    def test_of_a_large_group_take_few_statements(
        self, org: Organization, accident: Accident, group: PushedGroup, ada: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:  # G8
        accident.set_members(group, ada, *(person(org, f"P{n}", "Person") for n in range(30)))
        counts = []
        for size in (100, 100, 10):
            monkeypatch.setattr(members, "GIVEN_BACK", size)
            accident.since = timezone.now()
            accident.set_members(group)
            with CaptureQueriesContext(connection) as asked:
                undo.take_back(org=org, span=accident.span(), copies=filter_copies.of_row, cause=by_admin())
            counts.append(len(asked))
            assert GroupMember.objects.count() == 31
        assert max(counts) <= 45
        assert counts[2] == counts[1] + 3  # four parts instead of one


class TestPeople:
    def test_are_active_again_as_if_they_had_not_been_deactivated(
        self, org: Organization, accident: Accident, ada: User
    ) -> None:  # M2
        accident.patch(ada, "active", False)
        accident.take_back()
        ada.refresh_from_db()
        assert (ada.active, ada.deactivated_at) == (True, [])
        assert LedgerEntry.objects.filter(user=ada, slot="account").latest("id").now == "active"

    def test_whose_sessions_have_ended_sign_in_again(self, accident: Accident, ada: User) -> None:  # U4
        signed_in(ada)
        accident.patch(ada, "active", False)
        accident.take_back()
        assert not Session.objects.filter(user=ada).exists()

    def test_who_were_activated_are_signed_out(self, org: Organization, idp: Idp, ada: User) -> None:  # U4
        idp.patch(f"/Users/{ada.id}", {"op": "replace", "path": "active", "value": False})
        accident = Accident(org)
        accident.patch(ada, "active", True)
        ada.refresh_from_db()
        signed_in(ada)
        accident.take_back()
        ada.refresh_from_db()
        assert not ada.active
        assert not Session.objects.filter(user=ada).exists()

    def test_who_were_deleted_are_back_with_all_that_was_about_them(
        self, org: Organization, accident: Accident, group: PushedGroup, ada: User
    ) -> None:
        hand = entity(org, "By hand")
        manual_changes.place(org=org, user_id=ada.id, entity_id=hand.id, cause=by_admin())
        manual_changes.set_roles(org=org, user_id=ada.id, roles=["Admin"], cause=by_admin())
        accident.since = timezone.now()
        accident.idp.delete(f"/Users/{ada.id}")
        accident.take_back()
        ada.refresh_from_db()
        assert (ada.deleted_at, ada.active, ada.manual_roles, ada.login_email) == (
            None,
            True,
            ["Admin"],
            "ada@corp.example",
        )
        assert places(ada) == {"By hand": "hand", "Engineers": "claim"}
        assert not ada.has_usable_password()

    def test_who_were_created_are_deleted(
        self, org: Organization, accident: Accident, group: PushedGroup
    ) -> None:  # U5
        bo = push_user(accident.idp, "Bo")
        accident.idp.patch(f"/Groups/{group.id}", {"op": "add", "path": "members", "value": [{"value": bo}]})
        accident.take_back()
        assert people.account(User.objects.get(id=bo)) == "deleted"
        assert not GroupMember.objects.filter(user=bo).exists()
        assert accident.idp.get(f"/Users/{bo}").status_code == 404

    def test_who_were_created_and_have_been_given_a_role_stay(self, org: Organization, accident: Accident) -> None:
        bo = push_user(accident.idp, "Bo")
        manual_changes.set_roles(org=org, user_id=User.objects.get(id=bo).id, roles=["Admin"], cause=by_admin())
        assert accident.refused() == [("person", "bo@corp.example", Reason.USED)]

    def test_whose_name_was_changed_are_found_by_it(self, accident: Accident, ada: User) -> None:  # S5
        accident.patch(ada, "name.familyName", "Byron")
        accident.patch(ada, "emails", [{"value": "byron@corp.example", "type": "work"}])
        accident.take_back()
        found = accident.idp.get('/Users?filter=name.familyName eq "lovelace"').json()
        assert found["totalResults"] == 1
        assert accident.idp.get('/Users?filter=emails.value eq "byron@corp.example"').json()["totalResults"] == 0

    def test_whose_name_belongs_to_somebody_else_keep_the_new_one(
        self, idp: Idp, accident: Accident, ada: User
    ) -> None:
        accident.patch(ada, "userName", "byron@corp.example")
        accident.patch(ada, "title", "Dr.")
        assert idp.post("/Users", {"userName": "ada@corp.example"}).status_code == 201
        assert accident.refused() == [("person", "Ada Lovelace", Reason.NAME_TAKEN)]
        accident.take_back()
        ada.refresh_from_db()
        assert (ada.user_name, ada.attributes.get("title")) == ("byron@corp.example", None)

    def test_who_were_deleted_stay_so_if_somebody_has_their_name(
        self, idp: Idp, accident: Accident, ada: User, group: PushedGroup
    ) -> None:
        accident.patch(ada, "externalId", "1")
        accident.idp.delete(f"/Users/{ada.id}")
        assert idp.post("/Users", {"userName": "ada@corp.example", "externalId": "2"}).status_code == 201
        assert ("person", "Ada Lovelace", Reason.NAME_TAKEN) in accident.refused()
        assert accident.plan().pairs == []

    def test_whom_another_has_deleted_since_have_their_name_and_stay_deleted(
        self, idp: Idp, accident: Accident, ada: User
    ) -> None:
        accident.patch(ada, "userName", "ada")  # no address, so the deletion does not change the one to sign in with
        idp.delete(f"/Users/{ada.id}")
        accident.take_back()
        ada.refresh_from_db()
        assert (people.account(ada), ada.user_name, ada.login_email) == ("deleted", "ada@corp.example", None)
        assert accident.plan().is_nothing

    def test_who_were_erased_stay_so(self, org: Organization, accident: Accident, ada: User) -> None:  # U5
        accident.idp.delete(f"/Users/{ada.id}")
        erasing.erase(org=org, user_id=ada.id, cause=by_command())
        assert accident.refused() == [("person", "somebody who was erased", Reason.ERASED)]
        with pytest.raises(undo.NothingToTakeBack):
            accident.take_back()

    def test_whom_an_admin_has_closed_since_stay_closed(
        self, org: Organization, accident: Accident, ada: User
    ) -> None:  # U12
        accident.patch(ada, "title", "Dr.")
        accident.patch(ada, "active", False)
        accident.patch(ada, "active", True)
        account_switches.deactivate(org=org, user_id=ada.id, cause=by_admin())
        accident.take_back()
        ada.refresh_from_db()
        assert (ada.active, ada.attributes.get("title")) == (False, None)

    def test_keep_what_another_identity_provider_has_written_since(
        self, idp: Idp, accident: Accident, ada: User
    ) -> None:
        accident.patch(ada, "title", "Dr.")
        accident.patch(ada, "nickName", "A")
        idp.patch(f"/Users/{ada.id}", {"op": "replace", "path": "title", "value": "Prof."})
        assert accident.refused() == [("person", "Ada Lovelace", Reason.CHANGED)]
        accident.take_back()
        ada.refresh_from_db()
        assert (ada.attributes.get("title"), ada.attributes.get("nickName")) == ("Prof.", None)


class TestGroups:
    def test_that_were_deleted_are_back_with_members_and_mappings(
        self, accident: Accident, group: PushedGroup, ada: User
    ) -> None:
        before = only(group)
        accident.idp.delete(f"/Groups/{group.id}")
        accident.take_back()
        group.refresh_from_db()
        after = only(group)
        assert (group.deleted_at, group.member_count, group.out_of_sync) == (None, 1, True)
        assert (after.status, after.switched_at, after.change_id) == (
            before.status,
            before.switched_at,
            before.change_id,
        )
        assert places(ada) == {"Engineers": "claim"}

    def test_that_were_created_are_deleted(self, org: Organization, accident: Accident, ada: User) -> None:  # G4
        rule(org)
        accident.since = timezone.now()
        new = push(accident.idp, "Designers", ada)
        settle_marked(org)
        accident.take_back()
        new.refresh_from_db()
        assert new.deleted_at
        assert new.mappings.get().status == Status.REJECTED
        assert places(ada) == {"Engineers": "claim"}

    def test_that_were_created_and_have_been_mapped_stay(
        self, org: Organization, accident: Accident, ada: User
    ) -> None:
        new = push(accident.idp, "Designers", ada)
        map_to(new)
        assert accident.refused() == [("group", "Designers", Reason.USED)]
        assert accident.plan().is_nothing

    def test_have_their_names_again_and_so_have_their_targets(
        self, accident: Accident, group: PushedGroup
    ) -> None:  # G6
        accident.idp.patch(f"/Groups/{group.id}", {"op": "replace", "path": "displayName", "value": "Designers"})
        accident.take_back()
        group.refresh_from_db()
        target = only(group).entity
        assert target
        assert (group.display_name, target.name, target.former_keys) == ("Engineers", "Engineers", ["designers"])
        assert accident.plan().is_nothing

    def test_leave_a_target_its_new_name_if_a_rule_has_made_another_of_the_old_one(
        self, org: Organization, accident: Accident, group: PushedGroup, ada: User
    ) -> None:
        rule(org)
        accident.since = timezone.now()
        accident.idp.patch(f"/Groups/{group.id}", {"op": "replace", "path": "displayName", "value": "Designers"})
        push(accident.idp, "Engineers", ada)
        assert accident.refused() == [("entity", "Designers", Reason.NAME_TAKEN)]
        accident.take_back()
        group.refresh_from_db()
        assert group.display_name == "Engineers"
        assert places(ada) == {"Designers": "claim"}

    def test_have_a_mapping_again_that_waits_beside_a_sub_organization(
        self, org: Organization, idp: Idp, accident: Accident
    ) -> None:  # M1, M4
        pushed = push(idp, "Japan")
        map_to(pushed, SUB, entity(org, "Japan", SUB).id)
        rule(org, "Jap", POOL)
        idp.patch(f"/Groups/{pushed.id}", {"op": "replace", "path": "displayName", "value": "Japanese"})
        before = set(pushed.mappings.values_list("kind", "status", "reason"))
        assert (POOL, Status.PENDING, "excluded") in before
        accident.since = timezone.now()
        accident.idp.delete(f"/Groups/{pushed.id}")
        accident.take_back()
        assert set(pushed.mappings.values_list("kind", "status", "reason")) == before

    def test_whose_name_another_has_stay_deleted(self, idp: Idp, accident: Accident, group: PushedGroup) -> None:
        accident.idp.patch(f"/Groups/{group.id}", {"op": "replace", "path": "displayName", "value": "Designers"})
        push(idp, "Engineers")
        assert ("group", "Designers", Reason.NAME_TAKEN) in accident.refused()

    def test_whose_target_was_deleted_come_back_without_it(
        self, org: Organization, accident: Accident, group: PushedGroup
    ) -> None:  # M7
        target = only(group).entity
        assert target
        accident.idp.delete(f"/Groups/{group.id}")
        target.deleted_at = timezone.now()
        target.save()
        assert accident.refused() == [("mapping", "Engineers", Reason.TARGET_GONE)]
        accident.take_back()
        assert group.mappings.get().status == Status.REJECTED

    def test_whose_target_another_has_come_back_without_it(
        self, idp: Idp, accident: Accident, group: PushedGroup
    ) -> None:
        target = only(group).entity
        assert target
        accident.idp.delete(f"/Groups/{group.id}")
        map_to(push(idp, "Designers"), TEAM, target.id)
        assert accident.refused() == [("mapping", "Engineers", Reason.TARGET_TAKEN)]

    def test_whose_mapping_an_admin_has_decided_about_since_keep_that(
        self, org: Organization, accident: Accident, group: PushedGroup
    ) -> None:
        rule(org, "Eng", POOL)
        rule(org, "Des", TEAM)
        accident.since = timezone.now()
        new = push(accident.idp, "Engineering")
        mappings.reject(org=org, mapping_ids=[only(new).id], cause=by_admin())
        assert accident.refused() == [("group", "Engineering", Reason.USED)]

    def test_that_an_admin_has_ended_since_stay_ended(
        self, org: Organization, accident: Accident, group: PushedGroup
    ) -> None:
        accident.idp.patch(f"/Groups/{group.id}", {"op": "replace", "path": "externalId", "value": "x"})
        group_ends.end_group(org=org, group_id=group.id, cause=by_admin())
        accident.take_back()
        group.refresh_from_db()
        assert (bool(group.deleted_at), group.external_id) == (True, "")


class TestByHand:
    def test_removals_that_a_write_ended_are_back(self, org: Organization, accident: Accident, ada: User) -> None:  # R4
        target = entity_of(ada)
        manual_changes.take_out(org=org, user_id=ada.id, entity_id=target.entity_id, cause=by_admin())
        before = HandPlacement.objects.values().get()
        accident.since = timezone.now()
        accident.patch(ada, "title", "Dr.")
        assert not HandPlacement.objects.exists()
        accident.take_back()
        assert HandPlacement.objects.values().get() == before
        assert places(ada) == {}


def entity_of(user: User) -> Membership:
    return Membership.objects.get(user=user)


class TestWhatIsTakenBack:
    def test_is_what_the_token_did_in_that_time(self, accident: Accident, ada: User) -> None:
        accident.patch(ada, "title", "Dr.")
        accident.patch(ada, "nickName", "A")
        until = timezone.now()
        accident.patch(ada, "title", "Prof.")
        accident.take_back(accident.span(until))
        ada.refresh_from_db()
        assert ada.attributes == {"title": "Prof."}  # the later word stands

    def test_is_what_one_change_did(self, accident: Accident, ada: User) -> None:
        accident.patch(ada, "title", "Dr.")
        change = Change.objects.latest("id")
        accident.patch(ada, "nickName", "A")
        accident.take_back(Span(change=change.id))
        ada.refresh_from_db()
        assert ada.attributes == {"nickName": "A"}

    def test_may_be_an_undo(self, accident: Accident, group: PushedGroup, ada: User) -> None:
        bo = push_user(accident.idp, "Bo")
        accident.set_members(group)
        accident.patch(ada, "active", False)
        undone = accident.take_back()
        accident.take_back(Span(change=undone.id))
        ada.refresh_from_db()
        group.refresh_from_db()
        assert not ada.active
        assert not GroupMember.objects.exists()
        assert people.account(User.objects.get(id=bo)) == "active"
        assert not group.out_of_sync

    def test_may_be_an_undo_unless_who_is_back_has_been_used(
        self, idp: Idp, accident: Accident, group: PushedGroup, ada: User
    ) -> None:
        accident.idp.delete(f"/Users/{ada.id}")
        undone = accident.take_back()
        push(idp, "Designers", ada)
        back = taking_back.plan(accident.org, Span(change=undone.id))
        assert [(each.name, each.reason) for each in back.refused] == [("Ada Lovelace", Reason.USED)]
        assert (back.users, back.pairs) == ({}, [])

    def test_is_nothing_the_second_time(self, accident: Accident, ada: User) -> None:
        accident.patch(ada, "title", "Dr.")
        accident.take_back()
        with pytest.raises(undo.NothingToTakeBack):
            accident.take_back()

    def test_can_be_taken_back_again_once_it_was_sent_again(self, accident: Accident, ada: User) -> None:
        for _ in range(2):
            accident.patch(ada, "title", "Dr.")
            accident.take_back()
        ada.refresh_from_db()
        assert ada.attributes == {}

    def test_is_no_decision_of_an_admin(self, org: Organization, accident: Accident, ada: User) -> None:
        manual_changes.set_roles(org=org, user_id=ada.id, roles=["Admin"], cause=by_admin())
        with pytest.raises(NotTaken):
            accident.take_back(Span(change=Change.objects.latest("id").id))

    def test_is_nothing_of_another_org(self, accident: Accident, ada: User) -> None:  # O7
        accident.patch(ada, "title", "Dr.")
        stranger = OrganizationFactory.create()
        for span in (accident.span(), Span(change=Change.objects.latest("id").id)):
            with pytest.raises(NotTaken):
                taking_back.plan(stranger, span)

    def test_is_nothing_from_before_history_was_kept(self, accident: Accident, ada: User) -> None:
        accident.patch(ada, "title", "Dr.")
        began = timezone.now()
        PastBegin.objects.update(at=began)
        with pytest.raises(HistoryTooShort) as refused:
            accident.plan()
        assert refused.value.args == (began,)


class TestAMassChange:
    @pytest.fixture(autouse=True)
    def small_numbers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(breaker.LIMITS, "standard", Limits(many=3, few=2, admins=1, percentage=20))

    def test_that_is_held_is_no_longer_held_and_its_undo_is_not(
        self, org: Organization, accident: Accident, group: PushedGroup
    ) -> None:  # T1
        month = timezone.now() - timedelta(days=30)
        everybody = [person(org, f"P{n}", "Person", created_at=month) for n in range(8)]
        accident.set_members(group, *everybody)
        settle_marked(org)
        accident.since = timezone.now()
        accident.set_members(group)
        settle_marked(org)
        assert Hold.objects.count() == 8
        undone = accident.take_back()
        assert not Hold.objects.exists()
        accident.take_back(Span(change=undone.id))  # takes places from everybody
        assert not Hold.objects.exists()
        assert not Membership.objects.filter(user__in=everybody).exists()


class TestTheNextSync:
    def test_of_a_full_push_brings_it_again(self, accident: Accident, group: PushedGroup) -> None:  # S4, O3
        """Okta sends all members it knows of, the same as before."""
        accident.set_members(group)
        accident.take_back()
        accident.idp.put(f"/Groups/{group.id}", {"displayName": "Engineers", "members": []})
        group.refresh_from_db()
        assert (group.member_count, group.out_of_sync) == (0, False)

    def test_of_deltas_leaves_it_and_the_group_out_of_sync(
        self, org: Organization, accident: Accident, group: PushedGroup, ada: User
    ) -> None:  # S5, O3
        """Entra sends only what it has changed since."""
        accident.set_members(group)
        accident.take_back()
        bo = person(org, "Bo", "Diddley")
        operation = {"op": "Add", "path": "members", "value": [{"value": str(bo.id)}]}
        accident.idp.patch(f"/Groups/{group.id}", operation)
        group.refresh_from_db()
        assert set(group.memberships.values_list("user", flat=True)) == {ada.id, bo.id}
        assert group.out_of_sync
