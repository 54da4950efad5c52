"""How often a request talks to the database, which costs both of them more than what most of it is about, and how
little it writes there.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from groups_provisioning.models import GroupMember, PushedGroup
from orgs.models import Change, Organization, User
from tests.conftest import Idp
from tests.groups_provisioning.world import push, push_user
from tests.scim.api.crowds import fill

Request = Callable[[Idp, str, str], Any]
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ACTIVE = {"op": "replace", "value": {"active": False}}
NOTHING = {"op": "replace", "value": {"active": True}}


def add(idp: Idp, group: str, user: str) -> Any:
    return idp.patch(f"/Groups/{group}", {"op": "add", "path": "members", "value": [{"value": user}]})


def add_and_deactivate(idp: Idp, group: str, user: str) -> Any:
    add(idp, group, user)
    return idp.patch(f"/Users/{user}", ACTIVE)


@pytest.mark.parametrize(
    ("most", "request_"),
    [
        (2, lambda idp, group, user: idp.get(f"/Users/{user}")),
        (2, lambda idp, group, user: idp.get('/Users?filter=userName eq "ada@acme.example"')),
        (3, lambda idp, group, user: idp.get("/Users?count=100")),
        (3, lambda idp, group, user: idp.post("/Users", {"userName": "grace@acme.example"})),
        (3, lambda idp, group, user: idp.patch(f"/Users/{user}", ACTIVE)),
        (3, lambda idp, group, user: idp.patch(f"/Users/{user}", NOTHING)),
        (4 + 3, add_and_deactivate),
        (4, add),
    ],
    ids=["read", "look-up", "page", "create", "deactivate", "change nothing", "deactivate a member", "add a member"],
)
def test_a_request_sends_few_messages(idp: Idp, org: Organization, most: int, request_: Request) -> None:
    user, group = push_user(idp, "Ada Lovelace"), push(idp, "Engineers")
    messages: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        messages.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        assert request_(idp, str(group.id), str(user)).status_code < 300
    # Elsewhere BEGIN, which is a savepoint here, goes with the first statement.
    assert len([sql for sql in messages if not sql.startswith("SAVEPOINT")]) <= most, messages


def test_a_write_locks_a_person_once(idp: Idp, org: Organization) -> None:
    user = push_user(idp, "Ada Lovelace")
    with CaptureQueriesContext(connection) as asked:
        idp.patch(f"/Users/{user}", ACTIVE)
    locks = [
        each["sql"] for each in asked.captured_queries if "FROM orgs_user" in each["sql"] and " FOR " in each["sql"]
    ]
    assert len(locks) == 1


_ROWS = """
SELECT relname, seq_tup_read + coalesce(idx_tup_fetch, 0)
FROM pg_stat_user_tables WHERE relname ~ '^(orgs|groups)_'
"""


def fill_with_members(org: Organization) -> None:
    """A hundred groups, and 2,000 people who are in four of them each."""
    fill(org, 2000)
    groups = PushedGroup.objects.bulk_create(
        PushedGroup(org=org, display_name=f"g{n}", created_at=NOW, modified_at=NOW) for n in range(100)
    )
    people = list(User.objects.for_org(org).values_list("id", flat=True))
    change = Change.objects.for_org(org).first()
    GroupMember.objects.bulk_create(
        GroupMember(org=org, group=groups[(n + 7 * step) % 100], user_id=person, added_at=NOW, added_by=change)
        for n, person in enumerate(people)
        for step in range(4)
    )


@pytest.mark.parametrize(
    "request_",
    [
        lambda idp, group, user: idp.get(f"/Users/{user}"),
        lambda idp, group, user: idp.get('/Users?filter=userName eq "ada@acme.example"'),
        lambda idp, group, user: idp.patch(f"/Users/{user}", ACTIVE),
        lambda idp, group, user: idp.patch(f"/Users/{user}", NOTHING),
        add,
        lambda idp, group, user: idp.patch(f"/Groups/{group}", {"op": "remove", "path": f'members[value eq "{user}"]'}),
        lambda idp, group, user: idp.get("/Users?count=10"),
        lambda idp, group, user: idp.get(f"/Groups/{group}"),
    ],
    ids=["read", "look-up", "deactivate", "activate", "add a member", "remove a member", "page", "group"],
)
def test_plans_that_were_made_when_there_were_few_read_no_table_over_and_over(
    transactional_db: None, idp: Idp, org: Organization, request_: Request
) -> None:
    """A plan is kept until its tables are analyzed, and they may grow a thousandfold before."""
    user, group = str(push_user(idp, "Ada Lovelace")), str(push(idp, "Engineers").id)

    def read() -> dict[str, int]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_force_next_flush()")
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(_ROWS)
            return dict(cursor.fetchall())

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    for _ in range(8):  # PostgreSQL plans for the values of the first five
        request_(idp, group, user)
    fill_with_members(org)
    before = read()
    assert request_(idp, group, user).status_code < 300
    rows = {name: count - before.get(name, 0) for name, count in read().items()}
    assert max(rows.values()) < 3 * 4 * 2000, rows  # each table by few statements, and once by each


_UPDATES = """
SELECT pg_stat_get_xact_tuples_updated(oid), pg_stat_get_xact_tuples_hot_updated(oid)
FROM pg_class WHERE relname = 'orgs_user'
"""


def test_deactivating_and_activating_somebody_writes_no_index(idp: Idp, org: Organization) -> None:
    def updates() -> list[int]:
        with connection.cursor() as cursor:
            cursor.execute(_UPDATES)
            return list(cursor.fetchone())

    def is_hot(name: str) -> bool:
        user, before = push_user(idp, name), updates()
        for active in (False, True):
            idp.patch(f"/Users/{user}", {"op": "replace", "value": {"active": active}})
        every, hot = (now - then for now, then in zip(updates(), before, strict=True))
        assert every == 2
        return hot == 2

    # One of them is where the page still has room for both versions.
    assert any(is_hot(name) for name in ("Ada Lovelace", "Bo Diddley", "Cy Ekman", "Di Prince"))
