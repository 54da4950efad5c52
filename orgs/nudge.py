"""The nudge: tells a worker, within milliseconds of a commit, that there are people to settle.

Requests never talk to the broker, which may be slow, paused or gone: one thread per process does. A lost nudge does no
harm, since beat has a worker look every two seconds (CELERY_BEAT_SCHEDULE).
"""

import threading
import time

import structlog
from celery import current_app

from orgs.per_process import Background, PerProcess

log = structlog.get_logger(__name__)

TASK = "groups_provisioning.tasks.settle_pending"  # by name: this app must not import the one that settles
EVERY = 0.25  # seconds between two nudges from one process
PAUSE = 5.0  # seconds after a failed nudge
EXPIRES = 30  # seconds until a nudge expires; longer than the clocks of two machines may differ


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
            except Exception as error:  # whatever happens, the thread keeps running
                log.warning("nudge_failed", error=f"{type(error).__name__}: {error}", pause=PAUSE)
                time.sleep(PAUSE)


def _send() -> None:
    # A new connection each time, so that none survives a restart or a fork; and no retries.
    with current_app.connection_for_write(transport_options={"max_retries": 1, "interval_start": 0}) as connection:
        current_app.send_task(TASK, connection=connection, expires=EXPIRES, retry=False)


_nudger = PerProcess(Nudger)
