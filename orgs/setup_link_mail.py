"""Mails owner and admins when a setup link is made, opened and used (SPEC L8).

Of tokens that are made through it, `orgs.token_mail` tells.
"""

from datetime import datetime
from smtplib import SMTPRecipientsRefused

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Q
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _

from orgs import setup_links, time_zones
from orgs.models import SetupLink
from orgs.token_mail import readers

log = structlog.get_logger(__name__)


def tell(*, at: datetime) -> int:
    """Mail about every link of which there is something to tell. Returns how many.

    If the mail server is away, the next run continues there: a mail may come twice, but none is lost.
    """
    told = 0
    while _tell_next(at):
        told += 1
    return told


@transaction.atomic
def _tell_next(at: datetime) -> bool:
    untold = SetupLink.objects.filter(~Q(untold=[]), org__closed_at=None).select_related("org__profile", "made_by")
    link = untold.select_for_update(skip_locked=True, of=("self",)).order_by("made_at").first()
    if link is None:
        return False
    works = link.ended_at is None and link.expires_at > at
    words = {"link": link, "news": link.untold, "portal": settings.MUSTER_URL, "works": works}
    setup_links.told(link)
    for address, zone in readers(link.org).items():
        with timezone.override(time_zones.zone(zone)):
            body = render_to_string("orgs/setup_link_mail.txt", words)
        try:
            EmailMessage(subject=_("Muster: a setup link"), body=body, to=[address]).send()
        except SMTPRecipientsRefused:  # the others are told all the same
            log.warning("setup_link_mail.refused", link=str(link.pk))
    return True
