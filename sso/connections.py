"""An org's connection to its identity provider, and how it is configured (SPEC L2, L3)."""

from dataclasses import dataclass, replace

from django.conf import settings

from orgs.change_details import OrgSsoDrafted
from orgs.db.keys import uuid7
from orgs.db.sealed import Unreadable, seal, unseal
from orgs.db.transactions import command
from orgs.history import Cause, record
from orgs.models import Organization
from sso.models import Connection, Revision, State
from sso.oidc.documents import issuer_in
from sso.refusals import Reason, Refused


@dataclass(frozen=True, slots=True)
class Facts:
    """What an admin enters. issuer: also as the address of its description. client_secret: None for the one there is.

    name_claim: the claim that holds the userName; empty for `preferred_username`.
    """

    issuer: str
    client_id: str
    client_secret: str | None
    name_claim: str = ""


def callback_url(connection: Connection) -> str:
    """Where the identity provider sends browsers back to: the same for the life of the connection."""
    return f"{settings.MUSTER_URL}/sso/{connection.id}/callback"


def secret_in(revision: Revision) -> str:
    """The client secret. Raises Refused: SECRET_UNREADABLE."""
    try:
        return unseal(revision.client_secret, owner=revision.id)
    except Unreadable:
        raise Refused(Reason.SECRET_UNREADABLE) from None


@command
def draft(*, org: Organization, facts: Facts, cause: Cause) -> Revision:
    """Make this the draft of the org's connection, which has to be tested before it is activated.

    Raises Refused: BAD_ADDRESS; SECRET_MISSING, SECRET_UNREADABLE where the one there is was to be kept.
    """
    facts = replace(facts, issuer=issuer_in(facts.issuer))
    Organization.objects.select_for_update().get(pk=org.pk)
    connection, _ = Connection.objects.get_or_create(org=org, defaults={"created_at": cause.at})
    there = {each.state: each for each in Revision.objects.for_org(org).exclude(state=State.PAST).select_for_update()}
    kept = there.get(State.DRAFT) or there.get(State.ACTIVE)
    secret = facts.client_secret
    if secret is None:
        if kept is None:
            raise Refused(Reason.SECRET_MISSING)
        secret = secret_in(kept)
    draft = there.get(State.DRAFT) or Revision(id=uuid7(), org=org, connection=connection)
    same_facts = (draft.issuer, draft.client_id, draft.name_claim) == (facts.issuer, facts.client_id, facts.name_claim)
    if same_facts and facts.client_secret is None:
        return draft
    draft.issuer, draft.client_id, draft.name_claim = facts.issuer, facts.client_id, facts.name_claim
    draft.client_secret = seal(secret, owner=draft.id)
    draft.changed_at, draft.tested_at = cause.at, None
    draft.save()
    record(
        org,
        cause,
        OrgSsoDrafted(
            issuer=draft.issuer,
            client_id=draft.client_id,
            name_claim=draft.name_claim,
            new_secret=facts.client_secret is not None,
        ),
    )
    return draft
