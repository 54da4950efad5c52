"""Groups of 10 to 100,000 members on a real server, compared with bare SQL for the same rows: part of `make benchmark`.

One gunicorn process answers one client over one connection. For one member, and for reading without members, the sizes
alternate, and each figure is a median. "Bare" is the minimum that PostgreSQL does on the same server for the rows of a
POST: the group, its members, their marks and the change in one transaction, with the ids as one array.
"""

import statistics
import time
import uuid

import psycopg

from benchmarks.portal import PEOPLE, Client, portal

SIZES = (10, 1_000, 10_000, 100_000)
ROUNDS, WARM_UP, REPEATS = 40, 3, 3  # for one member, of which the first ones do not count; for whole groups
KINDS = ("add", "remove", "no members", "PUT same", "PUT one", "read", "POST", "bare POST")
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
BARE = (
    """
    INSERT INTO groups_provisioning_pushedgroup (id, org_id, display_name, display_name_key, external_id, attributes,
        folded, extension_urn, roles, member_count, out_of_sync, created_at, modified_at, revision)
    VALUES (%(group)s, %(org)s, %(change)s::text, %(change)s::text, '', '{}', '{}', '', '{}', 0, false, now(), now(), 1)
    """,
    """
    INSERT INTO groups_provisioning_groupmember (org_id, group_id, user_id, added_at, added_by_id)
    SELECT %(org)s, %(group)s, id, now(), %(change)s FROM unnest(%(ids)s::uuid[]) AS id
    """,
    """
    INSERT INTO orgs_mark (org_id, user_id, change_id)
    SELECT %(org)s, id, %(change)s FROM unnest(%(ids)s::uuid[]) AS id
    """,
    """
    INSERT INTO orgs_change (id, org_id, at, door, verb, detail)
    VALUES (%(change)s, %(org)s, now(), 'scim', 'group.created', '{}')
    """,
)


def main() -> None:
    with portal() as muster, psycopg.connect(muster.database_url, autocommit=True) as database, muster.web() as client:
        report(measure(Bench(client, database)))


class Bench:
    """The server under test, its database, and the people in it."""

    def __init__(self, client: Client, database: psycopg.Connection) -> None:
        self.client, self.database = client, database
        database.execute(PEOPLE, {"count": max(SIZES) + 1, "org": "bench"})
        rows = database.execute("SELECT id, org_id FROM orgs_user WHERE NOT is_owner ORDER BY id").fetchall()
        self.people = [str(id_) for id_, _ in rows]
        self.org = rows[0][1]
        database.execute("ANALYZE")

    def send(self, method: str, path: str, body: object = None) -> tuple[float, dict]:
        return self.client(method, f"/scim/v2/Groups{path}", body)

    def body(self, count: int) -> dict:
        base = "https://muster.bench.example/scim/v2/Users/"
        members = [{"value": id_, "$ref": base + id_, "display": "Ada Lovelace"} for id_ in self.people[:count]]
        return {"displayName": f"Group {uuid.uuid4()}", "members": members}

    def bare(self, count: int) -> float:
        """The seconds that the rows of a POST take without Muster."""
        about = {"org": self.org, "group": str(uuid.uuid4()), "change": uuid.uuid4(), "ids": self.people[:count]}
        started = time.perf_counter()
        with self.database.transaction():
            for sql in BARE:
                self.database.execute(sql, about)
        return time.perf_counter() - started


def measure(bench: Bench) -> dict[tuple[str, int], float]:
    """The median seconds of each kind of request at each size."""
    times: dict[tuple[str, int], list[float]] = {(kind, size): [] for kind in KINDS for size in SIZES}
    groups = {size: whole(bench, size, times) for size in SIZES}
    bench.database.execute("ANALYZE")
    stranger = bench.people[-1]
    for round_ in range(ROUNDS + WARM_UP):
        for size, group in groups.items():
            took = {
                "add": change(bench, group, {"op": "add", "path": "members", "value": [{"value": stranger}]}),
                "remove": change(bench, group, {"op": "remove", "path": f'members[value eq "{stranger}"]'}),
                "no members": bench.send("GET", f"/{group}?excludedAttributes=members")[0],
            }
            if round_ >= WARM_UP:
                for kind, seconds in took.items():
                    times[kind, size].append(seconds)
    return {key: statistics.median(took) for key, took in times.items()}


def whole(bench: Bench, size: int, times: dict[tuple[str, int], list[float]]) -> str:
    """Measure the requests about all members of a group. Returns the id of the last group."""
    for _ in range(REPEATS):
        times["bare POST", size].append(bench.bare(size))
        body = bench.body(size)
        took, group = bench.send("POST", "", body)
        times["POST", size].append(took)
        path = f"/{group['id']}"
        times["PUT same", size].append(bench.send("PUT", path, body)[0])
        body["members"] = body["members"][1:]
        times["PUT one", size].append(bench.send("PUT", path, body)[0])
        times["read", size].append(bench.send("GET", path)[0])
    return str(group["id"])


def change(bench: Bench, group: str, operation: dict) -> float:
    """Change one member, in the form whose response has no members at any size."""
    query = "?excludedAttributes=members"
    return bench.send("PATCH", f"/{group}{query}", {"schemas": [PATCH], "Operations": [operation]})[0]


def report(medians: dict[tuple[str, int], float]) -> None:
    print("| median ms |" + "".join(f" {size:,} |" for size in SIZES) + " growth |")
    print("|---|" + "---:|" * (len(SIZES) + 1))
    for kind in KINDS:
        row = [medians[kind, size] * 1000 for size in SIZES]
        growth = f"{row[-1] / row[0]:.2f}" if kind in ("add", "remove", "no members") else ""
        print(f"| {kind} |" + "".join(f" {ms:.1f} |" for ms in row) + f" {growth} |")
    print(f"\nPOST of {SIZES[-1]:,} / bare SQL: {medians['POST', SIZES[-1]] / medians['bare POST', SIZES[-1]]:.2f}")


if __name__ == "__main__":
    main()
