"""Who comes back from the identity provider is linked, or made, and may then be signed in (SPEC L4, L5)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError

from orgs import history, invitations, people, queue
from orgs.change_details import UserEnrolled, UserJoined
from orgs.db.transactions import command, violated
from orgs.history import Cause
from orgs.models import Door, User
from sso import identification, links
from sso.identification import Meant
from sso.identities import Identity
from sso.models import Connection, Revision, State
from sso.refusals import Reason, Refused

LONGEST_NAME = 100
_MICROSOFT = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
GIVEN_NAME = ("given_name", "givenName", "firstName", "urn:oid:2.5.4.42", f"{_MICROSOFT}givenname")
FAMILY_NAME = ("family_name", "familyName", "lastName", "sn", "urn:oid:2.5.4.4", f"{_MICROSOFT}surname")
"""By what names identity providers send them: the first is that of OpenID Connect, the others are of SAML."""
_RACES = ("user_name_once_among_people", "identity_link_subject_once")
"""What of two at the same moment one runs into; the other's work is then there."""


def admit(identity: Identity, *, connection: Connection, at: datetime) -> User:
    """The person who may be signed in now, with their org; linked from now on, and made if they may be.

    No transaction is open. Raises Refused, as `identification.meant_by`; STATE where the connection is not active, or
    another issuer's, by now.
    """
    try:
        return _admit(identity, connection=connection, at=at)
    except (people.UserNameTaken, IntegrityError) as error:
        if isinstance(error, IntegrityError) and violated(error) not in _RACES:
            raise
        return _admit(identity, connection=connection, at=at)


@command
def _admit(identity: Identity, *, connection: Connection, at: datetime) -> User:
    active = Revision.objects.for_org(connection.org_id).filter(connection=connection, state=State.ACTIVE)
    revision = active.select_related("connection__org").first()
    if revision is None or revision.authority != identity.issuer:
        raise Refused(Reason.STATE)
    meant = identification.meant_by(identity, revision=revision, now=at, lock=True)
    if meant.person is not None and meant.is_linked:
        links.used(meant.person, identity, at=at)
        person = meant.person
    else:
        person = meant.person or _made(meant, revision, identity.claims, at)
        links.link(person, identity, at=at)
    person.org = revision.connection.org
    return person


def _made(meant: Meant, revision: Revision, claims: Mapping[str, Any], at: datetime) -> User:
    """A new person, whom a worker settles: this app does not know what follows from it."""
    org, invitation = revision.connection.org, meant.invitation
    user, effects = people.add_unmanaged(
        org=org,
        address=meant.user_name,
        names=(_name(claims, GIVEN_NAME), _name(claims, FAMILY_NAME)),
        roles=invitation.roles if invitation else None,
        password=None,
        at=at,
    )
    told: UserEnrolled | UserJoined = UserEnrolled(user=str(user.id))
    if invitation:
        invitations.accepted(invitation, user, at)
        told = UserJoined(user=str(user.id), invitation=str(invitation.id), roles=invitation.roles)
    change = history.record(org, Cause(Door.PAGE, at, person=user), told, effects)
    queue.mark(org.id, [user.id], change.id)
    return user


def _name(claims: Mapping[str, Any], called: Sequence[str]) -> str:
    """What a provider calls somebody, as far as a page can show it."""
    claim = next((claims[each] for each in called if each in claims), "")
    text = claim if isinstance(claim, str) and claim.isprintable() else ""
    return text.strip()[:LONGEST_NAME]
