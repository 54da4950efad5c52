"""Several machines in network namespaces, each with the code, a state directory and all processes of its own.

They reach one PostgreSQL, through PgBouncer, and one Valkey at the address of a bridge, as they would elsewhere. Needs
root, iproute2 and pgbouncer.
"""

import http.client
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from config import environment, services, supervisor
from tests.config.processes import until
from tests.pgbouncer import SERVER, PgBouncer
from tests.servers import ROOT, ask, new_state, portal_environ

SUBNET = "10.231.77"
BRIDGE = f"{SUBNET}.1"
PORT, METRICS, VALKEY = 8000, 9464, 6380
PATIENCE = 120  # seconds; a busy machine takes long to start a process
HOSTS = ("muster-1", "muster-2")
JOBS = ("web", "worker", "webhooks", "beat", "metrics")


def what_is_missing() -> str:
    """Why there can be no such machines here; empty if there can."""
    if os.geteuid() or not SERVER or not shutil.which("ip"):
        return "needs root, iproute2 and pgbouncer"
    tried = subprocess.run(("ip", "link", "add", "muster-try", "type", "bridge"), capture_output=True, text=True)
    if tried.returncode:
        return tried.stderr.strip()
    ip("link", "del", "muster-try")
    return ""


def ip(*words: str) -> None:
    subprocess.run(("ip", *words), check=True, capture_output=True, timeout=30)


class Host:
    """A machine. address: at which the others reach it."""

    def __init__(self, name: str, number: int, folder: Path, environ: dict[str, str]) -> None:
        self.name, self.address = name, f"{SUBNET}.{10 + number}"
        self.code, self.var = folder / "code", folder / "var"
        self.environ = environ | {"MUSTER_VAR": str(self.var), "MUSTER_RECEIPTS": ""}
        for made in (self.code, self.var):
            made.mkdir(mode=0o711, parents=True)
        files = "git ls-files -z --cached --others --exclude-standard | tar -c --null -T - | tar -x -C"
        subprocess.run(["sh", "-c", f'{files} "$1"', "sh", self.code], cwd=ROOT, check=True, timeout=60)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._connect()

    def _connect(self) -> None:
        ip("netns", "add", self.name)
        ip("link", "add", f"{self.name}-l", "type", "veth", "peer", "name", "eth0", "netns", self.name)
        ip("link", "set", f"{self.name}-l", "master", "muster", "up")
        ip("-n", self.name, "addr", "add", f"{self.address}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            ip("-n", self.name, "link", "set", device, "up")

    def start(self, name: str) -> None:
        jobs = {job.name: job for job in supervisor.children_of(environment.read(self.environ))}
        command = [word.replace(str(ROOT), str(self.code)) for word in jobs[name].command]
        command[0] = sys.executable
        with (self.var / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                ["ip", "netns", "exec", self.name, *command],
                cwd=self.code,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def said(self, name: str) -> str:
        return (self.var / f"{name}.log").read_text()

    def answers(self) -> bool:
        try:
            return self.ask("GET", "/health/ready", {})[0] == 200
        except OSError:
            return False

    def ask(
        self, method: str, path: str, headers: dict[str, str], body: str | None = None, *, port: int = PORT
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        with closing(http.client.HTTPConnection(self.address, port, timeout=20)) as web:
            web.request(method, path, body, headers)
            answer = web.getresponse()
            return answer.status, answer.headers, answer.read()

    def lose_power(self) -> None:
        """No process has the time to say that it goes, and nobody is told by the network."""
        ip("link", "set", f"{self.name}-l", "down")
        for process in self._processes.values():
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
        self._processes.clear()

    def remove(self) -> None:
        self.lose_power()
        ip("link", "del", f"{self.name}-l")
        ip("netns", "del", self.name)


class Portal:
    """Machines over one database, and all that they share. variables: of their environment."""

    def __init__(self, **variables: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hosts-", dir=Path(os.environ["MUSTER_VAR"]).parent))
        self.folder.chmod(0o711)
        self.state = new_state("hosts-servers", migrated=True)
        addresses = services.start(self.state)
        self.database_url = addresses.database_url
        self.bouncer = PgBouncer(self.state, addresses.database_url, address=BRIDGE)
        valkey = f"--bind {BRIDGE} --port {VALKEY} --protected-mode no --dir {self.state} --appendonly no".split()
        self._valkey = subprocess.Popen([services._valkey_binary(), *valkey], stdout=subprocess.DEVNULL)
        self.environ = portal_environ(addresses, self.state, PORT) | {
            "DATABASE_URL": self.bouncer.database_url,
            "REDIS_URL": f"redis://{BRIDGE}:{VALKEY}/0",
            "MUSTER_BIND": "0.0.0.0",
            "MUSTER_URL": f"http://{BRIDGE}",
            "ALLOWED_HOSTS": "*",
            "METRICS_PORT": str(METRICS),
            "METRICS_BIND": "0.0.0.0",
            "PYTHONDONTWRITEBYTECODE": "1",
            **variables,
        }
        self.hosts = [Host(name, number, self.folder / name, self.environ) for number, name in enumerate(HOSTS)]
        self._turn = itertools.cycle(self.hosts)

    def start(self) -> None:
        for name in JOBS:
            for host in self.hosts:
                host.start(name)
        until(lambda: all(host.answers() for host in self.hosts), PATIENCE)

    def run(self, code: str) -> str:
        """What Python prints, on no machine in particular."""
        command = (sys.executable, "-c", code)
        done = subprocess.run(command, cwd=ROOT, env=self.environ, capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def address(self) -> tuple[str, int]:
        """Of the next machine that runs, as a load balancer chooses."""
        return next(host for host in self._turn if host._processes).address, PORT

    def ask(self, sql: str) -> Any:
        return ask(self.database_url, sql)

    def close(self) -> None:
        for host in self.hosts:
            host.remove()
        self.bouncer.stop()
        self._valkey.terminate()
        self._valkey.wait(20)
        services.stop(self.state)
        shutil.rmtree(self.folder)


@contextmanager
def network(name: str) -> Iterator[None]:
    """A bridge, which machines that are made meanwhile know by this name as well."""
    folders = [Path("/etc/netns") / host for host in HOSTS]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "hosts").write_text(f"127.0.0.1 localhost\n{BRIDGE} {name}\n")
    ip("link", "add", "muster", "type", "bridge")
    ip("addr", "add", f"{BRIDGE}/24", "dev", "muster")
    ip("link", "set", "muster", "up")
    try:
        yield
    finally:
        ip("link", "del", "muster")
        for folder in folders:
            shutil.rmtree(folder)


class Browser:
    """Cookies, and pages of any machine."""

    def __init__(self) -> None:
        self.cookies: dict[str, str] = {}

    def __call__(self, host: Host, path: str, **form: str) -> tuple[int, str]:
        """The status and what was said, or where it leads to; a form is sent."""
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if form:
            form["csrfmiddlewaretoken"] = self.cookies["csrftoken"]
            sent |= {"Content-Type": "application/x-www-form-urlencoded"}
        status, headers, body = host.ask("POST" if form else "GET", path, sent, urlencode(form) if form else None)
        for line in headers.get_all("Set-Cookie", []):
            self.cookies |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}
        return status, headers.get("Location") or body.decode()
