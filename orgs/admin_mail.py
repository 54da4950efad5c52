"""Mails to the owner and the admins of an org, each in the zone that they read times in."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone

from orgs import outbox, time_zones
from orgs.models import MailKind, Organization, User
from orgs.outbox import Letter
from orgs.roles import admins_of


def write(
    org: Organization,
    kind: MailKind,
    *,
    subject: str,
    template: str,
    words: Mapping[str, Any],
    at: datetime,
    about: UUID | None = None,
    but: User | None = None,
) -> None:
    """Mail all of them, once the caller's transaction is committed. words: for the template, beside the portal's
    address. about: as `Mail` has it. but: who knows already.
    """
    bodies: dict[str, str] = {}
    letters = []
    for person in readers(org):
        if person == but:
            continue
        if person.time_zone not in bodies:
            with timezone.override(time_zones.zone(person.time_zone)):
                bodies[person.time_zone] = render_to_string(template, {**words, "portal": settings.MUSTER_URL})
        to, text = person.login_email or "", bodies[person.time_zone]
        letters.append(Letter(kind=kind, to=to, subject=subject, text=text, org=org, person=person, about=about))
    outbox.put(letters, at=at)


def readers(org: Organization) -> list[User]:
    """The owner and the active admins; of those who share an address, one."""
    return readers_of([org])[org.pk]


def readers_of(orgs: Collection[Organization]) -> dict[UUID, list[User]]:
    """As `readers`, of several."""
    found: dict[UUID, dict[str, User]] = {org.pk: {} for org in orgs}
    for person in admins_of(orgs).filter(login_email__isnull=False):
        assert person.org_id
        found[person.org_id].setdefault(person.login_email or "", person)
    return {org_id: list(people.values()) for org_id, people in found.items()}
