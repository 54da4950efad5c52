"""The nudge: tells a worker, within milliseconds of a commit, that there are people to settle, or something to deliver.

Requests never talk to the broker, which may be slow, paused or gone: one thread per process does. A lost nudge does no
harm, since beat has a worker look every two seconds (CELERY_BEAT_SCHEDULE). It has the ID of the request that asked for
it, the last one if several did, for the lines that the worker logs.
"""

import threading
import time

import structlog
from celery import current_app

from orgs.per_process import Background, PerProcess

log = structlog.get_logger(__name__)

SETTLE = "groups_provisioning.tasks.settle_pending"  # by name: this app must not import those that work
REQUEST_ID = "request_id"
"""The header of a task, and the name in log lines."""
DELIVER = "api.tasks.wake_deliveries"
EVERY = 0.25  # seconds between two nudges from one process
PAUSE = 5.0  # seconds after a failed nudge
EXPIRES = 30  # seconds until a nudge expires; longer than the clocks of two machines may differ


def wake() -> None:
    """Have a worker settle people soon. Never waits."""
    _nudger().wake(SETTLE)


def wake_deliveries() -> None:
    """Have a worker send what is new in the feed soon. Never waits."""
    _nudger().wake(DELIVER)


class Nudger(Background):
    """Sends the nudges of one process."""

    thread_name = "nudge"

    def __init__(self) -> None:
        super().__init__()
        self._asked = threading.Event()
        self._tasks: dict[str, str | None] = {}  # with the ID of the request

    def wake(self, task: str) -> None:
        self._tasks[task] = structlog.contextvars.get_contextvars().get(REQUEST_ID)
        self._asked.set()
        self.start()

    def run(self) -> None:
        while True:
            self._asked.wait()
            self._asked.clear()
            try:
                for task in tuple(self._tasks):
                    _send(task, self._tasks.pop(task))
                time.sleep(EVERY)
            except Exception as error:  # whatever happens, the thread keeps running
                log.warning("nudge_failed", error=f"{type(error).__name__}: {error}", pause=PAUSE)
                time.sleep(PAUSE)


def _send(task: str, request_id: str | None) -> None:
    # A new connection each time, so that none survives a restart or a fork; and no retries.
    with current_app.connection_for_write(transport_options={"max_retries": 1, "interval_start": 0}) as connection:
        headers = {REQUEST_ID: request_id} if request_id else None
        current_app.send_task(task, connection=connection, expires=EXPIRES, retry=False, headers=headers)


_nudger = PerProcess(Nudger)
