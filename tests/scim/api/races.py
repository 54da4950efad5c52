"""Requests that meet: each in a thread, with its own client and its own connection."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from threading import Barrier
from unittest import mock

from django.db import connection, transaction
from django.http import HttpResponse

from groups_provisioning.models import PushedGroup
from orgs.models import User
from orgs.web import in_flight, turns
from tests.conftest import Idp

Call = Callable[[Idp], HttpResponse]
ROUNDS = 5


@contextmanager
def sent(secret: str, *calls: Call, prepare: str = "", tidy: str = "") -> Iterator[list[Future]]:
    """The calls, each on its way in a thread with its own connection; prepare, tidy: SQL for that connection.

    As many at once as several web processes let through.
    """
    barrier = Barrier(len(calls))

    def send(call: Call) -> HttpResponse:
        try:
            execute(prepare)
            barrier.wait(10)
            return call(Idp(secret))
        finally:
            execute(tidy)
            connection.close()

    with (
        mock.patch.object(in_flight.requests, "running", len(calls)),
        mock.patch.object(turns, "LONG", float("inf")),
        ThreadPoolExecutor(len(calls)) as threads,
    ):
        yield [threads.submit(send, call) for call in calls]


def at_once(secret: str, *calls: Call) -> list[HttpResponse]:
    """The answers to calls that start at the same moment."""
    with sent(secret, *calls) as answers:
        return [answer.result(60) for answer in answers]


def behind(
    row: User | PushedGroup, secret: str, *calls: Call, doing: Callable[[], object] = lambda: None
) -> list[HttpResponse]:
    """The answers to calls that all wait for one row before any goes on; fewer than connections in the pool.

    doing: what the transaction that they wait for does.
    """
    with ExitStack() as stack:
        with transaction.atomic():
            type(row).objects.select_for_update().get(id=row.id)
            answers = stack.enter_context(sent(secret, *calls, prepare="SELECT 1"))
            deadline = time.monotonic() + 4
            while waiting() < len(calls):
                assert time.monotonic() < deadline, f"{waiting()} wait, {answers}"
                time.sleep(0.01)
            doing()
        return [answer.result(60) for answer in answers]


def waiting() -> int:
    """How many connections wait for a lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()[0]


def execute(sql: str) -> None:
    if sql:
        with connection.cursor() as cursor:
            cursor.execute(sql)


def statuses(answers: list[HttpResponse]) -> list[int]:
    return sorted(answer.status_code for answer in answers)
