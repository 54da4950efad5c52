"""An org's connection to its identity provider, and how it is configured (SPEC L2, L3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings

from orgs import sessions, setup_links
from orgs.change_details import (
    OrgSamlDrafted,
    OrgSsoAccountsSwitched,
    OrgSsoActivated,
    OrgSsoCertificatesChanged,
    OrgSsoDiscarded,
    OrgSsoDrafted,
    OrgSsoPrepared,
    OrgSsoSwitchedOff,
)
from orgs.db.keys import uuid7
from orgs.db.sealed import Unreadable, seal, unseal
from orgs.db.transactions import command
from orgs.history import Cause, record
from orgs.models import Organization, Purpose
from orgs.models.sign_in import LONGEST_ISSUER
from sso import connection_mail
from sso.models import MOST_CERTIFICATES, Connection, Protocol, Revision, State
from sso.oidc.documents import issuer_in
from sso.refusals import Reason, Refused
from sso.saml.certificates import Certificate, KeyPair, certificates_in, make_key_pair
from sso.saml.metadata import IdentityProvider

_CONFIGURED = (
    *("org_id", "connection_id", "protocol", "issuer", "name_claim", "external_id_claim"),
    *("sso_url", "signs_requests"),
)
"""What a draft of SAML takes over from what is active, beside its certificates."""
_READING = ("metadata_asked_at", "metadata_read_at", "metadata_failure", "metadata_detail")


@dataclass(frozen=True, slots=True)
class Facts:
    """What an admin enters for OpenID Connect. issuer: also as the address of its description.

    client_secret: None for the one there is. name_claim: the claim that holds the userName; empty for
    `preferred_username`. external_id_claim: the one that holds SCIM's externalId; empty if none does. secret_ends_on:
    when the secret ends, if known. idp: whose words the pages use.
    """

    issuer: str
    client_id: str
    client_secret: str | None
    name_claim: str = ""
    external_id_claim: str = ""
    secret_ends_on: date | None = None
    idp: str = ""


@dataclass(frozen=True, slots=True)
class SamlFacts:
    """What an admin enters for SAML. provider: as metadata, or they themselves, describe it.

    metadata_url: where it was read, and is read again every day; empty if it was not. name_claim: the attribute that
    holds the userName; empty for the NameID. external_id_claim, idp: as in `Facts`.
    """

    provider: IdentityProvider
    metadata_url: str = ""
    name_claim: str = ""
    external_id_claim: str = ""
    idp: str = ""


class NotTested(Exception):
    """No test run of just this configuration has come to somebody's name (SPEC L3)."""


def revocation_url(connection: Connection) -> str:
    """Where the identity provider asks for the end of all sessions of a person: the audience of what it shows then."""
    return f"{settings.MUSTER_URL}/sso/{connection.id}/revoke"


def callback_url(connection: Connection) -> str:
    """Where the identity provider sends browsers back to: the same for the life of the connection."""
    return f"{settings.MUSTER_URL}/sso/{connection.id}/callback"


def start_url(connection: Connection) -> str:
    """Where signing in begins, also for a tile at the identity provider."""
    return f"{settings.MUSTER_URL}/sso/{connection.id}/start"


def entity_id(connection: Connection) -> str:
    """What SAML calls this connection, and the address of our metadata: no other org has it as its audience."""
    return f"{settings.MUSTER_URL}/sso/{connection.id}/metadata"


def acs_url(connection: Connection) -> str:
    """Where SAML has browsers post responses to."""
    return f"{settings.MUSTER_URL}/sso/{connection.id}/acs"


def key_pair(connection: Connection) -> KeyPair:
    """Our key for SAML, with its certificate. Raises Refused: KEY_UNREADABLE."""
    try:
        private_key = unseal(connection.key, owner=connection.id)
    except Unreadable:
        raise Refused(Reason.KEY_UNREADABLE) from None
    return KeyPair(private_key, certificates_in(connection.certificate.encode())[0])


def has_key(connection: Connection) -> bool:
    """Whether there is a key of ours for SAML that can be opened (SPEC L9)."""
    try:
        key_pair(connection)
    except Refused:
        return False
    return True


def secret_in(revision: Revision) -> str:
    """The client secret. Raises Refused: SECRET_UNREADABLE."""
    try:
        return unseal(revision.client_secret, owner=revision.id)
    except Unreadable:
        raise Refused(Reason.SECRET_UNREADABLE) from None


def of_address(connection_id: UUID) -> Connection | None:
    """The connection whose id is in an address, with its org, if that is there."""
    return Connection.objects.filter(id=connection_id, org__closed_at=None).select_related("org").first()


