"""A group of 10,000 members costs what one of ten does, wherever not all of them are asked for (SPEC G8)."""

import http.client
import json
import re
import socket
import subprocess
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django.plugin import DjangoDbBlocker

from groups_provisioning.models import GroupMember, PushedGroup
from orgs.models import Organization, User
from tests import processes
from tests.config.processes import until
from tests.conftest import Idp, install_profiles
from tests.factories import OrganizationFactory, issue_token
from tests.scim.api.crowds import fill, plan

FEW, MANY = 10, 10_000
ALLOWED = 512 * 2**20  # bytes of a process, for 100,000 members
URN = "urn:ietf:params:scim:schemas:extension:LambdaTest:2.0:Group"
MEMBERS = """
WITH change AS (
    INSERT INTO orgs_change (id, org_id, at, door, verb, detail)
    VALUES (gen_random_uuid(), %(org)s, now(), 'scim', 'group.created', '{}') RETURNING id
)
INSERT INTO groups_provisioning_groupmember (org_id, group_id, user_id, added_at, added_by_id)
SELECT org_id, %(group)s, orgs_user.id, now(), (SELECT id FROM change)
FROM orgs_user WHERE org_id = %(org)s ORDER BY orgs_user.id LIMIT %(count)s
"""
OTHERS = """
INSERT INTO groups_provisioning_pushedgroup (id, org_id, display_name, display_name_key, external_id, attributes,
    folded, extension_urn, roles, member_count, out_of_sync, created_at, modified_at, revision)
SELECT gen_random_uuid(), %s, 'Other ' || n, 'other ' || n, 'x' || n, '{}', '{}', '', '{}', 0, false, now(), now(), 1
FROM generate_series(1, 5000) AS n
"""


@dataclass
class Company:
    """An org with a small and a large group of the same people, others beside them, and users in neither."""

    org: Organization
    secret: str
    small: str = ""
    large: str = ""
    people: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    @property
    def groups(self) -> tuple[str, str]:
        return self.small, self.large

    @property
    def idp(self) -> Idp:
        return Idp(self.secret)


@pytest.fixture(scope="module")
def company(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Company]:
    with django_db_blocker.unblock():
        install_profiles()
        org = OrganizationFactory.create(dialect="lambdatest")
        try:
            yield filled(Company(org, issue_token(org).secret))
        finally:
            with connection.cursor() as cursor:
                cursor.execute(
                    "TRUNCATE orgs_user, orgs_feedtouch, orgs_feeditem, orgs_historyitem, orgs_organization CASCADE"
                )
            connection.close()


def filled(company: Company) -> Company:
    fill(company.org, MANY + 2)
    ids = User.objects.filter(org=company.org, scim_managed=True).order_by("id").values_list("id", flat=True)
    people = [str(id_) for id_ in ids]
    company.people, company.outside = people[:MANY], people[MANY:]
    company.small, company.large = (
        company.idp.post("/Groups", {"displayName": name, "externalId": name}).json()["id"] for name in ("few", "all")
    )
    with connection.cursor() as cursor:
        cursor.execute(OTHERS, [company.org.id])
        for group, count in ((company.small, FEW), (company.large, MANY)):
            cursor.execute(MEMBERS, {"org": company.org.id, "group": group, "count": count})
            PushedGroup.objects.filter(id=group).update(member_count=count)
        cursor.execute("ANALYZE")
    return company


@dataclass
class Cost:
    """What a request took. rows: written, by table and kind; members_read: rows of the member table that were read."""

    status: int
    size: int
    queries: int
    rows: Counter[tuple[str, str]]
    members_read: int


def cost(send: Callable[[], Any]) -> Cost:
    before = statistics()
    with CaptureQueriesContext(connection) as queries:
        answer = send()
    change = statistics()
    change.subtract(before)
    members_read = change.pop(("groups_provisioning_groupmember", "read"))
    written = Counter({key: count for key, count in change.items() if count and key[1] != "read"})
    return Cost(answer.status_code, len(answer.content), len(queries), written, members_read)


def patched(company: Company, group: str, operation: dict[str, Any]) -> Cost:
    return cost(lambda: company.idp.patch(f"/Groups/{group}?excludedAttributes=members", operation))


