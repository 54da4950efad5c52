"""Two Valkeys and three sentinels: the portal's clients and a worker go to the one that is the master."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis
from kombu import Connection
from kombu.exceptions import OperationalError

from config import environment, services
from config.celery import app
from config.environment import Misconfigured
from orgs import nudge
from orgs.web import limits
from tests.config.processes import until
from tests.processes import ROOT

pytestmark = pytest.mark.exhaustive

QUICK = ("--repl-diskless-sync-delay", "0")
SENTINEL = """
port {port}
bind 127.0.0.1
dir {folder}
sentinel monitor portal 127.0.0.1 {master} 2
sentinel down-after-milliseconds portal 1000
sentinel failover-timeout portal 3000
"""


class Servers:
    """ports: of the two Valkeys, the master first. url: what the portal is told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._running: list[subprocess.Popen[bytes]] = []
        *self.ports, first, second, third = free_ports(5)
        for port in self.ports:
            master = ("--replicaof", f"127.0.0.1 {self.ports[0]}") if port != self.ports[0] else ()
            self._start("--port", str(port), "--bind", "127.0.0.1", "--save", "", *QUICK, *master)
        until(lambda: self.client(1).info("replication")["master_link_status"] == "up")
        for port in (first, second, third):
            own = folder / str(port)
            own.mkdir()
            configuration = own / "sentinel.conf"
            configuration.write_text(SENTINEL.format(port=port, folder=own, master=self.ports[0]))
            self._start(str(configuration), "--sentinel")
        watching = [redis.Redis(port=port) for port in (first, second, third)]
        until(lambda: all(self._knows_all(each) for each in watching))
        self.url = f"sentinel://127.0.0.1:{first},127.0.0.1:{second},127.0.0.1:{third}/portal?db=1"

    def _start(self, *options: str) -> None:
        command = (services._valkey_binary(), *options)
        self._running.append(subprocess.Popen(command, cwd=self.folder, stdout=subprocess.DEVNULL))

    def _knows_all(self, sentinel: redis.Redis) -> bool:
        try:
            return (len(sentinel.sentinel_slaves("portal")), len(sentinel.sentinel_sentinels("portal"))) == (1, 2)
        except redis.RedisError:
            return False

    def client(self, number: int) -> redis.Redis:
        return redis.Redis(port=self.ports[number], db=1)

    def kill_master(self) -> None:
        self._running[0].kill()
        self._running[0].wait(10)

    def stop(self) -> None:
        for process in self._running:
            process.kill()
            process.wait(10)


def free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    servers = Servers(tmp_path)
    yield servers
    servers.stop()


@pytest.fixture
def told(servers: Servers, settings) -> Iterator[None]:
    """This process is told of the sentinels."""
    settings.SENTINELS = environment.sentinels(servers.url)
    limits.valkey.cache_clear()
    limits._script.cache_clear()
    yield
    limits.valkey.cache_clear()
    limits._script.cache_clear()


def test_limits_go_where_the_sentinels_say(servers: Servers, told: None) -> None:
    bucket = limits.Buckets("tested")

    def take() -> bool:
        """Whether it was counted in Valkey."""
        limits.shared.resume()
        bucket.clear()
        return bucket.take("ada", rate=1, burst=10) == 0 and bucket._owns["ada"].shared is not None

    assert take()
    assert servers.client(0).dbsize() == 1
    servers.kill_master()
    until(take)
    assert servers.client(1).dbsize() == 1


def test_a_worker_goes_where_the_sentinels_say(servers: Servers, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "celery", "-A", "config", "worker", "--pool=solo", "--without-mingle"]
    environ = {**os.environ, "REDIS_URL": servers.url, "MUSTER_VAR": str(tmp_path)}
    with (tmp_path / "worker.log").open("wb") as log:
        worker = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=log, stderr=log)
    try:
        assert send(servers)
        until(lambda: servers.client(0).llen("celery") == 0, 60)
        servers.kill_master()
        until(lambda: send(servers))
        until(lambda: servers.client(1).llen("celery") == 0, 60)
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait(10)


def send(servers: Servers) -> bool:
    """Returns whether there was a master to send to; `orgs.nudge` tries again too."""
    found = environment.sentinels(servers.url)
    assert found
    options = {"master_name": found.master, "max_retries": 1, "interval_start": 0}
    with Connection(environment.broker_url(servers.url), transport_options=options) as broker:
        try:
            app.send_task(nudge.SETTLE, connection=broker, retry=False)
        except OperationalError:
            return False
    return True


@pytest.mark.parametrize(
    "rest", ["", "/portal", "a,b", "a,,b/portal", "a:x/portal", "a/portal?db=x", "a/portal/0", "secret@a/portal"]
)
def test_an_address_that_is_not_complete_is_refused(rest: str) -> None:
    with pytest.raises(Misconfigured, match="REDIS_URL"):
        environment.sentinels(f"sentinel://{rest}")
