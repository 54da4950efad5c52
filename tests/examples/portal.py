"""The consumer of the examples, as a process, and the portal that it reads."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import orjson

from orgs.models import Organization
from tests import processes
from tests.api.consumer import key_of
from tests.config.processes import until

PROGRAM = processes.ROOT / "examples" / "consumer" / "consumer.py"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def web() -> Iterator[int]:
    """The port of a web process that works on the test's database."""
    port = free_port()
    environment = processes.environment(PORT=str(port), WEB_CONCURRENCY="1")
    command = [sys.executable, "-m", "gunicorn", "-c", "config/gunicorn.py", "config.wsgi"]
    process = subprocess.Popen(command, cwd=processes.ROOT, env=environment, stderr=subprocess.DEVNULL)
    try:
        until(lambda: answers(port), 60)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


class Consumer:
    """org: whose feed it reads; None for that of all orgs. It runs in an environment with nothing else in it."""

    def __init__(self, port: int, file: Path, org: Organization | None = None, **environment: str) -> None:
        self.file = file
        self.environment = {
            "PATH": os.environ["PATH"],
            "MUSTER_URL": f"http://127.0.0.1:{port}",
            "MUSTER_KEY": key_of(org).secret,
            "MUSTER_ORGANIZATION": str(org.id) if org else "",
        } | environment
        self.process: subprocess.Popen[str] | None = None

    def start(self, *options: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, PROGRAM, self.file, *options],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def kill(self) -> None:
        assert self.process
        self.process.kill()
        self.process.communicate(timeout=20)
        assert self.process.returncode == -signal.SIGKILL  # it had not ended by itself

    def end(self) -> str:
        """Wait until it fails; what it said."""
        assert self.process
        _, said = self.process.communicate(timeout=60)
        assert self.process.returncode == 1
        return said

    def catch_up(self, *options: str) -> None:
        """Let it read what is new, to its end."""
        self.start("--once", *options)
        assert self.process
        _, said = self.process.communicate(timeout=100)
        assert (self.process.returncode, said) == (0, "")

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.file, timeout=20)) as database, database:
            return database.execute(sql, values).fetchall()

    def table(self) -> dict[tuple[str, str], Any]:
        """By kind and id, the state of what there is; of what is gone `gone` or `erased`."""
        found = self.rows("SELECT kind, id, erased, state FROM resource")
        return {
            (kind, id_): orjson.loads(state) if state else "erased" if erased else "gone"
            for kind, id_, erased, state in found
        }
