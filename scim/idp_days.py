"""What each identity provider of an org does, day by day: in which hours it speaks, and whether it adds and removes.

The only module that writes `IdpDay`. Hours are noted as the log is written, once for each token and hour of a process.
Additions and removals are read from history by the clock: it knows what came of each request, and no request waits.
A token that was replaced counts for its identity provider all the same, and so does one that is no longer accepted:
what sends it is not silent, and another matter tells of it.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import orjson
from django.db import connection

from orgs.db.keys import id_at
from scim.models import IdpDay
from scim.rhythm import DAYS_KEPT, HOURS_KEPT

AGAIN = timedelta(hours=3)
"""How far back history is read each time: what was committed late, or while no worker ran for a while."""


@dataclass(frozen=True, slots=True)
class Hour:
    """A token was used in an hour. at: any moment of it."""

    token_id: UUID
    at: datetime


def note(hours: Iterable[Hour]) -> None:
    """Note in which hours tokens were used; those that are gone are left out. One statement.

    The rows have one order, so that processes that write at once wait for each other, and never in a circle.
    """
    rows = [
        {"token": each.token_id, "day": moment.date(), "hours": 1 << moment.hour}
        for each in hours
        for moment in (each.at.astimezone(UTC),)
    ]
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(_NOTE, {"rows": orjson.dumps(rows).decode()})


_NOTE = """
INSERT INTO scim_idpday AS d
    (org_id, idp, day, hours, people_added, people_removed, members_added, members_removed)
SELECT t.org_id, t.idp, r.day, bit_or(r.hours), FALSE, FALSE, FALSE, FALSE
FROM jsonb_to_recordset(%(rows)s) AS r (token uuid, day date, hours integer)
JOIN orgs_scimtoken t ON t.id = r.token
GROUP BY t.org_id, t.idp, r.day ORDER BY t.org_id, t.idp, r.day
ON CONFLICT (org_id, idp, day) DO UPDATE SET hours = d.hours | excluded.hours
"""


def read_history(*, at: datetime) -> None:
    """Note what tokens added and removed lately, of all orgs. One statement; again, it changes nothing."""
    with connection.cursor() as cursor:
        cursor.execute(_READ_HISTORY, {"since": id_at(at - AGAIN)})


_READ_HISTORY = """
INSERT INTO scim_idpday AS d
    (org_id, idp, day, hours, people_added, people_removed, members_added, members_removed)
SELECT t.org_id, t.idp, (c.at AT TIME ZONE 'UTC')::date, 0,
    bool_or(coalesce(l.now = '"active"', FALSE)), bool_or(coalesce(l.now <> '"active"', FALSE)),
    bool_or(coalesce(c.detail -> 'added' > '0', FALSE)), bool_or(coalesce(c.detail -> 'removed' > '0', FALSE))
FROM orgs_change c
JOIN orgs_scimtoken t ON t.id = c.by_token_id
LEFT JOIN orgs_ledgerentry l ON l.change_id = c.id AND l.slot = 'account'
WHERE c.id >= %(since)s
GROUP BY 1, 2, 3
HAVING bool_or(l.now IS NOT NULL) OR bool_or(c.detail -> 'added' > '0' OR c.detail -> 'removed' > '0')
ORDER BY 1, 2, 3
ON CONFLICT (org_id, idp, day) DO UPDATE SET
    people_added = d.people_added OR excluded.people_added,
    people_removed = d.people_removed OR excluded.people_removed,
    members_added = d.members_added OR excluded.members_added,
    members_removed = d.members_removed OR excluded.members_removed
"""


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of an identity provider, in order of time. spoken: when the hours began in which it did."""

    spoken: list[datetime] = field(default_factory=list)
    people_added: list[date] = field(default_factory=list)
    people_removed: list[date] = field(default_factory=list)
    members_added: list[date] = field(default_factory=list)
    members_removed: list[date] = field(default_factory=list)


FLAGS = ("people_added", "people_removed", "members_added", "members_removed")


def records(idps: Collection[tuple[UUID, str]]) -> dict[tuple[UUID, str], Record]:
    """By the id of the org and the identity provider. One query of as many rows as a year has days, each, at most."""
    found: dict[tuple[UUID, str], Record] = {}
    for row in IdpDay.objects.filter(org__in={org_id for org_id, _idp in idps}).order_by("-day"):
        key = row.org_id, row.idp
        if key not in idps:
            continue
        record = found.setdefault(key, Record())
        begins = datetime(row.day.year, row.day.month, row.day.day, tzinfo=UTC)
        if not record.spoken or record.spoken[0] - begins < HOURS_KEPT:
            hours = (hour for hour in reversed(range(24)) if row.hours >> hour & 1)
            record.spoken.extend(begins + timedelta(hours=hour) for hour in hours)
        for flag in FLAGS:
            if getattr(row, flag):
                getattr(record, flag).append(row.day)
    for record in found.values():
        for each in (record.spoken, *(getattr(record, flag) for flag in FLAGS)):
            each.reverse()
    return found


def forget() -> None:
    """Delete what is no longer asked for. One that is silent stays known: days count up to the last one of each."""
    with connection.cursor() as cursor:
        cursor.execute(_FORGET, {"days": DAYS_KEPT.days, "hours": HOURS_KEPT.days})


_FORGET = """
DELETE FROM scim_idpday d
USING (SELECT org_id, idp, max(day) AS last FROM scim_idpday GROUP BY org_id, idp) AS l
WHERE d.org_id = l.org_id AND d.idp = l.idp AND (
    d.day < l.last - %(days)s::integer
    OR d.day < l.last - %(hours)s::integer
        AND NOT (d.people_added OR d.people_removed OR d.members_added OR d.members_removed)
)
"""
