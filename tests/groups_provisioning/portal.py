"""A portal of real processes over servers of its own, whose parts can be killed one by one."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from config import environment, services, supervisor
from tests.config.processes import ROOT, until
from tests.servers import ask, new_state, portal_environ

# Started again when it ends, as by `make up` and whatever looks after containers: Celery's worker leaves when it loses
# its broker while it has a message in hand.
KEEP = 'while true; do "$@"; sleep 0.5; done'

PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

# Runs code for as long as somebody asks, so that Django is set up once. A line is JSON: the code, or what it printed.
INTERPRETER = """
import contextlib, io, json, sys
import django
django.setup()
from django.db import connection
for line in sys.stdin:
    with contextlib.redirect_stdout(io.StringIO()) as said:
        exec(json.loads(line), {})
    connection.close()
    connection.close_pool()
    print(json.dumps(said.getvalue()), flush=True)
"""

# An org with a group, empty as yet, that is mapped to a team.
SEED = """
import json
from tests.factories import OrganizationFactory, UserFactory, issue_token
from tests.groups_provisioning.world import entity, group, tie

org = OrganizationFactory.create()
people = UserFactory.create_batch({people}, org=org)
engineers, team = group(org, "Engineers"), entity(org, "Engineers")
tie(engineers, team)
print(json.dumps({{"token": issue_token(org).secret, "group": str(engineers.id), "team": str(team.id),
    "people": [str(user.id) for user in people]}}))
"""

# Effects are thrown away and made anew; says whether they came out as they were.
REBUILD = """
from django.db import transaction
from groups_provisioning.engine import reconcile
from groups_provisioning.models import Membership
from orgs.models import Organization, Standing

def effects():
    places = Membership.objects.values_list("user", "entity", "kind", "source", "mapping")
    return set(places), {user: tuple(roles) for user, roles in Standing.objects.values_list("user", "roles")}

with transaction.atomic():
    before = effects()
    for org in Organization.objects.all():
        reconcile.rebuild(org=org)
    print(effects() == before)
"""


class Portal:
    """Web, worker and beat as `make up` runs them, and a pushed group whose members are placed in a team."""

    def __init__(self, people: int = 20) -> None:
        self.state = new_state("faults", migrated=True)
        addresses = services.start(self.state)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.database_url = addresses.database_url
        self.environ = portal_environ(addresses, self.state, self.port)
        self._jobs = {job.name: job for job in supervisor.children_of(environment.read(self.environ))}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._interpreter = subprocess.Popen(
            [sys.executable, "-c", INTERPRETER],
            cwd=ROOT,
            env=self.environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.seeded: dict[str, Any] = json.loads(self.run(SEED.format(people=people)))
        for name in self._jobs:
            self.start(name)
        until(self._answers)

    def run(self, code: str) -> str:
        """What Python says to this, once Django is set up."""
        assert self._interpreter.stdin
        assert self._interpreter.stdout
        self._interpreter.stdin.write(f"{json.dumps(code)}\n")
        self._interpreter.stdin.flush()
        said: str = json.loads(self._interpreter.stdout.readline())
        return said

    def start(self, name: str) -> None:
        with (self.state / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                ["/bin/sh", "-c", KEEP, name, *self._command(name)],
                cwd=ROOT,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _command(self, name: str) -> list[str]:
        app = {"config": "tests.groups_provisioning.impatient"} if name == "worker" else {}
        return [app.get(word, word) for word in self._jobs[name].command]

    def kill(self, name: str) -> None:
        """Kill a job with all its processes, without a word."""
        process = self._processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)

    def processes(self, name: str) -> list[int]:
        """The main process of a job and then those that it started; empty while it is being started again."""
        mains = [pid for pid in _children(self._processes[name].pid) if _children(pid)]
        return [*mains, *(pid for main in mains for pid in _children(main))]

    def said(self, name: str) -> str:
        return (self.state / f"{name}.log").read_text()

    def signal(self, server: str, signum: signal.Signals) -> None:
        """To `postgres` or `valkey`."""
        pid_file = {"postgres": "postgres/postmaster.pid", "valkey": "valkey/valkey.pid"}[server]
        os.kill(int((self.state / pid_file).read_text().split()[0]), signum)

    def repair(self) -> None:
        """Start the servers again once one of them is dead."""
        until(lambda: not services.alive(self.state))
        services.start(self.state)

    def ask(self, sql: str) -> Any:
        return ask(self.database_url, sql)

    def ids(self, sql: str) -> set[str]:
        return {str(id_) for id_ in self.ask(f"SELECT coalesce(array_agg(id), '{{}}') FROM ({sql}) AS found (id)")}

    def marks(self) -> int:
        return int(self.ask("SELECT count(*) FROM orgs_mark"))

    def close(self) -> None:
        for name in list(self._processes):
            self.kill(name)
        self._interpreter.communicate(timeout=10)
        services.stop(self.state)
        shutil.rmtree(self.state)

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def _children(pid: int) -> list[int]:
    with suppress(FileNotFoundError, ProcessLookupError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


class Traffic:
    """An identity provider that adds people to the group and takes them out, one request after the other.

    It repeats what was not answered by a 2xx, as identity providers do. members: who is in, by its own account.
    """

    def __init__(self, portal: Portal) -> None:
        self.portal = portal
        self.members = portal.ids("SELECT user_id FROM groups_provisioning_groupmember")
        self.done = 0
        self.refused: list[int] = []  # statuses; 0 where there was no answer at all
        self.slowest = 0.0  # seconds
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Traffic":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(30)
        assert not self._thread.is_alive()

    def go_on(self, requests: int = 40) -> None:
        """Wait for that many more to be done."""
        goal = self.done + requests
        until(lambda: self.done >= goal)

    def _run(self) -> None:
        while not self._over.is_set():
            person = self.portal.seeded["people"][self.done % len(self.portal.seeded["people"])]
            adds = person not in self.members
            while not self._change(person, adds):
                time.sleep(0.1)
            self.members ^= {person}
            self.done += 1

    def _change(self, person: str, adds: bool) -> bool:
        operation = (
            {"op": "add", "path": "members", "value": [{"value": person}]}
            if adds
            else {"op": "remove", "path": f'members[value eq "{person}"]'}
        )
        headers = {"Authorization": f"Bearer {self.portal.seeded['token']}", "Content-Type": "application/scim+json"}
        body = json.dumps({"schemas": [PATCH], "Operations": [operation]})
        started = time.monotonic()
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", self.portal.port, timeout=20)) as web:
                web.request("PATCH", f"/scim/v2/Groups/{self.portal.seeded['group']}", body, headers)
                status = web.getresponse().status
        except (OSError, http.client.HTTPException):
            status = 0
        self.slowest = max(self.slowest, time.monotonic() - started)
        if not 200 <= status < 300:
            self.refused.append(status)
            return False
        return True
