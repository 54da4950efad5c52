"""Mails owner and admins about who gets access: domains, and the admin role by hand (SPEC N3)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.utils.translation import gettext as _

from orgs import admin_mail
from orgs.history import Cause
from orgs.models import MailKind, Organization, User
from orgs.roles import catalogue

MOST = 20
"""Lines of one mail; it says how many more there are."""


class Kind(StrEnum):
    DOMAIN_ASKED = "domain_asked"
    """It waits for its DNS record, and is nobody's yet."""
    DOMAIN_ADDED = "domain_added"
    """It is verified: by the DNS, or by support."""
    DOMAIN_GONE = "domain_gone"
    """Its DNS record is gone."""
    DOMAIN_REMOVED = "domain_removed"
    ADMIN_MADE = "admin_made"
    ADMIN_UNMADE = "admin_unmade"


@dataclass(frozen=True, slots=True)
class News:
    """domain, person: whom or what it is about."""

    kind: Kind
    domain: str = ""
    person: User | None = None


def about_domains(org: Organization, names: Mapping[Kind, Collection[str]], cause: Cause) -> None:
    """Mail what happened to each, once the caller's transaction is committed."""
    news = [News(kind, domain=name) for kind, several in names.items() for name in sorted(several)]
    _write(org, news, cause.person, cause.at)


def about_roles(
    org: Organization, person: User, *, was: Collection[str], now: Collection[str], by: User | None, at: datetime
) -> None:
    """Mail it if the admin role came or went, once the caller's transaction is committed.

    was, now: the keys of the roles that count.
    """
    admin = catalogue(org.profile).admin
    if (admin in was) != (admin in now):
        _write(org, [News(Kind.ADMIN_MADE if admin in now else Kind.ADMIN_UNMADE, person=person)], by, at)


def _write(org: Organization, news: Sequence[News], by: User | None, at: datetime) -> None:
    """by: None for Muster itself, and for the command line."""
    if news:
        words = {"org": org, "news": news[:MOST], "more": len(news[MOST:]), "by": by, "at": at}
        subject = _("Muster: who has access was changed")
        admin_mail.write(org, MailKind.ACCESS, subject=subject, template="orgs/admin_news_mail.txt", words=words, at=at)
