"""What waits for a second admin, and what does not (SPEC T6)."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from groups_provisioning.actions import group_ends
from groups_provisioning.models import Breach, Hold, PushedGroup
from groups_provisioning.preview import runs
from groups_provisioning.proposals import gate
from orgs import organizations
from orgs.models import Change, Invitation, Organization, User
from tests.conftest import Idp
from tests.factories import OwnerFactory, StaffFactory, UserFactory, breach_of
from tests.groups_provisioning.world import (
    by_admin,
    by_command,
    entity,
    give,
    group,
    only,
    person,
    push,
    push_user,
    role_rule,
    settle,
    settle_marked,
    tie,
)

pytestmark = pytest.mark.usefixtures("db")


class Case:
    def __init__(self, org: Organization) -> None:
        org.two_persons = True
        org.save()
        self.org = org
        self.grace = UserFactory.create(org=org, roles=["Admin"])

    def asks(self, do: str, **arguments: Any) -> bool:
        return gate.needs_second(self.org, {"do": do, **arguments}, by_admin(self.grace))


@pytest.fixture
def case(org: Organization) -> Case:
    return Case(org)


class TestWhoAsks:
    def test_are_admins_and_keys_of_the_org_alone(self, case: Case) -> None:  # T6
        wish = {"do": "two_persons", "on": False}
        assert gate.needs_second(case.org, wish, by_admin(case.grace))
        for cause in (by_command(), by_admin(StaffFactory.create())):
            assert not gate.needs_second(case.org, wish, cause)


class TestGroups:
    def test_that_a_group_is_ended_asks_if_a_role_by_hand_counts_again(self, case: Case) -> None:  # R1, T6
        bo = person(case.org, "Bo", "Diddley", manual_roles=["Admin"])
        members = group(case.org, "Members", bo, roles=["Member"])
        others = group(case.org, "Others", person(case.org, "Cy", "Young"), roles=["Member"])
        settle(bo)
        assert bo.standing.roles == ["Member"]
        assert case.asks("end", ids=[str(members.id)])
        assert not case.asks("end", ids=[str(others.id)])

    def test_that_a_team_is_taken_away_asks_nobody_however_many_are_in_it(
        self, case: Case, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(runs, "AT_ONCE", 0)
        mapping = tie(group(case.org, "Crew", person(case.org, "Bo", "Diddley")), entity(case.org, "Crew"))
        assert not case.asks("reject", ids=[str(mapping.id)])
        assert not case.asks("retarget", mapping=str(mapping.id), name="Other")

    def test_what_takes_a_role_from_more_people_than_are_looked_at_asks(
        self, case: Case, monkeypatch: pytest.MonkeyPatch
    ) -> None:  # T6
        mapping = give(group(case.org, "Crew", person(case.org, "Bo", "Diddley")), "Member")
        assert not case.asks("reject", ids=[str(mapping.id)])
        monkeypatch.setattr(runs, "AT_ONCE", 0)
        assert case.asks("reject", ids=[str(mapping.id)])

    def test_that_one_comes_back_that_gave_the_role_asks(self, case: Case) -> None:  # T6
        bosses = group(case.org, "Bosses")
        give(bosses, "Admin")
        group_ends.end_group(org=case.org, group_id=bosses.id, cause=by_command())
        assert case.asks("undo_end", group=str(bosses.id))

    def test_rules_are_applied_alone_unless_one_gives_the_role(self, case: Case) -> None:  # T6
        group(case.org, "ops-night")
        role_rule(case.org, "Member", "ops-")
        assert not case.asks("apply", roles=True)
        group(case.org, "adm-night")
        role_rule(case.org, "Admin", "adm-")
        assert case.asks("apply", roles=True)

    def test_approved_together_ask_if_one_is_for_admins(self, case: Case, idp: Idp) -> None:  # T6
        role_rule(case.org, "Admin", "adm-", auto=False)
        asked = [only(push(idp, name)) for name in ("adm-one", "adm-two")]
        assert case.asks("approve", ids=[str(each.id) for each in asked], many=True)


class TestRules:
    def facts(self, role: str, pattern: str = "x") -> dict[str, Any]:
        return {"pattern_type": "prefix", "kind": "role", "pattern": pattern, "auto_approve": False, "role": role}

    def test_for_admins_ask_though_nobody_gets_the_role_yet(self, case: Case) -> None:  # T6
        assert case.asks("keep_rule", rule="", facts=self.facts("Admin"))
        assert not case.asks("keep_rule", rule="", facts=self.facts("Member"))

    def test_before_one_for_admins_are_not_changed_moved_or_deleted_alone(self, case: Case) -> None:  # T6
        first, admins, last = (role_rule(case.org, role, role[0]) for role in ("Member", "Admin", "Member"))
        ids = [str(each.id) for each in (first, admins, last)]
        assert case.asks("keep_rule", rule=ids[0], facts=self.facts("Member"))
        assert case.asks("delete_rule", rule=ids[0])
        assert case.asks("move_rule", rule=ids[0], position=3)
        assert case.asks("move_rule", rule=ids[1], position=1)
        assert case.asks("order_rules", was=ids, order=[ids[1], ids[0], ids[2]])
        assert not case.asks("keep_rule", rule=ids[2], facts=self.facts("Member"))
        assert not case.asks("delete_rule", rule=ids[2])
        assert not case.asks("delete_rule", rule=ids[1])
        assert not case.asks("move_rule", rule=ids[2], position=1)
        assert not case.asks("order_rules", was=ids, order=[ids[0], ids[2], ids[1]])

    def test_for_admins_that_wait_for_approval_are_not_taken_from_before_automatic_ones_alone(
        self, case: Case
    ) -> None:  # T6
        waiting, automatic = (role_rule(case.org, "Admin", "a", auto=auto) for auto in (False, True))
        ids = [str(each.id) for each in (waiting, automatic)]
        assert case.asks("delete_rule", rule=ids[0])
        assert case.asks("move_rule", rule=ids[1], position=1)
        assert case.asks("keep_rule", rule=ids[0], facts=self.facts("Member"))
        assert not case.asks("delete_rule", rule=ids[1])


class TestPeople:
    def test_get_other_roles_by_hand_alone(self, case: Case) -> None:
        bo = person(case.org, "Bo", "Diddley", manual_roles=["Admin"])
        assert not case.asks("set_roles", user=str(bo.id), roles=["Admin"])
        assert not case.asks("set_roles", user=str(bo.id), roles=None)
        assert case.asks("set_roles", user=str(person(case.org, "Cy", "Young").id), roles=["Admin"])

    def test_are_activated_alone_if_they_administer_nothing(self, case: Case) -> None:  # T6
        bo = person(case.org, "Bo", "Diddley", active=False, idp_active=True)
        settle(bo)
        assert not case.asks("switch_person", user=str(bo.id), active=True)
        User.objects.filter(pk=bo.pk).update(idp_roles=["Admin"])
        settle(bo)
        assert case.asks("switch_person", user=str(bo.id), active=True)
        owner = OwnerFactory.create(org=case.org, active=False)
        assert case.asks("switch_person", user=str(owner.id), active=True)

    def test_invited_as_admins_are_sent_another_mail_while_their_link_works(self, case: Case) -> None:  # T6
        about = {"address": "zoe@corp.example", "roles": ["Admin"], "days": 7, "invited_at": timezone.now()}
        sent = Invitation.objects.create(org=case.org, expires_at=timezone.now() + timedelta(days=1), **about)
        assert not case.asks("resend", invitation=str(sent.id))
        Invitation.objects.update(expires_at=timezone.now())
        assert case.asks("resend", invitation=str(sent.id))

    def test_invited_as_admins_before_a_second_was_asked_are_not_sent_another_mail_alone(
        self, case: Case
    ) -> None:  # T6
        about = {"address": "zoe@corp.example", "roles": ["Admin"], "days": 7, "invited_at": timezone.now()}
        sent = Invitation.objects.create(org=case.org, expires_at=timezone.now() + timedelta(days=1), **about)
        OwnerFactory.create(org=case.org)
        for on in (False, True):
            organizations.set_two_persons(org=case.org, on=on, cause=by_command())
        assert case.asks("resend", invitation=str(sent.id))


class TestWhatIdentityProvidersDid:
    def held(self, case: Case, was: str, now: str) -> Breach:
        bo, breach = person(case.org, "Bo", "Diddley", idp_roles=[now]), breach_of(case.org)
        kept = {"roles": [was], "places": []}
        change = Change.objects.for_org(case.org).latest("id")
        Hold.objects.create(org=case.org, user=bo, breach=breach, change=change, at=timezone.now(), kept=kept)
        settle(bo)
        return breach

    def test_is_let_through_alone_unless_somebody_becomes_an_admin(self, case: Case) -> None:  # T6
        assert case.asks("let_through", breach=str(self.held(case, "Member", "Admin").id))

    def test_keeps_nobody_from_being_deactivated_alone(self, case: Case) -> None:  # T1, T6
        bo = self.held(case, "Member", "Admin").holds.get().user
        assert not case.asks("switch_person", user=str(bo.id), active=False)

    def test_is_let_through_alone_otherwise(self, case: Case) -> None:
        assert not case.asks("let_through", breach=str(self.held(case, "Admin", "Member").id))

    def test_is_taken_back_alone_unless_that_gives_the_role_back(self, case: Case, idp: Idp) -> None:  # T6
        ada = push_user(idp, "Ada Brandt")
        bosses = push(idp, "Bosses", ada)
        give(bosses, "Admin")
        settle_marked(case.org)
        idp.patch(f"/Users/{ada}", {"op": "add", "path": "title", "value": "Dr"})
        titled = Change.objects.for_org(case.org).latest("id")
        idp.patch(f"/Groups/{bosses.id}", {"op": "replace", "path": "members", "value": []})
        settle_marked(case.org)
        emptied = Change.objects.for_org(case.org).filter(verb="group.changed").latest("id")
        nothing = {"token": None, "since": None, "until": None}
        assert not case.asks("take_back", **nothing, change=str(titled.id))
        assert case.asks("take_back", **nothing, change=str(emptied.id))

    def test_is_not_taken_back_alone_if_an_admin_or_a_group_for_admins_is_back(self, case: Case, idp: Idp) -> None:
        ada = push_user(idp, "Ada Brandt")
        User.objects.filter(pk=ada).update(idp_roles=["Admin"])
        settle(User.objects.get(pk=ada))
        bosses = push(idp, "Bosses")
        PushedGroup.objects.filter(pk=bosses.pk).update(roles=["Admin"])
        nothing = {"token": None, "since": None, "until": None}
        for deleted in (f"/Users/{ada}", f"/Groups/{bosses.id}"):
            assert idp.delete(deleted).status_code == 204
            change = Change.objects.for_org(case.org).filter(by_token__isnull=False).latest("id")
            assert case.asks("take_back", **nothing, change=str(change.id))  # T6
