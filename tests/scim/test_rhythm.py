"""When an identity provider counts as silent, tried on recordings of many months (SPEC T5)."""

import random
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim import rhythm
from tests.scim import rhythms
from tests.scim.rhythms import COUNTRIES, DAY, HOUR, RECORDINGS, TURNOVERS

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
histories = st.sets(st.integers(min_value=-90 * 24, max_value=-1), min_size=1, max_size=200).map(
    lambda hours: [NOON + hour * HOUR for hour in sorted(hours)]
)
days = st.sets(st.integers(min_value=0, max_value=300), max_size=120).map(
    lambda numbers: [date(2026, 1, 1) + number * DAY for number in sorted(numbers)]
)


class TestSilence:
    @given(histories, st.integers(min_value=0, max_value=400), st.integers(min_value=0, max_value=400))
    def test_once_told_lasts_until_it_speaks(self, spoken: list[datetime], hours: int, more: int) -> None:  # T5
        now = NOON + hours * HOUR
        found = rhythm.silence(spoken, at=now)
        if found:
            assert rhythm.silence(spoken, at=now + more * HOUR) == found
            assert rhythm.silence([*spoken, now], at=now + HOUR) is None

    @given(histories, st.integers(min_value=0, max_value=2000))
    def test_is_of_nobody_who_is_hardly_known(self, spoken: list[datetime], hours: int) -> None:  # T5
        recent = [hour for hour in spoken if hour > spoken[-1] - rhythm.KNOWN_FOR + HOUR]
        assert rhythm.silence(recent, at=NOON + hours * HOUR) is None
        assert rhythm.silence(spoken[: rhythm.DAYS - 1], at=NOON + hours * HOUR) is None

    @given(histories, st.integers(min_value=0, max_value=2000))
    def test_is_never_shorter_than_several_of_before_but_one(self, spoken: list[datetime], hours: int) -> None:
        found = rhythm.silence(spoken, at=NOON + hours * HOUR)
        if found:
            gaps = sorted(after - before for before, after in pairwise(spoken))
            assert NOON + hours * HOUR - spoken[-1] > rhythm.TIMES * gaps[-2]

    def test_of_an_outage_is_no_part_of_the_rhythm(self) -> None:
        hours = [NOON - number * HOUR for number in range(1, 60 * 24) if not 100 < number < 300]
        assert rhythm.silence(sorted(hours), at=NOON + 13 * HOUR)

    def test_at_the_turn_of_the_year_is_nobodys_who_works(self) -> None:
        every_day = [datetime(2026, 10, 1, 9, tzinfo=UTC) + number * DAY for number in range(80)]
        assert rhythm.silence(every_day, at=every_day[-1] + 13 * DAY) is None
        assert rhythm.in_season(datetime(2026, 12, 19, tzinfo=UTC), datetime(2027, 1, 20, tzinfo=UTC)) == 21 * DAY

    @pytest.mark.parametrize("name", RECORDINGS)
    def test_is_hardly_ever_told_of_one_that_speaks(self, name: str) -> None:  # T5
        counts = [
            rhythms.false_alarms(RECORDINGS[name](random.Random(f"{name} {country}"), COUNTRIES[country]))
            for country in COUNTRIES
        ]
        assert sum(counts) <= 2, dict(zip(COUNTRIES, counts, strict=True))

    @pytest.mark.parametrize(
        ("name", "most"), [("Entra, busy", DAY), ("Okta, around the world", 3 * DAY), ("Okta, every night", 13 * DAY)]
    )
    def test_is_told_soon_of_one_that_stops(self, name: str, most: timedelta) -> None:  # T5
        spoken = RECORDINGS[name](random.Random(name), COUNTRIES["US"])
        found = rhythms.delay(spoken, datetime(2026, 7, 1, 15, tzinfo=UTC))
        assert found is not None
        assert found <= most


class TestMissing:
    @given(days, days)
    def test_ends_when_it_is_done_again(self, done: list[date], other: list[date]) -> None:  # T5
        found = rhythm.missing(done, other)
        if found:
            assert found.last == done[-1]
            assert rhythm.missing([*done, other[-1]], other) is None

    @given(days, days)
    def test_needs_days_with_the_other_alone(self, done: list[date], other: list[date]) -> None:
        found = rhythm.missing(done, other)
        since = [day for day in other if done and day > done[-1]]
        assert found is None or len(since) == found.days > rhythm.TIMES * found.usual
        assert rhythm.missing(done, [day for day in other if day in done]) is None

    @pytest.mark.parametrize("name", TURNOVERS)
    def test_is_hardly_ever_told_of_what_goes_on_and_told_of_what_ended(self, name: str) -> None:  # T5
        alarms, delays = 0, list[int | None]()
        for country, calendar in COUNTRIES.items():
            dice = random.Random(f"{name} {country}")
            added, removed = rhythms.days_of(TURNOVERS[name], dice, calendar)
            alarms += rhythms.alarms_of_halves(removed, added)
            delays.append(rhythms.delay_of_halves(removed, added, date(2026, 6, 1)))
        assert alarms <= 1
        assert sum(delay is not None for delay in delays) >= 3
