"""When something was on, stored as the times at which it was switched on and off in turn. Plain Python.

A mapping is approved and falls back, a kind is switched on and off (SPEC M2). The present state has its own column; the
times give the history.
"""

from collections.abc import Sequence
from typing import TypeVar

Time = TypeVar("Time")

LONGEST = 64
"""How many times are stored at most."""


def switched(times: Sequence[Time], at: Time, *, on: bool) -> list[Time]:
    """The times, and one more, at which it was switched `on` or off.

    If there are more than LONGEST, the oldest interruption is dropped, as if it had not happened. An interruption that
    is over has the same result for everybody who was a member before it (SPEC M2).
    """
    kept = [*times, at]
    if len(kept) <= LONGEST:
        return kept
    first = 1 if _begins(kept, on) else 0
    return kept[:first] + kept[first + 2 :]


def spans(times: Sequence[Time], *, on: bool, ever: Time) -> list[tuple[Time, Time | None]]:
    """The spans in which it was on, in order; the last ends with None if it is on now.

    ever: the beginning of a span that began before the first time.
    """
    edges: list[Time | None] = [*times] if _begins(times, on) else [ever, *times]
    if on:
        edges.append(None)
    return list(zip(edges[::2], edges[1::2], strict=True))  # type: ignore[arg-type]


def _begins(times: Sequence[Time], on: bool) -> bool:
    """Whether the first of the times switched it on. Without times, it has always been as it is now."""
    return (len(times) % 2 == 1) == on
