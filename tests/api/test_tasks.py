"""Deliveries have workers of their own, as many as there is something to send to."""

import os
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from kombu import Connection

from api import tasks
from api.webhooks import deliveries
from config import environment, supervisor
from config.celery import app
from orgs import feed, nudge
from orgs.db.keys import uuid7
from orgs.models import Organization

DATABASE = 6  # of the suite's broker, that nobody else uses


@pytest.fixture
def queued(worker_id: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], int]]:
    """How many deliveries wait for a worker."""
    number = DATABASE + int(worker_id.removeprefix("gw") if worker_id.startswith("gw") else 0)
    base, _, _ = os.environ["REDIS_URL"].partition("?")
    url = f"{base}?db={number}" if base.startswith("unix:") else f"{base.rsplit('/', 1)[0]}/{number}"
    monkeypatch.setattr(app, "connection_for_write", lambda: Connection(environment.broker_url(url)))
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        yield lambda: client.llen(tasks.QUEUE)
        client.flushdb()


@pytest.mark.parametrize(("due", "wanted"), [(0, 0), (3, 3), (500, 16)])
def test_there_are_as_many_deliveries_as_webhooks_that_have_something_to_send(
    queued: Callable[[], int], monkeypatch: pytest.MonkeyPatch, due: int, wanted: int
) -> None:
    """However often they are asked for, and also where no worker takes them."""
    monkeypatch.setattr(deliveries, "count_due", lambda most: min(due, most))
    for _ in range(3):
        tasks.wake_deliveries()
        assert queued() == wanted


@pytest.mark.parametrize("is_unfinished", [True, False])
def test_a_delivery_goes_on_in_another_task_so_that_a_worker_can_stop(
    monkeypatch: pytest.MonkeyPatch, is_unfinished: bool
) -> None:
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(tasks.deliver, "apply_async", lambda **options: asked.append(options))
    monkeypatch.setattr(deliveries, "serve", lambda seconds: is_unfinished)
    tasks.deliver()
    assert len(asked) == is_unfinished


def test_no_worker_settles_and_delivers(tmp_path: Path) -> None:  # S9
    """So that settling never waits for whoever receives webhooks."""
    app.loader.import_default_modules()
    routed = {name: app.amqp.router.route({}, name).get("queue") for name in app.tasks}
    assert [name for name, queue in routed.items() if queue and queue.name == tasks.QUEUE] == [tasks.deliver.name]
    for extra in ({}, {"MUSTER_DEV": "1"}):
        env = environment.read({"MUSTER_VAR": str(tmp_path)} | extra)
        commands = [shlex.join(job.command) for job in supervisor.children_of(env)]
        workers = [command for command in commands if " worker " in command]
        assert [f"--queues={tasks.QUEUE}" in command for command in workers] == [False, True]


class TestStamping:
    def test_wakes_deliveries(self, org: Organization, django_capture_on_commit_callbacks: Any) -> None:  # E3
        with django_capture_on_commit_callbacks() as told:
            feed.touch(org.id, [("person", str(uuid7()))])
            feed.stamp_all()
        assert told == [nudge.wake_deliveries]
        with django_capture_on_commit_callbacks() as told:
            feed.stamp_all()
        assert told == []
