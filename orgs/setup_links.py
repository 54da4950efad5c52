"""Setup links (SPEC L8): the only module that writes `SetupLink`.

A link exists in two parts, which nobody else has: its secret in the address that an admin hands over, and another one
in the browser that opened it. Both are stored as hashes. What is set up through a link waits for an admin.
"""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q

from orgs import domains, history, setup_link_mail, tokens
from orgs.change_details import SetupLinkFinished, SetupLinkMade, SetupLinkOpened, SetupLinkRevoked
from orgs.db.prepared import Prepared
from orgs.db.sealed import hashed
from orgs.db.tenancy import TenantQuerySet
from orgs.db.transactions import command, postpone
from orgs.models import Organization, Purpose, ScimToken, SetupLink, User
from orgs.setup_link_mail import News
from orgs.traces import Traces

LASTS = timedelta(days=7)
QUIET = timedelta(minutes=10)
"""Within it, one mail tells of whatever is set up: several steps belong together."""


class NotOpen(Exception):
    """There is no such link, it has ended, or it belongs to another browser. Which of these, nobody is told."""


class AlreadyOpen(Exception):
    """The org has a link for this purpose; the argument is that link."""


@dataclass(frozen=True, slots=True)
class Made:
    """A new link and its secret, which is stored nowhere and never shown again."""

    link: SetupLink
    secret: str


def missing_prerequisites(org: Organization, purpose: str) -> list[Any]:
    """What has to be there before somebody can set this up, in words; empty if everything is."""
    return tokens.missing_prerequisites(org) if purpose == Purpose.SCIM else []


def open_in(org: Organization, *, at: datetime) -> TenantQuerySet[SetupLink]:
    """The links of an org that work, the newest first."""
    return SetupLink.objects.for_org(org).filter(ended_at=None, expires_at__gt=at)


@command
def make(*, org: Organization, purpose: Purpose, recipient: str, cause: history.Cause) -> Made:
    """A link for one purpose, which lasts for LASTS. recipient: what admins call whoever gets it.

    Raises tokens.PrerequisiteMissing, AlreadyOpen.
    """
    if missing := missing_prerequisites(org, purpose):
        raise tokens.PrerequisiteMissing(missing)
    Organization.objects.select_for_update(no_key=True).get(pk=org.pk)  # two at once must not both find none
    unended = SetupLink.objects.for_org(org).filter(purpose=purpose, ended_at=None)
    if there := unended.filter(expires_at__gt=cause.at).first():
        raise AlreadyOpen(there)
    unended.update(ended_at=cause.at)
    secret = secrets.token_urlsafe(32)
    link = SetupLink.objects.create(
        org=org,
        purpose=purpose,
        recipient=recipient,
        digest=hashed(secret),
        made_by=cause.person,
        made_at=cause.at,
        expires_at=cause.at + LASTS,
    )
    setup_link_mail.write(link, News.MADE, at=cause.at)
    history.record(org, cause, SetupLinkMade(link=str(link.id), purpose=purpose))
    return Made(link, secret)


@command
def revoke(*, org: Organization, link_id: UUID, cause: history.Cause) -> SetupLink:
    """End a link, and with it the token that waits. Raises NotOpen."""
    link = open_in(org, at=cause.at).select_for_update().filter(id=link_id).first()
    if link is None:
        raise NotOpen(link_id)
    _end(link, cause.at)
    for token in _waiting(link):
        tokens.revoke(org=org, token_id=token.id, cause=cause)
    history.record(org, cause, SetupLinkRevoked(link=str(link.id), purpose=link.purpose))
    return link


def of_secret(secret: str, *, at: datetime) -> SetupLink:
    """The link with this secret, whether it was opened or not, with its org. Raises NotOpen.

    Reading it, as scanners of mail do, changes nothing.
    """
    return _one(_known(at).filter(digest=hashed(secret)))


