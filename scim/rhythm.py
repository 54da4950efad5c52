"""How regularly an identity provider speaks, and whether it has fallen silent (SPEC T5). Plain Python.

What it did is its own measure: a silence is far beyond its rhythm if it is several times as long as every one of before
but one, since an outage that ended is no part of a rhythm. Removals among additions are judged likewise, and the other
way round; there, what is counted are the days on which only the other was done.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TypeVar

Length = TypeVar("Length", timedelta, int)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HOURS_KEPT = timedelta(days=90)
"""How much of the hours is remembered, up to the last day on which something was heard."""
DAYS_KEPT = timedelta(days=365)
"""The same of days on which something was added or removed."""
KNOWN_FOR = timedelta(days=28)
"""For how long an identity provider has to be known before it is judged."""
DAYS = 10
"""On how many days it has to have done what it no longer does."""
TIMES = 3
"""How many times as long as usual is far beyond."""
BY_CLOCK = timedelta(hours=12)
"""The shortest silence that is told of one that was never silent for a day: it is driven by a clock."""
BY_PEOPLE = timedelta(days=12)
"""The same of one that speaks when people work: they have holidays."""
SEASON = ((12, 20), (1, 10))
"""From the first date to the second, days do not count for one that speaks when people work."""
LEAST = timedelta(days=28)
"""For how long, at least, one thing was done without the other."""


@dataclass(frozen=True, slots=True)
class Silence:
    """since: when it was heard last. usual: the longest time for which it was silent before, but for one."""

    since: datetime
    usual: timedelta


@dataclass(frozen=True, slots=True)
class Missing:
    """What is no longer done. last: the day on which it was. days: on how many since then the other was. usual: on how
    many the other was before it was done again, at most, but for one time.
    """

    last: date
    days: int
    usual: int


def silence(spoken: Sequence[datetime], *, at: datetime) -> Silence | None:
    """Whether somebody who spoke in these hours, each by its beginning, in order, is silent far beyond their rhythm."""
    if not spoken:
        return None
    since = spoken[-1] + HOUR
    lasts = at - since
    if lasts <= BY_CLOCK or since - spoken[0] < KNOWN_FOR or len({hour.date() for hour in spoken}) < DAYS:
        return None
    usual = _usual([after - before for before, after in pairwise(spoken)])
    least = BY_CLOCK
    if usual >= DAY:
        least = BY_PEOPLE
        lasts -= in_season(since, at)
    return Silence(since, usual) if lasts > max(least, TIMES * usual) else None


def missing(done: Sequence[date], other: Sequence[date]) -> Missing | None:
    """Whether something that was done on some days, in order, is no longer done although the other still is."""
    if len(done) < DAYS or not other or other[-1] - done[-1] < LEAST or done[-1] - done[0] < KNOWN_FOR:
        return None
    kept = set(done)
    alone = [day for day in other if day not in kept]
    before = [sum(first < day < last for day in alone) for first, last in pairwise(done)]
    usual = _usual(before)
    days = sum(day > done[-1] for day in alone)
    return Missing(done[-1], days, usual) if days > max(DAYS, TIMES * usual) else None


def in_season(since: datetime, until: datetime) -> timedelta:
    """How much of a time is in SEASON."""
    total = timedelta()
    for year in range(since.year - 1, until.year + 1):
        begins, ends = (datetime(year + later, *date_, tzinfo=UTC) for later, date_ in enumerate(SEASON))
        total += max(min(until, ends) - max(since, begins), timedelta())
    return total


def _usual(lengths: Sequence[Length]) -> Length:
    """The longest but one."""
    return sorted(lengths)[-2]
