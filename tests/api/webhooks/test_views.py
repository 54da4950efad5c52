"""Webhooks over HTTP: who may, what is told, and what is refused."""

from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from structlog.testing import capture_logs

from api.models import Attempt, Endpoint
from api.webhooks import endpoints
from orgs.change_details import WebhookCreated
from orgs.db.keys import uuid7
from orgs.history import read
from orgs.models import Change, Door, FeedHead, Organization, Scope
from tests.api.consumer import Consumer, key_of
from tests.api.program import contents
from tests.api.webhooks.conftest import Make
from tests.api.webhooks.receiver import Receiver
from tests.api.webhooks.test_deliveries import people, serve
from tests.factories import OrganizationFactory
from tests.groups_provisioning.world import by_command

pytestmark = pytest.mark.usefixtures("db")

URL = "https://hooks.example/in"


class Program:
    """owner: whose webhooks it manages; key: of whom, with which scopes."""

    def __init__(self, owner: Organization | None, key: Organization | None, *scopes: Scope) -> None:
        self.base = f"/api/v1/organizations/{owner.id}/webhooks" if owner else "/api/v1/webhooks"
        self.http = Client(headers={"Authorization": f"Bearer {key_of(key, *(scopes or [Scope.WEBHOOKS])).secret}"})

    def __call__(self, method: str, path: str = "", body: Any = None, **query: Any) -> HttpResponse:
        return getattr(self.http, method)(
            f"{self.base}{path}", body, content_type="application/json", query_params=query
        )

    def create(self, **body: Any) -> dict[str, Any]:
        answer = self("post", "", {"url": URL} | body)
        assert answer.status_code == 201, answer.content
        made: dict[str, Any] = answer.json()
        return made


def kind_of(answer: HttpResponse) -> str:
    kind: str = answer.json()["type"].rpartition("/")[2]
    return kind


@pytest.fixture(params=["an org's key", "the operator's key for an org", "the operator's key"])
def program(request: pytest.FixtureRequest, org: Organization) -> Program:
    owner = None if request.param == "the operator's key" else org
    return Program(owner, org if request.param == "an org's key" else None)


