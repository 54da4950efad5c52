"""Mails owner and admins about who gets access: domains, and the admin role by hand (SPEC N3).

The only module that writes `AdminNews`. What happens within a minute is one mail to each.
"""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from orgs import admin_mail
from orgs.history import Cause
from orgs.models import AdminNews, AdminNewsKind, Organization, User
from orgs.roles import catalogue

MOST = 20
"""Lines of one mail; it says how many more there are."""


def about_domains(org: Organization, kind: AdminNewsKind, names: Collection[str], cause: Cause) -> None:
    """Have it told of each, once the caller's transaction is committed."""
    rows = [AdminNews(org=org, kind=kind, domain=name, by=cause.person, at=cause.at) for name in sorted(names)]
    AdminNews.objects.bulk_create(rows)


def about_roles(
    org: Organization, person: User, *, was: Collection[str], now: Collection[str], by: User | None, at: datetime
) -> None:
    """Have it told if the admin role came or went, once the caller's transaction is committed.

    was, now: the keys of the roles that count.
    """
    admin = catalogue(org.profile).admin
    if (admin in was) != (admin in now):
        kind = AdminNewsKind.ADMIN_MADE if admin in now else AdminNewsKind.ADMIN_UNMADE
        AdminNews.objects.create(org=org, kind=kind, person=person, by=by, at=at)


def tell() -> int:
    """Mail what is untold, in one mail for each org. Returns how many orgs.

    If the mail server is away, the next run continues there: a mail may come twice, but none is lost.
    """
    told = 0
    while _tell_next():
        told += 1
    return told


@transaction.atomic
def _tell_next() -> bool:
    waiting = AdminNews.objects.filter(org__closed_at=None).select_for_update(skip_locked=True, of=("self",))
    first = waiting.select_related("org__profile").order_by("id").first()
    if first is None:
        return False
    news = list(waiting.for_org(first.org).select_related("person", "by").order_by("id"))
    AdminNews.objects.filter(pk__in=[each.pk for each in news]).delete()
    words = {"org": first.org, "news": news[:MOST], "more": len(news[MOST:])}
    subject = _("Muster: who has access was changed")
    admin_mail.send(first.org, subject=subject, template="orgs/admin_news_mail.txt", words=words)
    return True
