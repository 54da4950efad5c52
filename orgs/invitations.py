"""Invitations by mail (SPEC U13): the only module that writes `Invitation`.

Whoever accepts one is made by `groups_provisioning.actions.accepting`. The secret of an invitation exists in its mail
alone: it is made as the mail is written, and stored as a hash.
"""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import Q

from orgs import admin_news, domains, history, invitation_mail, outbox
from orgs.catalogue import UnknownRole
from orgs.change_details import InvitationResent, InvitationRevoked, InvitationsSent
from orgs.db.keys import fold
from orgs.db.prepared import Prepared
from orgs.db.sealed import hashed
from orgs.db.transactions import command, postpone, violated
from orgs.models import Ending, Invitation, Organization, User
from orgs.roles import catalogue

DAYS = (1, 3, 7, 14, 30)
"""For how long an invitation may be good."""
USUAL_DAYS = 7
AT_ONCE = 50
AN_HOUR = 200
"""Invitations that an org may make in an hour: nobody's mailbox is to be flooded from here."""
SENT_JUST_NOW = timedelta(minutes=5)


class Reason(StrEnum):
    """Why an address cannot be invited."""

    NOT_AN_ADDRESS = "not_an_address"
    FOREIGN_DOMAIN = "foreign_domain"
    PERSON = "person"
    INACTIVE = "inactive"
    DELETED = "deleted"
    INVITED = "invited"


@dataclass(frozen=True, slots=True)
class Conflict:
    """An address that cannot be invited. person: who has it, for PERSON, INACTIVE and DELETED. domains: the org's."""

    address: str
    reason: Reason
    person: User | None = None
    domains: tuple[str, ...] = ()


class Conflicts(Exception):
    """Some addresses cannot be invited, so nobody was; the arguments are a `Conflict` each."""

    @property
    def conflicts(self) -> tuple[Conflict, ...]:
        return self.args


class TooMany(Exception):
    """More invitations than an org may make in an hour."""


class SentJustNow(Exception):
    """The invitation was mailed a moment ago."""


class NotOpen(Exception):
    """There is no such invitation, it has ended, or its mail is no longer good."""


@command
def invite(
    *, org: Organization, addresses: Sequence[str], roles: Collection[str], days: int, cause: history.Cause
) -> list[Invitation]:
    """Invite these addresses with these roles, all or none. A worker sends the mails.

    Raises Conflicts, UnknownRole, TooMany.
    """
    keys = _roles(org, roles)
    Organization.objects.select_for_update(no_key=True).get(pk=org.pk)  # two at once must not both be the last
    recent = Invitation.objects.for_org(org).filter(invited_at__gt=cause.at - timedelta(hours=1))
    if recent.count() + len(addresses) > AN_HOUR:
        raise TooMany
    if found := conflicts(org, addresses):
        raise Conflicts(*found)
    secrets_of = {address: _new_secret() for address in addresses}
    made = [
        Invitation(
            org=org,
            address=address,
            address_key=fold(address),
            roles=keys,
            days=days,
            invited_by=cause.person,
            invited_at=cause.at,
            expires_at=cause.at + timedelta(days=days),
            digest=hashed(secret),
        )
        for address, secret in secrets_of.items()
    ]
    try:
        with transaction.atomic():
            Invitation.objects.bulk_create(made)
    except IntegrityError as error:
        if violated(error) == "invitation_once_to_an_address":
            raise Conflicts(*(Conflict(address, Reason.INVITED) for address in addresses)) from error
        raise
    invitation_mail.write(org, {each: secrets_of[each.address] for each in made}, at=cause.at)
    told = InvitationsSent(invitations=[str(each.id) for each in made], roles=keys, days=days)
    history.record(org, cause, told)
    return made


def conflicts(org: Organization, addresses: Collection[str], *, invited: bool = True) -> list[Conflict]:
    """What keeps these addresses from being invited. invited: an open invitation does. Three queries at most."""
    keys = {fold(address) for address in addresses}
    namesakes = User.objects.for_org(org).filter(user_name_key__in=keys, is_owner=False).order_by("-deleted_at", "id")
    # Of several, one who is there comes before the deleted: in descending order nulls are first.
    people = {user.user_name_key: user for user in reversed(namesakes.defer("attributes", "folded"))}
    waiting = Invitation.objects.for_org(org).filter(address_key__in=keys, ended_at=None) if invited else ()
    taken = {each.address_key for each in waiting}
    listed = tuple(org.verified_domains.values_list("name", flat=True))
    found = (_conflict(address, people.get(fold(address)), fold(address) in taken, listed) for address in addresses)
    return [each for each in found if each is not None]


def _conflict(address: str, person: User | None, is_invited: bool, listed: tuple[str, ...]) -> Conflict | None:
    try:
        validate_email(address)
        domains.check_among(listed, fold(address))
    except ValidationError:
        return Conflict(address, Reason.NOT_AN_ADDRESS)
    except domains.ForeignDomain:
        return Conflict(address, Reason.FOREIGN_DOMAIN, domains=listed)
    if person is not None:
        gone = Reason.DELETED if person.deleted_at else Reason.INACTIVE
        return Conflict(address, Reason.PERSON if person.active else gone, person)
    return Conflict(address, Reason.INVITED) if is_invited else None


