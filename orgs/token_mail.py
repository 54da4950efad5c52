"""Mails owner and admins about each new SCIM token, since a token can make anybody admin (SPEC O4)."""

from datetime import datetime
from smtplib import SMTPRecipientsRefused

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _

from orgs import time_zones
from orgs.models import Organization, ScimToken
from orgs.roles import admins

log = structlog.get_logger(__name__)


def tell(*, at: datetime) -> int:
    """Mail about every token that nobody was told of. Returns how many.

    If the mail server is away, the next run continues there: a mail may come twice, but none is lost.
    """
    told = 0
    while _tell_next(at):
        told += 1
    return told


@transaction.atomic
def _tell_next(at: datetime) -> bool:
    untold = ScimToken.objects.filter(told_at=None).select_related("org__profile", "setup_link").order_by("created_at")
    token = untold.select_for_update(skip_locked=True, of=("self",)).first()
    if token is None:
        return False
    ScimToken.objects.filter(pk=token.pk).update(told_at=at)
    words = {"org": token.org, "token": token, "portal": settings.MUSTER_URL}
    for address, zone in readers(token.org).items():
        with timezone.override(time_zones.zone(zone)):
            body = render_to_string("orgs/token_mail.txt", words)
        try:
            EmailMessage(subject=_("Muster: a new SCIM token"), body=body, to=[address]).send()
        except SMTPRecipientsRefused:  # the others are told all the same
            log.warning("token_mail.refused", token=str(token.pk))
    return True


def readers(org: Organization) -> dict[str, str]:
    """The addresses of the owner and the active admins, each once, and the zones that they read times in."""
    readers: dict[str, str] = {}
    for person in admins(org).filter(login_email__isnull=False):
        readers.setdefault(person.login_email or "", person.time_zone)
    return readers