class TestAWebhook:
    def test_is_made_read_changed_and_deleted(self, program: Program, org: Organization) -> None:  # E3
        made = program.create(max_items=7)
        secret, path = made.pop("secret"), f"/{made['id']}"
        kinds = endpoints.kinds_for(org if "organizations" in program.base else None)
        assert made == {
            "id": made["id"],
            "organization": str(org.id) if "organizations" in program.base else None,
            "url": URL,
            "kinds": sorted(kinds),
            "max_items": 7,
            "created_at": made["created_at"],
            "position": FeedHead.objects.get().position,
            "previous_secret_until": None,
            "failures": 0,
            "failing_since": None,
            "retry_at": None,
            "disabled_at": None,
            "disabled_reason": "",
        }
        assert program("get", path).json() == made
        assert program("get").json() == {"items": [made]}
        changed = program("patch", path, {"kinds": ["team", "person", "team"]}).json()
        assert changed == made | {"kinds": ["person", "team"]}
        disabled = program("post", f"{path}/disable").json()
        assert (disabled["disabled_reason"], disabled["disabled_at"] is None) == ("asked", False)
        assert program("post", f"{path}/enable").json() == changed
        rotated = program("post", f"{path}/rotate-secret").json()
        assert rotated["secret"] not in ("", secret)
        assert rotated["previous_secret_until"] > rotated["created_at"]
        answers = [program("get", path), program("get"), program("post", f"{path}/enable")]
        assert all("whsec_" not in answer.content.decode() for answer in answers)
        gone = program("delete", path)
        assert (gone.status_code, gone.content) == (204, b"")
        assert program("get", path).status_code == 404

    def test_is_changed_by_the_key_of_whoever_asked(self, org: Organization) -> None:  # E2
        made = Program(org, org).create(kinds=["person"])
        change = Change.objects.for_org(org).get(verb="webhook.created")
        assert (change.door, change.by_key_id is not None) == (Door.API, True)
        assert read(change) == WebhookCreated(webhook=made["id"], host="hooks.example", kinds=["person"])

    def test_is_only_previewed_where_that_is_asked_for(self, org: Organization) -> None:  # E2
        answer = Program(org, org)("post", "", {"url": URL}, preview="true")
        assert [change["verb"] for change in answer.json()["changes"]] == ["webhook.created"]
        assert not Endpoint.objects.exists()
        assert not Change.objects.filter(verb="webhook.created").exists()

    def test_is_left_as_it_is_by_a_preview_of_which_nothing_stays_in_the_log(self, program: Program) -> None:  # E2
        made = program.create()
        path, body, before = f"/{made['id']}", {"url": f"{URL}/2"}, contents()
        with capture_logs() as logs:
            previews = [
                program("post", "", body, preview="true"),
                program("patch", path, body, preview="true"),
                program("delete", path, preview="true"),
                program("post", f"{path}/rotate-secret", preview="true"),
                program("post", f"{path}/disable", preview="true"),
                program("post", f"{path}/replay", {"from": "start"}, preview="true"),
            ]
        assert [answer.status_code for answer in previews] == [200] * 6
        assert all("whsec_" not in answer.content.decode() for answer in previews)
        assert [each["event"] for each in logs] == ["request"] * 6
        assert contents() == before

    @pytest.mark.parametrize(
        ("body", "name"),
        [
            ({}, "url"),
            ({"url": "http://hooks.example"}, "url"),
            ({"url": "https://hooks.example:22"}, "url"),
            ({"url": 7.5}, "url"),
            ({"url": URL, "kinds": []}, "kinds"),
            ({"url": URL, "kinds": ["person", "nobody"]}, "kinds"),
            ({"url": URL, "kinds": ["organization"]}, "kinds"),
            ({"url": URL, "kinds": "person"}, "kinds"),
            ({"url": URL, "max_items": 0}, "max_items"),
            ({"url": URL, "max_items": 501}, "max_items"),
            ({"url": URL, "secret": "whsec_x"}, "secret"),
        ],
    )
    def test_that_is_wrong_is_refused_by_name(self, org: Organization, body: Any, name: str) -> None:
        program = Program(org, org)
        answer = program("post", "", body)
        assert (answer.status_code, kind_of(answer), set(answer.json()["errors"])) == (400, "invalid-value", {name})
        if body:
            made = program.create()
            answer = program("patch", f"/{made['id']}", body)
            assert (answer.status_code, set(answer.json()["errors"])) == (400, {name})
        assert Endpoint.objects.count() == bool(body)

    def test_beyond_the_limit_is_refused(self, program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(endpoints, "MOST", 1)
        program.create()
        answer = program("post", "", {"url": URL})
        assert (answer.status_code, kind_of(answer)) == (409, "too-many-webhooks")


class TestWhoMay:
    VERBS = ("rotate-secret", "enable", "disable", "replay", "test")

    def everything(self, program: Program, webhook: Any) -> list[HttpResponse]:
        """What is answered to every request about a webhook."""
        return [
            *(program(method, f"/{webhook}") for method in ("get", "delete")),
            program("patch", f"/{webhook}", {"max_items": 1}),
            program("get", f"/{webhook}/attempts"),
            *(program("post", f"/{webhook}/{verb}", {"from": "start"}) for verb in self.VERBS),
        ]

    def test_is_whose_webhook_it_is(self, org: Organization) -> None:  # E5, O7
        other = OrganizationFactory.create()
        webhooks = {owner: Program(owner, None).create()["id"] for owner in (org, other, None)}
        before = list(Endpoint.objects.order_by("id").values())
        for program, whose in (
            (Program(org, org), other),
            (Program(org, org), None),
            (Program(org, None), other),
            (Program(None, None), org),
            (Program(other, org), other),  # another org's address
            (Program(None, org), None),  # the operator's address
        ):
            assert {answer.status_code for answer in self.everything(program, webhooks[whose])} == {404}
        assert list(Endpoint.objects.order_by("id").values()) == before
        assert {Program(owner, org)("get").status_code for owner in (other, None)} == {404}
        assert [each["id"] for each in Program(org, org)("get").json()["items"]] == [webhooks[org]]

    @pytest.mark.parametrize("scope", [scope for scope in Scope if scope != Scope.WEBHOOKS])
    def test_needs_the_scope_to_read_as_to_write(self, org: Organization, scope: Scope) -> None:  # E5
        made = Program(org, org).create()
        poor = Program(org, org, scope)
        answers = [poor("get"), poor("post", "", {"url": URL}), *self.everything(poor, made["id"])]
        assert {(answer.status_code, kind_of(answer)) for answer in answers} == {(403, "insufficient-scope")}


class TestAReplay:
    def test_begins_at_a_cursor_of_the_same_question(self, org: Organization) -> None:  # E3
        program = Program(org, org)
        path = f"/{program.create(kinds=['person', 'team'])['id']}/replay"
        Endpoint.objects.update(position=0)
        same, other = Consumer(org, kinds="team,person"), Consumer(org, kinds="person")
        same.poll()
        other.poll()
        assert program("post", path, {"from": same.after}).json()["position"] == FeedHead.objects.get().position
        assert program("post", path, {"from": "start"}).json()["position"] == 0
        for beginning in (other.after, "begin", "c1.AAAA"):
            answer = program("post", path, {"from": beginning})
            assert (answer.status_code, kind_of(answer)) == (400, "cursor-mismatch")
        for body in ({}, {"from": ""}, {"after": "start"}):
            assert kind_of(program("post", path, body)) == "invalid-value"
        FeedHead.objects.update(epoch=uuid7())
        answer = program("post", path, {"from": same.after})
        assert (answer.status_code, kind_of(answer)) == (410, "resync-required")
        assert Endpoint.objects.get().position == 0

    def test_begins_at_the_cursor_of_a_message(self, org: Organization, make: Make, receiver: Receiver) -> None:  # E3
        ids, program, webhook = people(org, 3), Program(org, org), make(org, max_items=1)
        serve()
        first = receiver.heard[0].told["data"]["next"]
        for beginning, expected in ((first, ids[1:]), ("start", ids)):
            receiver.heard.clear()
            assert program("post", f"/{webhook.id}/replay", {"from": beginning}).status_code == 200
            serve()
            assert [item["id"] for item in receiver.items()] == expected


class TestATest:
    def test_is_sent_while_the_program_waits(self, org: Organization, make: Make, receiver: Receiver) -> None:  # E3
        program, webhook = Program(org, org), make(org)
        receiver.answer(418)
        told = program("post", f"/{webhook.id}/test").json()
        assert (told["status"], told["error"], told["items"], told["first"]) == (418, "", 0, None)
        assert told["message"] == receiver.heard[0].headers["webhook-id"]
        assert program("get", f"/{webhook.id}/attempts").json() == {"items": [told], "has_more": False}
        assert Change.objects.for_org(org).filter(verb="webhook.tested").count() == 1
        assert program("post", f"/{webhook.id}/test", preview="true").status_code == 400
        assert len(receiver.heard) == 1


class TestAttempts:
    def test_are_told_from_the_last_one_on(self, org: Organization) -> None:  # E3
        program = Program(org, org)
        made = program.create()
        facts: dict[str, Any] = {"org": org, "at": by_command().at, "message": "msg_1", "items": 3, "milliseconds": 12}
        rows = [
            Attempt.objects.create(endpoint_id=made["id"], **facts, first=1, last=3, status=500 + n) for n in range(5)
        ]
        path, before, pages = f"/{made['id']}/attempts", {}, []
        while not pages or pages[-1]["has_more"]:
            pages.append(program("get", path, None, limit=2, **before).json())
            before = {"before": pages[-1]["items"][-1]["id"]}
        assert [[each["status"] for each in page["items"]] for page in pages] == [[504, 503], [502, 501], [500]]
        first = pages[0]["items"][0]
        assert first == {
            "id": str(rows[-1].id),
            "at": first["at"],
            "message": "msg_1",
            "items": 3,
            "first": 1,
            "last": 3,
            "status": 504,
            "error": "",
            "milliseconds": 12,
        }
        assert {
            program("get", path, None, **wrong).status_code for wrong in ({"limit": 0}, {"limit": 201}, {"x": 1})
        } == {400}
