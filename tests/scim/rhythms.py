"""How identity providers speak, as recordings of many months, with holidays; made up by what their makers say.

`python -m benchmarks.silence` prints how often each is taken for silent in a year, and how soon when it is.
"""

import bisect
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from scim import rhythm
from scim.rhythm import DAYS_KEPT, HOURS_KEPT

BEGINS, JUDGED, ENDS = (
    datetime(2025, 12, 1, tzinfo=UTC),
    datetime(2026, 4, 1, tzinfo=UTC),
    datetime(2027, 4, 1, tzinfo=UTC),
)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def _days(first: date, last: date) -> set[date]:
    return {first + timedelta(days=number) for number in range((last - first).days + 1)}


def _holidays(*spans: tuple[str, str]) -> frozenset[date]:
    return frozenset[date]().union(*(_days(date.fromisoformat(a), date.fromisoformat(b)) for a, b in spans))


@dataclass(frozen=True)
class Country:
    """zone: hours from UTC. holidays: days on which nobody works, long closures of companies included."""

    zone: int
    holidays: frozenset[date]


COUNTRIES = {
    "US": Country(
        -5,
        _holidays(
            ("2025-12-24", "2026-01-01"),
            ("2026-01-19", "2026-01-19"),
            ("2026-05-25", "2026-05-25"),
            ("2026-07-03", "2026-07-03"),
            ("2026-09-07", "2026-09-07"),
            ("2026-11-26", "2026-11-27"),
            ("2026-12-24", "2027-01-01"),
        ),
    ),
    "Germany": Country(
        1,
        _holidays(
            ("2025-12-22", "2026-01-06"),
            ("2026-04-03", "2026-04-06"),
            ("2026-05-14", "2026-05-15"),
            ("2026-06-04", "2026-06-05"),
            ("2026-12-23", "2027-01-06"),
            ("2027-03-26", "2027-03-29"),
        ),
    ),
    "Japan": Country(
        9,
        _holidays(
            ("2025-12-27", "2026-01-04"),
            ("2026-04-29", "2026-05-06"),
            ("2026-08-08", "2026-08-16"),
            ("2026-09-19", "2026-09-23"),
            ("2026-12-26", "2027-01-03"),
        ),
    ),
    "China": Country(
        8,
        _holidays(
            ("2026-02-14", "2026-02-23"),
            ("2026-05-01", "2026-05-05"),
            ("2026-10-01", "2026-10-08"),
            ("2027-02-05", "2027-02-14"),
        ),
    ),
    "France, closed in August": Country(
        1,
        _holidays(("2025-12-20", "2026-01-04"), ("2026-08-01", "2026-08-23"), ("2026-12-19", "2027-01-03")),
    ),
}

Recording = Callable[[random.Random, Country], list[datetime]]


def every_hour(share: float = 1.0) -> Recording:
    """In this share of the hours, day and night."""

    def record(dice: random.Random, country: Country) -> list[datetime]:
        hours = int((ENDS - BEGINS) / HOUR)
        return [BEGINS + number * HOUR for number in range(hours) if dice.random() < share]

    return record


def at_work(changes: float) -> Recording:
    """So many changes on a working day, around noon, at random; hardly any on others."""

    def record(dice: random.Random, country: Country) -> list[datetime]:
        spoken = set()
        for day in _each_day():
            works = day.weekday() < 5 and day.date() not in country.holidays
            for _ in range(_poisson(dice, changes if works else changes * 0.02)):
                hour = min(max(int(dice.gauss(13, 2.5)), 7), 19)
                spoken.add(day + timedelta(hours=hour - country.zone))
        return sorted(spoken)

    return record


def around_the_world(changes: float) -> Recording:
    """So many changes on a working day, at any hour; a seventh on others."""

    def record(dice: random.Random, country: Country) -> list[datetime]:
        spoken = set()
        for day in _each_day():
            works = day.weekday() < 5 and day.date() not in country.holidays
            for _ in range(_poisson(dice, changes if works else changes / 7)):
                spoken.add(day + timedelta(hours=dice.randrange(24)))
        return sorted(spoken)

    return record


def in_batches(*weekdays: int) -> Recording:
    """At two at night on these weekdays, holidays or not."""

    def record(dice: random.Random, country: Country) -> list[datetime]:
        return [day + 2 * HOUR for day in _each_day() if day.weekday() in weekdays]

    return record


def _each_day() -> Iterator[datetime]:
    day = BEGINS
    while day < ENDS:
        yield day
        day += DAY


def _poisson(dice: random.Random, mean: float) -> int:
    count, passed = 0, dice.expovariate(1)
    while passed < mean:
        count, passed = count + 1, passed + dice.expovariate(1)
    return count


