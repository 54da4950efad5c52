"""What waits for a second admin: asking, approving, refusing and the switch, on pages (SPEC T6)."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from groups_provisioning.models import GroupMapping, MappingRule, PushedGroup
from groups_provisioning.proposals import gate
from orgs import proposals
from orgs.models import Change, Mail, Organization, Proposal, Standing, User
from orgs.open_matters import everything
from orgs.web.access import RECENT, SIGNED_IN_AT
from tests.conftest import signed_in
from tests.factories import OwnerFactory, StaffFactory, UserFactory
from tests.groups_provisioning.world import (
    TEAM,
    by_admin,
    entity,
    give,
    group,
    person,
    role_rule,
    rule,
    settle,
    settle_marked,
)
from tests.page_text import text as words_of

PAGE = "/second-admin/"
SWITCH = "/settings/two-persons/"


class Case:
    """Grace and Ada are admins of an org that has two persons decide. Bo and Cleo are in the group Ops."""

    def __init__(self, org: Organization) -> None:
        Organization.objects.filter(pk=org.pk).update(two_persons=True)
        org.refresh_from_db()
        self.org = org
        self.grace = UserFactory.create(org=org, user_name="grace@corp.example", roles=["Admin"])
        self.ada = UserFactory.create(org=org, user_name="ada@corp.example", roles=["Admin"])
        User.objects.filter(pk__in=[self.grace.pk, self.ada.pk]).update(idp_roles=["Admin"])
        self.bo, self.cleo = person(org, "Bo", "Diddley"), person(org, "Cleo", "Ptolemy")
        settle(self.bo, self.cleo)
        self.ops = group(org, "Ops", self.bo, self.cleo)
        self.asker, self.second = signed_in(self.grace), signed_in(self.ada)

    def ask(self, address: str, **data: Any) -> Proposal:
        """Decide as the asker does who has read the page."""
        seen = self.asker.post(address, data)
        assert seen.status_code == 200
        assert "Ask a second admin" in words_of(seen)
        answer = self.asker.post(address, data | {"seen": seen.context["outlook"].fingerprint})
        assert answer.status_code == 302, words_of(answer)
        return Proposal.objects.for_org(self.org).latest("id")

    def ask_for_role(self) -> Proposal:
        return self.ask(f"/groups/{self.ops.id}/role/", name="Admin")

    def approve(self, proposal: Proposal, client: Client | None = None, seen: str | None = None) -> str:
        client = client or self.second
        page = client.get(f"{PAGE}{proposal.id}/")
        seen = page.context.get("seen", "") if seen is None else seen
        answer = client.post(f"{PAGE}{proposal.id}/", {"seen": seen}, follow=True)
        proposal.refresh_from_db()
        return words_of(answer)

    def roles(self, user: User) -> list[str]:
        settle_marked(self.org)
        return Standing.objects.get(user=user).roles


@pytest.fixture
def case(org: Organization) -> Case:
    return Case(org)


class TestAsking:
    def test_changes_nothing_and_tells_the_others(self, case: Case) -> None:  # T6
        proposal = case.ask_for_role()
        assert (proposal.state, proposal.asked_by) == ("open", case.grace)
        assert not GroupMapping.objects.exists()
        assert case.roles(case.bo) == ["Member"]
        assert [mail.person for mail in Mail.objects.all()] == [case.ada]
        assert "proposal.open" in {matter.kind for matter in everything(case.org, at=timezone.now())}
        assert Change.objects.get(verb="proposal.made").by_person == case.grace

    def test_leads_to_the_page_of_what_was_asked_for(self, case: Case) -> None:
        proposal = case.ask_for_role()
        page = words_of(case.asker.get(f"{PAGE}{proposal.id}/"))
        assert "Give the members of “Ops” the role Admin" in page
        assert "2 people will become admins" in page
        assert "Withdraw" in page
        assert "Approve" not in page

    def test_for_the_same_again_makes_no_second_one(self, case: Case) -> None:
        assert case.ask_for_role() == case.ask_for_role()

    def test_is_needed_for_a_group_without_members(self, case: Case) -> None:  # T6
        case.ops = group(case.org, "Empty")
        case.ask_for_role()

    def test_is_not_needed_for_another_role(self, case: Case) -> None:
        address = f"/groups/{case.ops.id}/role/"
        seen = case.asker.post(address, {"name": "Member"})
        assert "Ask a second admin" not in words_of(seen)
        case.asker.post(address, {"name": "Member", "seen": seen.context["outlook"].fingerprint})
        assert GroupMapping.objects.get().role == "Member"

    def test_is_not_needed_to_take_the_role_away(self, case: Case) -> None:  # T6
        mapping = give(case.ops, "Admin")
        settle_marked(case.org)
        address = f"/mappings/{mapping.id}/reject/"
        seen = case.asker.post(address)
        case.asker.post(address, {"seen": seen.context["outlook"].fingerprint})
        mapping.refresh_from_db()
        assert mapping.status == "rejected"

    def test_is_not_needed_while_the_switch_is_off(self, case: Case) -> None:
        Organization.objects.update(two_persons=False)
        address = f"/groups/{case.ops.id}/role/"
        seen = case.asker.post(address, {"name": "Admin"})
        case.asker.post(address, {"name": "Admin", "seen": seen.context["outlook"].fingerprint})
        assert GroupMapping.objects.get().role == "Admin"


class TestApproving:
    def test_carries_it_out_in_the_name_of_the_second_and_says_who_asked(self, case: Case) -> None:  # T6
        proposal = case.ask_for_role()
        assert "Approved, and done" in case.approve(proposal)
        assert (proposal.state, proposal.decided_by) == ("approved", case.ada)
        assert case.roles(case.bo) == ["Admin"]
        done = Change.objects.get(verb="mapping.approved")
        assert done.by_person == case.ada
        assert proposal.changes == [done.id]
        told = Change.objects.get(verb="proposal.approved")
        assert told.detail["asked_by"] == str(case.grace.id)
        assert "Mapping Ops → Admin was approved" in words_of(case.asker.get(f"{PAGE}{proposal.id}/"))
        for change in (done, told):
            page = words_of(case.second.get(f"/activity/{change.id}/"))
            assert "Asked by grace@corp.example" in page
            assert "approved by ada@corp.example" in page

    def test_is_not_for_who_asked(self, case: Case) -> None:  # T6
        proposal = case.ask_for_role()
        fingerprint = case.second.get(f"{PAGE}{proposal.id}/").context["seen"]
        assert "You cannot decide about this" in case.approve(proposal, case.asker, fingerprint)
        assert proposal.state == "open"

    def test_is_not_for_an_admin_who_was_none_when_it_was_asked(self, case: Case) -> None:  # T6
        proposal = case.ask_for_role()
        give(group(case.org, "Helpers", case.cleo), "Admin")  # by SCIM and a rule, say
        assert case.roles(case.cleo) == ["Admin"]
        helper = signed_in(case.cleo)
        assert "You were not an admin yet when this was asked" in words_of(helper.get(f"{PAGE}{proposal.id}/"))
        assert "You cannot decide about this" in case.approve(proposal, helper)
        assert proposal.state == "open"

    def test_needs_a_recent_sign_in(self, case: Case) -> None:  # L6
        proposal = case.ask_for_role()
        session = case.second.session
        session[SIGNED_IN_AT] = (timezone.now() - RECENT).timestamp() - 1
        session.save()
        assert "Sign in again" in case.approve(proposal)
        assert proposal.state == "open"

    def test_is_shown_anew_where_the_world_has_changed(self, case: Case) -> None:  # T6
        proposal = case.ask_for_role()
        page = case.second.get(f"{PAGE}{proposal.id}/")
        assert "The effects have changed since this was asked" not in words_of(page)
        PushedGroup.objects.filter(pk=case.ops.pk).update(revision=case.ops.revision + 1)
        text = case.approve(proposal, seen=page.context["seen"])
        assert "the effects have changed since you saw them" in text
        assert "The effects have changed since this was asked" in text
        assert proposal.state == "open"
        case.approve(proposal)
        assert proposal.state == "approved"

    def test_what_is_refused_by_now_keeps_waiting_and_says_why(self, case: Case) -> None:  # T6
        proposal = case.ask_for_role()
        seen = case.second.get(f"{PAGE}{proposal.id}/").context["seen"]
        PushedGroup.objects.filter(pk=case.ops.pk).update(deleted_at=timezone.now())
        page = case.approve(proposal, seen=seen)
        assert "so it keeps waiting. This group" in page
        assert "This cannot be done at present" in page
        assert proposal.state == "open"

    def test_of_what_has_expired_is_not_possible_swept_or_not(self, case: Case) -> None:  # T6
        proposal = case.ask_for_role()
        seen = case.second.get(f"{PAGE}{proposal.id}/").context["seen"]
        Proposal.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        page = case.approve(proposal, seen=seen)
        assert "no longer waits" in page
        assert "Outcome Expired" in page
        assert "Expired" in words_of(case.second.get(PAGE))
        proposals.sweep(timezone.now())
        proposal.refresh_from_db()
        assert proposal.state == "expired"
        assert not GroupMapping.objects.exists()

    def test_of_what_was_asked_by_somebody_deactivated_since_is_not_possible(self, case: Case) -> None:  # T6
        proposal = case.ask_for_role()
        seen = case.second.get(f"{PAGE}{proposal.id}/").context["seen"]
        User.objects.filter(pk=case.grace.pk).update(active=False)
        assert "no longer waits" in case.approve(proposal, seen=seen)
        proposals.sweep(timezone.now())
        proposal.refresh_from_db()
        assert proposal.state == "withdrawn"

    def test_twice_tells_the_other_who_was_first(self, case: Case) -> None:
        proposal = case.ask_for_role()
        owner = OwnerFactory.create(org=case.org, user_name="eve@corp.example", created_at=case.org.created_at)
        eve = signed_in(owner)
        seen = eve.get(f"{PAGE}{proposal.id}/").context["seen"]
        case.approve(proposal)
        assert "ada@corp.example has approved this already" in case.approve(proposal, eve, seen)


class TestRefusingAndWithdrawing:
    def test_is_said_with_the_reason(self, case: Case) -> None:
        proposal = case.ask_for_role()
        case.second.post(f"{PAGE}{proposal.id}/refuse/", {"reason": "Not this quarter"})
        page = words_of(case.asker.get(f"{PAGE}{proposal.id}/"))
        assert "Refused" in page
        assert "Not this quarter" in page

    def test_is_for_the_second_and_for_who_asked(self, case: Case) -> None:
        proposal = case.ask_for_role()
        case.asker.post(f"{PAGE}{proposal.id}/refuse/")
        case.second.post(f"{PAGE}{proposal.id}/withdraw/")
        proposal.refresh_from_db()
        assert proposal.state == "open"
        case.asker.post(f"{PAGE}{proposal.id}/withdraw/")
        proposal.refresh_from_db()
        assert (proposal.state, proposal.decided_by) == ("withdrawn", None)

    def test_are_listed_by_as_many_queries_as_one(self, case: Case) -> None:
        def ask(number: int) -> None:
            target = entity(case.org, f"Team {number}").pk
            wishes: tuple[Any, ...] = (
                {"do": "set_roles", "user": str(case.bo.pk), "roles": ["Admin", str(number)]},
                {"do": "map", "group": str(group(case.org, f"g{number}").pk), "kind": TEAM, "entity": str(target)},
                {"do": "delete_rule", "rule": str(rule(case.org, f"g{number}").pk)},
            )
            for wish in wishes:
                proposals.propose(org=case.org, wish=wish, fingerprint="", cause=by_admin(case.grace))

        ask(1)
        case.second.get(PAGE)
        with CaptureQueriesContext(connection) as few:
            case.second.get(PAGE)
        ask(2)
        ask(3)
        with CaptureQueriesContext(connection) as more:
            assert "Team 3" in words_of(case.second.get(PAGE))
        assert len(more) == len(few)

    def test_is_listed(self, case: Case) -> None:
        proposal = case.ask_for_role()
        assert "Asked by grace@corp.example" in words_of(case.second.get(PAGE))
        case.asker.post(f"{PAGE}{proposal.id}/withdraw/")
        page = words_of(case.second.get(PAGE))
        assert "Nothing is waiting" in page
        assert "Withdrawn" in page


class TestByHand:
    def test_a_role_waits(self, case: Case) -> None:  # T6
        case.asker.post(f"/people/{case.bo.id}/roles/", {"roles": "Admin"})
        proposal = Proposal.objects.get()
        assert case.roles(case.bo) == ["Member"]
        assert "Give Bo Diddley (bo@corp.example) the role Admin by hand" in case.approve(proposal)
        assert case.roles(case.bo) == ["Admin"]

    def test_an_invitation_waits(self, case: Case) -> None:  # T6
        sent = {"addresses": "zoe@corp.example", "roles": "Admin", "days": "7"}
        assert "Ask a second admin" in words_of(case.asker.post("/people/invitations/new/", sent))
        case.asker.post("/people/invitations/new/", sent | {"seen": "1"})
        assert not case.org.invitations.exists()
        case.approve(Proposal.objects.get())
        assert case.org.invitations.get().address == "zoe@corp.example"

    def test_what_cannot_be_done_is_refused_before_anybody_is_asked(self, case: Case) -> None:
        sent = {"addresses": case.ada.user_name, "roles": "Admin", "days": "7", "seen": "1"}
        assert case.asker.post("/people/invitations/new/", sent).status_code == 200
        assert not Proposal.objects.exists()

    def test_a_rule_waits_once_it_was_read(self, case: Case) -> None:  # T6
        sent = {"pattern_type": "prefix", "pattern": "adm-", "role": "Admin"}
        address = "/groups/rules/new-role/"
        seen = case.asker.post(address, sent)
        assert "Ask a second admin" in words_of(seen)
        case.asker.post(address, sent | {"seen": seen.context["seen"]})
        proposal = Proposal.objects.get()
        assert not MappingRule.objects.exists()
        case.approve(proposal)
        assert MappingRule.objects.get().role == "Admin"

    def test_a_rule_that_keeps_groups_from_one_for_admins_is_not_deleted_alone(self, case: Case) -> None:  # T6
        first = role_rule(case.org, "Member", "ops-contractors")
        role_rule(case.org, "Admin", "ops-")
        address = f"/groups/rules/{first.id}/delete/"
        assert "Ask a second admin" in words_of(case.asker.get(address))
        case.asker.post(address, {"seen": ""})
        assert MappingRule.objects.count() == 2
        case.approve(Proposal.objects.get())
        assert MappingRule.objects.get().role == "Admin"

    def test_limits_wait(self, case: Case) -> None:  # T6
        case.asker.post("/held-changes/limits/", {"limits": "lenient"})
        case.org.refresh_from_db()
        assert case.org.hold_limits == "standard"
        proposal = Proposal.objects.get()
        assert "Limits now: Standard." in words_of(case.second.get(f"{PAGE}{proposal.id}/"))
        case.approve(proposal)
        case.org.refresh_from_db()
        assert case.org.hold_limits == "lenient"

    def test_the_owner_account_waits(self, case: Case) -> None:  # T6
        owner = OwnerFactory.create(org=case.org, user_name="owner@corp.example")
        owner.set_password("a long enough secret")
        owner.save()
        client = signed_in(owner)
        sent = {"address": "new@corp.example", "again": "new@corp.example", "password": "a long enough secret"}
        client.post("/settings/authentication/owner/", sent)
        proposal = Proposal.objects.get()
        assert "Hand over the owner account to new@corp.example" in case.approve(proposal)
        owner.refresh_from_db()
        assert owner.login_email == "new@corp.example"

    def test_activating_an_admin_waits(self, case: Case) -> None:  # T6
        User.objects.filter(pk=case.cleo.pk).update(active=False, idp_active=True, manual_roles=["Admin"])
        settle(case.cleo)
        proposal = case.ask(f"/people/{case.cleo.id}/activate/")
        case.cleo.refresh_from_db()
        assert not case.cleo.active
        case.approve(proposal)
        case.cleo.refresh_from_db()
        assert case.cleo.active


class TestTheSwitch:
    def test_waits_in_both_directions(self, case: Case) -> None:  # T6
        Organization.objects.update(two_persons=False)
        case.asker.post(SWITCH, {"on": "1"})
        case.org.refresh_from_db()
        assert not case.org.two_persons
        case.approve(Proposal.objects.get())
        case.org.refresh_from_db()
        assert case.org.two_persons
        case.asker.post(SWITCH)
        case.org.refresh_from_db()
        assert case.org.two_persons
        case.approve(Proposal.objects.latest("id"))
        case.org.refresh_from_db()
        assert not case.org.two_persons

    def test_needs_two_admins(self, case: Case) -> None:  # T6
        Organization.objects.update(two_persons=False)
        User.objects.filter(pk=case.ada.pk).update(active=False)
        page = case.asker.post(SWITCH, {"on": "1"}, follow=True)
        assert "only one admin" in words_of(page)
        assert not Proposal.objects.exists()

    def test_counts_the_owner(self, case: Case) -> None:  # T6
        Organization.objects.update(two_persons=False)
        User.objects.filter(pk=case.ada.pk).update(active=False)
        OwnerFactory.create(org=case.org)
        case.asker.post(SWITCH, {"on": "1"})
        assert Proposal.objects.exists()

    def test_is_off_at_first_and_led_to_by_the_settings(self, org: Organization) -> None:
        assert not org.two_persons
        admin = signed_in(UserFactory.create(org=org, roles=["Admin"]))
        assert SWITCH in admin.get("/settings/authentication/").content.decode()


class TestSupport:
    def test_may_do_alone_what_an_admin_may_not(self, case: Case) -> None:  # T6
        wish = {"do": "set_roles", "user": str(case.bo.id), "roles": ["Admin"]}
        assert gate.needs_second(case.org, wish, by_admin(case.grace))
        assert not gate.needs_second(case.org, wish, by_admin(StaffFactory.create()))
