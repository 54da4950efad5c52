import subprocess
import sys
import time
import uuid
from datetime import timedelta

import pytest
from celery.result import AsyncResult
from django.db import connection
from django.utils import timezone

from scim import partitions, tasks
from tests import processes


def has_partition(day) -> bool:
    with connection.cursor() as cursor:
        return ("scim_requestlog", day) in partitions._partitions(cursor)


@pytest.fixture
def queue():
    """A queue of the real broker, with a real worker at its end."""
    name = f"test-{uuid.uuid4()}"
    worker = subprocess.Popen(
        [
            *(sys.executable, "-m", "celery", "--quiet", "-A", "config", "worker"),
            *("--concurrency=1", "--without-gossip", "--without-mingle", "--without-heartbeat", f"--queues={name}"),
        ],
        cwd=processes.ROOT,
        env=processes.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    yield name
    worker.terminate()
    output, _ = worker.communicate(timeout=30)
    assert "Traceback" not in output
    assert worker.returncode == 0


@pytest.mark.django_db(transaction=True)
class TestKeepingPartitions:
    def test_happens_when_a_message_says_so(self, queue):
        last = timezone.now().date() + timedelta(days=partitions.DAYS_AHEAD)
        with connection.cursor() as cursor:
            for table in partitions.TABLES:
                cursor.execute(f"DROP TABLE IF EXISTS {table}_{last:%Y%m%d}")
        sent = tasks.keep_request_log_partitions.apply_async(queue=queue)
        assert isinstance(sent, AsyncResult)
        deadline = time.monotonic() + 30
        while not has_partition(last):
            assert time.monotonic() < deadline
            time.sleep(0.05)
