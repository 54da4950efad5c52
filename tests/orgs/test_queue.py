"""What the queue's statements cost, whatever the statistics of a table say that is mostly empty."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from orgs import history, queue
from orgs.change_details import ProfileChanged
from orgs.models import Change, Mark, Turn
from tests.factories import UserFactory
from tests.groups_provisioning.world import by_command

MARKS = 10_000
STATEMENTS = {
    "next": queue._NEXT,
    "take": queue._TAKE,
    "marked": queue._MARKED.replace("%s", "%(org)s", 1).replace("%s", "%(users)s"),
    "backlog": queue._BACKLOG,
}


@pytest.fixture
def of_the_org(db: None, request: pytest.FixtureRequest) -> dict[str, Any]:
    """An org with 10,000 marks in a table that was last analyzed with as many rows as the test says."""
    org = uuid4()
    each = "SELECT %s, gen_random_uuid(), %s FROM generate_series(1, %s)"
    fill = f"INSERT INTO orgs_mark (org_id, user_id, change_id) {each}"
    with connection.cursor() as cursor:
        # Without foreign keys, and in place of the table itself until the test ends.
        cursor.execute("CREATE TEMP TABLE orgs_mark (LIKE orgs_mark INCLUDING ALL) ON COMMIT DROP")
        cursor.execute("CREATE TEMP TABLE orgs_turn (LIKE orgs_turn INCLUDING ALL) ON COMMIT DROP")
        cursor.execute("INSERT INTO orgs_turn (org_id, served_at, held_reason) VALUES (%s, now(), '')", [org])
        cursor.execute(fill, [org, org, request.param])
        cursor.execute("ANALYZE orgs_mark")
        cursor.execute(fill, [org, org, MARKS - request.param])
    return {"org": org, "after": queue.FIRST, "limit": 500, "users": [uuid4() for _ in range(500)]}


def handled(plan: dict[str, Any]) -> float:
    """How many rows the nodes of a plan have handed on and thrown away."""
    seen = sum(plan.get(key, 0) for key in ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Join Filter"))
    return seen * plan["Actual Loops"] + sum(handled(child) for child in plan.get("Plans", []))


@pytest.mark.parametrize("of_the_org", [0, 1, MARKS], ids=lambda rows: f"analyzed-at-{rows}", indirect=True)
@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_looks_at_each_mark_a_few_times_at_most(of_the_org: dict[str, Any], name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {STATEMENTS[name]}", of_the_org)
        [[[plan]]] = cursor.fetchall()
    assert handled(plan["Plan"]) < 6 * MARKS


class TestABacklog:
    """`/health/queue` tells monitoring; `/health/ready` stays 200, since requests do without a worker."""

    @pytest.mark.parametrize(
        ("waited", "idle", "held", "stalled"),
        [
            (None, 9999, False, False),
            (90, 90, False, True),
            (90, 5, False, False),
            (5, 9999, False, False),
            (90, 90, True, False),
        ],
        ids=["empty", "deaf", "busy", "just-marked", "on-hold"],
    )
    def test_is_stalled_where_people_wait_and_nobody_works(self, client, org, waited, idle, held, stalled):
        now = timezone.now()
        retry = now + timedelta(minutes=1) if held else None
        Turn.objects.update(served_at=now - timedelta(seconds=idle), retry_at=retry)
        if waited is not None:
            change = history.record(org, by_command(), ProfileChanged(profile="x", marked=1))
            Change.objects.filter(pk=change.pk).update(at=now - timedelta(seconds=waited))
            Mark.objects.create(org=org, user=UserFactory.create(org=org), change=change)
        answer = client.get("/health/queue")
        told = answer.json()
        assert (answer.status_code, told["stalled"]) == (503 if stalled else 200, stalled)
        assert told["held_organizations"] == held
        assert (told["oldest_mark_seconds"] is None) == (held or waited is None)
        assert client.get("/health/ready").status_code == 200