class ThroughProvider(Exception):
    """The org's people sign in through its identity provider: whoever does so by this address has accepted."""


def _roles(org: Organization, roles: Collection[str]) -> list[str]:
    keys = catalogue(org.profile).keys
    if unknown := set(roles) - set(keys):
        raise UnknownRole(*sorted(unknown))
    return [key for key in keys if key in roles]


@command
def resend(*, org: Organization, invitation_id: UUID, cause: history.Cause) -> Invitation:
    """Have the mail sent again, with another secret and a new expiry; the link of the last one no longer works.

    Raises NotOpen, SentJustNow.
    """
    invitation = _locked(org, invitation_id)
    if invitation.sent_at is not None and cause.at - invitation.sent_at < SENT_JUST_NOW:
        raise SentJustNow
    secret = _new_secret()
    invitation.sent_at, invitation.refused, invitation.digest = None, False, hashed(secret)
    invitation.expires_at = cause.at + timedelta(days=invitation.days)
    invitation.save(update_fields=["sent_at", "refused", "digest", "expires_at"])
    outbox.take_back(about=invitation.pk)
    invitation_mail.write(org, {invitation: secret}, at=cause.at)
    history.record(org, cause, InvitationResent(invitation=str(invitation.id), days=invitation.days))
    return invitation


@command
def revoke(*, org: Organization, invitation_id: UUID, cause: history.Cause) -> Invitation:
    """End an invitation: its link no longer works. Raises NotOpen."""
    invitation = _locked(org, invitation_id)
    _end(invitation, Ending.REVOKED, cause.at)
    history.record(org, cause, InvitationRevoked(invitation=str(invitation.id)))
    return invitation


_END_WITH = Prepared("""
UPDATE orgs_invitation SET ended_at = %(at)s, ending = 'deactivated', digest = NULL
WHERE org_id = %(org)s AND ended_at IS NULL
    AND (invited_by_id = %(user)s OR address_key IN (%(user_name)s, %(address)s))
""")


def end_with(user: User, at: datetime) -> None:
    """End every open invitation that `user` sent, or whose address is theirs: their account ends (SPEC U4).

    Somebody who has to go may have invited an address of their own before.
    """
    if user.org_id is not None:
        addresses = {"user_name": fold(user.user_name), "address": user.login_email or ""}
        postpone(_END_WITH, {"at": at, "org": user.org_id, "user": user.pk} | addresses)


def forget_person(org_id: UUID, user_id: UUID, known_by: Collection[str]) -> int:
    """Delete the invitations of somebody who is erased. known_by: folded. Returns how many (SPEC U5)."""
    theirs = Q(user=user_id) | Q(address_key__in=known_by)
    return Invitation.objects.for_org(org_id).filter(theirs).delete()[0]


def of_secret(secret: str, *, at: datetime, lock: bool = False) -> Invitation:
    """The invitation whose last mail has this secret, with its org. lock: for the rest of the transaction.

    Raises NotOpen. Reading it, as scanners of mail do, changes nothing.
    """
    known = Invitation.objects.filter(digest=hashed(secret), org__closed_at=None).select_related("org__profile")
    if lock:
        known = known.select_for_update(of=("self",))
    invitation = known.first()
    if invitation is None or invitation.ended_at is not None or invitation.expires_at <= at:
        raise NotOpen
    return invitation


def open_to(org: Organization, address: str, *, at: datetime, lock: bool = False) -> Invitation | None:
    """The invitation that waits for this address. lock: for the rest of the transaction.

    For whoever shows in another way than by its secret that the address is theirs.
    """
    known = Invitation.objects.for_org(org).filter(address_key=fold(address), ended_at=None, expires_at__gt=at)
    return (known.select_for_update() if lock else known).first()


def accepted(invitation: Invitation, user: User, at: datetime) -> None:
    """Note who accepted an invitation, which the caller has locked."""
    invitation.user = user
    _end(invitation, Ending.ACCEPTED, at)
    admin_news.about_roles(invitation.org, user, was=(), now=invitation.roles, by=invitation.invited_by, at=at)


def _end(invitation: Invitation, ending: Ending, at: datetime) -> None:
    invitation.ended_at, invitation.ending, invitation.digest = at, ending, None
    invitation.save(update_fields=["ended_at", "ending", "digest", "user"])


def _locked(org: Organization, invitation_id: UUID) -> Invitation:
    waiting = Invitation.objects.for_org(org).filter(id=invitation_id, ended_at=None)
    invitation = waiting.select_for_update().first()
    if invitation is None:
        raise NotOpen(invitation_id)
    return invitation


def is_open(invitation_id: UUID) -> bool:
    """Whether an invitation has no end yet, so that its mail is of use."""
    return Invitation.objects.filter(pk=invitation_id, ended_at=None).exists()


def was_sent(invitation_id: UUID, *, at: datetime) -> None:
    """Note that the mail server took the last mail."""
    Invitation.objects.filter(pk=invitation_id).update(sent_at=at)


def was_refused(invitation_id: UUID) -> None:
    """Note that the mail server does not take the address, so that nobody has the link."""
    Invitation.objects.filter(pk=invitation_id, ended_at=None).update(refused=True, digest=None)


def _new_secret() -> str:
    """Of a link. Of what was there before, the link then stops working."""
    return secrets.token_urlsafe(32)
