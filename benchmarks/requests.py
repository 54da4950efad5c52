"""SCIM requests compared with their floors, on a real server: `make benchmark`.

Load: the portal as it is deployed, two processes, with eight callers at once. CPU time is that of the web processes and
of PostgreSQL, and counts what a waiting client does not see. Latency: one process and one client, as an IdP that sends
one request after the other sees it. The kinds of request alternate in short rounds, so that a slowdown of the machine
affects all of them, and figures are medians. No worker runs; what one would have stamped when somebody asks for a page
is stamped before. `python -m benchmarks.requests [ROUNDS]`.
"""

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import psycopg

from benchmarks.load import Callers, Cost, Send, callers, rounds
from benchmarks.portal import PEOPLE, Client, Portal, manage, portal, serving

USERS, CALLERS = 20_000, 8
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
FLOORS = {"read": "floor R", "lookup": "floor R", "create": "floor W", "patch active": "floor W", "member": "floor W"}
AIMS = {"read": 1.8, "lookup": 1.8, "create": 2.2, "patch active": 2.6, "member": 2.4}
"""How much more CPU than its floor a request may take."""
PAGES = "page of 100", "page at 90 %"


def main() -> None:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    with portal() as muster:
        with muster.web() as client:
            kinds = requests(people(muster), groups(client))
        with deployed(muster, kinds) as (crowd, server):
            each = {kind: 3 if kind in PAGES else 30 for kind in kinds}
            before = {PAGES[0]: partial(stamp, muster)}
            report_load(rounds(crowd, each, times, server=server, database=muster.postgres, before=before))
        with muster.web() as client:
            report_latency(latency(client, kinds, times, partial(stamp, muster)))


def stamp(muster: Portal) -> None:
    manage(muster.environment, "shell", "-v0", "-c", "from orgs import feed; feed.stamp_all()")


@contextmanager
def deployed(muster: Portal, kinds: dict[str, Send]) -> Iterator[tuple[Callers, int]]:
    """Callers of the portal as it is deployed, and the process id of its server."""
    settings = muster.environment | {"DJANGO_SETTINGS_MODULE": "benchmarks.settings", "WEB_CONCURRENCY": "2"}
    with (
        serving("-c", "config/gunicorn.py", environment=settings) as (port, server),
        callers(kinds, partial(Client, port, muster.token), CALLERS) as crowd,
    ):
        yield crowd, server


def people(muster: Portal) -> list[str]:
    """The ids of a thousand of the org's people."""
    with psycopg.connect(muster.database_url, autocommit=True) as connection:
        connection.execute(PEOPLE, {"org": "bench", "count": USERS})
        connection.execute("VACUUM ANALYZE")
        found = connection.execute("SELECT id FROM orgs_user WHERE user_name LIKE 'p%' ORDER BY id LIMIT 1000")
        return [str(id_) for (id_,) in found]


def groups(client: Client, base: str = "/api/scim") -> list[str]:
    """The ids of groups, so many that callers seldom meet at one."""
    return [client("POST", f"{base}/Groups", {"displayName": f"Group {n}"})[1]["id"] for n in range(100)]


def person(number: int) -> dict:
    name = f"person{number}@corp.example"
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": name,
        "externalId": f"00u{number}",
        "name": {"givenName": "Ada", "familyName": f"Lovelace {number}"},
        "emails": [{"value": name, "type": "work", "primary": True}],
        "active": True,
    }


def requests(ids: list[str], group_ids: list[str], base: str = "/api/scim") -> dict[str, Send]:
    """Each kind of request, by name. ids, group_ids: of people and groups that are there. base: of the SCIM server."""

    def patch(client: Client, path: str, operation: dict) -> object:
        return client("PATCH", path, {"schemas": [PATCH], "Operations": [operation]})

    def active(client: Client, number: int) -> object:
        value = (number // len(ids)) % 2 == 1
        return patch(client, f"{base}/Users/{ids[number % len(ids)]}", {"op": "replace", "value": {"active": value}})

    def member(client: Client, number: int) -> object:
        group = group_ids[number % len(group_ids)]
        value = [{"value": ids[number // len(group_ids) % len(ids)]}]
        return patch(client, f"{base}/Groups/{group}", {"op": "add", "path": "members", "value": value})

    lookup = base + "/Users?filter=userName%20eq%20%22p{}%22"
    late = f"{base}/Users?count=100&startIndex={USERS * 9 // 10}"
    return {
        "floor R": lambda client, number: client("GET", f"/floor/read/{ids[number % len(ids)]}"),
        "read": lambda client, number: client("GET", f"{base}/Users/{ids[number % len(ids)]}"),
        "lookup": lambda client, number: client("GET", lookup.format(number % USERS + 1)),
        "floor W": lambda client, number: client("POST", "/floor/write", person(number)),
        "create": lambda client, number: client("POST", f"{base}/Users", person(number)),
        "patch active": active,
        "member": member,
        PAGES[0]: lambda client, number: client("GET", f"{base}/Users?count=100"),
        PAGES[1]: lambda client, number: client("GET", late),
    }


def latency(
    client: Client, kinds: dict[str, Send], times: int, before_pages: Callable[[], None]
) -> dict[str, list[float]]:
    """Seconds per request, by kind, of one client."""
    found: dict[str, list[float]] = {kind: [] for kind in kinds}
    for round_ in range(times + 1):
        for kind, send in kinds.items():
            if kind == PAGES[0]:
                before_pages()
            for turn in range(25):
                started = time.perf_counter()
                send(client, 1_000_000 + round_ * 25 + turn)
                if round_:  # the first round warms up
                    found[kind].append(time.perf_counter() - started)
    return found


def report_load(costs: dict[str, list[Cost]]) -> None:
    print(f"{CALLERS} callers, ms of CPU per request")
    print(f"{'request':<14}{'server':>8}{'database':>10}{'both':>8}{'per s':>8}{'floors':>8}{'aim':>6}")
    cpu = {kind: median(found, lambda cost: cost.cpu) for kind, found in costs.items()}
    for kind, found in costs.items():
        server = median(found, lambda cost: cost.server)
        database = median(found, lambda cost: cost.database)
        rate = median(found, lambda cost: cost.rate)
        compared = f"{cpu[kind] / cpu[FLOORS[kind]]:>8.2f}{AIMS[kind]:>6.1f}" if kind in FLOORS else ""
        print(f"{kind:<14}{server * 1e3:>8.2f}{database * 1e3:>10.2f}{cpu[kind] * 1e3:>8.2f}{rate:>8.0f}{compared}")


def report_latency(times: dict[str, list[float]]) -> None:
    print(f"\nOne client, one process\n{'request':<14}{'median ms':>10}{'p95 ms':>9}{'of floor':>10}")
    medians = {kind: statistics.median(took) for kind, took in times.items()}
    for kind, took in times.items():
        p95 = statistics.quantiles(took, n=20)[18]
        compared = f"{medians[FLOORS[kind]] / medians[kind]:>10.0%}" if kind in FLOORS else ""
        print(f"{kind:<14}{medians[kind] * 1000:>10.2f}{p95 * 1000:>9.2f}{compared}")


def median(costs: list[Cost], part: Callable[[Cost], float]) -> float:
    return statistics.median(part(cost) for cost in costs)


if __name__ == "__main__":
    main()
