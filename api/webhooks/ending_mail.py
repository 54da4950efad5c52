"""Mails support when a webhook of its own was disabled because its receiver is gone or keeps failing."""

from datetime import datetime

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from api.models import Endpoint
from orgs import guarded_http, outbox
from orgs.models import MailKind


def write(endpoint: Endpoint, *, at: datetime) -> None:
    """Once the caller's transaction is committed."""
    if settings.SUPPORT_EMAIL:
        words = {
            "host": guarded_http.split(endpoint.url).hostname,
            "endpoint": endpoint,
            "portal": settings.MUSTER_URL,
        }
        letter = outbox.Letter(
            kind=MailKind.WEBHOOK,
            to=settings.SUPPORT_EMAIL,
            subject=_("Muster: a webhook was disabled"),
            text=render_to_string("api/ending_mail.txt", words),
        )
        outbox.put([letter], at=at)
