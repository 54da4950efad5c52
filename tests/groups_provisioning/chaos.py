"""Several identity providers that push at once, what may fail meanwhile, and for how long nobody is answered."""

import http.client
import json
import os
import signal
import socket
import statistics
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import closing
from functools import partial
from itertools import pairwise
from random import Random

import psycopg
import redis

from tests.config.processes import until
from tests.groups_provisioning.portal import PATCH, Portal

WRITERS = 4
RECOVERY = 15.0  # seconds within which a client is answered again, whatever happened
LOCKED = 1.5  # seconds that a row is locked, or a broker paused: longer than a worker of these tests waits for it


NOBODY = "/Users?filter=userName%20eq%20%22nobody%22"


def call(portal: Portal, method: str, path: str, body: dict[str, object] | None = None, timeout: float = 20) -> int:
    """The status of a SCIM request; 0 where there was no answer."""
    headers = {"Authorization": f"Bearer {portal.seeded['token']}", "Content-Type": "application/scim+json"}
    try:
        with closing(http.client.HTTPConnection("127.0.0.1", portal.port, timeout=timeout)) as web:
            web.request(method, f"/scim/v2{path}", json.dumps(body) if body else None, headers)
            answer = web.getresponse()
            answer.read()
            assert answer.status not in (429, 503) or answer.headers["Retry-After"]
            return answer.status
    except (OSError, http.client.HTTPException):
        return 0


class Writer(threading.Thread):
    """An identity provider that writes its share of the people, and repeats what was not answered by a 2xx.

    members, titles, created: what it was told is so.
    """

    def __init__(self, portal: Portal, people: list[str], number: int, over: threading.Event) -> None:
        super().__init__()
        self.portal, self.people, self.over = portal, people, over
        self.random = Random(number)
        self.number = number
        self.members = set(people) & portal.ids("SELECT user_id FROM groups_provisioning_groupmember")
        self.titles: dict[str, str] = {}
        self.created: set[str] = set()
        self.statuses: Counter[int] = Counter()
        self.writes = 0

    def run(self) -> None:
        while not self.over.is_set():
            act = self.random.choice([self.move, self.move, self.rename, self.create, self.look_up])
            act(self.random.choice(self.people))
            self.writes += 1

    def insist(self, method: str, path: str, body: dict[str, object], *, also: int = 200) -> None:
        """also: a status that means that it had been done before."""
        while True:
            status = call(self.portal, method, path, body)
            self.statuses[status] += 1
            if 200 <= status < 300 or (status == also and self.statuses[0] + self.statuses[503]):
                return
            time.sleep(0.1)

    def move(self, person: str) -> None:
        leaves = person in self.members
        operation = (
            {"op": "remove", "path": f'members[value eq "{person}"]'}
            if leaves
            else {"op": "add", "path": "members", "value": [{"value": person}]}
        )
        self.insist("PATCH", f"/Groups/{self.portal.seeded['group']}", {"schemas": [PATCH], "Operations": [operation]})
        self.members ^= {person}

    def rename(self, person: str) -> None:
        title = f"{self.number}-{self.writes}"
        operation = {"op": "replace", "path": "title", "value": title}
        self.insist("PATCH", f"/Users/{person}", {"schemas": [PATCH], "Operations": [operation]})
        self.titles[person] = title

    def create(self, _: str) -> None:
        name = f"writer-{self.number}-{self.writes}@example.com"
        self.insist("POST", "/Users", {"userName": name}, also=409)
        self.created.add(name)

    def look_up(self, _: str) -> None:
        self.statuses[call(self.portal, "GET", NOBODY)] += 1


# --- Faults ----------------------------------------------------------------------------------------------------------


def kill(portal: Portal, job: str, *, which: int) -> None:
    """which: 0 is the main process, 1 the first that it started."""
    os.kill(until(lambda: portal.processes(job)[which:])[0], signal.SIGKILL)


def end_server(portal: Portal, server: str, signum: signal.Signals) -> None:
    portal.signal(server, signum)
    portal.repair()


def pause_broker(portal: Portal) -> None:
    portal.signal("valkey", signal.SIGSTOP)
    time.sleep(LOCKED)
    portal.signal("valkey", signal.SIGCONT)


def empty_broker(portal: Portal) -> None:
    with redis.Redis.from_url(portal.environ["REDIS_URL"]) as broker:
        broker.flushall()


_OTHERS = "FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"


def terminate_backends(portal: Portal) -> None:
    portal.ask(f"SELECT count(pg_terminate_backend(pid)) {_OTHERS}")


