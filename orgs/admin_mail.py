"""Mails to the owner and the admins of an org, each in the zone that they read times in."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone

from orgs import outbox, time_zones
from orgs.models import MailKind, Organization, User
from orgs.outbox import Letter
from orgs.roles import admins


def write(
    org: Organization,
    kind: MailKind,
    *,
    subject: str,
    template: str,
    words: Mapping[str, Any],
    at: datetime,
    about: UUID | None = None,
) -> None:
    """Mail all of them, once the caller's transaction is committed. words: for the template, beside the portal's
    address. about: as `Mail` has it.
    """
    bodies: dict[str, str] = {}
    letters = []
    for person in readers(org):
        if person.time_zone not in bodies:
            with timezone.override(time_zones.zone(person.time_zone)):
                bodies[person.time_zone] = render_to_string(template, {**words, "portal": settings.MUSTER_URL})
        to, text = person.login_email or "", bodies[person.time_zone]
        letters.append(Letter(kind=kind, to=to, subject=subject, text=text, org=org, person=person, about=about))
    outbox.put(letters, at=at)


def readers(org: Organization) -> list[User]:
    """The owner and the active admins; of those who share an address, one."""
    found: dict[str, User] = {}
    for person in admins(org).filter(login_email__isnull=False):
        found.setdefault(person.login_email or "", person)
    return list(found.values())
