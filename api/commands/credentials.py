"""SCIM tokens of an org: who has one, issuing, limiting and revoking (SPEC O4, E2).

A token that was made through a setup link is confirmed by an admin with their own account (SPEC L8), and not here.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.status import HTTP_201_CREATED, HTTP_204_NO_CONTENT

from api.base import Answer, CredentialsView
from api.description import describes
from api.serializers import Exact
from orgs import address_limits, tokens
from orgs.models import IdentityProvider, ScimToken
from orgs.tokens import UnknownToken
from scim.views.tokens import base_url_for

LONGEST_LIFE = 3650  # days


class CredentialBody(Exact):
    """expires_in_days: null for one that never expires."""

    name = serializers.CharField(max_length=100)
    expires_in_days = serializers.IntegerField(source="lifetime", min_value=1, max_value=LONGEST_LIFE, allow_null=True)

    def validate_expires_in_days(self, days: int | None) -> timedelta | None:
        return None if days is None else timedelta(days=days)


class NetworksField(serializers.ListField):
    """Networks in CIDR notation; none for any address."""

    child = serializers.CharField(max_length=50)

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=address_limits.MOST, **options)

    def to_internal_value(self, data: Any) -> list[str]:
        try:
            return address_limits.read(super().to_internal_value(data))
        except address_limits.BadNetwork as error:
            meant = f" Did you mean {error.meant}?" if error.meant else ""
            raise serializers.ValidationError(f"{error.text} is no network in CIDR notation.{meant}") from None


class TokenBody(CredentialBody):
    """expires_in_days: null for a token that never expires. networks: from which alone it is accepted."""

    idp = serializers.ChoiceField(IdentityProvider.choices, default=IdentityProvider.OTHER)
    networks = NetworksField(default=list)


class TokenLimits(Exact):
    """anyway: also where that shuts out the address of the last use."""

    networks = NetworksField()
    anyway = serializers.BooleanField(default=False)


class TokenState(serializers.Serializer[Any]):
    """hint: the part of the secret that may be shown. base_url: what is entered at the identity provider. waits: made
    through a setup link, and an admin has to confirm it. created_by: the person; null for the command line and the API.
    """

    id = serializers.CharField()
    name = serializers.CharField()
    idp = serializers.ChoiceField(IdentityProvider.choices)
    hint = serializers.CharField()
    base_url = serializers.SerializerMethodField()
    networks = serializers.ListField(child=serializers.CharField())
    waits = serializers.BooleanField()
    setup_link = serializers.CharField(source="setup_link_id", allow_null=True)
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField(source="created_by_id", allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True)
    last_used_address = serializers.CharField(allow_null=True)
    last_used_agent = serializers.CharField()

    def get_base_url(self, token: ScimToken) -> str:
        return base_url_for(token)


class IssuedToken(TokenState):
    """secret: shown this once."""

    secret = serializers.CharField()


class TokensPage(serializers.Serializer[Any]):
    """Tokens that are valid."""

    items = TokenState(many=True)


class TokenList(CredentialsView):
    """Those that are valid; 20 at most."""

    @describes("List tokens", answer=TokensPage)
    def get(self, request: Request, org: UUID) -> dict[str, Any]:
        """SCIM tokens that are valid; 20 at most."""
        valid = ScimToken.objects.for_org(self.org).valid(timezone.now())
        return {"items": [TokenState().to_representation(token) for token in valid]}

    @describes(
        "Create a token",
        body=TokenBody,
        answer=IssuedToken,
        status=201,
        problems=("token-exists", "too-many-tokens", "prerequisite-missing"),
        previews=True,
    )
    def post(self, request: Request, org: UUID) -> Answer:
        """A SCIM token; its secret is told this once."""
        wished = self.body(request, TokenBody)

        def issue() -> dict[str, Any]:
            issued = tokens.issue(org=self.org, once=True, cause=self.cause, **wished)
            return _token(issued.token) | {"secret": issued.secret}

        return self.carry_out(request, issue, status=HTTP_201_CREATED)


class TokenDetail(CredentialsView):
    @describes("Read a token", answer=TokenState, problems=("unknown-token",))
    def get(self, request: Request, org: UUID, token: UUID) -> dict[str, Any]:
        found = ScimToken.objects.for_org(self.org).filter(id=token).first()
        if found is None:
            raise UnknownToken(token)
        return _token(found)

    @describes(
        "Limit a token", body=TokenLimits, answer=TokenState, problems=("unknown-token", "shut-out"), previews=True
    )
    def patch(self, request: Request, org: UUID, token: UUID) -> Answer:
        """To networks, from which alone it is accepted then."""
        wished = self.body(request, TokenLimits)
        return self.carry_out(
            request, lambda: _token(tokens.limit(org=self.org, token_id=token, cause=self.cause, **wished))
        )

    @describes("Revoke a token", status=204, problems=("unknown-token",), previews=True)
    def delete(self, request: Request, org: UUID, token: UUID) -> Answer:
        """Revoke it: the next request with it is refused. It can still be read here."""
        return self.carry_out(
            request,
            lambda: tokens.revoke(org=self.org, token_id=token, cause=self.cause),
            status=HTTP_204_NO_CONTENT,
        )


def _token(token: ScimToken) -> dict[str, Any]:
    return TokenState().to_representation(token)
