"""The clock: every machine may have one. One of them sends what is due; when it goes, another one does."""

from contextlib import suppress
from typing import Any

import redis
import structlog
from celery.beat import PersistentScheduler, ScheduleEntry
from redis.exceptions import LockError

from orgs.web.limits import valkey

LEASE = "muster:clock"
SECONDS = 10
"""For how long a lease holds. Whoever has it renews it with every task that is due, at least every two seconds."""

log = structlog.get_logger(__name__)


class Scheduler(PersistentScheduler):
    """Sends what is due if it has the lease. Without, it only notes that it was due, so that it goes on from there.

    The lease is in the broker, without which nothing could be sent. It only saves work: what is sent twice is harmless.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        self._lease = valkey().lock(LEASE, timeout=SECONDS, thread_local=False)
        super().__init__(*args, **options)

    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        if self._leads():
            super().apply_entry(entry, producer=producer)

    def close(self) -> None:
        with suppress(redis.RedisError):  # another one has it, or it ends by itself
            self._lease.release()
        super().close()

    def _leads(self) -> bool:
        try:
            try:
                return self._lease.reacquire()
            except LockError:  # it has none, or no longer
                if has_it := self._lease.acquire(blocking=False):
                    log.info("clock.leads")
                return has_it
        except redis.RedisError:
            return True  # if the broker is away, sending says so
