"""What the processes of the portal count, for Prometheus. `config.metrics_server` tells it, with what only the database
knows.

Where metrics are on, each process adds to a file of its own in METRICS_DIRECTORY: two memory accesses, and no request
waits for anything. Labels are few and fixed in number: endpoints and not paths, kinds of identity providers, classes of
statuses. None names an organization or a person.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import IO

from django.conf import settings
from prometheus_client import CollectorRegistry, Counter, Histogram, values
from prometheus_client.values import MultiProcessValue


def place_in(directory: Path) -> Callable[[], str]:
    """A function that names the calling process: by the lowest place in a directory that no living process has.

    Whoever comes later goes on where a process that ended left its counts. Otherwise each web process that is replaced
    after its share of requests would leave files for ever, since counts must never go down.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    taken: list[tuple[str, IO[str]]] = []

    def place() -> str:
        if not taken:
            for number in count():
                lock = (directory / f"{number}.lock").open("a")
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    lock.close()
                else:
                    taken.append((str(number), lock))
                    break
        return taken[0][0]

    # To close a child's copy of the file releases nothing: the lock is the parent's until that ends.
    os.register_at_fork(after_in_child=taken.clear)
    return place


if settings.METRICS_DIRECTORY:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(settings.METRICS_DIRECTORY)
    values.ValueClass = MultiProcessValue(place_in(settings.METRICS_DIRECTORY))

REGISTRY = CollectorRegistry()
ANSWERS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)  # seconds
WAITS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)

requests = Counter(
    "muster_requests",
    "Requests. door: scim, api or page; status: its class; idp: the kind of identity provider that a SCIM token is for",
    ("door", "endpoint", "status", "idp"),
    registry=REGISTRY,
)
request_seconds = Histogram(
    "muster_request_seconds",
    "From the head of a request until its answer is made",
    ("door", "endpoint"),
    buckets=ANSWERS,
    registry=REGISTRY,
)
token_failures = Counter(
    "muster_token_failures", "Requests of programs without a valid token or key", ("door",), registry=REGISTRY
)
log_drops = Counter("muster_request_log_drops", "SCIM requests that the request log does not have", registry=REGISTRY)
settled_people = Counter("muster_settled_people", "People who were settled by a worker", registry=REGISTRY)
settlement_seconds = Histogram(
    "muster_settlement_seconds",
    "From the last change that marked somebody until they are settled, the longest of each batch",
    buckets=WAITS,
    registry=REGISTRY,
)
settling_failures = Counter("muster_settling_failures", "Batches that put an organization on hold", registry=REGISTRY)
deliveries = Counter(
    "muster_deliveries",
    "Requests to webhooks. outcome: the class of the status, or no_answer",
    ("outcome",),
    registry=REGISTRY,
)
delivery_seconds = Histogram(
    "muster_delivery_seconds", "Until a webhook's receiver has answered, or has not", buckets=ANSWERS, registry=REGISTRY
)
mails = Counter("muster_mails", "Mails handed over. outcome: sent, put_off or refused", ("outcome",), registry=REGISTRY)
tasks = Counter("muster_tasks", "Background tasks. outcome: done or failed", ("task", "outcome"), registry=REGISTRY)
task_seconds = Histogram("muster_task_seconds", "What tasks take", ("task",), buckets=WAITS, registry=REGISTRY)


def status_class(status: int | None) -> str:
    """`2xx` of 204."""
    return f"{status // 100}xx" if status else "no_answer"


def count_request(door: str, endpoint: str, status: int, seconds: float, *, idp: str = "") -> None:
    """Count a request that is answered. endpoint: a name, never a path."""
    count_one, observe = _of_requests(door, endpoint, status // 100, idp)
    count_one()
    observe(seconds)
    if status == 401:
        token_failures.labels(door).inc()


@cache  # looking labels up takes longer than counting
def _of_requests(
    door: str, endpoint: str, hundreds: int, idp: str
) -> tuple[Callable[[], None], Callable[[float], None]]:
    counter = requests.labels(door, endpoint, status_class(hundreds * 100), idp)
    return counter.inc, request_seconds.labels(door, endpoint).observe


def count_settled(people: int, *, since: datetime, now: datetime) -> None:
    """Count a batch of people who are settled. since: the oldest change that marked them last."""
    settled_people.inc(people)
    settlement_seconds.observe(max(0.0, (now - since).total_seconds()))


def count_delivery(status: int | None, seconds: float) -> None:
    """Count a request to a webhook. status: None without an answer."""
    deliveries.labels(status_class(status)).inc()
    delivery_seconds.observe(seconds)


@contextmanager
def counted_task(name: str) -> Iterator[None]:
    """Count a task, whether it fails or not."""
    began = perf_counter()
    outcome = "failed"
    try:
        yield
        outcome = "done"
    finally:
        tasks.labels(name, outcome).inc()
        task_seconds.labels(name).observe(perf_counter() - began)
