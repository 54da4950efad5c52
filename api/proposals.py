"""What waits for a second admin (SPEC T6). Agreeing takes a person, and so has no operation here."""

from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request

from api import lists
from api.base import Answer, OrgView
from api.description import describes
from api.lists import serialized
from api.serializers import Object, PageQuery, page_of
from orgs import proposals
from orgs.models import Proposal, Scope
from orgs.models import ProposalState as State


class ProposalsQuery(PageQuery):
    state = serializers.ChoiceField(State.values, required=False, help_text="Of this state.")


class ProposalState(serializers.Serializer[Any]):
    """What an admin, or a key, has asked a second admin for. wish: the command; `do` names it.
    asked_by: the person; null where a key asked. asked_key: the key. decided_by: who approved or refused it; null
    where it was withdrawn, or expired. reason: why it was refused. changes: what was recorded when it was carried out.
    """

    id = serializers.UUIDField()
    state = serializers.ChoiceField(State.values)
    wish = Object()
    asked_by = serializers.UUIDField(source="asked_by_id", allow_null=True)
    asked_key = serializers.UUIDField(source="asked_key_id", allow_null=True)
    asked_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    decided_by = serializers.UUIDField(source="decided_by_id", allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField()
    changes = serializers.ListField(child=serializers.UUIDField())


def state(proposal: Proposal) -> dict[str, Any]:
    """A proposal as JSON."""
    return serialized(ProposalState)([proposal])[0]


class Proposals(OrgView):
    scope = Scope.MANAGE

    @describes("List proposals", query=ProposalsQuery, answer=page_of(ProposalState))
    def get(self, request: Request, org: UUID) -> dict[str, Any]:
        """What waits for a second admin, and what was decided, the oldest first. One that has expired may say `open`
        for a minute; nobody can approve it.
        """
        return lists.answer(
            self, request, ProposalsQuery, Proposal.objects.for_org(self.org), serialized(ProposalState)
        )


class OneProposal(OrgView):
    scope = Scope.MANAGE

    @describes("Read a proposal", answer=ProposalState)
    def get(self, request: Request, org: UUID, proposal: UUID) -> dict[str, Any]:
        return lists.one(Proposal.objects.for_org(self.org), serialized(ProposalState), proposal)


class Withdraw(OrgView):
    @describes(
        "Withdraw a proposal",
        answer=ProposalState,
        previews=True,
        problems=("unknown-proposal", "proposal-ended", "not-the-asker"),
    )
    def post(self, request: Request, org: UUID, proposal: UUID) -> Answer:
        """Only with the key that asked."""

        def do() -> Any:
            return state(proposals.withdraw(org=self.org, proposal_id=proposal, cause=self.cause))

        return self.carry_out(request, do)
