"""How many requests each org may have at once in one web process, so that no org keeps others waiting (SPEC S9).

Whatever makes requests slow, a locked row, a hard question, a reader that dawdles, stops only the org that asks. One
more request waits a moment; since a request that waits holds a thread too, few may wait.
"""

from collections import deque
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Any, cast

from django.db import connections
from django.http import HttpResponseBase


class Busy(Exception):
    """No place came free in time. Try again in RETRY_AFTER seconds."""


RETRY_AFTER = 1


@dataclass(slots=True)
class _Places:
    running: int = 0
    waiting: deque[Event] = field(default_factory=deque)


class InFlight:
    """running: places of each key; waiting, all_waiting: how many more may wait `seconds`, per key and in all."""

    def __init__(self, *, running: int, waiting: int, all_waiting: int, seconds: float) -> None:
        self.running, self.waiting, self.all_waiting, self.seconds = running, waiting, all_waiting, seconds
        self._lock = Lock()
        self._places: dict[Hashable, _Places] = {}
        self._all_waiting = 0

    def enter(self, key: Hashable, *, seconds: float | None = None) -> None:
        """Take a place, first come, first served. seconds: to wait, if not as long as others. Raises Busy."""
        with self._lock:
            places = self._places.setdefault(key, _Places())
            if places.running < self.running:
                places.running += 1
                return
            if len(places.waiting) >= self.waiting or self._all_waiting >= self.all_waiting:
                raise Busy
            turn = Event()
            places.waiting.append(turn)
            self._all_waiting += 1
        connections.close_all()  # back to the pool: whoever waits needs none
        turn.wait(self.seconds if seconds is None else seconds)
        with self._lock:
            self._all_waiting -= 1
            if not turn.is_set():
                places.waiting.remove(turn)
                raise Busy

    def leave(self, key: Hashable) -> None:
        """Give a place back, to whoever has waited longest."""
        with self._lock:
            places = self._places[key]
            if places.waiting:
                places.waiting.popleft().set()
                return
            places.running -= 1
            if not places.running:
                del self._places[key]

    @contextmanager
    def place(self, key: Hashable) -> Iterator[None]:
        """Have a place meanwhile. Raises Busy."""
        self.enter(key)
        try:
            yield
        finally:
            self.leave(key)

    def until_closed(self, key: Hashable, answer: Callable[[], HttpResponseBase]) -> HttpResponseBase:
        """The answer, with its place kept until it is sent. Raises Busy."""
        self.enter(key)
        try:
            response = answer()
        except BaseException:
            self.leave(key)
            raise
        once_sent(response, lambda: self.leave(key))
        return response


def once_sent(response: HttpResponseBase, call: Callable[[], None]) -> None:
    """Have something called when the server closes the response: a client that reads slowly keeps its place."""
    cast(Any, response)._resource_closers.append(call)


requests = InFlight(running=2, waiting=4, all_waiting=8, seconds=1)
"""By org; by person where there is none; by client address where nobody has signed in."""
