"""What waits for a second admin, for programs (SPEC T6)."""

from typing import Any
from uuid import UUID

import pytest

from groups_provisioning.models import GroupMapping, MappingRule
from groups_provisioning.proposals import approving, gate
from orgs import api_keys, feed, proposals
from orgs.db.keys import uuid7
from orgs.models import Organization, Proposal, Scope, Standing
from tests.api.commands.client import MANAGE, Program
from tests.api.consumer import Consumer, key_of
from tests.factories import UserFactory
from tests.groups_provisioning.world import by_admin, by_command, group, person, settle, settle_marked

pytestmark = pytest.mark.usefixtures("db")


class Case:
    """An org that has two persons decide, with a key, and Grace and Ada as admins. Bo is in the group Ops."""

    def __init__(self, org: Organization) -> None:
        Organization.objects.filter(pk=org.pk).update(two_persons=True)
        org.refresh_from_db()
        self.org = org
        self.grace, self.ada = (UserFactory.create(org=org, roles=["Admin"]) for _ in range(2))
        self.bo = person(org, "Bo", "Diddley")
        settle(self.bo)
        self.ops = group(org, "Ops", self.bo)
        self.program = Program(org)

    def with_scopes(self, *scopes: Scope) -> Program:
        return Program(self.org, api_keys.issue(org=self.org, name="Another", scopes=scopes, cause=by_command()))

    def ask(self, method: str, path: str, body: Any = None, **more: Any) -> dict[str, Any]:
        """Ask for what makes somebody an admin. Returns the proposal."""
        answer = self.program(method, path, body, **more)
        assert answer.status_code == 202, answer.content
        told = answer.json()
        assert answer["Location"] == f"/api/v1/organizations/{self.org.id}/proposals/{told['id']}"
        assert told["state"] == "open"
        return told

    def approve(self, told: dict[str, Any]) -> Proposal:
        proposal = Proposal.objects.get(id=told["id"])
        seen = gate.fingerprint(self.org, proposal.wish)
        return approving.approve(org=self.org, proposal_id=proposal.id, seen=seen, cause=by_admin(self.ada))


@pytest.fixture
def case(org: Organization) -> Case:
    return Case(org)


class TestACommandThatMakesAdmins:
    def test_is_answered_with_what_waits(self, case: Case) -> None:  # T6
        told = case.ask("POST", f"groups/{case.ops.id}/mappings", {"kind": "role", "role": "Admin"})
        assert told["asked_key"] == str(case.program.key.id)
        assert told["wish"]["do"] == "map"
        assert not GroupMapping.objects.exists()
        case.approve(told)
        settle_marked(case.org)
        assert Standing.objects.get(user=case.bo).roles == ["Admin"]
        now = case.program("GET", f"proposals/{told['id']}").json()
        assert (now["state"], now["decided_by"], len(now["changes"])) == ("approved", str(case.ada.id), 1)

    def test_waits_on_the_condition_of_its_preview(self, case: Case) -> None:  # M9, T6
        path, body = f"groups/{case.ops.id}/mappings", {"kind": "role", "role": "Admin"}
        etag = case.program("POST", path, body, preview=True)["ETag"]
        case.ask("POST", path, body, if_match=etag)
        assert case.program("POST", path, body, if_match='"else"').status_code == 412

    def test_waits_by_hand_by_rules_and_by_invitations(self, case: Case) -> None:  # T6
        given = case.ask("PUT", f"people/{case.bo.id}/roles", {"roles": ["Admin"]})
        invited = case.ask("POST", "invitations", {"addresses": ["zoe@corp.example"], "roles": ["Admin"]})
        facts = {"pattern_type": "prefix", "pattern": "Op", "kind": "role", "role": "Admin", "auto_approve": True}
        ruled = case.ask("POST", "rules", {**facts, "apply": True})
        assert not MappingRule.objects.exists()
        for each in (given, invited, ruled):
            assert case.approve(each).state == "approved"
        assert MappingRule.objects.get().role == GroupMapping.objects.get().role == "Admin"
        assert case.org.invitations.count() == 1

    def test_still_needs_the_scope(self, case: Case) -> None:  # E5
        program = case.with_scopes(*MANAGE)
        answer = program("POST", f"groups/{case.ops.id}/mappings", {"kind": "role", "role": "Admin"})
        assert answer.status_code == 403
        assert not Proposal.objects.exists()

    def test_is_refused_as_ever_before_anybody_is_asked(self, case: Case) -> None:
        sent = {"addresses": ["not an address"], "roles": ["Admin"]}
        assert case.program("POST", "invitations", sent).status_code == 409
        assert case.program("PUT", f"people/{UUID(int=1)}/roles", {"roles": ["Admin"]}).status_code == 404
        assert not Proposal.objects.exists()

    def test_is_carried_out_for_the_operator(self, case: Case) -> None:  # T6
        operator = Program(case.org, key_of(None, *Scope))
        sent = {"kind": "role", "role": "Admin"}
        assert operator("POST", f"groups/{case.ops.id}/mappings", sent).status_code == 200
        assert not Proposal.objects.exists()

    def test_cannot_be_approved_by_who_made_the_key(self, case: Case) -> None:  # T6
        scopes = [Scope.READ, Scope.MANAGE, Scope.CREDENTIALS]
        issued = api_keys.issue(org=case.org, name="Grace's", scopes=scopes, cause=by_admin(case.grace))
        case.program = Program(case.org, issued)
        told = case.ask("PUT", f"people/{case.bo.id}/roles", {"roles": ["Admin"]})
        proposal = Proposal.objects.get(id=told["id"])
        assert proposals.seconds(proposals.found(case.org, proposal.id)) == [case.ada]


class TestProposals:
    def test_are_listed_by_state(self, case: Case) -> None:
        told = case.ask("PUT", f"people/{case.bo.id}/roles", {"roles": ["Admin"]})
        assert case.program("GET", "proposals?state=open").json()["items"] == [told]
        assert case.program("GET", "proposals?state=approved").json()["items"] == []

    def test_are_withdrawn_by_the_key_that_asked_alone(self, case: Case) -> None:  # T6
        told = case.ask("PUT", f"people/{case.bo.id}/roles", {"roles": ["Admin"]})
        path = f"proposals/{told['id']}/withdraw"
        assert case.with_scopes(*Scope)("POST", path).status_code == 403
        assert case.program("POST", path).json()["state"] == "withdrawn"
        assert case.program("POST", path).status_code == 409
        assert case.program("POST", f"proposals/{UUID(int=1)}/withdraw").status_code == 404

    def test_end_with_the_key(self, case: Case) -> None:  # T6
        told = case.ask("PUT", f"people/{case.bo.id}/roles", {"roles": ["Admin"]})
        api_keys.revoke(key_id=case.program.key.id, cause=by_command())
        with pytest.raises(proposals.ProposalEnded):
            case.approve(told)

    def test_that_the_org_has_two_persons_decide_is_told(self, case: Case) -> None:
        consumer = Consumer(None)
        feed.touch(case.org.id, [("organization", str(case.org.id))], uuid7())
        feed.stamp_all()
        consumer.poll()
        assert consumer.state("organization", case.org.id)["two_persons"] is True
