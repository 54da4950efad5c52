"""The connection of an org to its identity provider: addresses, draft, and what is active (SPEC L2, L3, L5).

A draft is tested by an admin in a browser: what an identity provider says of somebody has to be seen before it counts.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.status import HTTP_204_NO_CONTENT

from api.base import Answer, CredentialsView
from api.description import describes
from api.problems import Problem
from api.serializers import CommandQuery, Exact
from orgs.guarded_http import LONGEST_URL
from orgs.models import Organization
from orgs.models.sign_in import LONGEST_ISSUER
from sso import activation, connections, issuers, metadata_addresses
from sso.claim_names import check_attribute, check_claim
from sso.connections import Facts, SamlFacts
from sso.identities import NAME_ID, USUAL_CLAIM
from sso.models import MOST_CERTIFICATES, Connection, Protocol, Revision
from sso.refusal_words import in_words
from sso.refusals import Refused
from sso.saml import metadata
from sso.saml.certificates import certificates_in
from sso.saml.metadata import IdentityProvider, sso_url_in
from sso.saml.xml import LONGEST
from sso.status import status
from sso.web import asking
from sso.web.guides import PROVIDERS

WAYS = ({"metadata_url"}, {"metadata"}, {"entity_id", "sso_url", "certificates"})
"""What can describe a SAML identity provider."""


class ConnectionBody(Exact):
    """idp: whose words the pages use."""

    idp = serializers.ChoiceField(list(PROVIDERS), default="other")
    protocol = serializers.ChoiceField(Protocol.choices, default=Protocol.OIDC)


class ConnectionChanges(Exact):
    """creates_people: whether signing in makes an account for somebody in a verified domain whom SCIM has not made."""

    creates_people = serializers.BooleanField()


class OidcDraft(Exact):
    """client_secret: left out to keep the present one. external_id_claim: empty if none holds SCIM's externalId."""

    issuer = serializers.CharField(max_length=LONGEST_ISSUER)
    client_id = serializers.CharField(max_length=255)
    client_secret = serializers.CharField(max_length=2000, default=None)
    secret_ends_on = serializers.DateField(allow_null=True, default=None)
    name_claim = serializers.CharField(max_length=100, default=USUAL_CLAIM, validators=[check_claim])
    external_id_claim = serializers.ChoiceField(["", "sub", "oid"], default="")


class SamlDraft(Exact):
    """The identity provider is described by one of `metadata_url`, which is read again every day; `metadata`, which is
    XML; and `entity_id` with `sso_url` and `certificates`, in PEM.
    """

    metadata_url = serializers.CharField(max_length=LONGEST_URL, required=False)
    metadata = serializers.CharField(max_length=LONGEST, required=False)
    entity_id = serializers.CharField(max_length=LONGEST_ISSUER, required=False)
    sso_url = serializers.CharField(max_length=LONGEST_URL, required=False)
    certificates = serializers.ListField(
        child=serializers.CharField(max_length=20_000), min_length=1, max_length=MOST_CERTIFICATES, required=False
    )
    signs_requests = serializers.BooleanField(default=False)
    name_claim = serializers.CharField(max_length=100, default=NAME_ID, validators=[check_attribute])
    external_id_claim = serializers.CharField(max_length=100, allow_blank=True, default="")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        given = attrs.keys() & set().union(*WAYS)
        if given not in WAYS:
            ways = "; or ".join(", ".join(sorted(way)) for way in WAYS)
            raise serializers.ValidationError({"saml": [f"Send one description of the identity provider: {ways}."]})
        return attrs


