"""Who it is that an identity provider names, within one org (SPEC L4, L5)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator

from orgs import domains, erasures, invitations
from orgs.db.keys import fold
from orgs.models import IdentityLink, Invitation, Organization, User
from orgs.models.people import UserQuerySet
from sso.identities import USUAL_CLAIM, Identity
from sso.models import Revision
from sso.refusals import Reason, Refused

LONGEST = 255
LONGEST_ADDRESS = 254


@dataclass(frozen=True, slots=True)
class Meant:
    """Whom a provider means. person: None where an account would be made for them.

    user_name: theirs. is_linked: whether the provider meant them before. invitation: which they would accept.
    """

    person: User | None
    user_name: str
    is_linked: bool = False
    invitation: Invitation | None = None


def user_name(org: Organization, claims: Mapping[str, Any], *, claim: str) -> str:
    """The userName in the claims of a token. claim: the one that holds it; empty for that of OpenID Connect.

    An e-mail address counts only where the provider has verified it and it is in a verified domain of the org: it is
    otherwise what people enter about themselves. Raises Refused: NO_NAME, EMAIL_NOT_VERIFIED.
    """
    claim = claim or USUAL_CLAIM
    name = claims.get(claim)
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST or not name.isprintable():
        raise Refused(Reason.NO_NAME, claim)
    if claim == "email" and (claims.get("email_verified") is not True or not _is_proved(org, name)):
        raise Refused(Reason.EMAIL_NOT_VERIFIED, name)
    return name


def external_id(claims: Mapping[str, Any], *, claim: str) -> str:
    """What SCIM calls externalId, in the claims of a token. claim: the one that holds it; empty if none does.

    Raises Refused: BAD_CLAIM, where it should be there.
    """
    if not claim:
        return ""
    value = claims.get(claim)
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST or not value.isprintable():
        raise Refused(Reason.BAD_CLAIM, claim)
    return value


def meant_by(identity: Identity, *, revision: Revision, now: datetime, lock: bool = False) -> Meant:
    """Whom a provider means. revision: the one that led there, with its connection. Writes nothing.

    The linked subject comes first, then the externalId, then the userName. lock: the person, as SCIM does when it
    changes them, for the rest of the transaction. Never the owner or support. Raises Refused, among others NOBODY.
    """
    org = revision.connection.org
    people = User.objects.for_org(org).provisionable()
    if lock:
        people = people.select_for_update(no_key=True)
    if linked := _linked(people, org, identity):
        return Meant(_active(linked), linked.user_name, is_linked=True)
    external = external_id(identity.claims, claim=revision.external_id_claim)
    person = _with_external_id(people, external, revision) if external else None
    if person is None:
        name = user_name(org, identity.claims, claim=revision.user_name_claim)
        person = people.filter(user_name_key=fold(name)).first()
        if person is None:
            return _newcomer(name, external, revision=revision, now=now, lock=lock)
        if external and person.external_id not in ("", external):
            raise Refused(Reason.OTHER_EXTERNAL_ID, name)
    link = IdentityLink.objects.for_org(org).filter(user=_active(person), issuer=identity.issuer).first()
    if link and link.subject != identity.subject:
        raise Refused(Reason.LINKED_TO_ANOTHER, person.user_name)
    # Linked at this moment, where two sign-ins waited for the same lock.
    return Meant(person, person.user_name, is_linked=link is not None)


def _linked(people: UserQuerySet, org: Organization, identity: Identity) -> User | None:
    links = IdentityLink.objects.for_org(org).filter(issuer=identity.issuer, subject=identity.subject)
    link = links.first()
    person = people.filter(id=link.user_id).first() if link else None
    # Whoever waited for the lock may have waited for the end of the link.
    return person if person and links.filter(user=person).exists() else None


def _with_external_id(people: UserQuerySet, external: str, revision: Revision) -> User | None:
    found = list(people.filter(external_id=external).order_by("id")[:2])
    if len(found) > 1:  # SCIM does not keep it unique
        raise Refused(Reason.SEVERAL_PEOPLE, revision.external_id_claim)
    return found[0] if found else None


def _active(person: User) -> User:
    if not person.is_active:
        raise Refused(Reason.DEACTIVATED, person.user_name)
    return person


def _newcomer(name: str, external: str, *, revision: Revision, now: datetime, lock: bool) -> Meant:
    """Somebody who was invited, or may get an account where the org has switched that on. Nobody is brought back."""
    org = revision.connection.org
    deleted = User.objects.for_org(org).filter(is_owner=False).exclude(deleted_at=None)
    if deleted.filter(user_name_key=fold(name)).exists() or (external and deleted.filter(external_id=external)):
        raise Refused(Reason.DELETED, name)
    invitation = invitations.open_to(org, name, at=now, lock=lock)
    if invitation and not invitations.conflicts(org, [invitation.address], invited=False):
        return Meant(None, invitation.address, invitation=invitation)
    if not revision.connection.creates_people:
        raise Refused(Reason.NOBODY, name)
    if erasures.was_erased(org, name):
        raise Refused(Reason.DELETED, name)
    if not _is_address(name) or not _is_proved(org, name):
        raise Refused(Reason.NO_ACCOUNT, name)
    return Meant(None, name)


def _is_proved(org: Organization, address: str) -> bool:
    return domains.proving(address).for_org(org).exists()


def _is_address(name: str) -> bool:
    """Whether a name has the form of an address. Whether its domain exists, the org has proved (SPEC P7)."""
    try:
        EmailValidator(allowlist=[name.rpartition("@")[2]])(name)
    except ValidationError:
        return False
    return len(name) <= LONGEST_ADDRESS