def kill_backend(portal: Portal) -> None:
    os.kill(until(lambda: portal.ask(f"SELECT coalesce(min(pid), 0) {_OTHERS}")), signal.SIGKILL)


def lock_group(portal: Portal) -> None:
    with psycopg.connect(portal.database_url) as database:
        database.execute(
            "SELECT FROM groups_provisioning_pushedgroup WHERE id = %s FOR UPDATE", [portal.seeded["group"]]
        )
        time.sleep(LOCKED)


def hang_up(portal: Portal) -> None:
    """In the middle of a head, of a body, and before the answer."""
    head = f"POST /scim/v2/Users HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {portal.seeded['token']}\r\n"
    for sent in (head, f"{head}Content-Length: 1000\r\n\r\n{{", f"{head}Content-Length: 2\r\n\r\n{{}}"):
        for _ in range(5):
            with socket.create_connection(("127.0.0.1", portal.port)) as client:
                client.sendall(sent.encode())


FAULTS: dict[str, Callable[[Portal], None]] = {
    "web process killed": partial(kill, job="web", which=1),
    "web server killed": partial(kill, job="web", which=0),
    "worker killed": partial(kill, job="worker", which=0),
    "process of the worker killed": partial(kill, job="worker", which=1),
    "beat killed": lambda portal: (portal.kill("beat"), portal.start("beat"))[1],
    "Valkey killed": partial(end_server, server="valkey", signum=signal.SIGKILL),
    "Valkey paused": pause_broker,
    "Valkey emptied": empty_broker,
    "connections ended": terminate_backends,
    "a backend killed": kill_backend,
    "PostgreSQL killed": partial(end_server, server="postgres", signum=signal.SIGKILL),
    "PostgreSQL shut down at once": partial(end_server, server="postgres", signum=signal.SIGQUIT),
    "a group locked": lock_group,
    "clients hang up": hang_up,
}


class Lookups(threading.Thread):
    """Somebody who looks for a person all the time. answered: when that succeeded."""

    def __init__(self, portal: Portal, over: threading.Event) -> None:
        super().__init__()
        self.portal, self.over = portal, over
        self.answered = [time.monotonic()]

    def run(self) -> None:
        while not self.over.wait(0.02):
            if call(self.portal, "GET", NOBODY, timeout=2) == 200:
                self.answered.append(time.monotonic())

    def longest_silence(self, since: float) -> float:
        """In seconds, once it is over."""
        now = time.monotonic()
        until(lambda: self.answered[-1] > now, RECOVERY)
        first = next(place for place, moment in enumerate(self.answered) if moment > since)
        return max(later - max(since, earlier) for earlier, later in pairwise(self.answered[max(first - 1, 0) :]))


class Chaos:
    """Every fault once, in any order, and again until the time is up.

    silences: by fault, for how many seconds nobody was answered. answers: the statuses that writers saw.
    """

    def __init__(self, portal: Portal, seconds: float) -> None:
        over = threading.Event()
        people = portal.seeded["people"]
        self.writers = [Writer(portal, people[number::WRITERS], number, over) for number in range(WRITERS)]
        self.silences: defaultdict[str, list[float]] = defaultdict(list)
        lookups = Lookups(portal, over)
        threads = [lookups, *self.writers]
        for thread in threads:
            thread.start()
        try:
            deadline = time.monotonic() + seconds
            while not self.silences or time.monotonic() < deadline:
                for name in Random(len(self.silences)).sample(sorted(FAULTS), len(FAULTS)):
                    started = time.monotonic()
                    FAULTS[name](portal)
                    self.silences[name].append(lookups.longest_silence(started))
        finally:
            over.set()
            for thread in threads:
                thread.join(60)
        assert not any(thread.is_alive() for thread in threads)
        self.answers = sum((writer.statuses for writer in self.writers), Counter[int]())
        self.members = {person for writer in self.writers for person in writer.members}
        self.titles = {person: title for writer in self.writers for person, title in writer.titles.items()}
        self.created = sorted(name for writer in self.writers for name in writer.created)

    def __str__(self) -> str:
        """The table."""
        lines = [f"{'fault':32}{'times':>6}{'nobody answered for: median':>30}{'longest':>9} s"]
        for name, seconds in sorted(self.silences.items()):
            lines.append(f"{name:32}{len(seconds):6}{statistics.median(seconds):30.2f}{max(seconds):9.2f}")
        told = ", ".join(f"{count} × {status or 'none'}" for status, count in sorted(self.answers.items()))
        return "\n".join([*lines, f"answers to writers: {told}"])