class DraftBody(Exact):
    """One of the two."""

    oidc = OidcDraft(required=False)
    saml = SamlDraft(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1:
            raise serializers.ValidationError({"oidc": ["Send either `oidc` or `saml`."]})
        return attrs


class ActivationBody(Exact):
    """revision: the id of the tested draft, so that no other one is activated."""

    revision = serializers.UUIDField()


class CertificateState(serializers.Serializer[Any]):
    fingerprint = serializers.CharField()
    ends_at = serializers.DateTimeField(source="not_after")


class RevisionState(serializers.Serializer[Any]):
    """A configuration. tested_at: null until an admin has tested just this one. The client secret is never shown."""

    id = serializers.CharField()
    protocol = serializers.ChoiceField(Protocol.choices)
    issuer = serializers.CharField()
    client_id = serializers.CharField()
    secret_ends_on = serializers.DateField(allow_null=True)
    name_claim = serializers.CharField(source="user_name_claim")
    external_id_claim = serializers.CharField()
    sso_url = serializers.CharField()
    certificates = serializers.SerializerMethodField()
    signs_requests = serializers.BooleanField()
    metadata_url = serializers.CharField()
    metadata_read_at = serializers.DateTimeField(allow_null=True)
    changed_at = serializers.DateTimeField()
    tested_at = serializers.DateTimeField(allow_null=True)
    activated_at = serializers.DateTimeField(allow_null=True)

    def get_certificates(self, revision: Revision) -> list[dict[str, Any]]:
        found = [each for pem in revision.certificates for each in certificates_in(pem.encode())]
        return [CertificateState().to_representation(each) for each in found]


class AddressesState(serializers.Serializer[Any]):
    """What is entered at the identity provider; what belongs to the other protocol is null. test: where an admin tests
    the draft.
    """

    redirect_uri = serializers.CharField(allow_null=True)
    initiate = serializers.CharField(allow_null=True)
    logout = serializers.CharField(allow_null=True)
    entity_id = serializers.CharField(allow_null=True)
    acs = serializers.CharField(allow_null=True)
    start = serializers.CharField()
    revocation = serializers.CharField()
    test = serializers.CharField()


class WarningState(serializers.Serializer[Any]):
    reason = serializers.CharField()
    detail = serializers.CharField()


class ConnectionState(serializers.Serializer[Any]):
    """active: how people sign in; draft: how they may next. warning: what is wrong with what the identity provider
    publishes of itself, if anything is.
    """

    id = serializers.CharField()
    idp = serializers.CharField()
    protocol = serializers.ChoiceField(Protocol.choices)
    condition = serializers.CharField()
    creates_people = serializers.BooleanField()
    addresses = AddressesState()
    active = RevisionState(allow_null=True)
    draft = RevisionState(allow_null=True)
    warning = WarningState(allow_null=True)


class ConnectionDetail(CredentialsView):
    @describes("Read the connection", answer=ConnectionState)
    def get(self, request: Request, org: UUID) -> dict[str, Any]:
        """To the identity provider that people sign in through."""
        return _connection(self.org)

    @describes(
        "Prepare the connection",
        body=ConnectionBody,
        answer=ConnectionState,
        problems=("configuration-refused",),
        previews=True,
    )
    def put(self, request: Request, org: UUID) -> Answer:
        """Make it, so that its addresses can be entered at the identity provider."""
        wished = self.body(request, ConnectionBody)

        def prepare() -> dict[str, Any]:
            connections.prepare(
                org=self.org, idp=wished["idp"], protocol=Protocol(wished["protocol"]), cause=self.cause
            )
            return _connection(self.org)

        return self.carry_out(request, prepare)

    @describes("Change the connection", body=ConnectionChanges, answer=ConnectionState, previews=True)
    def patch(self, request: Request, org: UUID) -> Answer:
        """Whether signing in makes accounts."""
        on = self.body(request, ConnectionChanges)["creates_people"]

        def switch() -> dict[str, Any]:
            connections.switch_accounts(org=self.org, on=on, cause=self.cause)
            return _connection(self.org)

        return self.carry_out(request, switch)


class ConnectionDraft(CredentialsView):
    @describes(
        "Write the draft of the connection",
        body=DraftBody,
        answer=ConnectionState,
        problems=("configuration-refused", "no-preview"),
        previews=True,
    )
    def put(self, request: Request, org: UUID) -> Answer:
        """Make this the draft, even if its issuer cannot be read at the moment: the answer then has a warning."""
        wished = self.body(request, DraftBody)
        connection = _made(self.org)
        if self.asked(request, CommandQuery)["preview"]:
            if "metadata_url" in wished.get("saml", {}):
                detail = "A preview asks no identity provider. Send the metadata itself, or its three values."
                raise Problem(409, detail, kind="no-preview")
            return self._draft(request, connection, wished)
        with asking.place(connection):
            answer = self._draft(request, connection, wished)
            return answer._replace(value=answer.value | {"warning": _unread(answer.value["draft"])})

    def _draft(self, request: Request, connection: Connection, wished: dict[str, Any]) -> Answer:
        if "oidc" in wished:
            facts: Facts | SamlFacts = _oidc(connection, wished["oidc"])
        else:
            facts = _saml(connection, wished["saml"], now=self.cause.at)

        def draft() -> dict[str, Any]:
            connections.draft(org=self.org, facts=facts, cause=self.cause)
            return _connection(self.org)

        return self.carry_out(request, draft)

    @describes("Discard the draft of the connection", status=204, previews=True)
    def delete(self, request: Request, org: UUID) -> Answer:
        """Forget the draft, if there is one. What is active stays so."""
        return self.carry_out(
            request, lambda: connections.discard(org=self.org, cause=self.cause), status=HTTP_204_NO_CONTENT
        )


class ConnectionActive(CredentialsView):
    @describes(
        "Activate the connection", body=ActivationBody, answer=ConnectionState, problems=("not-tested",), previews=True
    )
    def put(self, request: Request, org: UUID) -> Answer:
        """Sign people in through the draft from now on, instead of with passwords."""
        revision = self.body(request, ActivationBody)["revision"]

        def activate() -> dict[str, Any]:
            connections.activate(org=self.org, revision_id=revision, cause=self.cause)
            return _connection(self.org)

        return self.carry_out(request, activate, besides=lambda: self._people(revision))

    @describes("Switch the connection off", status=204, previews=True)
    def delete(self, request: Request, org: UUID) -> Answer:
        """Let people sign in with passwords again. Sessions that began with the connection end."""

        def people() -> dict[str, Any]:
            active = status(self.org, at=self.cause.at).active
            return self._people(active.id) if active else {}

        return self.carry_out(
            request,
            lambda: connections.switch_off(org=self.org, cause=self.cause),
            status=HTTP_204_NO_CONTENT,
            besides=people,
        )

    def _people(self, revision: UUID) -> dict[str, Any]:
        """Whom it concerns: as the pages count them."""
        found = Revision.objects.for_org(self.org).get(id=revision)
        effects = activation.effects(self.org, found)
        return {"people": {name: getattr(effects, name) for name in ("people", "with_password", "unlinked")}}


def _made(org: Organization) -> Connection:
    """Raises Connection.DoesNotExist."""
    return Connection.objects.for_org(org).get()


def _connection(org: Organization) -> dict[str, Any]:
    """Raises Connection.DoesNotExist."""
    found = status(org, at=timezone.now())
    if found.connection is None:
        raise Connection.DoesNotExist
    row = {name: getattr(found.connection, name) for name in ("id", "idp", "protocol", "creates_people")}
    addresses = _addresses(found.connection)
    told = {"condition": found.condition.value, "active": found.active, "draft": found.draft, "addresses": addresses}
    return ConnectionState().to_representation(row | told | {"warning": found.unread and _warning(found.unread)})


def _addresses(connection: Connection) -> dict[str, str | None]:
    is_saml = connection.protocol == Protocol.SAML
    of_oidc = {
        "redirect_uri": connections.callback_url(connection),
        "initiate": _page("sso-initiate", connection),
        "logout": _page("sso-logout", connection),
    }
    of_saml = {"entity_id": connections.entity_id(connection), "acs": connections.acs_url(connection)}
    absent = dict.fromkeys(of_oidc if is_saml else of_saml)
    of_both = {"start": connections.start_url(connection), "revocation": connections.revocation_url(connection)}
    test = settings.MUSTER_URL + reverse("sso-test")
    return of_both | (of_saml if is_saml else of_oidc) | absent | {"test": test}


def _page(name: str, connection: Connection) -> str:
    return settings.MUSTER_URL + reverse(name, args=[connection.id])


def _unread(draft: dict[str, Any]) -> dict[str, str] | None:
    """What is wrong with what an issuer says of itself. May take ten seconds."""
    if draft["protocol"] == Protocol.OIDC:
        try:
            issuers.provider(draft["issuer"], now=timezone.now())
        except Refused as refused:
            return _warning(refused)
    return None


def _warning(refused: Refused) -> dict[str, str]:
    return {"reason": refused.reason.value, "detail": in_words(refused)}


def _oidc(connection: Connection, sent: dict[str, Any]) -> Facts:
    claim = sent["name_claim"]
    return Facts(**sent | {"name_claim": "" if claim == USUAL_CLAIM else claim, "idp": connection.idp})


def _saml(connection: Connection, sent: dict[str, Any], *, now: datetime) -> SamlFacts:
    """May take ten seconds, for metadata at an address. Raises Refused."""
    url = sent.get("metadata_url", "")
    return SamlFacts(
        _provider(sent, now=now),
        metadata_url=url,
        name_claim="" if sent["name_claim"] == NAME_ID else sent["name_claim"],
        external_id_claim=sent["external_id_claim"],
        idp=connection.idp,
    )


def _provider(sent: dict[str, Any], *, now: datetime) -> IdentityProvider:
    plain_http = bool(settings.IDP_NETWORKS)
    if "metadata_url" in sent:
        return metadata_addresses.read(sent["metadata_url"], now=now)
    if "metadata" in sent:
        return metadata.read(sent["metadata"].encode(), now=now, plain_http=plain_http)
    found = [each for pem in sent["certificates"] for each in certificates_in(pem.encode())]
    return IdentityProvider(
        entity_id=sent["entity_id"],
        sso_url=sso_url_in(sent["sso_url"], plain_http=plain_http),
        certificates=tuple({each.fingerprint: each for each in found}.values()),
        valid_until=None,
        wants_signed_requests=sent["signs_requests"],
    )
