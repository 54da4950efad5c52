"""Which people an identity provider means by its subjects (SPEC L4).

The only module that writes `IdentityLink`, which ends with its person (`orgs.people.delete`).
"""

from datetime import datetime
from uuid import UUID

from orgs import sessions
from orgs.change_details import OrgSsoUnlinked, UserUnlinked
from orgs.db.transactions import command
from orgs.history import Cause, record
from orgs.models import IdentityLink, Organization, User
from orgs.people import UnknownPerson
from sso.identities import Identity
from sso.models import Connection


def link(person: User, identity: Identity, *, at: datetime) -> None:
    """From now on the provider means this person by this subject. person: locked, and without a link of this issuer.

    Raises IntegrityError, where the subject is somebody else's meanwhile.
    """
    assert person.org
    IdentityLink.objects.create(
        org=person.org,
        user=person,
        issuer=identity.issuer,
        subject=identity.subject,
        linked_at=at,
        last_used_at=at,
    )


def used(person: User, identity: Identity, *, at: datetime) -> None:
    """Note that somebody signed in by their link."""
    assert person.org
    IdentityLink.objects.for_org(person.org).filter(user=person, issuer=identity.issuer).update(last_used_at=at)


@command
def unlink(*, org: Organization, user_id: UUID, cause: Cause) -> int:
    """End every link of a person, so that the next sign-in links them anew. Returns how many there were.

    Sessions that began with the connection end: they may be somebody else's. Raises UnknownPerson.
    """
    person = User.objects.for_org(org).provisionable().select_for_update(no_key=True).filter(id=user_id).first()
    if person is None:
        raise UnknownPerson(user_id)
    links = IdentityLink.objects.for_org(org).filter(user=person)
    issuers = list(links.order_by("issuer").values_list("issuer", flat=True))
    links.delete()
    for connection in Connection.objects.for_org(org):
        sessions.end_of_connection(connection.id, user=person)
    for issuer in issuers:
        record(org, cause, UserUnlinked(user=str(person.id), issuer=issuer))
    return len(issuers)


@command
def unlink_all(*, org: Organization, cause: Cause) -> int:
    """End every link of the org, where the identity provider calls everybody by another subject from now on.

    Sessions stay. Returns how many there were.
    """
    ended, _ = IdentityLink.objects.for_org(org).delete()
    if ended:
        record(org, cause, OrgSsoUnlinked(links=ended))
    return ended