@command
def open_once(*, secret: str, cause: history.Cause) -> tuple[SetupLink, str]:
    """Open a link, and give its browser the secret by which it is known from then on. Raises NotOpen."""
    link = _one(_known(cause.at).filter(digest=hashed(secret), opened_at=None).select_for_update(of=("self",)))
    browser = secrets.token_urlsafe(32)
    link.opened_at, link.browser = cause.at, hashed(browser)
    link.save(update_fields=["opened_at", "browser"])
    setup_link_mail.write(link, News.OPENED, at=cause.at)
    history.record(link.org, cause, SetupLinkOpened(link=str(link.id), purpose=link.purpose))
    return link, browser


def of_browser(link_id: UUID, browser: str, *, at: datetime) -> SetupLink:
    """The link that this browser opened, with its org and profile. browser: its secret. Raises NotOpen."""
    return _one(_known(at).filter(id=link_id, browser=hashed(browser)))


@command
def use(*, link: SetupLink, at: datetime, tells: bool = True) -> None:
    """Note that something is set up through a link, in the command that does it. tells: whether that is mailed, which
    is at most once in QUIET.

    Raises NotOpen: the link may have ended after the door looked at it.
    """
    locked = _locked(link, at)
    last, locked.last_used_at = locked.last_used_at, at
    locked.save(update_fields=["last_used_at"])
    if tells and (last is None or at - last >= QUIET):
        setup_link_mail.write(locked, News.USED, at=at)


@command
def issue_token(*, link: SetupLink, cause: history.Cause, **about: Any) -> tokens.Issued:
    """A token that waits for an admin, in place of the last one that the link made, if that still waits.

    about: as `tokens.issue` takes it. Raises NotOpen, and what that raises.
    """
    use(link=link, at=cause.at, tells=False)  # the token has a mail of its own
    for token in _waiting(link):
        tokens.revoke(org=link.org, token_id=token.id, cause=cause)
    return tokens.issue(org=link.org, link=link, cause=cause, **about)


@command
def ask_domain(*, link: SetupLink, name: str, cause: history.Cause) -> str:
    """As `domains.ask`. Raises NotOpen, and what that raises."""
    use(link=link, at=cause.at)
    return domains.ask(org=link.org, name=name, cause=cause)


@command
def finish(*, link: SetupLink, cause: history.Cause) -> None:
    """End a link because everything is set up. Raises NotOpen."""
    locked = _locked(link, cause.at)
    _end(locked, cause.at)
    history.record(link.org, cause, SetupLinkFinished(link=str(link.id), purpose=link.purpose))


@command
def end_all(*, org: Organization, purpose: Purpose, at: datetime) -> None:
    """End what links there are for a purpose that is over."""
    SetupLink.objects.for_org(org).filter(purpose=purpose, ended_at=None).update(ended_at=at)


_END_WITH = Prepared("UPDATE orgs_setuplink SET ended_at = %s WHERE made_by_id = %s AND ended_at IS NULL")


def end_with(user: User, at: datetime) -> None:
    """End every open link that `user` made: their account ends (SPEC U4)."""
    postpone(_END_WITH, [at, user.pk])


def forget_person(org_id: UUID, traces: Traces) -> int:
    """Empty the names of recipients that show somebody who is erased. Returns how many (SPEC U5)."""
    count = 0
    for link in SetupLink.objects.for_org(org_id).exclude(recipient=""):
        if traces.found_in(link.recipient):
            count += SetupLink.objects.for_org(org_id).filter(pk=link.pk).update(recipient="")
    return count


def _known(at: datetime) -> TenantQuerySet[SetupLink]:
    works = Q(ended_at=None, expires_at__gt=at, org__closed_at=None)
    return SetupLink.objects.filter(works).select_related("org__profile")


def _one(found: TenantQuerySet[SetupLink]) -> SetupLink:
    link = found.first()
    if link is None:
        raise NotOpen
    return link


def _locked(link: SetupLink, at: datetime) -> SetupLink:
    return _one(_known(at).filter(pk=link.pk).select_for_update(of=("self",)))


def _waiting(link: SetupLink) -> Collection[ScimToken]:
    return ScimToken.objects.for_org(link.org_id).filter(setup_link=link, confirmed_at=None, revoked_at=None)


def _end(link: SetupLink, at: datetime) -> None:
    link.ended_at = at
    link.save(update_fields=["ended_at"])
