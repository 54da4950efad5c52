"""Setup links of an org: making and revoking them (SPEC L8). What they are used for is a matter of browsers."""

from typing import Any
from uuid import UUID

from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.status import HTTP_201_CREATED, HTTP_204_NO_CONTENT

from api.base import Answer, CredentialsView
from api.description import describes
from api.problems import Problem
from api.serializers import Exact
from orgs import setup_links
from orgs.models import Organization, Purpose, SetupLink
from orgs.web.link_access import address


class PurposeField(serializers.ChoiceField):
    def to_internal_value(self, data: Any) -> Purpose:
        return Purpose(super().to_internal_value(data))


class LinkBody(Exact):
    """recipient: what the list and history call whoever gets the link, which is for you to hand over."""

    purpose = PurposeField(Purpose.choices)
    recipient = serializers.CharField(max_length=100)


class LinkState(serializers.Serializer[Any]):
    """ended_at: when it was finished or revoked. made_by: the person; null for the API and for support's commands."""

    id = serializers.CharField()
    purpose = serializers.ChoiceField(Purpose.choices)
    recipient = serializers.CharField()
    made_at = serializers.DateTimeField()
    made_by = serializers.CharField(source="made_by_id", allow_null=True)
    expires_at = serializers.DateTimeField()
    opened_at = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)


class MadeLink(LinkState):
    """address: the link itself, shown this once."""

    address = serializers.CharField()


class LinksPage(serializers.Serializer[Any]):
    """Active links."""

    items = LinkState(many=True)


class LinkList(CredentialsView):
    """Those that work: one for each purpose at most."""

    @describes("List setup links", answer=LinksPage)
    def get(self, request: Request, org: UUID) -> dict[str, Any]:
        """Those that work: one for each purpose at most."""
        found = setup_links.open_in(self.org, at=timezone.now())
        return {"items": [LinkState().to_representation(link) for link in found]}

    @describes(
        "Create a setup link", body=LinkBody, answer=MadeLink, status=201, problems=("already-open",), previews=True
    )
    def post(self, request: Request, org: UUID) -> Answer:
        """Its address is told this once."""
        wished = self.body(request, LinkBody)

        def make() -> dict[str, Any]:
            made = setup_links.make(org=self.org, cause=self.cause, **wished)
            return LinkState().to_representation(made.link) | {"address": address(made)}

        return self.carry_out(request, make, status=HTTP_201_CREATED)


class LinkDetail(CredentialsView):
    @describes("Read a setup link", answer=LinkState)
    def get(self, request: Request, org: UUID, link: UUID) -> dict[str, Any]:
        return LinkState().to_representation(_link(self.org, link))

    @describes("Revoke a setup link", status=204, previews=True)
    def delete(self, request: Request, org: UUID, link: UUID) -> Answer:
        """Revoke it, and the token that waits because of it. One that has ended already stays as it is."""
        found = _link(self.org, link)

        def revoke() -> None:
            if found.ended_at is None and found.expires_at > self.cause.at:
                setup_links.revoke(org=self.org, link_id=found.id, cause=self.cause)

        return self.carry_out(request, revoke, status=HTTP_204_NO_CONTENT)


def _link(org: Organization, id_: UUID) -> SetupLink:
    found = SetupLink.objects.for_org(org).filter(id=id_).first()
    if found is None:
        raise Problem(404, "The organization has no such setup link.")
    return found