def active(connection_id: UUID) -> Revision | None:
    """By which configuration people sign in who come with this address, with its connection and org."""
    found = Revision.objects.filter(connection_id=connection_id, state=State.ACTIVE, connection__org__closed_at=None)
    return found.select_related("connection__org").first()


@command
def prepare(*, org: Organization, idp: str, protocol: Protocol = Protocol.OIDC, cause: Cause) -> Connection:
    """Make the org's connection, whose addresses are entered at the identity provider before anything else.

    idp, protocol: in whose words, and for what, its pages ask, which may be changed in the same way.
    """
    spare = _spare_key(org, protocol, cause)
    _locked(org)
    there = Connection.objects.for_org(org).first()
    connection = _chosen(org, idp, protocol, spare, cause)
    if there is None or (there.idp, there.protocol) != (idp, protocol):
        record(org, cause, OrgSsoPrepared(idp=idp, protocol=protocol))
    return connection


@command
def draft(*, org: Organization, facts: Facts | SamlFacts, cause: Cause) -> Revision:
    """Make this the draft of the org's connection, which has to be tested before it is activated.

    Raises Refused: BAD_ADDRESS; SECRET_MISSING, SECRET_UNREADABLE where the one there is was to be kept;
    TOO_MANY_CERTIFICATES.
    """
    wanted = _wanted_by_saml(facts) if isinstance(facts, SamlFacts) else _wanted_by_oidc(facts)
    if len(Revision(**wanted).authority) > LONGEST_ISSUER:
        raise Refused(Reason.BAD_ADDRESS, wanted["issuer"])
    spare = _spare_key(org, wanted["protocol"], cause)
    _locked(org)
    connection = _chosen(org, facts.idp, wanted["protocol"], spare, cause)
    there = _present(org)
    draft = there.get(State.DRAFT) or Revision(id=uuid7(), org=org, connection=connection)
    if isinstance(facts, SamlFacts):
        secret, ends_on, new = "", None, False
    else:
        secret, ends_on = _secret(facts, there), facts.secret_ends_on
        new = facts.client_secret is not None and not _has(draft, secret)
    draft.secret_ends_on = ends_on
    draft.metadata_asked_at = draft.metadata_read_at = cause.at if wanted["metadata_url"] else None
    draft.metadata_failure = draft.metadata_detail = ""
    if not new and all(getattr(draft, name) == value for name, value in wanted.items()):
        draft.save(update_fields=["secret_ends_on", *_READING])
        return draft
    for name, value in wanted.items():
        setattr(draft, name, value)
    draft.client_secret = seal(secret, owner=draft.id) if secret else ""
    draft.changed_at, draft.tested_at = cause.at, None
    draft.save()
    record(org, cause, _drafted(draft, new_secret=new))
    return draft


@command
def renew(*, org: Organization, revision_id: UUID, url: str, read: IdentityProvider, cause: Cause) -> bool:
    """Take the certificates over that the metadata address of a revision brings now. It stays tested (SPEC L3).

    Whatever else the metadata says is as it was when it was tested: another entity or address for sign-ins is a failure
    of the reading. url: where it was read. Returns whether anything changed. Raises Revision.DoesNotExist, where the
    revision is gone, or has another address by now.
    """
    _locked(org)
    revision = Revision.objects.for_org(org).exclude(state=State.PAST).get(id=revision_id, metadata_url=url)
    was, now = _known(revision.certificates), {each.fingerprint: each.pem for each in read.certificates}
    failure = _unlike(revision, read)
    if failure is None or failure.reason == Reason.OTHER_SSO_URL:
        revision.certificates = list(now.values())
    else:
        now = was
    revision.metadata_read_at = cause.at
    revision.metadata_failure, revision.metadata_detail = (failure.reason, failure.detail) if failure else ("", "")
    revision.save(update_fields=["certificates", *_READING])
    if was.keys() == now.keys():
        return False
    added, removed = sorted(now.keys() - was.keys()), sorted(was.keys() - now.keys())
    record(org, cause, OrgSsoCertificatesChanged(issuer=revision.issuer, added=added, removed=removed))
    if revision.state == State.ACTIVE:
        connection_mail.write(org, at=cause.at)
    return True


def renews(active: Revision | None, draft: Revision | None) -> bool:
    """Whether a draft is of the identity provider that is active, and both have their certificates by hand."""
    return (
        active is not None
        and draft is not None
        and active.is_pinned_by_hand
        and draft.is_pinned_by_hand
        and draft.authority == active.authority
    )


