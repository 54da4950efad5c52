"""A mass change that is held: `python -m benchmarks.holds`, part of `make benchmark`.

The group of a team of 100,000 is emptied. Everybody is held, batch by batch in this process; half of them are added
again, which ends it for them; the others are let through. Meanwhile somebody else writes to others of the org, one
request after another.
"""

import itertools
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from uuid import UUID

import psycopg

from benchmarks.groups import PATCH
from benchmarks.portal import PEOPLE, Client, portal

PEOPLE_IN_ALL = 100_000
OTHERS = 100
ALONE = 5.0  # seconds for which the writer writes first
COUNT = "SELECT (SELECT count(*) FROM groups_provisioning_hold), (SELECT count(*) FROM groups_provisioning_membership)"
SIZES = """
SELECT pg_total_relation_size('groups_provisioning_hold') / 1048576,
    pg_total_relation_size('groups_provisioning_taken') / 1048576
"""


def main() -> None:
    with portal() as muster, psycopg.connect(muster.database_url, autocommit=True) as database, muster.web() as client:
        os.environ |= muster.environment
        database.execute(PEOPLE, {"count": PEOPLE_IN_ALL + OTHERS, "org": "bench"})
        database.execute("UPDATE orgs_user SET created_at = created_at - interval '30 days'")
        people = [str(id_) for (id_,) in database.execute("SELECT id FROM orgs_user WHERE NOT is_owner")]
        measure(client, database, people)


def measure(client: Client, database: psycopg.Connection, everybody: list[str]) -> None:
    import django

    django.setup()
    from django.utils import timezone

    from groups_provisioning.actions import held_changes, mappings
    from groups_provisioning.models import Breach
    from orgs import organizations
    from orgs.history import Cause
    from orgs.models import Door, EntityKind

    others, people = everybody[:OTHERS], everybody[OTHERS:]
    members = [{"value": id_} for id_ in people]
    group = client("POST", "/scim/v2/Groups", {"displayName": "Everybody", "members": members})[1]["id"]
    org, cause = organizations.named("bench"), Cause(Door.COMMAND, timezone.now())
    mappings.map_group(org=org, group_id=UUID(group), kind=EntityKind.TEAM, target="Everybody", cause=cause)

    def report(what: str, write: float, batches: Iterator[float]) -> None:
        with writing(client, others) as writer:
            took = list(batches)
        print(
            f"{what}: write {write:.1f} s, worker {sum(took):.1f} s, longest batch {max(took):.2f} s, {writer()}.",
            flush=True,
        )

    report("nothing", 0, rest())
    report("placed", 0, batches())
    database.execute("VACUUM ANALYZE")

    def write(op: str, value: list[dict[str, str]]) -> float:
        client.connection.close()  # the server has, too
        body = {"schemas": [PATCH], "Operations": [{"op": op, "path": "members", "value": value}]}
        return client("PATCH", f"/scim/v2/Groups/{group}?excludedAttributes=members", body)[0]

    report("emptied and held", write("replace", []), batches())
    assert database.execute(COUNT).fetchone() == (PEOPLE_IN_ALL, PEOPLE_IN_ALL)
    holds, taken = database.execute(SIZES).fetchone() or (0, 0)
    print(f"Tables: holds {holds} MB, what was taken {taken} MB.")
    half = PEOPLE_IN_ALL // 2
    report(f"{half:,} added again", write("add", members[:half]), batches())
    assert database.execute(COUNT).fetchone() == (PEOPLE_IN_ALL - half, PEOPLE_IN_ALL)
    started = time.perf_counter()
    held_changes.let_through(org=org, breach_id=Breach.objects.get(state="open").id, cause=cause)
    report(f"{half:,} let through", time.perf_counter() - started, batches())
    assert database.execute(COUNT).fetchone() == (0, half)


@contextmanager
def writing(client: Client, people: list[str]) -> Iterator[Callable[[], str]]:
    """Somebody writes to people, one after another, in the block. Yields what tells in words how long that took."""
    here, there = multiprocessing.Pipe(duplex=False)
    over = multiprocessing.Event()
    about = (client.connection.port, client.token, people, over, there)
    writer = multiprocessing.Process(target=write_until, args=about, daemon=True)
    writer.start()
    seconds: list[float] = []
    yield (
        lambda: (
            f"writers p50 {statistics.median(seconds) * 1000:.0f} ms, "
            f"p99 {statistics.quantiles(seconds, n=100)[98] * 1000:.0f} ms"
        )
    )
    over.set()
    seconds += here.recv()
    writer.join()


def write_until(port: int, token: str, people: list[str], over: Event, there: Connection) -> None:
    client, seconds = Client(port, token), []
    for number, person in enumerate(itertools.cycle(people)):
        operation = {"op": "replace", "path": "title", "value": f"Number {number}"}
        seconds.append(client("PATCH", f"/scim/v2/Users/{person}", {"schemas": [PATCH], "Operations": [operation]})[0])
        if over.is_set():
            break
        time.sleep(0.01)
    there.send(seconds)


def rest() -> Iterator[float]:
    time.sleep(ALONE)
    yield 0


def batches() -> Iterator[float]:
    """The seconds of each batch, until nobody waits."""
    from groups_provisioning.engine import worker

    started = time.perf_counter()
    while worker.serve() is not None:
        yield time.perf_counter() - started
        started = time.perf_counter()


if __name__ == "__main__":
    main()
