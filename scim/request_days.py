"""How many SCIM requests each org has a day: kept as the log is written, and read as a chart.

So that no page counts the log. UTC decides which day it is, as for the log's partitions.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from orgs.models import Organization
from scim.models import RequestDay

WRITES = ("create", "replace", "change", "delete", "bulk")  # how operations end that change something
DAYS = 30
KEPT = timedelta(days=90)
HEIGHT = 64  # of the chart; a day is as wide as STEP, its bar as BAR
STEP, BAR = 10, 7
LEAST = 1.5  # height of what there is little of, so that it is seen


@dataclass(frozen=True, slots=True)
class Call:
    """What is counted of a call. operation: as in the log, `user.create`."""

    org_id: UUID
    at: datetime
    operation: str
    status: int


def add(calls: Iterable[Call]) -> None:
    """Add calls to the numbers of their days; those of orgs that are gone are left out. One statement.

    The rows have one order, so that processes that write at once wait for each other, and never in a circle.
    """
    days: dict[tuple[UUID, date], dict[str, Any]] = {}
    for call in calls:
        key = call.org_id, call.at.astimezone(UTC).date()
        numbers = days.setdefault(key, {"calls": 0, "refused": 0, "failed": 0, "wrote_at": None})
        numbers["calls"] += 1
        numbers["refused"] += 400 <= call.status < 500
        numbers["failed"] += call.status >= 500
        if call.status < 400 and call.operation.rpartition(".")[2] in WRITES:
            numbers["wrote_at"] = max(numbers["wrote_at"] or call.at, call.at)
    if not days:
        return
    rows = [{"org_id": org_id, "day": day, **numbers} for (org_id, day), numbers in days.items()]
    with connection.cursor() as cursor:
        cursor.execute(_ADD, {"rows": orjson.dumps(rows).decode()})


_ADD = """
INSERT INTO scim_requestday AS d (org_id, day, calls, refused, failed, wrote_at)
SELECT r.* FROM jsonb_to_recordset(%(rows)s)
    AS r (org_id uuid, day date, calls bigint, refused bigint, failed bigint, wrote_at timestamptz)
JOIN orgs_organization o ON o.id = r.org_id
ORDER BY r.org_id, r.day
ON CONFLICT (org_id, day) DO UPDATE SET calls = d.calls + excluded.calls, refused = d.refused + excluded.refused,
    failed = d.failed + excluded.failed, wrote_at = greatest(d.wrote_at, excluded.wrote_at)
"""


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle of the chart. kind: "ok", "refused" or "failed"."""

    kind: str
    x: int
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Day:
    """x: where the chart has it."""

    on: date
    calls: int
    refused: int
    failed: int
    x: int
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """The last DAYS days, the oldest first. wrote_at: the last change that was accepted in them."""

    days: list[Day]
    calls: int
    refused: int
    failed: int
    wrote_at: datetime | None

    width: int = DAYS * STEP
    height: int = HEIGHT
    bar: int = BAR

    @property
    def most(self) -> int:
        """Calls on the busiest day, which is the height of the chart."""
        return max(day.calls for day in self.days)


def of(org: Organization, *, at: datetime) -> Chart:
    """The days up to a moment. One query of DAYS rows."""
    last = at.astimezone(UTC).date()
    first = last - timedelta(days=DAYS - 1)
    found = {row.day: row for row in RequestDay.objects.for_org(org).filter(day__gte=first, day__lte=last)}
    most = max((row.calls for row in found.values()), default=0)
    wrote = [row.wrote_at for row in found.values() if row.wrote_at]
    return Chart(
        [_day(place, first + timedelta(days=place), found, most) for place in range(DAYS)],
        sum(row.calls for row in found.values()),
        sum(row.refused for row in found.values()),
        sum(row.failed for row in found.values()),
        max(wrote, default=None),
    )


def forget(*, at: datetime) -> None:
    """Delete the numbers of days that no chart shows any more."""
    RequestDay.objects.filter(day__lt=at.astimezone(UTC).date() - KEPT).delete()


def _day(place: int, day: date, found: dict[date, RequestDay], most: int) -> Day:
    row, x = found.get(day), place * STEP
    calls, refused, failed = (row.calls, row.refused, row.failed) if row else (0, 0, 0)
    bars = tuple(_bars(x, {"ok": calls - refused - failed, "refused": refused, "failed": failed}, most))
    return Day(day, calls, refused, failed, x, bars)


def _bars(x: int, counts: dict[str, int], most: int) -> Iterator[Bar]:
    """What went well below, what did not above it."""
    top = float(HEIGHT)
    for kind, count in counts.items():
        if count > 0:
            height = min(max(count / most * HEIGHT, LEAST), top)
            top -= height
            yield Bar(kind, x, round(top, 2), round(height, 2))
