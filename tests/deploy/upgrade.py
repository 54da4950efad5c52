"""A portal that is upgraded while it is in use: processes of two versions, one database, one listening socket."""

import http.client
import json
import os
import socket
import subprocess
import sys
import tarfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from config import environment, services, supervisor
from tests.config.processes import until
from tests.servers import ROOT, ask, new_state, portal_environ

# As systemd hands a listening socket to a service.
HAND_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3, inheritable=True)
os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
os.execv(sys.argv[2], sys.argv[2:])
"""

# An organization, and those who use it: the token of an identity provider, the key of a product, the owner's session.
SEED = """
import json
from io import StringIO
import django
django.setup()
from django.core.management import call_command
from django.test import Client
from orgs.models import Organization, User

def said(*words, **options):
    call_command(*words, stdout=(out := StringIO()), **options)
    return out.getvalue().strip()

said("migrate", verbosity=0)
said("create_org", "Acme", "--admin=owner@acme.example", "--enable-all", "--profile=testomat")
browser = Client()
browser.force_login(User.objects.get(login_email="owner@acme.example"))
print(json.dumps({
    "token": said("issue_token", "acme", "--name=Okta"),
    "key": said("issue_api_key", "acme", "--name=Product", "--scopes=read"),
    "session": browser.cookies["sessionid"].value,
    "org": str(Organization.objects.get(slug="acme").id),
}))
"""

# What of the state differs from what the facts amount to.
DRIFTED = """
import django
django.setup()
from groups_provisioning.engine import effect_checks
from orgs.models import Organization
print(sum(len(found) for org in Organization.objects.all() for found, _ in effect_checks.compare(org)))
"""

PATIENCE = 240  # seconds; a busy machine takes long to start a process

PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


def version_before() -> str | None:
    """What UPGRADE_FROM names, or the newest commit that lacks the latest migration; None if history begins later."""
    if named := os.environ.get("UPGRADE_FROM"):
        return named
    log = ("git", "log", "--first-parent", "--diff-filter=A", "-1", "--format=%P", "--", "*/migrations/*.py")
    parents = subprocess.run(log, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    return parents[0] if parents else None


def check_out(commit: str, folder: Path) -> None:
    archive = subprocess.run(("git", "archive", commit), cwd=ROOT, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=BytesIO(archive)) as files:
        files.extractall(folder, filter="data")


class Portal:
    """Servers, and processes of any version: `code` is the folder of one."""

    def __init__(self) -> None:
        self.state = new_state("upgrade")
        addresses = services.start(self.state)
        self.database_url = addresses.database_url
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port: int = self.listening.getsockname()[1]
        self.environ = portal_environ(addresses, self.state, self.port)
        self._jobs = {job.name: job for job in supervisor.children_of(environment.read(self.environ))}
        self._processes: list[Process] = []

    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    def run(self, code: Path, *words: str) -> str:
        """What Python prints."""
        command = (sys.executable, *words)
        done = subprocess.run(command, cwd=code, env=self.environ, capture_output=True, text=True, timeout=4 * PATIENCE)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def web(self, code: Path) -> "Process":
        """A web server that has forked, at the socket that it shares with others."""
        command = (sys.executable, "-m", "gunicorn", "-c", "config/gunicorn.py", "config.wsgi")
        listening = str(self.listening.fileno())
        process = self._start("web", (sys.executable, "-c", HAND_OVER, listening, *command), code)
        until(process.children, PATIENCE)
        return process

    def start(self, name: str, code: Path) -> "Process":
        return self._start(name, self._jobs[name].command, code)

    def _start(self, name: str, command: tuple[str, ...], code: Path) -> "Process":
        path = self.state / f"{name}-{len(self._processes)}.log"
        with path.open("wb") as log:
            popen = subprocess.Popen(
                command,
                cwd=code,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(self.listening.fileno(),) if name == "web" else (),
            )
        self._processes.append(Process(popen))
        return self._processes[-1]

    def ask(self, sql: str) -> Any:
        return ask(self.database_url, sql)

    def close(self) -> None:
        for process in self._processes:
            process.stop()
        self.listening.close()
        services.stop(self.state)


class Process:
    def __init__(self, popen: "subprocess.Popen[bytes]") -> None:
        self.popen = popen

    def children(self) -> list[str]:
        pid = self.popen.pid
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()

    def stop(self) -> None:
        """As a service is stopped: asked, then waited for."""
        self.popen.terminate()
        self.popen.wait(PATIENCE)


class Reachable(Protocol):
    def address(self) -> tuple[str, int]:
        """Where the next request goes."""


class Load:
    """Whoever uses the portal, each with one request after the other on connections of their own, as a proxy's are.

    An identity provider creates people, changes the members of a group, and reads; the owner looks at a page, and a
    product follows the feed. refused: what was answered by no 2xx, with the status; 0 where there was no answer.
    """

    def __init__(self, portal: Reachable, *, token: str, key: str, session: str, org: str) -> None:
        self.portal = portal
        self.bearer = {"Authorization": f"Bearer {token}", "Content-Type": "application/scim+json"}
        self.feed = {"Authorization": f"Bearer {key}"}
        self.browser = {"Cookie": f"sessionid={session}"}
        self.org = org
        self.created: list[str] = []
        self.members: set[str] = set()
        self.seen: set[str] = set()  # people that the feed told of
        self.epochs: set[str] = set()
        self.cursor = ""
        self.done: Counter[str] = Counter()
        self.refused: Counter[tuple[str, int]] = Counter()
        self.slowest = 0.0  # seconds
        self.group = self._ask("POST", "/api/scim/Groups", self.bearer, {"displayName": "Everybody"})["id"]
        self._over = threading.Event()
        kinds = (self._create, self._change_members, self._list, self._look_at_page, self._follow)
        self._threads = [threading.Thread(target=self._run, args=(kind,)) for kind in kinds]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def go_on(self, each: int = 8) -> None:
        """Wait until everybody has had so many more answers."""
        goal = {thread.name: self.done[thread.name] + each for thread in self._threads}
        until(lambda: all(self.done[name] >= wanted for name, wanted in goal.items()), PATIENCE)

    def _run(self, kind: Callable[[], None]) -> None:
        name = threading.current_thread().name
        while not self._over.wait(0.1):
            try:
                kind()
            except _Refused as error:
                self.refused[kind.__name__, error.status] += 1
            self.done[name] += 1

    def _create(self) -> None:
        name = f"person-{self.done[threading.current_thread().name]}@acme.example"
        made = self._ask("POST", "/api/scim/Users", self.bearer, {"userName": name})
        self.created.append(made["id"])

    def _change_members(self) -> None:
        if not self.created:
            return
        person = self.created[self.done[threading.current_thread().name] % len(self.created)]
        operation = (
            {"op": "remove", "path": f'members[value eq "{person}"]'}
            if person in self.members
            else {"op": "add", "path": "members", "value": [{"value": person}]}
        )
        body = {"schemas": [PATCH], "Operations": [operation]}
        self._ask("PATCH", f"/api/scim/Groups/{self.group}", self.bearer, body)
        self.members ^= {person}

    def _list(self) -> None:
        self._ask("GET", "/api/scim/Users?count=50", self.bearer)

    def _look_at_page(self) -> None:
        self._ask("GET", "/people/", self.browser)

    def _follow(self) -> None:
        after = f"&after={quote(self.cursor)}" if self.cursor else ""
        page = self._ask("GET", f"/api/v1/organizations/{self.org}/changes?kinds=person{after}", self.feed)
        self.cursor = page["next"]
        self.epochs.add(page["epoch"])
        self.seen |= {item["id"] for item in page["items"]}
        self._over.wait(0.15)  # 600 a minute

    def catch_up(self) -> None:
        """Follow the feed to its end."""
        before = None
        while before != self.cursor:
            before = self.cursor
            self._follow()

    def _ask(self, method: str, path: str, headers: dict[str, str], body: object = None) -> Any:
        began = time.monotonic()
        try:
            with closing(http.client.HTTPConnection(*self.portal.address(), timeout=60)) as web:
                web.request(method, path, None if body is None else json.dumps(body), headers)
                answer = web.getresponse()
                content = answer.read()
        except (OSError, http.client.HTTPException):
            raise _Refused(0) from None
        finally:
            self.slowest = max(self.slowest, time.monotonic() - began)
        if not 200 <= answer.status < 300:
            raise _Refused(answer.status)
        return json.loads(content) if content[:1] == b"{" else None


class _Refused(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status