@command
def add_certificates(*, org: Organization, certificates: Sequence[Certificate], cause: Cause) -> Revision:
    """Have the draft accept these too, in addition to what it or, without a draft, the active configuration accepts.

    It has to be tested like any draft. Certificates that it has, or that have ended, are left out.

    Raises Refused: OTHER_CONFIGURATION, unless what is active has its certificates by hand, and the draft, if there is
    one, is of the same identity provider; KNOWN_CERTIFICATE, ENDED_CERTIFICATE, where none is left;
    TOO_MANY_CERTIFICATES.
    """
    _locked(org)
    there = _present(org)
    active = there.get(State.ACTIVE)
    present = there.get(State.DRAFT, active)
    chosen = Connection.objects.for_org(org).filter(protocol=Protocol.SAML)
    if active is None or present is None or not renews(active, present) or not chosen.exists():
        raise Refused(Reason.OTHER_CONFIGURATION)
    known = _known(present.certificates)
    unknown = [each for each in certificates if each.fingerprint not in known]
    if not unknown:
        raise Refused(Reason.KNOWN_CERTIFICATE)
    added = [each for each in unknown if each.not_after > cause.at]
    if not added:
        raise Refused(Reason.ENDED_CERTIFICATE, f"{max(each.not_after for each in unknown):%Y-%m-%d}")
    if len(known) + len(added) > MOST_CERTIFICATES:
        raise Refused(Reason.TOO_MANY_CERTIFICATES, str(len(known) + len(added)))
    draft = there.get(State.DRAFT) or Revision(id=uuid7(), **{name: getattr(active, name) for name in _CONFIGURED})
    draft.certificates = [*present.certificates, *(each.pem for each in added)]
    draft.changed_at, draft.tested_at = cause.at, None
    draft.save()
    record(org, cause, _drafted(draft, new_secret=False))
    return draft


def note_unread(revision: Revision, refused: Refused) -> None:
    """The metadata address of a revision could not be read; what it brought before is kept."""
    row = Revision.objects.for_org(revision.org_id).filter(id=revision.id, metadata_url=revision.metadata_url)
    row.update(metadata_failure=refused.reason, metadata_detail=refused.detail)


@command
def discard(*, org: Organization, cause: Cause) -> bool:
    """Forget the draft. What is active stays so. Returns whether there was one."""
    _locked(org)
    draft = _present(org).get(State.DRAFT)
    if draft is None:
        return False
    draft.delete()
    record(org, cause, OrgSsoDiscarded(issuer=draft.issuer))
    return True


@command
def activate(*, org: Organization, revision_id: UUID, cause: Cause) -> Revision:
    """Sign the org's people in through this draft from now on, instead of with passwords (SPEC L3, L6).

    Sessions that are open stay. Returns what is active, also where it was before. Raises Revision.DoesNotExist,
    NotTested.
    """
    locked = _locked(org)
    there = _present(org)
    active, draft = there.get(State.ACTIVE), there.get(State.DRAFT)
    if active is not None and active.pk == revision_id:
        return active
    if draft is None or draft.pk != revision_id:
        raise Revision.DoesNotExist
    if draft.tested_at is None:
        raise NotTested
    if not renews(active, draft):  # whoever was to renew a certificate of the other identity provider has no part here
        setup_links.end_all(org=org, purpose=Purpose.RENEWAL, at=cause.at)
    if active is not None:
        active.state = State.PAST
        active.save(update_fields=["state"])
    draft.state, draft.activated_at = State.ACTIVE, cause.at
    draft.save(update_fields=["state", "activated_at"])
    locked.sso_connection = draft.connection_id
    locked.save(update_fields=["sso_connection"])
    record(org, cause, OrgSsoActivated(issuer=draft.issuer))
    connection_mail.write(org, at=cause.at)
    return draft


@command
def switch_off(*, org: Organization, cause: Cause) -> bool:
    """Let the org's people sign in with passwords again. What was active is the draft, unless there is a newer one.

    Sessions that began with it end (SPEC L7); links are kept. Returns whether it was on.
    """
    locked = _locked(org)
    there = _present(org)
    active = there.get(State.ACTIVE)
    if active is None:
        return False
    active.state = State.PAST if State.DRAFT in there else State.DRAFT
    active.save(update_fields=["state"])
    locked.sso_connection = None
    locked.save(update_fields=["sso_connection"])
    sessions.end_of_connection(active.connection_id)
    setup_links.end_all(org=org, purpose=Purpose.RENEWAL, at=cause.at)
    record(org, cause, OrgSsoSwitchedOff(issuer=active.issuer))
    connection_mail.write(org, at=cause.at)
    return True


