"""How long an effect takes to a program that reads the feed: `python -m benchmarks.consumer [SECONDS]`.

Two web processes, one worker, and one program that asks again 50 ms after each answer. Steady load: callers change
people at a fixed pace, and what counts is the time from the answer to a change until its item has arrived. Fan-out: a
group of everybody is pushed to a rule that approves it, and what counts is how many items arrive while its members are
settled, and how long after the last of them has been settled the last item arrives.
"""

import statistics
import sys
import threading
import time
from collections.abc import Iterator

import psycopg

from benchmarks.memory import worker
from benchmarks.portal import PEOPLE, Client, Portal, manage, portal, serving
from benchmarks.requests import PATCH

EVERYBODY, CALLERS = 100_000, 4
PACE = 0.2
"""Seconds from one change of a caller to its next."""
PAUSE = 0.05
"""Seconds from an answer to the program's next question."""


def main() -> None:
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    with portal() as muster:
        with psycopg.connect(muster.database_url, autocommit=True) as database:
            database.execute(PEOPLE, {"org": "bench", "count": EVERYBODY})
            database.execute("VACUUM ANALYZE")
            rows = database.execute("SELECT id, org_id FROM orgs_user WHERE NOT is_owner ORDER BY id").fetchall()
        ids, org = [str(id_) for id_, _ in rows], str(rows[0][1])
        key = manage(muster.environment, "issue_api_key", "bench", "--name", "bench", "--scopes", "read,manage")
        environment = muster.environment | {"WEB_CONCURRENCY": "2", "API_RATE": "1000000", "SCIM_RATE": "1000000"}
        options = ("-c", "config/gunicorn.py", "--max-requests", "0", "--keep-alive", "60")
        with worker(muster), serving(*options, environment=environment) as (port, _):
            program = Client(port, key.strip())
            feed = Feed(program, f"/api/v1/organizations/{org}/changes")
            for _ in feed.arriving():
                pass
            steady(feed, [Client(port, muster.token) for _ in range(CALLERS)], ids, seconds)
            rule = {"pattern_type": "all", "kind": "team", "auto_approve": True}
            program("POST", f"/api/v1/organizations/{org}/rules", rule)
            fan_out(feed, Client(port, muster.token), muster, ids)


class Feed:
    """The feed of an org, and how far it has been read."""

    def __init__(self, program: Client, path: str) -> None:
        self.program, self.path = program, path
        self.after = ""

    def arriving(self) -> Iterator[dict]:
        """The items that are new, to the present end."""
        has_more = True
        while has_more:
            after = f"&after={self.after}" if self.after else ""
            _, page = self.program("GET", f"{self.path}?limit=1000{after}")
            yield from page["items"]
            self.after, has_more = page["next"], page["has_more"]


def steady(feed: Feed, clients: list[Client], ids: list[str], seconds: float) -> None:
    changed: dict[str, float] = {}
    ends = time.perf_counter() + seconds

    def change(client: Client, mine: Iterator[str]) -> None:
        for id_ in mine:
            operation = {"op": "replace", "path": "title", "value": "changed"}
            client("PATCH", f"/api/scim/Users/{id_}", {"schemas": [PATCH], "Operations": [operation]})
            changed[id_] = time.perf_counter()
            if time.perf_counter() > ends:
                return
            time.sleep(PACE)

    callers = [
        threading.Thread(target=change, args=(client, iter(ids[number :: len(clients)])))
        for number, client in enumerate(clients)
    ]
    for caller in callers:
        caller.start()
    arrived: dict[str, float] = {}
    while any(caller.is_alive() for caller in callers) or len(arrived) < len(changed):
        for item in feed.arriving():
            arrived[item["id"]] = time.perf_counter()
        time.sleep(PAUSE)
    took = [max(0.0, arrived[id_] - at) for id_, at in changed.items()]
    p99 = statistics.quantiles(took, n=100)[98]
    print(f"{len(took):,} changes at {len(took) / seconds:.0f} a second, until they arrive, ms:")
    print(
        f"p50 {statistics.median(took) * 1000:.0f}, p99 {p99 * 1000:.0f} (aim: 1,000), at most {max(took) * 1000:.0f}"
    )


def fan_out(feed: Feed, client: Client, muster: Portal, ids: list[str]) -> None:
    settled: list[float] = []

    def watch() -> None:
        with psycopg.connect(muster.database_url, autocommit=True) as database:
            while database.execute("SELECT EXISTS (SELECT FROM orgs_mark)").fetchone() == (True,):
                time.sleep(PAUSE)
        settled.append(time.perf_counter())

    pushed = {"displayName": "Everybody", "members": [{"value": id_} for id_ in ids]}
    client("POST", "/api/scim/Groups", pushed)
    started = time.perf_counter()
    watcher = threading.Thread(target=watch)
    watcher.start()
    arrived: dict[str, float] = {}
    while len(arrived) < len(ids):
        for item in feed.arriving():
            if item["kind"] == "person" and item["state"]["teams"]:
                arrived.setdefault(item["id"], time.perf_counter())
        time.sleep(PAUSE)
    watcher.join()
    (end,) = settled
    meanwhile = sum(at < end for at in arrived.values())
    print(f"{len(ids):,} members settled in {end - started:.1f} s; {meanwhile:,} had arrived by then,")
    print(f"the last one {max(arrived.values()) - end:.1f} s later")


if __name__ == "__main__":
    main()
