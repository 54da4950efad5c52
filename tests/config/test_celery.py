import logging
import os
import uuid

import pytest
import redis
import structlog
from kombu import Connection

from config import environment
from config.celery import app
from orgs import metrics, nudge


class TestTheBrokersAddress:
    def test_leads_celery_to_the_database_that_is_meant(self):
        base, _, _ = os.environ["REDIS_URL"].partition("?")
        url = f"{base}?db=5" if base.startswith("unix:") else f"{base.rsplit('/', 1)[0]}/5"
        queue = f"test-{uuid.uuid4()}"
        with Connection(environment.broker_url(url)) as broker:
            broker.SimpleQueue(queue).put({"hello": "world"})
        with redis.Redis.from_url(url) as client:
            assert client.connection_pool.connection_kwargs["db"] == 5
            assert client.llen(queue) == 1
            client.delete(queue, f"_kombu.binding.{queue}")

    def test_of_a_socket_is_spelt_as_celery_wants_it(self):
        url = environment.broker_url("unix:///run/muster/valkey.sock")
        assert url == "redis+socket:///run/muster/valkey.sock?virtual_host=0"

    def test_of_sentinels_names_each_of_them(self):
        url = environment.broker_url("sentinel://:se%2Fcret@a,[::1]:26380/portal?db=3")
        assert url == "sentinel://:se%2Fcret@a:26379/3;sentinel://:se%2Fcret@[::1]:26380/3"

    def test_of_a_host_stays_as_it_is(self):
        assert environment.broker_url("redis://:secret@cache:6379/2") == "redis://:secret@cache:6379/2"


class TestTheApp:
    def test_reads_json_and_nothing_else(self):
        assert app.conf.accept_content == ["json"]
        assert app.conf.task_serializer == "json"

    def test_knows_every_task_that_the_clock_and_a_nudge_start(self):
        app.loader.import_default_modules()
        by_the_clock = {entry["task"] for entry in app.conf.beat_schedule.values()}
        assert {nudge.SETTLE, nudge.DELIVER, *app.conf.task_routes} | by_the_clock <= set(app.tasks)

    @pytest.mark.django_db
    def test_writes_no_line_where_there_is_nothing_to_do(self, caplog: pytest.LogCaptureFixture) -> None:
        """A portal that nobody uses is quiet, whatever the clock starts."""
        app.loader.import_default_modules()
        caplog.set_level(logging.INFO)
        for name in {entry["task"] for entry in app.conf.beat_schedule.values()}:
            app.tasks[name].apply(throw=True)
        for name in ("celery.beat", "celery.worker.strategy", "celery.app.trace"):
            assert not logging.getLogger(name).isEnabledFor(logging.INFO)
        assert [record.getMessage() for record in caplog.records] == []

    def test_logs_a_task_with_the_id_of_the_request_that_asked_for_it_and_counts_it(self) -> None:
        @app.task(name="tests.context")
        def context() -> dict[str, object]:
            return structlog.contextvars.get_contextvars().copy()

        try:
            bound = context.apply(headers={nudge.REQUEST_ID: "of-a-request"})
            assert bound.get() == {"request_id": "of-a-request", "task_id": bound.id}
            assert structlog.contextvars.get_contextvars() == {}
            assert metrics.tasks.labels("tests.context", "done")._value.get() == 1
        finally:
            app.tasks.pop("tests.context")

    def test_acknowledges_tasks_only_when_they_are_done(self):
        """What a worker was running when it was killed runs again."""
        app.loader.import_default_modules()
        ours = [task for name, task in app.tasks.items() if not name.startswith("celery.")]
        assert ours
        assert all(task.acks_late and task.ignore_result and task.reject_on_worker_lost for task in ours)

    def test_waits_for_a_broker_however_long(self):
        assert app.conf.broker_connection_max_retries is None
        assert app.conf.broker_connection_retry_on_startup
