"""One org's lookups beside another org that asks for all it can get: `python -m benchmarks.hostile`.

The portal as it is deployed, with its own settings and two web processes. The hostile org sends slow requests, over
many connections at once and without a pause: filters that no index answers, pages of a thousand people, or
deactivations of a person whose row is locked. The other org sends one lookup after another, no more than SCIM_RATE
lets it. What counts is its p99, beside and alone, in turn. Hostile clients would run on other machines: here they get
what is left of the processors.

How much of that is the machine's own is told by lookups beside computations that ask the portal for nothing: one for
each processor that takes what is left, as hostile clients do, and one with the portal's own right to a processor, of
which PostgreSQL takes one for a long query.
"""

import itertools
import multiprocessing
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress

import psycopg

from benchmarks.portal import PEOPLE, Client, Portal, manage, portal, serving

PEOPLE_EACH, CONNECTIONS, LOOKUPS, ROUNDS = 20_000, 24, 150, 5
LOOKUP = "/api/scim/Users?filter=userName%20eq%20%22p{}%22"
BURNT = {"what is left": [19] * (os.cpu_count() or 1), "a processor": [0]}
"""How nice each computation is."""
SLOW = {"filters": "/api/scim/Users?filter=title%20co%20%22nobody%22", "pages": "/api/scim/Users?count=1000"}
DEACTIVATION = {
    "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    "Operations": [{"op": "replace", "path": "active", "value": False}],
}


def main() -> None:
    with portal() as muster:
        manage(muster.environment, "create_org", "Hostile", "--admin", "owner@hostile.example", "--enable-all")
        token = manage(muster.environment, "issue_token", "hostile", "--name", "hostile").strip()
        with psycopg.connect(muster.database_url, autocommit=True) as connection:
            for org in ("bench", "hostile"):
                connection.execute(PEOPLE, {"org": org, "count": PEOPLE_EACH})
            connection.execute("VACUUM ANALYZE")
        with serving("-c", "config/gunicorn.py", environment=muster.environment | {"WEB_CONCURRENCY": "2"}) as (
            port,
            _,
        ):
            client = Client(port, muster.token)
            lookups(client)
            times: dict[str, list[list[float]]] = {kind: [] for kind in ("alone", *BURNT, *SLOW, "locks")}
            for _, (kind, rounds) in itertools.product(range(ROUNDS), times.items()):
                with beside(muster, port, token, kind):
                    rounds.append(lookups(client))
    print(f"{'beside':13}{'p50 ms':>8}{'p99 ms':>8}{'p99 of alone (aim: 2)':>24}   medians of rounds")
    alone = statistics.median(map(p99, times["alone"]))
    for kind, rounds in times.items():
        half, most = statistics.median(map(p50, rounds)), statistics.median(map(p99, rounds))
        print(f"{kind:13}{half * 1000:8.1f}{most * 1000:8.1f}{most / alone:24.1f}")


def lookups(client: Client) -> list[float]:
    seconds = []
    for number in range(LOOKUPS):
        seconds.append(client("GET", LOOKUP.format(number + 1))[0])
        time.sleep(0.01)
    return seconds


def p50(seconds: list[float]) -> float:
    return statistics.median(seconds)


def p99(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=100)[98]


def beside(muster: Portal, port: int, token: str, kind: str) -> AbstractContextManager[None]:
    if kind == "alone":
        return nullcontext()
    if kind in BURNT:
        return running([multiprocessing.Process(target=compute, args=(nice,), daemon=True) for nice in BURNT[kind]])
    return hostile(muster, port, token, kind)


@contextmanager
def running(processes: list[multiprocessing.Process]) -> Iterator[None]:
    for process in processes:
        process.start()
    time.sleep(2)
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
            process.join()


def compute(nice: int) -> None:
    os.nice(nice)
    while True:
        sum(range(1000))


@contextmanager
def hostile(muster: Portal, port: int, token: str, kind: str) -> Iterator[None]:
    """The hostile org's clients, in processes of their own, and a locked person."""
    with psycopg.connect(muster.database_url) as connection:
        row = connection.execute(
            "SELECT id FROM orgs_user WHERE user_name = 'p1' AND org_id IN "
            "(SELECT id FROM orgs_organization WHERE slug = 'hostile') FOR UPDATE"
        ).fetchone()
        assert row is not None
        clients = [
            multiprocessing.Process(target=ask_without_pause, args=(port, token, kind, str(row[0])), daemon=True)
            for _ in range(CONNECTIONS)
        ]
        with running(clients):
            yield


def ask_without_pause(port: int, token: str, kind: str, locked: str) -> None:
    os.nice(19)
    client = Client(port, token)
    while True:
        # Whether it is refused or its connection was closed, it comes back a little later, as clients do.
        with suppress(RuntimeError, ConnectionError):
            if kind in SLOW:
                client("GET", SLOW[kind])
            else:
                client("PATCH", f"/api/scim/Users/{locked}", DEACTIVATION)
            continue
        time.sleep(0.1)


if __name__ == "__main__":
    main()
