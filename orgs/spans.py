"""When something was on: kept as the times at which it was switched, in turn. Plain Python.

A mapping is approved and falls back, a kind is switched on and off (SPEC M2). What is so now is a column of its own;
the times say the rest.
"""

from collections.abc import Sequence
from typing import TypeVar

Time = TypeVar("Time")

LONGEST = 64
"""Times that are kept of one thing."""


def switched(times: Sequence[Time], at: Time, *, on: bool) -> list[Time]:
    """The times with one more, at which it went `on` or off.

    Of too many the oldest interruption is forgotten, as if it had not been: that is what an interruption that was
    mended amounts to for whoever was there before (SPEC M2).
    """
    kept = [*times, at]
    if len(kept) <= LONGEST:
        return kept
    first = 1 if _begins(kept, on) else 0
    return kept[:first] + kept[first + 2 :]


def spans(times: Sequence[Time], *, on: bool, ever: Time) -> list[tuple[Time, Time | None]]:
    """The spans in which it was on, in their order; the last ends with None where it is on now.

    ever: where a span begins that was there before the first time.
    """
    edges: list[Time | None] = [*times] if _begins(times, on) else [ever, *times]
    if on:
        edges.append(None)
    return list(zip(edges[::2], edges[1::2], strict=True))  # type: ignore[arg-type]


def _begins(times: Sequence[Time], on: bool) -> bool:
    """Whether it went on at the first of the times, or off. Without any it is what it always was."""
    return (len(times) % 2 == 1) == on
