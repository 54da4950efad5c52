"""Inviting people by mail (SPEC U13)."""

from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request

from api.base import Answer
from api.commands.previews import DecisionView
from api.description import describes
from api.serializers import Exact
from groups_provisioning.preview.plans import Wish
from orgs import invitations
from orgs.db.keys import fold
from orgs.invitations import AT_ONCE, DAYS, USUAL_DAYS
from orgs.models import Invitation


class InvitationsBody(Exact):
    """roles: those that whoever accepts gets by hand. days: until the link in the mail expires."""

    addresses = serializers.ListField(child=serializers.CharField(max_length=254), min_length=1, max_length=AT_ONCE)
    roles = serializers.ListField(child=serializers.CharField(), min_length=1, max_length=100)
    days = serializers.ChoiceField(DAYS, default=USUAL_DAYS)


class InvitationState(serializers.Serializer[Any]):
    """An invitation by mail. expires_at: when its link stops working."""

    id = serializers.UUIDField()
    address = serializers.CharField()
    roles = serializers.ListField(child=serializers.CharField())
    expires_at = serializers.DateTimeField()


class InvitationsState(serializers.Serializer[Any]):
    invitations = InvitationState(many=True)


class Invitations(DecisionView):
    """Invite all of these addresses, or none. The mails are sent shortly after."""

    @describes(
        "Invite people",
        body=InvitationsBody,
        answer=InvitationsState,
        asks=True,
        previews=True,
        problems=("conflicts", "unknown-role", "too-many"),
    )
    def post(self, request: Request, org: UUID) -> Answer:
        """All of these addresses, or none. The role of admins needs the scope `credentials` besides."""
        asked = self.body(request, InvitationsBody)
        self.check_roles(asked["roles"])
        addresses = list({fold(each): each for each in reversed(asked["addresses"])}.values())[::-1]

        wish: Wish = {"do": "invite", "addresses": addresses, "roles": asked["roles"], "days": asked["days"]}

        def do() -> Any:
            return {"invitations": [_told(each) for each in self.run(wish)]}

        return self.decide(request, None, do, meant=wish)


class OneInvitation(DecisionView):
    @describes("Revoke an invitation", answer=None, status=204, previews=True, problems=("not-open",))
    def delete(self, request: Request, org: UUID, invitation: UUID) -> Answer:
        def do() -> None:
            invitations.revoke(org=self.org, invitation_id=invitation, cause=self.cause)

        return self.decide(request, None, do, status=204)


class Resend(DecisionView):
    """Another mail, whose link replaces that of the last one."""

    @describes(
        "Send an invitation again",
        answer=InvitationState,
        asks=True,
        previews=True,
        problems=("not-open", "sent-just-now"),
    )
    def post(self, request: Request, org: UUID, invitation: UUID) -> Answer:
        waiting = Invitation.objects.for_org(self.org).filter(id=invitation, ended_at=None).first()
        if waiting is not None:
            self.may_give(*waiting.roles)

        wish: Wish = {"do": "resend", "invitation": str(invitation)}
        return self.decide(request, None, lambda: _told(self.run(wish)), meant=wish)


def _told(invitation: Invitation) -> dict[str, Any]:
    return {
        "id": str(invitation.id),
        "address": invitation.address,
        "roles": invitation.roles,
        "expires_at": invitation.expires_at,
    }
