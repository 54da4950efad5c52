"""Mails to the owner and the admins of an org, each in the zone that they read times in."""

from collections.abc import Mapping
from smtplib import SMTPRecipientsRefused
from typing import Any

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.utils import timezone

from orgs import time_zones
from orgs.models import Organization
from orgs.roles import admins

log = structlog.get_logger(__name__)


def send(org: Organization, *, subject: str, template: str, words: Mapping[str, Any]) -> None:
    """Mail all of them. words: for the template, beside the portal's address.

    An address that the mail server refuses keeps nobody else from being told. Raises what a mail server that is away
    raises: the caller's transaction then still has it to be told.
    """
    for address, zone in _readers(org).items():
        with timezone.override(time_zones.zone(zone)):
            body = render_to_string(template, {**words, "portal": settings.MUSTER_URL})
        try:
            EmailMessage(subject=subject, body=body, to=[address]).send()
        except SMTPRecipientsRefused:
            log.warning("admin_mail.refused", org=str(org.pk), template=template)


def _readers(org: Organization) -> dict[str, str]:
    """The addresses of the owner and the active admins, each once, and their zones."""
    readers: dict[str, str] = {}
    for person in admins(org).filter(login_email__isnull=False):
        readers.setdefault(person.login_email or "", person.time_zone)
    return readers
