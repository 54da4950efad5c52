"""How often a request talks to the database, which costs both of them more than what most of it is about, and how
little it writes there.
"""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orgs.models import Organization
from tests.conftest import Idp
from tests.groups_provisioning.world import push, push_user

Request = Callable[[Idp, str, str], Any]
ACTIVE = {"op": "replace", "value": {"active": False}}


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
        (4, lambda idp, group, user: idp.patch(f"/Users/{user}", ACTIVE)),
        (5 + 5, add_and_deactivate),
        (5, add),
    ],
    ids=["read", "look-up", "page", "create", "deactivate", "deactivate a member", "add a member"],
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
