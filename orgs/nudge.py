"""The nudge: tells a worker, within milliseconds of a commit, that people wait to be settled.

Requests never talk to the broker, which may be slow, paused or gone: one thread per process does. A nudge that is lost
does no harm, since the clock has a worker look every two seconds (CELERY_BEAT_SCHEDULE).
"""

import threading
import time

import structlog
from celery import current_app

from orgs.per_process import Background, PerProcess

log = structlog.get_logger(__name__)

TASK = "groups_provisioning.tasks.settle_pending"  # by name: this app knows nothing of the one that settles
EVERY = 0.25  # seconds between two nudges of one process
PAUSE = 5.0  # seconds after one that failed
EXPIRES = 30  # seconds that a worker may take to see one; more than clocks of machines differ


def wake() -> None:
    """Nudge a worker soon. Never waits."""
    _nudger().wake()


class Nudger(Background):
    """Sends the nudges of one process."""

    thread_name = "nudge"

    def __init__(self) -> None:
        super().__init__()
        self._asked = threading.Event()

    def wake(self) -> None:
        self._asked.set()
        self.start()

    def run(self) -> None:
        while True:
            self._asked.wait()
            self._asked.clear()
            try:
                _send()
                time.sleep(EVERY)
            except Exception as error:  # whatever it is, the thread goes on
                log.warning("nudge_failed", error=f"{type(error).__name__}: {error}", pause=PAUSE)
                time.sleep(PAUSE)


def _send() -> None:
    # A connection for each, so that none is left over from before a restart or a fork; and no patience.
    with current_app.connection_for_write(transport_options={"max_retries": 1, "interval_start": 0}) as connection:
        current_app.send_task(TASK, connection=connection, expires=EXPIRES, retry=False)


_nudger = PerProcess(Nudger)