def statistics() -> Counter[tuple[str, str]]:
    """Rows read and written in this transaction so far, by table."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            "SELECT relname, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0), n_tup_ins, n_tup_upd, n_tup_del"
            " FROM pg_stat_xact_user_tables"
        )
        rows = cursor.fetchall()
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    kinds = "read", "inserted", "updated", "deleted"
    return Counter({(table, kind): n for table, *counts in rows for kind, n in zip(kinds, counts, strict=True)})


def listed(ids: list[str]) -> list[dict[str, str]]:
    """Members as identity providers send them."""
    return [
        {
            "value": id_,
            "$ref": f"https://muster.corp.example/scim/v2/Users/{id_}",
            "display": "Ada Lovelace, Countess of",
        }
        for id_ in ids
    ]


PATCHES = {
    "add": lambda company, group: {"op": "add", "path": "members", "value": listed(company.outside[:1])},
    "remove": lambda company, group: {"op": "remove", "path": f'members[value eq "{company.people[0]}"]'},
    "rename": lambda company, group: {"op": "replace", "path": "displayName", "value": group},
}


class TestOneGroup:
    @pytest.mark.parametrize("change", list(PATCHES))
    def test_changes_at_the_same_cost_whatever_its_size(self, company: Company, db: None, change: str) -> None:
        small, large = (patched(company, group, PATCHES[change](company, group)) for group in company.groups)
        assert (small.status, large.status) == (200, 204)
        assert large.size == 0
        assert large.queries == small.queries
        assert large.rows == small.rows
        assert large.members_read <= small.members_read + 2

    def test_gets_other_roles_in_as_many_statements(self, company: Company, db: None) -> None:  # G7
        operation = {"op": "replace", "path": f"{URN}:LambdatestRoles", "value": ["Admin"]}
        small, large = (patched(company, group, operation) for group in company.groups)
        assert (small.status, large.status) == (200, 204)
        assert large.queries == small.queries
        assert (small.rows.pop(("orgs_mark", "inserted")), large.rows.pop(("orgs_mark", "inserted"))) == (FEW, MANY)
        assert large.rows == small.rows

    @pytest.mark.parametrize("query", ["/{}?excludedAttributes=members", "/{}?attributes=displayName"])
    def test_is_read_without_members_at_the_same_cost(self, company: Company, db: None, query: str) -> None:
        small, large = (
            cost(lambda group=group: company.idp.get("/Groups" + query.format(group))) for group in company.groups
        )
        assert large.size == small.size + len("all") - len("few")
        assert (large.status, large.queries, large.rows) == (200, small.queries, small.rows)
        assert large.members_read == small.members_read == 0

    def test_is_listed_without_members_at_the_same_cost(self, company: Company, db: None) -> None:
        query = '?excludedAttributes=members&filter=displayName eq "{}"'
        small, large = (
            cost(lambda name=name: company.idp.get("/Groups" + query.format(name))) for name in ("few", "all")
        )
        assert (large.status, large.size, large.queries) == (200, small.size, small.queries)
        assert large.members_read == small.members_read == 0

    def test_is_answered_after_a_patch_that_names_attributes(self, company: Company, db: None) -> None:
        # RFC 7644 §3.5.2: "The server MUST return a 200 OK if the "attributes" parameter is specified".
        rename = {"op": "replace", "path": "displayName", "value": "everybody"}
        answer = company.idp.patch(f"/Groups/{company.large}?attributes=displayName", rename)
        assert answer.status_code == 200
        assert answer.json().keys() == {"schemas", "id", "displayName"}

    def test_is_answered_after_a_patch_up_to_500_members(self, company: Company, db: None) -> None:
        path = f"/Groups/{company.small}"
        for count, status in ((500, 200), (501, 204)):
            answer = company.idp.patch(path, {"op": "add", "path": "members", "value": listed(company.people[:count])})
            assert answer.status_code == status
            assert len(answer.json()["members"] if status == 200 else answer.content) == (count if status == 200 else 0)
            assert answer["ETag"] == company.idp.get(f"{path}?excludedAttributes=members")["ETag"]


class TestLookingUp:
    @pytest.mark.parametrize(
        "query",
        [
            'displayName eq "ALL"',
            'externalId eq "x500"',
            'members.value eq "{person}"',
            'members eq "{person}"',
            'members[value eq "{person}"]',
            'id eq "{group}"',
            'displayName eq "all" and members.value eq "{person}"',
            'id eq "{group}" and members.value eq "{person}"',
        ],
    )
    def test_is_answered_from_an_index(self, company: Company, db: None, query: str) -> None:
        wanted = query.format(person=company.people[-1], group=company.large)
        with CaptureQueriesContext(connection) as queries:
            answer = company.idp.get(f"/Groups?excludedAttributes=members&filter={wanted}")
        assert answer.json()["totalResults"] == 1
        plans = [plan(q["sql"]) for q in queries.captured_queries if re.match("(?s)SELECT .*pushedgroup", q["sql"])]
        assert plans
        assert not [
            text for text in plans if re.search(r"Seq Scan on groups_provisioning_(pushedgroup|groupmember)", text)
        ]

    def test_a_name_that_is_pushed_again_is_found_by_an_index(self, company: Company, db: None) -> None:  # G5
        with CaptureQueriesContext(connection) as queries:
            assert company.idp.post("/Groups", {"displayName": "ALL"}).status_code == 409
            assert company.idp.post("/Groups", {"displayName": "new"}).status_code == 201
        # What goes with a statement in one message stands before it.
        asked = [q["sql"].split("\n;\n")[-1] for q in queries.captured_queries]
        plans = [plan(sql) for sql in asked if re.match("SELECT .*display_name_key. =", sql)]
        assert len(plans) == 3
        assert not [text for text in plans if "Seq Scan" in text]


class TestAllMembers:
    def test_are_pushed_and_replaced_in_a_bounded_number_of_statements(self, company: Company, db: None) -> None:
        body = {"displayName": "New", "members": listed(company.people)}
        path = "/Groups?excludedAttributes=members"
        few = cost(lambda: company.idp.post(path, body | {"displayName": "Newer", "members": body["members"][:FEW]}))
        pushed = cost(lambda: company.idp.post(path, body))
        assert (pushed.status, pushed.queries) == (201, few.queries)
        group = PushedGroup.objects.get(display_name="New")
        assert group.member_count == GroupMember.objects.filter(group=group).count() == MANY
        for members, kind, past in (
            (listed([*company.people, company.outside[0]]), "inserted", {}),
            (listed(company.people), "deleted", {("groups_provisioning_memberpast", "inserted"): 1}),
        ):
            path = f"/Groups/{group.id}?excludedAttributes=members"
            replaced = cost(lambda: company.idp.put(path, body | {"members": members}))  # noqa: B023
            assert replaced.status == 200
            assert replaced.queries <= few.queries + 2
            assert replaced.rows == past | {
                ("groups_provisioning_groupmember", kind): 1,
                ("groups_provisioning_pushedgroup", "updated"): 1,
                ("orgs_change", "inserted"): 1,
                ("orgs_feedtouch", "inserted"): 2,  # the group, and the change
                ("orgs_mark", "inserted"): 1,
            }

    @pytest.mark.parametrize("path", ["/Groups/{}", '/Groups?filter=displayName eq "all"', "/Groups"])
    def test_are_read_in_a_small_part_of_their_memory(self, company: Company, db: None, path: str) -> None:  # S9
        assert company.idp.get("/Groups?count=1").status_code == 200  # what is compiled once is there
        answer = company.idp.get(path.format(company.large))
        size, held = streamed(answer)
        assert size > 1.5 * 2**20
        assert held < 0.7 * 2**20

    def test_fit_into_half_a_gibibyte_of_process_by_the_hundred_thousand(
        self, company: Company, db: None, tmp_path: Path
    ) -> None:
        with worker(tmp_path) as (port, pid):
            ask(port, company.secret, "GET", "/Groups?count=1&excludedAttributes=members")
            before = peak(pid)
            body = {"displayName": "New", "members": listed(company.people)}
            pushed = ask(port, company.secret, "POST", "/Groups", body)
            assert len(pushed["members"]) == MANY
            path = f"/Groups/{pushed['id']}"
            body["members"] = listed([*company.people, company.outside[0]])
            assert len(ask(port, company.secret, "PUT", path, body)["members"]) == MANY + 1
            assert len(ask(port, company.secret, "GET", path)["members"]) == MANY + 1
            assert before + (peak(pid) - before) * 100_000 / MANY < ALLOWED


def streamed(answer: Any) -> tuple[int, int]:
    """How many bytes an answer has, and how many are held at most while it is sent."""
    tracemalloc.start()
    try:
        size = sum(map(len, answer.streaming_content))
        return size, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@contextmanager
def worker(var: Path) -> Iterator[tuple[int, int]]:
    """The port and the process id of the one worker of a real server on the test's database."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = processes.environment(PORT=str(port), WEB_CONCURRENCY="1", MUSTER_VAR=str(var))
    command = [sys.executable, "-m", "gunicorn", "-c", "config/gunicorn.py", "config.wsgi"]
    server = subprocess.Popen(command, cwd=processes.ROOT, env=environment, stderr=subprocess.DEVNULL)
    try:
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children")
        yield port, int(until(lambda: answers(port) and children.read_text().split())[0])
    finally:
        server.terminate()
        server.wait(20)


def peak(pid: int) -> int:
    """The most memory that a process has used, in bytes."""
    (kilobytes,) = re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(kilobytes) * 1024


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def ask(port: int, secret: str, method: str, path: str, body: Any = None) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/scim+json"}
    connection.request(method, f"/scim/v2{path}", json.dumps(body) if body else None, headers)
    response = connection.getresponse()
    content = response.read()
    assert response.status in (200, 201), content[:300]
    return json.loads(content)