@command
def switch_accounts(*, org: Organization, on: bool, cause: Cause) -> bool:
    """Whether signing in makes an account for somebody whom SCIM has not made (SPEC L5). Returns whether it changed.

    Raises Connection.DoesNotExist.
    """
    _locked(org)
    connection = Connection.objects.for_org(org).get()
    if connection.creates_people == on:
        return False
    connection.creates_people = on
    connection.save(update_fields=["creates_people"])
    record(org, cause, OrgSsoAccountsSwitched(on=on))
    connection_mail.write(org, at=cause.at)
    return True


def _locked(org: Organization) -> Organization:
    return Organization.objects.select_for_update(no_key=True).get(pk=org.pk)


def _spare_key(org: Organization, protocol: Protocol, cause: Cause) -> KeyPair | None:
    """One for a connection that has none, made before anything is locked, since it takes a while."""
    connection = Connection.objects.for_org(org).first()
    if protocol != Protocol.SAML or (connection is not None and has_key(connection)):
        return None
    return make_key_pair((urlsplit(settings.MUSTER_URL).hostname or "muster")[:64], now=cause.at)


def _chosen(org: Organization, idp: str, protocol: Protocol, spare: KeyPair | None, cause: Cause) -> Connection:
    """The org's connection, which is for this identity provider and protocol from now on."""
    connection, _ = Connection.objects.get_or_create(org=org, defaults={"created_at": cause.at})
    connection.idp, connection.protocol = idp, protocol
    if spare is not None and not has_key(connection):
        connection.key, connection.certificate = seal(spare.private_key, owner=connection.id), spare.certificate.pem
    connection.save(update_fields=["idp", "protocol", "key", "certificate"])
    return connection


def _wanted_by_oidc(facts: Facts) -> dict[str, Any]:
    return {
        "protocol": Protocol.OIDC,
        "issuer": issuer_in(facts.issuer),
        "client_id": facts.client_id,
        "name_claim": facts.name_claim,
        "external_id_claim": facts.external_id_claim,
        "sso_url": "",
        "certificates": [],
        "signs_requests": False,
        "metadata_url": "",
    }


def _wanted_by_saml(facts: SamlFacts) -> dict[str, Any]:
    read = facts.provider
    if len(read.certificates) > MOST_CERTIFICATES:
        raise Refused(Reason.TOO_MANY_CERTIFICATES, str(len(read.certificates)))
    return {
        "protocol": Protocol.SAML,
        "issuer": read.entity_id,
        "client_id": "",
        "name_claim": facts.name_claim,
        "external_id_claim": facts.external_id_claim,
        "sso_url": read.sso_url,
        "certificates": [each.pem for each in read.certificates],
        "signs_requests": read.wants_signed_requests,
        "metadata_url": facts.metadata_url,
    }


def _secret(facts: Facts, there: Mapping[str, Revision]) -> str:
    """The new client secret, or that of the draft or of what is active."""
    if facts.client_secret is not None:
        return facts.client_secret
    kept = [there[state] for state in (State.DRAFT, State.ACTIVE) if state in there and not there[state].is_saml]
    if not kept:
        raise Refused(Reason.SECRET_MISSING)
    return secret_in(kept[0])


def _has(draft: Revision, secret: str) -> bool:
    """Whether this is the draft's client secret already: who sends the same configuration again changes nothing."""
    try:
        return bool(draft.client_secret) and secret_in(draft) == secret
    except Refused:
        return False


def _drafted(draft: Revision, *, new_secret: bool) -> OrgSsoDrafted | OrgSamlDrafted:
    claims = {"name_claim": draft.name_claim, "external_id_claim": draft.external_id_claim}
    if not draft.is_saml:
        return OrgSsoDrafted(issuer=draft.issuer, client_id=draft.client_id, **claims, new_secret=new_secret)
    return OrgSamlDrafted(
        issuer=draft.issuer,
        sso_url=draft.sso_url,
        metadata_url=draft.metadata_url,
        certificates=sorted(_known(draft.certificates)),
        **claims,
    )


def _known(certificates: Sequence[str]) -> dict[str, str]:
    """By fingerprint."""
    return {certificates_in(pem.encode())[0].fingerprint: pem for pem in certificates}


def _unlike(revision: Revision, read: IdentityProvider) -> Refused | None:
    """Why metadata does not describe what was tested."""
    if read.entity_id != revision.issuer:
        return Refused(Reason.OTHER_ENTITY, revision.issuer)
    if len(read.certificates) > MOST_CERTIFICATES:
        return Refused(Reason.TOO_MANY_CERTIFICATES, str(len(read.certificates)))
    if read.sso_url != revision.sso_url:
        return Refused(Reason.OTHER_SSO_URL, read.sso_url)
    return None


def _present(org: Organization) -> dict[str, Revision]:
    """The draft and the active revision, as far as there are any."""
    return {each.state: each for each in Revision.objects.for_org(org).exclude(state=State.PAST).select_for_update()}
