"""Tells support when an org loses its last active admin (SPEC R5): the only module that writes `SupportNotice`."""

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.db import connection, transaction
from django.db.models import Exists, OuterRef
from django.template.loader import render_to_string
from django.utils.translation import ngettext

from orgs import outbox
from orgs.models import LedgerEntry, MailKind, Role, Standing, SupportNotice

NEWS = timedelta(days=7)
"""Support is not told of anything older, for example on the day SUPPORT_EMAIL is first set."""

_ENTRIES = LedgerEntry.objects.filter(slot="last_admin")
_ADMINS = Standing.objects.filter(
    user__active=True,
    user__is_owner=False,
    roles__overlap=ArraySubquery(Role.objects.filter(profile=OuterRef("org__profile"), is_admin=True).values("key")),
)

LOST_EVERY_ADMIN = Exists(_ENTRIES.filter(org=OuterRef("pk"), now="gone")) & ~Exists(_ADMINS.filter(org=OuterRef("pk")))
"""For organizations: whether it once had active admins besides its owner and has none now."""


def tell(*, at: datetime) -> int:
    """Mail support about every last admin who left or keeps the role, unless it was told before. Returns how many.

    One mail at most. An entry has the time
    of the event and not of its commit, so each entry is noted by itself: a single "told until" could miss some.
    """
    if not settings.SUPPORT_EMAIL:
        return 0
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended('support is told', 0))")
            if not cursor.fetchone()[0]:
                return 0  # another worker is doing it
        news = _ENTRIES.filter(notice=None, change__at__gt=at - NEWS).select_related("org", "user", "change")
        entries = list(news.order_by("id"))
        if entries:
            SupportNotice.objects.bulk_create(SupportNotice(entry=entry, told_at=at) for entry in entries)
            _mail(entries, at)
    return len(entries)


def _mail(entries: list[LedgerEntry], at: datetime) -> None:
    orgs = len({entry.org_id for entry in entries})
    subject = ngettext(
        "Muster: the last active admin of an organization",
        "Muster: the last active admins of %(count)s organizations",
        orgs,
    )
    letter = outbox.Letter(
        kind=MailKind.LAST_ADMIN,
        to=settings.SUPPORT_EMAIL,
        subject=subject % {"count": orgs},
        text=render_to_string("orgs/support_mail.txt", {"entries": entries, "portal": settings.MUSTER_URL}),
    )
    outbox.put([letter], at=at)
