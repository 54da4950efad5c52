"""How many requests of one web process may wait for identity providers at once.

Each keeps one of its threads, for up to forty seconds where a provider hardly answers; the others go on without.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from orgs.web.in_flight import InFlight
from sso.models import Connection

of_each = InFlight(running=4, waiting=4, all_waiting=4, seconds=2)
"""By connection."""
in_all = InFlight(running=8, waiting=2, all_waiting=2, seconds=1)


@contextmanager
def place(connection: Connection) -> Iterator[None]:
    """Have a place meanwhile. Raises Busy."""
    with of_each.place(connection.pk), in_all.place("all"):
        yield
