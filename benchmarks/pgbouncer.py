"""What PgBouncer in transaction mode costs, and saves: `python -m benchmarks.pgbouncer [ROUNDS]`.

Two portals over one database take turns in short rounds: one asks PostgreSQL itself, one through PgBouncer. First two
processes and eight callers each, as on one machine; then eight processes and 48 callers each, as on several, with eight
connections of PgBouncer. Figures are medians; below them, how many connections PostgreSQL had.
"""

import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial

import psycopg

from benchmarks.load import Callers, Cost, Send, callers, cpu_seconds
from benchmarks.portal import Client, Portal, portal, serving
from benchmarks.requests import groups, median, people, requests
from tests.pgbouncer import PgBouncer

KINDS = {"read": 30, "lookup": 30, "create": 30, "patch active": 30, "member": 30, "page of 100": 3}
"""Requests of each caller in a round."""


@dataclass
class Way:
    """How a portal asks the database. pooler: the CPU time of PgBouncer for each request, by kind, and so `found`."""

    crowd: Callers
    server: int
    bouncer: int | None = None
    found: dict[str, list[Cost]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    pooler: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    backends: int = 0


def main() -> None:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    with portal() as muster:
        with muster.web() as client:
            ids, group_ids = people(muster), groups(client)
        halves = [requests(ids[half::2], group_ids[half::2]) for half in (0, 1)]
        for processes, count, connections in ((2, 8, 20), (8, 48, 8)):
            bouncer = PgBouncer(muster.state, muster.database_url, default_pool_size=str(connections))
            try:
                compare(muster, halves, times, processes, count, bouncer)
            finally:
                bouncer.stop()


def compare(
    muster: Portal, halves: list[dict[str, Send]], times: int, processes: int, count: int, bouncer: PgBouncer
) -> None:
    base = muster.environment | {"DJANGO_SETTINGS_MODULE": "benchmarks.settings", "WEB_CONCURRENCY": str(processes)}
    with ExitStack() as running:
        ways = {}
        for number, (name, url) in enumerate((("direct", muster.database_url), ("pgbouncer", bouncer.database_url))):
            options = ("-c", "config/gunicorn.py", "--max-requests", "0")
            port, server = running.enter_context(
                serving(*options, environment=base | {"DATABASE_URL": f"{url}&application_name={name}"})
            )
            kinds = {kind: halves[number][kind] for kind in KINDS}
            crowd = running.enter_context(callers(kinds, partial(Client, port, muster.token), count))
            # Nobody whom the other one or an earlier comparison has made.
            crowd.numbers["create"] = 10_000_000 * (2 * processes + number)
            ways[name] = Way(crowd, server, bouncer.pid if number else None)
        for round_ in range(times + 1):
            for kind, each in KINDS.items():
                for way in ways.values():
                    measure(muster, way, kind, max(1, each * 8 // count), keep=round_ > 0)
        print(f"{processes} processes, {count} callers, ms of CPU per request (server + PgBouncer + database)")
        for kind in KINDS:
            print(f"{kind:<14}", *(told(way, kind) for way in ways.values()))
        print(f"{'connections':<14}", *(f"{way.backends:>35}" for way in ways.values()))


def measure(muster: Portal, way: Way, kind: str, each: int, *, keep: bool) -> None:
    before = cpu_seconds(way.bouncer) if way.bouncer else 0.0
    cost = way.crowd.measure(kind, each, server=way.server, database=muster.postgres)
    after = cpu_seconds(way.bouncer) if way.bouncer else 0.0
    if keep:
        way.found[kind].append(cost)
        way.pooler[kind].append((after - before) / each / len(way.crowd._pipes))
        way.backends = max(way.backends, backends(muster, "pgbouncer" if way.bouncer else "direct"))


def backends(muster: Portal, name: str) -> int:
    """How many connections to PostgreSQL there are in this way."""
    with psycopg.connect(muster.database_url) as database:
        sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'muster' AND application_name = %s"
        row = database.execute(sql, [name]).fetchone()
    assert row
    return int(row[0])


def told(way: Way, kind: str) -> str:
    found = way.found[kind]
    server, database = median(found, lambda cost: cost.server), median(found, lambda cost: cost.database)
    pooler = sorted(way.pooler[kind])[len(found) // 2]
    rate = median(found, lambda cost: cost.rate)
    return f"{server * 1e3:>8.2f} +{pooler * 1e3:>5.2f} +{database * 1e3:>6.2f}, {rate:>4.0f}/s"


if __name__ == "__main__":
    main()
