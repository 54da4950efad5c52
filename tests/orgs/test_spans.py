"""When something was on, from the times at which it was switched (SPEC M2)."""

from hypothesis import given
from hypothesis import strategies as st

from orgs.spans import LONGEST, spans, switched


def test_without_any_time_it_is_what_it_always_was() -> None:
    assert spans([], on=True, ever=0) == [(0, None)]
    assert spans([], on=False, ever=0) == []


def test_its_spans_end_where_it_went_off() -> None:
    assert spans([5], on=True, ever=0) == [(5, None)]
    assert spans([5], on=False, ever=0) == [(0, 5)]
    assert spans([5, 8], on=False, ever=0) == [(5, 8)]
    assert spans([5, 8], on=True, ever=0) == [(0, 5), (8, None)]


@given(st.booleans(), st.integers(0, 3 * LONGEST))
def test_of_too_many_times_the_oldest_interruptions_are_forgotten(was_on: bool, count: int) -> None:
    times: list[int] = []
    for at in range(1, count + 1):
        times = switched(times, at, on=was_on ^ (at % 2 == 1))
    on = was_on ^ (count % 2 == 1)
    kept, everything = spans(times, on=on, ever=0), spans(range(1, count + 1), on=on, ever=0)
    assert len(times) <= LONGEST
    assert kept[1:] == everything[len(everything) - len(kept) + 1 :]
    assert not everything or kept[0][0] == everything[0][0]
