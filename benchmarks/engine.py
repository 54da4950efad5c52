"""The engine and its queue: `python -m benchmarks.engine`, part of `make benchmark`.

All at once: one approval puts 100,000 people into a team, settled batch by batch in this process, compared with the
same rows written by hand in one transaction. In turn: while one org has as many people to settle, 20 others make small
changes. Writes: members are added and removed over HTTP while the broker is up, paused, and gone.
"""

import os
import resource
import signal
import statistics
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg

from benchmarks.groups import PATCH
from benchmarks.portal import PEOPLE, Client, Portal, portal

PEOPLE_IN_ALL, SMALL_ORGS, PEOPLE_IN_EACH = 100_000, 20, 10
ROUNDS, WRITES = 5, 300
BY_HAND = (
    """
    INSERT INTO groups_provisioning_membership (org_id, user_id, entity_id, kind, source, mapping_id)
    SELECT m.org_id, m.user_id, p.entity_id, p.kind, 'claim', p.id
    FROM groups_provisioning_mapping p JOIN groups_provisioning_groupmember m ON m.group_id = p.group_id
    """,
    """
    INSERT INTO orgs_ledgerentry (org_id, change_id, user_id, slot, was, now)
    SELECT m.org_id, p.change_id, m.user_id, p.kind, NULL, to_jsonb(p.entity_id::text)
    FROM groups_provisioning_mapping p JOIN groups_provisioning_groupmember m ON m.group_id = p.group_id
    """,
    "DELETE FROM orgs_mark",
)
MANY_GROUPS = """
WITH groups AS (
    INSERT INTO groups_provisioning_pushedgroup (id, org_id, display_name, display_name_key, external_id, attributes,
        folded, extension_urn, roles, member_count, out_of_sync, created_at, modified_at, revision)
    SELECT gen_random_uuid(), %(org)s, 'Group ' || n, 'group ' || n, '', '{}', '{}', '', '{}', 10, false, now(),
        now(), 1
    FROM generate_series(1, 10000) AS n RETURNING id
), numbered AS (SELECT id, row_number() OVER () AS n FROM groups),
people AS (SELECT user_id, added_by_id, row_number() OVER () AS n FROM groups_provisioning_groupmember)
INSERT INTO groups_provisioning_groupmember (org_id, group_id, user_id, added_at, added_by_id)
SELECT %(org)s, g.id, p.user_id, now(), p.added_by_id FROM people p JOIN numbered g ON g.n = 1 + p.n %% 10000
"""
MARK_ALL = """
INSERT INTO orgs_mark (org_id, user_id, change_id)
SELECT u.org_id, u.id, (SELECT c.id FROM orgs_change c WHERE c.org_id = u.org_id ORDER BY c.id DESC LIMIT 1)
FROM orgs_user u JOIN orgs_organization o ON o.id = u.org_id WHERE o.slug LIKE %s AND NOT u.is_owner
"""


def main() -> None:
    with portal() as muster, psycopg.connect(muster.database_url, autocommit=True) as database:
        os.environ |= muster.environment
        database.execute(PEOPLE, {"count": PEOPLE_IN_ALL, "org": "bench"})
        members = [{"value": str(id_)} for (id_,) in database.execute("SELECT id FROM orgs_user WHERE NOT is_owner")]
        with muster.web() as client:
            group = client("POST", "/scim/v2/Groups", {"displayName": "Everybody", "members": members})[1]["id"]
        database.execute("DELETE FROM orgs_mark")
        database.execute("VACUUM ANALYZE")
        report_all_at_once(*all_at_once(group, database))
        report_in_turn(in_turn(database))
        with muster.web() as client:
            report_writes(measure_writes(muster, client, group, members[0]["value"]))


def all_at_once(group: str, database: psycopg.Connection) -> tuple[float, float]:
    """The seconds that the engine takes, and the seconds that the same rows take by hand."""
    import django

    django.setup()
    from django.utils import timezone

    from groups_provisioning.actions import mappings
    from groups_provisioning.engine import worker
    from orgs import organizations
    from orgs.history import Cause
    from orgs.models import Door, EntityKind

    cause = Cause(Door.COMMAND, timezone.now())
    org = organizations.named("bench")
    foresee(org, group, database)
    mappings.map_group(org=org, group_id=UUID(group), kind=EntityKind.TEAM, target="Everybody", cause=cause)
    started = time.perf_counter()
    worker.drain(10_000)
    engine = time.perf_counter() - started
    count = "SELECT (SELECT count(*) FROM groups_provisioning_membership), (SELECT count(*) FROM orgs_mark)"
    assert database.execute(count).fetchone() == (PEOPLE_IN_ALL, 0)
    database.execute("DELETE FROM groups_provisioning_membership")
    database.execute("DELETE FROM orgs_ledgerentry")
    database.execute(MARK_ALL, ["bench"])
    database.execute("VACUUM ANALYZE")
    started = time.perf_counter()
    with database.transaction():
        for sql in BY_HAND:
            database.execute(sql)
    hand = time.perf_counter() - started
    assert database.execute(count).fetchone() == (PEOPLE_IN_ALL, 0)
    return engine, hand


