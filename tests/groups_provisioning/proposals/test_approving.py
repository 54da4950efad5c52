"""A second admin agrees: what could come between, and who may (SPEC T6)."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.utils import timezone

from groups_provisioning.actions import account_switches
from groups_provisioning.models import Breach, Hold
from groups_provisioning.preview import runs
from groups_provisioning.proposals import approving, gate
from orgs import api_keys, owners, proposals
from orgs.history import Cause
from orgs.models import Change, Door, Mail, Organization, Proposal, ProposalState, Scope, User
from orgs.proposals import NotTheSecond, ProposalEnded
from tests.conftest import Idp, signed_in
from tests.factories import OrganizationFactory, OwnerFactory, StaffFactory, UserFactory, breach_of
from tests.groups_provisioning.world import by_admin, by_command, give, group, person, push, settle, settle_marked
from tests.page_text import text


class Case:
    """Grace has asked that Bo becomes an admin. Ada is another admin."""

    def __init__(self, org: Organization) -> None:
        Organization.objects.filter(pk=org.pk).update(two_persons=True)
        org.refresh_from_db()
        self.org = org
        self.grace, self.ada = (self.admin() for _ in range(2))
        self.bo = person(org, "Bo", "Diddley")
        settle(self.bo)
        self.proposal = self.ask({"do": "set_roles", "user": str(self.bo.id), "roles": ["Admin"]})

    def admin(self) -> User:
        user = UserFactory.create(org=self.org, idp_roles=["Admin"])
        settle(user)
        return user

    def ask(self, wish: proposals.Wish, by: User | None = None) -> Proposal:
        seen = gate.fingerprint(self.org, wish)
        return proposals.propose(org=self.org, wish=wish, fingerprint=seen, cause=by_admin(by or self.grace))

    def approve(self, by: User, proposal: Proposal | None = None) -> Proposal:
        proposal = proposal or self.proposal
        seen = gate.fingerprint(self.org, proposal.wish)
        return approving.approve(org=self.org, proposal_id=proposal.id, seen=seen, cause=by_admin(by))

    def seconds(self) -> set[User]:
        return set(proposals.seconds(proposals.found(self.org, self.proposal.id)))


@pytest.fixture
def case(org: Organization) -> Case:
    return Case(org)


class TestWhoIsTheSecond:
    def test_is_every_other_admin_of_then_and_the_owner(self, case: Case) -> None:  # T6
        owner = OwnerFactory.create(org=case.org, created_at=case.org.created_at)
        assert case.seconds() == {case.ada, owner}

    def test_is_not_who_has_become_one_since(self, case: Case) -> None:  # T6
        helper = case.admin()
        assert case.seconds() == {case.ada}
        with pytest.raises(NotTheSecond):
            case.approve(helper)

    def test_is_not_who_was_deactivated_then_and_is_active_again(self, case: Case) -> None:  # T6
        account_switches.deactivate(org=case.org, user_id=case.ada.id, cause=by_command())
        again = case.ask({"do": "two_persons", "on": False})
        account_switches.activate(org=case.org, user_id=case.ada.id, cause=by_command())
        case.ada.refresh_from_db()
        assert proposals.seconds(proposals.found(case.org, again.id)) == []
        assert case.seconds() == {case.ada}

    def test_is_not_who_is_no_longer_one(self, case: Case) -> None:
        User.objects.filter(pk=case.ada.pk).update(idp_roles=["Member"])
        settle(case.ada)
        assert case.seconds() == set()

    def test_is_not_whom_the_owner_account_was_handed_over_to_since(self, case: Case) -> None:  # T6
        owner = OwnerFactory.create(org=case.org, created_at=case.org.created_at)
        owners.hand_over(org=case.org, address="new@corp.example", cause=by_command())
        assert owner not in case.seconds()

    def test_is_still_who_was_given_the_role_in_another_way_meanwhile(self, case: Case) -> None:
        give(group(case.org, "Bosses", case.ada), "Admin")
        settle_marked(case.org)
        assert case.seconds() == {case.ada}

    def test_is_neither_who_made_the_key_that_asked_nor_who_answers_for_it(self, case: Case) -> None:  # T6
        owner = OwnerFactory.create(org=case.org, created_at=case.org.created_at)
        issued = api_keys.issue(org=case.org, name="Nightly", scopes=Scope, cause=by_admin(case.grace))
        cause = Cause(Door.API, timezone.now(), key=issued.key)
        about = {"org": case.org, "wish": {"do": "two_persons", "on": False}, "fingerprint": ""}
        asked = proposals.propose(**about, cause=cause)
        api_keys.take_over(org=case.org, key_id=issued.key.id, cause=by_admin(case.ada))
        assert proposals.seconds(proposals.found(case.org, asked.id)) == [owner]

    def test_is_support_where_the_asker_is_alone(self, case: Case) -> None:  # T6
        support = StaffFactory.create()
        with pytest.raises(NotTheSecond):
            case.approve(support)
        User.objects.filter(pk=case.ada.pk).update(active=False)
        assert case.approve(support).decided_by == support
        assert Mail.objects.filter(person=case.grace, kind="access").exists()


class TestTheAsker:
    def test_who_is_deactivated_by_the_identity_provider_has_withdrawn_it(self, case: Case, idp: Idp) -> None:  # T6
        idp.patch(f"/Users/{case.grace.id}", {"op": "replace", "path": "active", "value": False})
        with pytest.raises(ProposalEnded):
            case.approve(case.ada)
        proposals.sweep(timezone.now())
        case.proposal.refresh_from_db()
        assert case.proposal.state == ProposalState.WITHDRAWN
        assert Change.objects.get(verb="proposal.withdrawn").detail["gone"]

    def test_who_loses_the_role_has_withdrawn_it(self, case: Case) -> None:  # T6
        User.objects.filter(pk=case.grace.pk).update(idp_roles=["Member"])
        settle(case.grace)
        with pytest.raises(ProposalEnded):
            case.approve(case.ada)

    def test_who_has_handed_the_owner_account_over_has_withdrawn_it(self, case: Case) -> None:  # T6, U13
        owner = OwnerFactory.create(org=case.org, created_at=case.org.created_at)
        asked = case.ask({"do": "two_persons", "on": False}, owner)
        owners.hand_over(org=case.org, address="new@corp.example", cause=by_command())
        with pytest.raises(ProposalEnded):
            case.approve(case.ada, asked)

    def test_floods_nobody_by_asking_and_withdrawing(self, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(proposals, "MOST", 2)
        case.ask({"do": "two_persons", "on": False})
        proposals.withdraw(org=case.org, proposal_id=case.proposal.id, cause=by_admin(case.grace))
        with pytest.raises(proposals.TooManyProposals):
            case.ask({"do": "hold_limits", "limits": "off"})
        Proposal.objects.update(asked_at=timezone.now() - proposals.HOUR)
        case.ask({"do": "hold_limits", "limits": "off"})


class TestWhatIsCarriedOut:
    def test_is_shown_anew_if_the_person_has_another_name(self, case: Case) -> None:  # T6
        seen = gate.fingerprint(case.org, case.proposal.wish)
        User.objects.filter(pk=case.bo.pk).update(user_name="mallory@corp.example")
        with pytest.raises(runs.Outdated):
            approving.approve(org=case.org, proposal_id=case.proposal.id, seen=seen, cause=by_admin(case.ada))

    def test_is_named_by_the_proposal_with_all_that_was_recorded(self, case: Case) -> None:
        facts = {"pattern_type": "prefix", "kind": "role", "pattern": "adm", "auto_approve": True, "role": "Admin"}
        group(case.org, "adm-night")
        proposal = case.approve(case.ada, case.ask({"do": "keep_rule", "rule": "", "facts": facts, "apply": True}))
        verbs = set(Change.objects.filter(id__in=proposal.changes).values_list("verb", flat=True))
        assert verbs == {"rule.added", "rules.applied"}
        assert all(proposals.behind(Change.objects.get(id=id_)) == proposal for id_ in proposal.changes)

    def test_is_held_changes_too(self, case: Case) -> None:  # T1, T6
        breach = breach_of(case.org)
        User.objects.filter(pk=case.bo.pk).update(idp_roles=["Admin"])
        about = {"breach": breach, "change": Change.objects.for_org(case.org).latest("id"), "at": timezone.now()}
        Hold.objects.create(org=case.org, user=case.bo, kept={"roles": ["Member"], "places": []}, **about)
        case.approve(case.ada, case.ask({"do": "let_through", "breach": str(breach.id)}))
        settle_marked(case.org)
        assert Breach.objects.get().state == "ended"
        case.bo.standing.refresh_from_db()
        assert case.bo.standing.roles == ["Admin"]

    def test_is_an_undo_too(self, case: Case, idp: Idp) -> None:  # T2, T6
        bosses = push(idp, "Bosses", case.bo)
        give(bosses, "Admin")
        settle_marked(case.org)
        idp.patch(f"/Groups/{bosses.id}", {"op": "replace", "path": "members", "value": []})
        settle_marked(case.org)
        emptied = Change.objects.for_org(case.org).filter(verb="group.changed").latest("id")
        span = {"token": None, "since": None, "until": None, "change": str(emptied.id)}
        case.approve(case.ada, case.ask({"do": "take_back", **span}))
        settle_marked(case.org)
        case.bo.standing.refresh_from_db()
        assert case.bo.standing.roles == ["Admin"]

    def test_of_many_people_is_shown_by_a_worker_first(self, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:  # M9
        monkeypatch.setattr(runs, "AT_ONCE", 1)
        everybody = group(case.org, "Everybody", case.bo, person(case.org, "Cy", "Young"))
        proposal = case.ask({"do": "map", "group": str(everybody.id), "kind": "role", "name": "Admin"})
        second = signed_in(case.ada)
        page = second.get(f"/second-admin/{proposal.id}/")
        assert not page.context["is_ready"]
        assert "Working out the effect on 2 people" in text(page)
        runs.serve()
        page = second.get(f"/second-admin/{proposal.id}/")
        assert "2 people will become admins" in text(page)
        assert case.approve(case.ada, proposal).state == ProposalState.APPROVED


@pytest.mark.usefixtures("transactional_db")
def test_of_two_who_agree_at_once_one_is_told_that_it_is_done() -> None:  # T6, S7
    case = Case(OrganizationFactory.create())
    eve = OwnerFactory.create(org=case.org, created_at=case.org.created_at)

    def agree(by: User) -> str:
        try:
            case.approve(by)
        except ProposalEnded as ended:
            return f"told of {ended.args[0].decided_by_id}"
        finally:
            connection.close()
        return f"done by {by.pk}"

    with ThreadPoolExecutor(2) as threads:
        said = sorted(threads.map(agree, (case.ada, eve)))
    (done, told) = said
    assert done.removeprefix("done by ") == told.removeprefix("told of ")
    assert Change.objects.filter(verb="user.roles_set").count() == 1
