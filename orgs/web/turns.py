"""Long SCIM requests of an org take turns over all web processes, so that no org keeps others waiting (SPEC S9).

Places are counted in each process, but the processor and the database are everybody's: two hard questions at once
already take both cores of a small machine. So an org has one long request at a time, over all processes. A request is
expected to take long where the last ones of its org and kind did, or where it looks at everybody. What is quick never
waits for a turn, nor do pages: people click one after another, and nobody's page should wait for a group that is
pushed.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import ExitStack, suppress
from threading import Lock

from redis import lock as valkey_lock
from redis.exceptions import LockError

from orgs.web import limits
from orgs.web.in_flight import Busy, InFlight, requests

LONG = 0.05  # seconds from which a request is long: several times what an ordinary one takes
FADING = 0.98  # the part of what is expected that remains after a quicker request
AT_MOST = 10.0  # seconds after which the next may begin all the same: a process may have died in its turn
POLL = 0.01  # seconds between two looks at whether another process has ended its turn


SEARCH = "search"  # the kind of what is long among many people, however short it has been


class NoTurn(Busy):
    """Long requests of the org are running."""


class Turns:
    """One turn for each org. kinds: how many kinds of requests a process remembers."""

    def __init__(self, *, kinds: int = 10_000) -> None:
        self._kinds = kinds
        self.clear()

    def enter(self, org: Hashable, kind: str, *, seconds: float) -> Callable[[], None]:
        """Wait for the org's turn, at most `seconds`, if requests of the kind take long. Returns what ends it.

        Raises NoTurn.
        """
        is_long = kind == SEARCH or self._expected.get((org, kind), 0) >= LONG
        with ExitStack() as turn:
            if is_long and not self._wait(org, seconds, turn):
                raise NoTurn
            began = time.monotonic()
            turn.callback(lambda: self.note(org, kind, time.monotonic() - began))
            return turn.pop_all().close

    def _wait(self, org: Hashable, seconds: float, turn: ExitStack) -> bool:
        """Whether the turn came. Without Valkey each process has turns of its own."""
        arrived = time.monotonic()
        try:
            self._here.enter(org, seconds=seconds)
        except Busy:
            return False
        turn.callback(self._here.leave, org)
        if time.monotonic() - arrived > POLL:
            time.sleep(POLL)  # this process has just had the turn: others first
        left = seconds - (time.monotonic() - arrived)
        name = f"{limits.shared.prefix}turn:{org}"
        lock = limits.valkey().lock(name, timeout=AT_MOST, sleep=POLL, blocking_timeout=left, thread_local=False)
        has_turn = limits.shared.ask(lock.acquire)
        if has_turn:
            turn.callback(limits.shared.ask, lambda: _release(lock))
        return has_turn is not False

    def note(self, org: Hashable, kind: str, seconds: float) -> None:
        """Remember how long a request took. The longer, the more quick ones it takes until that is forgotten."""
        with self._lock:
            before = self._expected.pop((org, kind), 0)
            self._expected[org, kind] = max(seconds, before * FADING)
            if len(self._expected) > self._kinds:
                self._expected.popitem(last=False)

    def clear(self) -> None:
        """Forget what this process knows."""
        self._lock = Lock()
        self._expected: OrderedDict[tuple[Hashable, str], float] = OrderedDict()
        # Whoever waits here has a place among the org's requests: no more can come.
        self._here = InFlight(running=1, waiting=requests.running, all_waiting=10_000, seconds=requests.seconds)


def _release(lock: valkey_lock.Lock) -> None:
    with suppress(LockError):  # it took longer than AT_MOST
        lock.release()


turns = Turns()


def enter(org: Hashable, kind: str | None) -> Callable[[], None]:
    """Take a place among the org's requests, and its turn if requests of the kind take long.

    kind: what is asked for, as the request log names it; SEARCH; None for what never waits for a turn. Returns what
    gives both back, to be called once the answer is sent. Raises Busy.
    """
    arrived = time.monotonic()
    with ExitStack() as share:
        requests.enter(org)
        share.callback(requests.leave, org)
        if kind is not None:
            share.callback(turns.enter(org, kind, seconds=requests.seconds - (time.monotonic() - arrived)))
        return share.pop_all().close
