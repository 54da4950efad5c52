"""What the statements of an import cost, whatever the statistics of its table say, which is mostly empty."""

from typing import Any
from uuid import uuid4

import orjson
import pytest
from django.db import connection

from groups_provisioning.actions import imported_groups, imports
from groups_provisioning.models import Kind
from tests.orgs.test_queue import handled

ROWS = 10_000
BATCH = 1_000
FILL = """
INSERT INTO groups_provisioning_importrow
    (org_id, run_id, kind, place, name, name_key, external_id, reference, "group", facts, told, is_final)
SELECT %s, %s, 1, n, n, n, '', '', '', '{}', '{}', false FROM generate_series(1, %s) AS n
"""
STATEMENTS = {
    "repeated": imports._REPEATED.format(column="name_key"),
    "judged": imports._JUDGED,
    "members": imported_groups._PEOPLE + imported_groups._BROUGHT,
}


@pytest.fixture
def of_the_run(db: None, request: pytest.FixtureRequest) -> dict[str, Any]:
    """An import of ROWS in a table that was last analyzed with as many rows of another one as the test says."""
    org, run = uuid4(), uuid4()
    with connection.cursor() as cursor:
        # Without foreign keys, and in place of the table itself until the test ends.
        cursor.execute(
            "CREATE TEMP TABLE groups_provisioning_importrow (LIKE groups_provisioning_importrow INCLUDING ALL)"
            " ON COMMIT DROP"
        )
        cursor.execute(FILL, [org, uuid4(), ROWS])
        cursor.execute("DELETE FROM groups_provisioning_importrow WHERE place > %s", [request.param])
        cursor.execute("ANALYZE groups_provisioning_importrow")
        cursor.execute(FILL, [org, run, ROWS])
        cursor.execute("SELECT id FROM groups_provisioning_importrow WHERE run_id = %s ORDER BY id", [run])
        ids = [id_ for (id_,) in cursor.fetchmany(BATCH)]
    verdicts = [{"id": id_, "verdict": "new", "told": {}, "subject": None, "is_final": True} for id_ in ids]
    keys = [str(number) for number in range(BATCH)]
    rows = orjson.dumps(verdicts).decode()
    return {"run": run, "rows": rows, "org": org, "kind": Kind.PERSON, "keys": keys, "folded": keys}


@pytest.mark.parametrize("of_the_run", [0, 1, ROWS], ids=lambda rows: f"analyzed-at-{rows}", indirect=True)
@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_looks_at_each_row_a_few_times_at_most(of_the_run: dict[str, Any], name: str) -> None:  # E6
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {STATEMENTS[name]}", of_the_run)
        [[[plan]]] = cursor.fetchall()
    assert handled(plan["Plan"]) < 6 * 2 * ROWS
