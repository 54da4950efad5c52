"""An org's connection to its identity provider, and how it is configured (SPEC L2, L3)."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.conf import settings

from orgs import sessions
from orgs.change_details import (
    OrgSsoAccountsSwitched,
    OrgSsoActivated,
    OrgSsoDiscarded,
    OrgSsoDrafted,
    OrgSsoPrepared,
    OrgSsoSwitchedOff,
)
from orgs.db.keys import uuid7
from orgs.db.sealed import Unreadable, seal, unseal
from orgs.db.transactions import command
from orgs.history import Cause, record
from orgs.models import Organization
from orgs.models.sign_in import LONGEST_ISSUER
from sso.models import Connection, Revision, State
from sso.oidc.documents import issuer_in
from sso.refusals import Reason, Refused


@dataclass(frozen=True, slots=True)
class Facts:
    """What an admin enters. issuer: also as the address of its description. client_secret: None for the one there is.

    name_claim: the claim that holds the userName; empty for `preferred_username`. external_id_claim: the one that
    holds SCIM's externalId; empty if none does. secret_ends_on: when the secret ends, if known. idp: whose words the
    pages use.
    """

    issuer: str
    client_id: str
    client_secret: str | None
    name_claim: str = ""
    external_id_claim: str = ""
    secret_ends_on: date | None = None
    idp: str = ""


class NotTested(Exception):
    """No test run of just this configuration has come to somebody's name (SPEC L3)."""


def revocation_url(connection: Connection) -> str:
    """Where the identity provider asks for the end of all sessions of a person: the audience of what it shows then."""
    return f"{settings.MUSTER_URL}/sso/{connection.id}/revoke"


def callback_url(connection: Connection) -> str:
    """Where the identity provider sends browsers back to: the same for the life of the connection."""
    return f"{settings.MUSTER_URL}/sso/{connection.id}/callback"


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
def prepare(*, org: Organization, idp: str, cause: Cause) -> Connection:
    """Make the org's connection, whose addresses are entered at the identity provider before anything else.

    idp: whose words its pages use, which may be changed in the same way.
    """
    _locked(org)
    connection, made = Connection.objects.get_or_create(org=org, defaults={"idp": idp, "created_at": cause.at})
    if made or connection.idp != idp:
        connection.idp = idp
        connection.save(update_fields=["idp"])
        record(org, cause, OrgSsoPrepared(idp=idp))
    return connection


@command
def draft(*, org: Organization, facts: Facts, cause: Cause) -> Revision:
    """Make this the draft of the org's connection, which has to be tested before it is activated.

    Raises Refused: BAD_ADDRESS; SECRET_MISSING, SECRET_UNREADABLE where the one there is was to be kept.
    """
    issuer = issuer_in(facts.issuer)
    if len(issuer) > LONGEST_ISSUER:
        raise Refused(Reason.BAD_ADDRESS, issuer)
    _locked(org)
    connection, _ = Connection.objects.get_or_create(org=org, defaults={"created_at": cause.at})
    if connection.idp != facts.idp:
        connection.idp = facts.idp
        connection.save(update_fields=["idp"])
    there = _present(org)
    kept = there.get(State.DRAFT) or there.get(State.ACTIVE)
    secret = facts.client_secret
    if secret is None:
        if kept is None:
            raise Refused(Reason.SECRET_MISSING)
        secret = secret_in(kept)
    draft = there.get(State.DRAFT) or Revision(id=uuid7(), org=org, connection=connection)
    wanted = {
        "issuer": issuer,
        "client_id": facts.client_id,
        "name_claim": facts.name_claim,
        "external_id_claim": facts.external_id_claim,
    }
    ends_on_was, draft.secret_ends_on = draft.secret_ends_on, facts.secret_ends_on
    if facts.client_secret is None and all(getattr(draft, name) == value for name, value in wanted.items()):
        if ends_on_was != draft.secret_ends_on:
            draft.save(update_fields=["secret_ends_on"])
        return draft
    for name, value in wanted.items():
        setattr(draft, name, value)
    draft.client_secret = seal(secret, owner=draft.id)
    draft.changed_at, draft.tested_at = cause.at, None
    draft.save()
    record(org, cause, OrgSsoDrafted(**wanted, new_secret=facts.client_secret is not None))
    return draft


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
    if active is not None:
        active.state = State.PAST
        active.save(update_fields=["state"])
    draft.state, draft.activated_at = State.ACTIVE, cause.at
    draft.save(update_fields=["state", "activated_at"])
    locked.sso_connection = draft.connection_id
    locked.save(update_fields=["sso_connection"])
    record(org, cause, OrgSsoActivated(issuer=draft.issuer))
    _to_be_told(org, cause)
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
    record(org, cause, OrgSsoSwitchedOff(issuer=active.issuer))
    _to_be_told(org, cause)
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
    _to_be_told(org, cause)
    return True


def _locked(org: Organization) -> Organization:
    return Organization.objects.select_for_update(no_key=True).get(pk=org.pk)


def _to_be_told(org: Organization, cause: Cause) -> None:
    """Owner and admins are mailed how people sign in now (`sso.connection_mail`)."""
    Connection.objects.for_org(org).update(untold_since=cause.at)


def _present(org: Organization) -> dict[str, Revision]:
    """The draft and the active revision, as far as there are any."""
    return {each.state: each for each in Revision.objects.for_org(org).exclude(state=State.PAST).select_for_update()}