def foresee(org: Any, group: str, database: psycopg.Connection) -> None:
    """Previews of that approval, of the admin role for the group, and of a rule over 10,000 groups of ten members.

    Nothing is written.
    """
    from django.utils import timezone

    from groups_provisioning.preview import plans, runs

    every = {"pattern_type": "all", "pattern": "", "kind": "team", "auto_approve": True}
    for what, wish in (
        ("approval", {"do": "map", "group": group, "kind": "team"}),
        ("admin role", {"do": "map", "group": group, "kind": "role", "name": "Admin"}),
        ("rule", {"do": "save_rule", "rule": "", **every}),
    ):
        if what == "rule":
            database.execute(MANY_GROUPS, {"org": org.id})
            database.execute("ANALYZE")
        started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        plan = plans.plan(org, wish, at=timezone.now())
        summary = runs.summarize(org, plan)
        took = time.perf_counter() - started
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        about = f"{summary.touched:,} people, {summary.gaining('Admin'):,} become admins, {len(plan.mapped):,} groups"
        print(f"Preview of the {what}: {about}: {took:.1f} s, the process's peak {grown:.0f} MB higher.")
    database.execute("DELETE FROM groups_provisioning_groupmember WHERE group_id <> %s", [group])
    database.execute("DELETE FROM groups_provisioning_pushedgroup WHERE id <> %s", [group])


def report_all_at_once(engine: float, hand: float) -> None:
    print(f"{PEOPLE_IN_ALL:,} people placed by one approval: {engine:.1f} s, {PEOPLE_IN_ALL / engine:,.0f} a second.")
    print(f"By hand {hand:.1f} s; ratio {engine / hand:.1f} (aim: 6).")


def in_turn(database: psycopg.Connection) -> list[float]:
    """How many seconds each small org waits when it changes something while a big one is being settled."""
    from django.utils import timezone

    from groups_provisioning.engine import worker
    from orgs import organizations
    from orgs.history import Cause
    from orgs.models import Door, SchemaProfile

    profile = SchemaProfile.objects.get(key="standard")
    for number in range(SMALL_ORGS):
        owner = f"owner@small{number}.example"
        cause = Cause(Door.COMMAND, timezone.now())
        organizations.found(name=f"Small {number}", owner_email=owner, profile=profile, cause=cause)
        database.execute(PEOPLE, {"count": PEOPLE_IN_EACH, "org": f"small-{number}"})
    database.execute(MARK_ALL, ["bench"])
    database.execute("VACUUM ANALYZE")
    for _ in range(5):
        worker.serve()
    database.execute(MARK_ALL, ["small-%"])
    started = time.perf_counter()
    waiting, waits = SMALL_ORGS, []
    while waiting:
        worker.serve()
        row = database.execute(
            "SELECT count(DISTINCT m.org_id) FROM orgs_mark m JOIN orgs_organization o ON o.id = m.org_id"
            " WHERE o.slug LIKE 'small-%'"
        ).fetchone()
        assert row
        waits += [time.perf_counter() - started] * (waiting - row[0])
        waiting = row[0]
    assert database.execute("SELECT count(*) > 0 FROM orgs_mark").fetchone() == (True,), "the big one was too small"
    return waits


def report_in_turn(waits: list[float]) -> None:
    print(f"{SMALL_ORGS} small changes behind {PEOPLE_IN_ALL:,} people, one worker: settled after", end=" ")
    print(f"{statistics.median(waits):.1f} s (median), {max(waits):.1f} s (longest).")


def report_writes(times: dict[str, list[float]]) -> None:
    print("| one member added or removed, ms | median | p99 | longest |\n|---|---:|---:|---:|")
    p99 = {state: statistics.quantiles(took, n=100)[98] for state, took in times.items()}
    for state, took in times.items():
        print(f"| broker {state} | {statistics.median(took) * 1000:.1f} |", end="")
        print(f" {p99[state] * 1000:.1f} | {max(took) * 1000:.1f} |")
    print(f"\np99 moves by {(max(p99.values()) - p99['there']) * 1000:.1f} ms (aim: 50).")


def measure_writes(muster: Portal, client: Client, group: str, person: str) -> dict[str, list[float]]:
    """Seconds of each write, by the state of the broker; the states alternate to even out noise."""
    times: dict[str, list[float]] = {"there": [], "paused": [], "gone": []}
    list(writes(client, group, person))  # warms up
    for _ in range(ROUNDS):
        times["there"] += writes(client, group, person)
        muster.signal_broker(signal.SIGSTOP)
        times["paused"] += writes(client, group, person)
        muster.signal_broker(signal.SIGCONT)
        muster.signal_broker(signal.SIGKILL)
        times["gone"] += writes(client, group, person)
        muster.repair()
    return times


def writes(client: Client, group: str, person: str) -> Iterator[float]:
    operations = (
        {"op": "remove", "path": f'members[value eq "{person}"]'},
        {"op": "add", "path": "members", "value": [{"value": person}]},
    )
    for number in range(WRITES):
        body = {"schemas": [PATCH], "Operations": [operations[number % 2]]}
        yield client("PATCH", f"/scim/v2/Groups/{group}?excludedAttributes=members", body)[0]


if __name__ == "__main__":
    main()
