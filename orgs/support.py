"""Support is told when an org's last active admin goes (SPEC R5): the only module that writes `SupportNotice`."""

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.core.mail import EmailMessage
from django.db import connection, transaction
from django.db.models import Exists, OuterRef
from django.template.loader import render_to_string
from django.utils.translation import ngettext

from orgs.models import LedgerEntry, Role, Standing, SupportNotice

NEWS = timedelta(days=7)
"""What is older is told no more, as on the day on which SUPPORT_EMAIL is first set."""

_ENTRIES = LedgerEntry.objects.filter(slot="last_admin")
_ADMINS = Standing.objects.filter(
    user__active=True,
    user__is_owner=False,
    roles__overlap=ArraySubquery(Role.objects.filter(profile=OuterRef("org__profile"), is_admin=True).values("key")),
)

LOST_EVERY_ADMIN = Exists(_ENTRIES.filter(org=OuterRef("pk"), now="gone")) & ~Exists(_ADMINS.filter(org=OuterRef("pk")))
"""Of an organization: it had active admins besides its owner once, and has none now."""


def tell(*, at: datetime) -> int:
    """Mail support about every last admin who went, or keeps the role, and of whom it was not told; how many there are.

    One mail at most. What the mail server does not take is told the next time, since nothing is noted then. The entry
    says when it happened, not when it was committed, so there is a note for each and no "told until".
    """
    if not settings.SUPPORT_EMAIL:
        return 0
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended('support is told', 0))")
            if not cursor.fetchone()[0]:
                return 0  # another worker is at it
        news = _ENTRIES.filter(notice=None, change__at__gt=at - NEWS).select_related("org", "user", "change")
        entries = list(news.order_by("id"))
        if entries:
            SupportNotice.objects.bulk_create(SupportNotice(entry=entry, told_at=at) for entry in entries)
            _mail(entries)
    return len(entries)


def _mail(entries: list[LedgerEntry]) -> None:
    orgs = len({entry.org_id for entry in entries})
    subject = ngettext(
        "Muster: the last active admin of an organization",
        "Muster: the last active admins of %(count)s organizations",
        orgs,
    )
    EmailMessage(
        subject=subject % {"count": orgs},
        body=render_to_string("orgs/support_mail.txt", {"entries": entries, "portal": settings.MUSTER_URL}),
        to=[settings.SUPPORT_EMAIL],
    ).send()
