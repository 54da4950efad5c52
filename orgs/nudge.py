"""The nudge: tells a worker, within milliseconds of a commit, that there are people to settle.

Requests never talk to the broker, which may be slow, paused or gone: one thread per process does. A lost nudge does no
harm, since beat has a worker look every two seconds (CELERY_BEAT_SCHEDULE).
"""

import os
import threading
import time

import structlog
from celery import current_app

log = structlog.get_logger(__name__)

TASK = "groups_provisioning.tasks.settle_pending"  # by name: this app must not import the one that settles
EVERY = 0.25  # seconds between two nudges from one process
PAUSE = 5.0  # seconds after a failed nudge
EXPIRES = 30  # seconds until a nudge expires; longer than the clocks of two machines may differ


def wake() -> None:
    """Nudge a worker soon. Never waits."""
    _nudger.wake()


class Nudger:
    """The thread of one process, started on first use. It ends with the process, whatever it is doing."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        self._asked.set()
        if self._thread is None:
            with self._starting:
                if self._thread is None:
                    thread = threading.Thread(target=self._run, name="nudge", daemon=True)
                    thread.start()
                    self._thread = thread

    def _run(self) -> None:
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


def _renew() -> None:
    # In a forked child: the thread does not exist there.
    global _nudger
    _nudger = Nudger()


_nudger = Nudger()
os.register_at_fork(after_in_child=_renew)