RECORDINGS: dict[str, Recording] = {
    # Every 40 minutes a cycle (learn.microsoft.com/entra/identity/app-provisioning/how-provisioning-works), in which
    # something is always sent: a change, or again what failed before.
    "Entra, busy": every_hour(),
    "Entra, half of the hours": every_hour(0.5),
    # A cycle that finds no change sends nothing (learn.microsoft.com/answers/questions/5736473).
    "Entra, 2 changes a day": at_work(2),
    # Okta sends what happens when it happens (developer.okta.com/docs/concepts/scim), PingOne too
    # (docs.pingidentity.com/pingone/integrations/p1_provisioning_sync_status.html), JumpCloud "whenever there is a
    # membership or group change event" (jumpcloud.com/support), OneLogin once a change is approved.
    "Okta, 30 changes a day": at_work(30),
    "Okta, 8 changes a day": at_work(8),
    "PingOne, 4 a week": at_work(0.8),
    "JumpCloud, 2 a week": at_work(0.4),
    "OneLogin, 1 a week": at_work(0.2),
    "OneLogin, 1 in two weeks": at_work(0.1),
    # A company around the world is never all on holiday.
    "Okta, around the world": around_the_world(60),
    # What a personnel system is read into at night, and once a week.
    "Okta, every night": in_batches(0, 1, 2, 3, 4),
    "Okta, every Monday": in_batches(0),
}


def remembered(spoken: list[datetime], until: int) -> list[datetime]:
    """What is kept of the first `until` hours."""
    return spoken[bisect.bisect_left(spoken, spoken[until - 1] - HOURS_KEPT) : until]


def false_alarms(spoken: list[datetime]) -> int:
    """How often it was taken for silent in the year before it spoke again."""
    count = 0
    for number in range(1, len(spoken)):
        before, after = spoken[number - 1], spoken[number]
        if after >= JUDGED and after - before > rhythm.BY_CLOCK:
            count += rhythm.silence(remembered(spoken, number), at=after) is not None
    return count


def delay(spoken: list[datetime], stops: datetime) -> timedelta | None:
    """How long after it stopped that is told, to six hours; None if it is not within half a year."""
    known = bisect.bisect_left(spoken, stops)
    before = remembered(spoken, known)
    for number in range(4 * 180):
        if rhythm.silence(before, at=stops + number * 6 * HOUR):
            return number * 6 * HOUR
    return None


def longer_than(spoken: list[datetime], span: timedelta) -> int:
    """How many silences of the year were longer than that, as a rule without learning would tell them."""
    return sum(after - before > span for before, after in pairwise(spoken) if after >= JUDGED)


@dataclass(frozen=True)
class Turnover:
    """How many of 100 working days see additions, and how many removals; at what day of the month most leave."""

    additions: int
    removals: int
    months_end: bool = False


TURNOVERS = {
    "30 % and 30 % of the days": Turnover(30, 30),
    "60 % and 20 %": Turnover(60, 20),
    "95 % and 60 %": Turnover(95, 60),
    "80 % and 15 %": Turnover(80, 15),
    "80 %, and 3 days at the month’s end": Turnover(80, 5, months_end=True),
}


def days_of(turnover: Turnover, dice: random.Random, country: Country) -> tuple[list[date], list[date]]:
    """The days with additions, and those with removals."""
    added, removed = list[date](), list[date]()
    for moment in _each_day():
        day = moment.date()
        if day.weekday() < 5 and day not in country.holidays:
            if dice.randrange(100) < turnover.additions:
                added.append(day)
            leaves = 80 if turnover.months_end and day.day >= 28 else turnover.removals
            if dice.randrange(100) < leaves:
                removed.append(day)
    return added, removed


def _until(days: list[date], day: date) -> list[date]:
    """What is kept of them on a day."""
    return days[bisect.bisect_left(days, day - DAYS_KEPT) : bisect.bisect_right(days, day)]


def alarms_of_halves(done: list[date], other: list[date]) -> int:
    """How often in the year one was told to be missing, although it went on."""
    count, was = 0, False
    day = JUDGED.date()
    while day < ENDS.date():
        found = rhythm.missing(_until(done, day), _until(other, day)) is not None
        count, was = count + (found and not was), found
        day += DAY
    return count


def delay_of_halves(done: list[date], other: list[date], stops: date) -> int | None:
    """On which day after one had stopped that is told; None if it is not within half a year."""
    done = done[: bisect.bisect_left(done, stops)]
    for number in range(180):
        day = stops + number * DAY
        if rhythm.missing(_until(done, day), _until(other, day)):
            return number
    return None
