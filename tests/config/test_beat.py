"""Several clocks, of which one sends."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from config import beat
from config.celery import app
from orgs.web.limits import valkey

Clock = Callable[[], beat.Scheduler]


@pytest.fixture(autouse=True)
def lease(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    lease = f"test:{uuid.uuid4()}"
    monkeypatch.setattr(beat, "LEASE", lease)
    yield lease
    valkey().delete(lease)


@pytest.fixture
def clock(tmp_path: Path) -> Iterator[Clock]:
    """Starts one, on a machine of its own."""
    running: list[beat.Scheduler] = []

    def start() -> beat.Scheduler:
        running.append(beat.Scheduler(app, schedule_filename=str(tmp_path / f"schedule-{len(running)}")))
        return running[-1]

    yield start
    for scheduler in running:
        scheduler.close()


class Due:
    """A task that is due; sent: how often that was said."""

    def __init__(self) -> None:
        self.queue = f"test-{uuid.uuid4()}"

    def on(self, clock: beat.Scheduler) -> None:
        entry = clock.Entry(name="due", task="tests.due", schedule=2.0, options={"queue": self.queue}, app=app)
        clock.apply_entry(entry, producer=clock.producer)

    @property
    def sent(self) -> int:
        return int(valkey().llen(self.queue))


@pytest.fixture
def due() -> Iterator[Due]:
    due = Due()
    yield due
    valkey().delete(due.queue, f"_kombu.binding.{due.queue}")


def test_one_of_them_sends(clock: Clock, due: Due) -> None:
    first, second = clock(), clock()
    for _ in range(3):
        due.on(first)
        due.on(second)
    assert due.sent == 3


def test_another_one_goes_on_when_it_stops(clock: Clock, due: Due) -> None:
    first, second = clock(), clock()
    due.on(first)
    first.close()
    due.on(second)
    assert due.sent == 2


def test_another_one_goes_on_when_its_machine_is_gone(clock: Clock, due: Due, lease: str) -> None:
    first, second = clock(), clock()
    due.on(first)
    assert 0 < valkey().ttl(lease) <= beat.SECONDS
    valkey().delete(lease)  # as it ends when nobody renews it
    due.on(second)
    assert due.sent == 2
    due.on(first)  # it was only cut off, and comes back
    assert due.sent == 2


@pytest.mark.exhaustive
def test_nobody_is_kept_from_sending_by_a_lease_that_cannot_be_asked_for(
    clock: Clock, due: Due, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beat, "valkey", lambda: redis.Redis(port=1))
    for each in (clock(), clock()):
        due.on(each)
    assert due.sent == 2
