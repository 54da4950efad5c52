"""How the pool of connections behaves while PostgreSQL is away."""

from typing import Any

from psycopg import OperationalError
from psycopg_pool import ConnectionPool


def refuse_waiting(pool: ConnectionPool[Any]) -> None:
    """Fail whoever waits for a connection, since none could be opened; the next request tries again.

    psycopg_pool itself would let them wait, and would try again after 1, 2, 4, 8 … seconds whatever is asked of it:
    an outage would last up to twice as long for us as for PostgreSQL.
    """
    with pool._lock:
        waiting = list(pool._waiting)
        pool._waiting.clear()
    for client in waiting:
        client.fail(OperationalError("no connection to the database could be opened"))


POOL = {
    # Opened lazily in each process, after gunicorn or Celery forks. One for each thread and some more.
    "min_size": 0,
    "max_size": 24,
    "max_idle": 120,
    "timeout": 2,
    "reconnect_timeout": 0,
    "reconnect_failed": refuse_waiting,
}
