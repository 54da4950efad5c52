"""What the feed costs a write: SCIM requests with it and without, on two servers of one process each.

They take turns in short rounds over one database, each with people and groups of its own, so that a slowdown of the
machine affects both; figures are medians. Nobody stamps meanwhile, and what that costs is measured at the end.
`python -m benchmarks.feed [ROUNDS]`.
"""

import sys
from functools import partial

import psycopg

from benchmarks.load import Cost, Send, callers, cpu_seconds
from benchmarks.portal import Client, Portal, manage, portal, serving
from benchmarks.requests import groups, median, people, requests

CALLERS, EACH = 4, 50
WRITES = ("create", "patch active", "member")


def main() -> None:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 11
    with portal() as muster:
        with muster.web() as client:
            ids, group_ids = people(muster), groups(client)
        halves = [requests(ids[half::2], group_ids[half::2]) for half in (0, 1)]
        found = compare(muster, [{kind: kinds[kind] for kind in WRITES} for kinds in halves], times)
        seconds, touches = stamping(muster)
    print(f"{CALLERS} callers, ms of CPU per request (server + database)")
    print(f"{'request':<14}{'with':>14}{'without':>14}{'ratio':>8}")
    for kind in WRITES:
        both = [found[kind, name] for name in ("with", "without")]
        shown = []
        for costs in both:
            server = median(costs, lambda cost: cost.server)
            database = median(costs, lambda cost: cost.database)
            shown.append(f"{server * 1e3:.2f} + {database * 1e3:.2f}")
        ratio = median(both[0], lambda cost: cost.cpu) / median(both[1], lambda cost: cost.cpu)
        print(f"{kind:<14}{shown[0]:>14}{shown[1]:>14}{ratio:>8.2f}")
    print(f"Stamping: {touches:,} touches, {1e6 * seconds / touches:.0f} microseconds of the database's CPU each")


def compare(muster: Portal, kinds: list[dict[str, Send]], times: int) -> dict[tuple[str, str], list[Cost]]:
    """What each kind of request costs, by kind and server. kinds: of each server."""
    found: dict[tuple[str, str], list[Cost]] = {(kind, name): [] for kind in WRITES for name in ("with", "without")}
    options = ("-k", "gthread", "--threads", str(CALLERS), "--keep-alive", "60")
    settings = muster.environment | {"DJANGO_SETTINGS_MODULE": "benchmarks.settings"}
    with (
        serving(*options, environment=settings) as (told, first),
        serving(*options, environment=settings, application="benchmarks.untouched") as (untold, second),
        callers(kinds[0], partial(Client, told, muster.token), CALLERS) as one,
        callers(kinds[1], partial(Client, untold, muster.token), CALLERS) as other,
    ):
        other.numbers["create"] = 5_000_000  # nobody whom the first has made
        for round_ in range(times + 1):
            for kind in WRITES:
                for name, crowd, server in (("with", one, first), ("without", other, second)):
                    cost = crowd.measure(kind, EACH, server=server, database=muster.postgres)
                    if round_:  # the first round warms up
                        found[kind, name].append(cost)
    return found


def stamping(muster: Portal) -> tuple[float, int]:
    """The seconds of the database's CPU that stamping takes, and how many touches that are."""
    with psycopg.connect(muster.database_url) as connection:
        row = connection.execute("SELECT count(*) FROM orgs_feedtouch").fetchone()
    assert row
    connect = "from django.db import connection; connection.ensure_connection()"
    taken = []
    for command in (connect, "from orgs import feed; feed.stamp_all()"):
        before = cpu_seconds(muster.postgres)
        manage(muster.environment, "shell", "-c", command)
        taken.append(cpu_seconds(muster.postgres) - before)
    return taken[1] - taken[0], row[0]


if __name__ == "__main__":
    main()
