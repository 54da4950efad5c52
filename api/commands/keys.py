"""Keys to the API of an org (SPEC E5). The operator's are made and revoked by commands alone."""

from typing import Any
from uuid import UUID

from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.status import HTTP_201_CREATED, HTTP_204_NO_CONTENT

from api.base import Answer, CredentialsView
from api.commands.credentials import CredentialBody
from api.description import describes
from orgs import api_keys
from orgs.api_keys import UnknownKey
from orgs.models import ApiKey, Organization, Scope


class ScopesField(serializers.ListField):
    child = serializers.ChoiceField(Scope.choices)

    def to_internal_value(self, data: Any) -> list[Scope]:
        return [Scope(each) for each in super().to_internal_value(data)]


class KeyBody(CredentialBody):
    """scopes: some of those that the key of this request has, without `credentials`. expires_in_days: null for a key
    that never expires.
    """

    scopes = ScopesField(allow_empty=False)


class KeyState(serializers.Serializer[Any]):
    """hint: the part of the secret that may be shown. created_by: the person; null for the command line and the API."""

    id = serializers.CharField()
    name = serializers.CharField()
    scopes = serializers.ListField(child=serializers.ChoiceField(Scope.choices))
    hint = serializers.CharField()
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField(source="created_by_id", allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True)
    last_used_address = serializers.CharField(allow_null=True)
    last_used_agent = serializers.CharField()


class IssuedKey(KeyState):
    """secret: shown this once."""

    secret = serializers.CharField()


class KeysPage(serializers.Serializer[Any]):
    """Keys that are valid."""

    items = KeyState(many=True)


class KeyList(CredentialsView):
    """Those that are valid; 20 at most."""

    @describes("List keys", answer=KeysPage)
    def get(self, request: Request, org: UUID) -> dict[str, Any]:
        """Keys to this API that are valid; 20 at most."""
        valid = ApiKey.objects.for_org(self.org).valid(timezone.now())
        return {"items": [KeyState().to_representation(key) for key in valid]}

    @describes(
        "Create a key",
        body=KeyBody,
        answer=IssuedKey,
        status=201,
        problems=("key-exists", "too-many-keys", "scope-not-given"),
        previews=True,
    )
    def post(self, request: Request, org: UUID) -> Answer:
        """A key to this API; its secret is told this once."""
        wished = self.body(request, KeyBody)

        def issue() -> dict[str, Any]:
            issued = api_keys.issue(org=self.org, once=True, cause=self.cause, **wished)
            return KeyState().to_representation(issued.key) | {"secret": issued.secret}

        return self.carry_out(request, issue, status=HTTP_201_CREATED)


class KeyDetail(CredentialsView):
    @describes("Read a key", answer=KeyState, problems=("unknown-key",))
    def get(self, request: Request, org: UUID, key: UUID) -> dict[str, Any]:
        return KeyState().to_representation(_key(self.org, key))

    @describes("Revoke a key", status=204, problems=("unknown-key",), previews=True)
    def delete(self, request: Request, org: UUID, key: UUID) -> Answer:
        """Revoke it, also the one that this request is made with. It can still be read here."""
        found = _key(self.org, key)
        return self.carry_out(
            request, lambda: api_keys.revoke(key_id=found.id, cause=self.cause), status=HTTP_204_NO_CONTENT
        )


def _key(org: Organization, id_: UUID) -> ApiKey:
    found = ApiKey.objects.for_org(org).filter(id=id_).first()
    if found is None:
        raise UnknownKey(id_)
    return found
