"""The nudge, in its own processes and with its own broker, where there is one."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import redis

from orgs import nudge
from tests import processes
from tests.config.processes import until

DATABASE = 11  # of the suite's broker, that nobody else uses

# A process that talks to the broker in no thread but the nudge's, so that its other threads see no Celery app either.
SCRIPT = """
import os, sys, threading, time, django
django.setup()
from orgs import nudge
{}
"""


@dataclass
class Broker:
    url: str
    client: redis.Redis

    def nudges(self) -> int:
        return self.client.llen("celery")


@pytest.fixture
def broker(worker_id: str) -> Iterator[Broker]:
    base, _, _ = os.environ["REDIS_URL"].partition("?")
    number = DATABASE + int(worker_id.removeprefix("gw") if worker_id.startswith("gw") else 0)
    url = f"{base}?db={number}" if base.startswith("unix:") else f"{base.rsplit('/', 1)[0]}/{number}"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        yield Broker(url, client)
        client.flushdb()


def start(script: str, url: str) -> "subprocess.Popen[str]":
    """A process that runs this code."""
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(script)],
        cwd=processes.ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "REDIS_URL": url},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(script: str, url: str) -> str:
    """The output of a process that runs this code."""
    process = start(script, url)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 0, said
    return said


class TestANudge:
    def test_names_the_request_that_asked_for_it(self, broker):
        bound = "import structlog; structlog.contextvars.bind_contextvars(request_id='of-a-request')"
        process = start(f"{bound}; nudge.wake(); input()", broker.url)
        until(broker.nudges)
        process.communicate("\n", timeout=30)
        assert json.loads(broker.client.lindex("celery", 0))["headers"]["request_id"] == "of-a-request"

    @pytest.mark.parametrize("script", ["nudge.wake()", "threading.Thread(target=nudge.wake).start()"])
    def test_is_sent_at_once_from_any_thread(self, broker, script):
        process = start(f"{script}; input()", broker.url)
        until(broker.nudges)
        process.communicate("\n", timeout=30)
        assert broker.nudges() == 1

    def test_is_sent_by_a_forked_process_as_well(self, broker):
        process = start("nudge.wake(); input(); os.fork() or nudge.wake(); sys.stdin.read()", broker.url)
        until(broker.nudges)
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
        until(lambda: broker.nudges() == 2)
        process.communicate(timeout=30)

    def test_stands_for_all_of_a_quarter_second(self, broker):
        process = start("while True: nudge.wake(); time.sleep(0.001)", broker.url)
        until(broker.nudges)
        began, before = time.monotonic(), broker.nudges()
        until(lambda: broker.nudges() >= before + 3)
        after, took = broker.nudges(), time.monotonic() - began
        process.kill()
        process.communicate(timeout=30)
        assert after - before <= 1 + took / nudge.EVERY


class TestABrokerThatIsAway:
    AWAY = "redis://127.0.0.1:1/0"

    def test_costs_whoever_asks_nothing(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:  # whoever waits for its answers waits for ever
            said = run(
                "for _ in range(100): nudge.wake()\nprint('asked')", f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
            )
        assert "asked" in said

    def test_is_tried_again_after_a_pause(self):
        said = run("nudge.PAUSE = 0.3\nfor _ in range(100): nudge.wake(); time.sleep(0.01)", self.AWAY)
        assert 2 <= said.count("nudge_failed") < 50
        assert "Traceback" not in said

    def test_does_not_keep_a_process_from_ending(self):
        run("nudge.wake()", self.AWAY)
