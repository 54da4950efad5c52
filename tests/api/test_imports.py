"""Imports over the API."""

import json
from typing import Any

import pytest
from django.test import Client

from api.imports import Imports
from groups_provisioning import tasks
from groups_provisioning.models import Import, PushedGroup
from orgs.models import Change, Door, Organization, Scope, User
from scim import import_reading
from tests.api.consumer import Consumer, key_of

pytestmark = pytest.mark.usefixtures("db")

CSV = b"id,userName,role\n17,ada@corp.example,Admin\n18,bo@corp.example,\n18,cleo@corp.example,\n"


class Program:
    """A program with a key, which gives files and asks about them."""

    def __init__(self, org: Organization, *scopes: Scope) -> None:
        self.http = Client(headers={"Authorization": f"Bearer {key_of(org, *scopes).secret}"})
        self.path = f"/api/v1/organizations/{org.id}/imports"

    def give(self, content: bytes, content_type: str = "text/csv", query: str = "") -> Any:
        return self.http.generic("POST", self.path + query, content, content_type=content_type)

    def get(self, path: str) -> Any:
        return self.http.get(path).json()


@pytest.fixture
def program(org: Organization) -> Program:
    return Program(org, Scope.READ, Scope.MANAGE, Scope.CREDENTIALS)


class TestAFile:
    def test_is_imported_and_every_row_is_told(self, org: Organization, program: Program) -> None:  # E6
        given = program.give(CSV, query="?name=people.csv")
        assert (given.status_code, given.json()["phase"]) == (202, "importing")
        tasks.settle_pending()
        state = program.get(given["Location"])
        assert (state["phase"], state["name"], state["left"]) == ("done", "people.csv", 0)
        assert state["counts"] == {"person": {"new": 2, "refused": 1}}
        rows = program.get(given["Location"] + "/rows")["items"]
        ada = User.objects.for_org(org).get(reference="17")
        assert rows[0] == {
            "row": 2,
            "kind": "person",
            "name": "ada@corp.example",
            "group": None,
            "verdict": "new",
            "is_final": True,
            "id": str(ada.id),
            "reason": None,
            "changes": [],
            "detail": "",
        }
        assert (rows[2]["verdict"], rows[2]["reason"], rows[2]["detail"]) == (
            "refused",
            "repeated",
            "Row 3 has the same id. Keep one of the two.",
        )
        told = Change.objects.for_org(org).filter(verb__startswith="import.")
        assert set(told.values_list("door", "by_key__name")) == {(Door.API, "consumer")}

    def test_is_only_checked_for_a_preview_until_it_is_started(self, org: Organization, program: Program) -> None:
        given = program.give(CSV, query="?preview=true").json()
        tasks.settle_pending()
        where = f"{program.path}/{given['id']}"
        assert program.get(where)["phase"] == "checked"
        assert not User.objects.for_org(org).exists()
        assert program.http.post(f"{where}/start").status_code == 202
        tasks.settle_pending()
        assert program.get(where)["phase"] == "done"
        assert User.objects.for_org(org).count() == 2
        again = program.http.post(f"{where}/start")
        assert (again.status_code, again.json()["type"].rpartition("/")[2]) == (409, "not-checked")

    def test_gives_the_admin_role_with_a_key_for_credentials_alone(self, org: Organization) -> None:  # E5
        program = Program(org, Scope.READ, Scope.MANAGE)
        where = program.give(CSV)["Location"]
        tasks.settle_pending()
        assert program.get(f"{where}/rows?verdict=refused")["items"][0]["reason"] == "admin"
        assert list(User.objects.for_org(org).values_list("reference", flat=True)) == ["18"]

    def test_may_be_json_and_its_references_are_in_the_feed(self, org: Organization, program: Program) -> None:  # E1
        people = [{"id": "17", "userName": "ada"}]
        groups = [{"id": "g1", "displayName": "Platform", "members": [{"value": "17"}]}]
        program.give(json.dumps({"Resources": people + groups}).encode(), "application/json")
        tasks.settle_pending()
        consumer = Consumer(org)
        consumer.poll()
        assert consumer.state("person", User.objects.get().id)["reference"] == "17"
        platform = consumer.state("group", PushedGroup.objects.get().id)
        assert (platform["reference"], platform["imported"]) == ("g1", True)

    def test_is_cancelled(self, org: Organization, program: Program) -> None:
        given = program.give(CSV)
        assert program.http.post(f"{given['Location']}/cancel").json()["phase"] == "cancelled"
        tasks.settle_pending()
        assert program.get(given["Location"])["left"] == 2
        assert not User.objects.for_org(org).exists()

    @pytest.mark.parametrize(
        ("content", "content_type", "status", "kind", "row"),
        [
            (b"\n", "text/csv", 400, "unreadable-file", None),
            (b"userName\n", "text/csv", 400, "unreadable-file", None),
            (b"userName,shoe\na,b\n", "text/csv", 400, "unreadable-file", 1),
            (b"userName\n\xe9\n", "text/csv", 400, "unreadable-file", None),
            (b"[{}, {]", "application/json", 400, "unreadable-file", 2),
            (b"userName\nada\n", "text/html", 415, "about:blank", None),
        ],
    )
    def test_that_is_none_is_a_problem_with_its_row(
        self, program: Program, content: bytes, content_type: str, status: int, kind: str, row: int | None
    ) -> None:
        answer = program.give(content, content_type)
        problem = answer.json()
        assert (answer.status_code, problem["type"].rpartition("/")[2], problem.get("row")) == (status, kind, row)
        assert not Import.objects.exists()

    def test_is_begun_or_refused_whatever_host_was_called(self, org: Organization, program: Program) -> None:
        given = program.http.generic(
            "POST", program.path, CSV, content_type="text/csv", headers={"Host": "elsewhere.example"}
        )
        assert (given.status_code, given["Location"]) == (202, f"{program.path}/{given.json()['id']}")

    @pytest.mark.parametrize(
        ("content", "content_type"),
        [
            (b"userName\na\nb\nc\nd\n", "text/csv"),
            (b"userName,groups\na,1;2;3\n", "text/csv"),
            (b'[{"displayName": "g", "members": ["1", "2", "3"]}]', "application/json"),
        ],
    )
    def test_that_has_too_many_rows_is_refused(  # S9
        self, program: Program, content: bytes, content_type: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(import_reading, "MOST_ROWS", 3)
        problem = program.give(content, content_type).json()
        assert (problem["status"], problem["reason"]) == (400, "too_many")
        assert "more than 3" in problem["detail"]
        assert not Import.objects.exists()

    def test_that_is_too_large_is_refused(self, program: Program) -> None:
        answer = program.http.generic("POST", program.path, b"x", content_type="text/csv", CONTENT_LENGTH=2**26)
        assert answer.status_code == 413

    def test_waits_for_no_other(self, program: Program) -> None:
        program.give(CSV)
        answer = program.give(CSV)
        assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (409, "running")

    def test_has_columns_that_the_description_names(self) -> None:  # E6
        words = str(Imports.post.__doc__)
        for name in (*import_reading.PEOPLE, *import_reading.GROUPS, *import_reading.MEMBERSHIPS):
            assert f"`{name}`" in words

    def test_has_rows_in_pages(self, program: Program) -> None:
        where = program.give(CSV)["Location"]
        first = program.get(f"{where}/rows?limit=2")
        second = program.get(f"{where}/rows?limit=2&after={first['next']}")
        assert [row["row"] for row in first["items"] + second["items"]] == [2, 3, 4]
        assert (first["has_more"], second["has_more"], second["next"]) == (True, False, None)
