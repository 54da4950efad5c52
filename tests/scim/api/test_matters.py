"""What calls mean for what an admin should act on (SPEC N1)."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from orgs import matter_words, matters, organizations, tokens
from orgs.history import Cause
from orgs.models import Door, Matter, MatterKind, Organization, ScimToken
from scim import request_log
from scim.models import RequestLog
from tests.conftest import Idp
from tests.factories import OrganizationFactory, issue_token

LAMBDATEST = "urn:ietf:params:scim:schemas:extension:LambdaTest:2.0:User"


@pytest.fixture
def org(transactional_db: None) -> Organization:
    """Matters are noted beside the requests, by a thread with a connection of its own."""
    return OrganizationFactory.create()


def noted(org: Organization) -> list[Matter]:
    assert request_log.flush(10)
    return list(Matter.objects.for_org(org).order_by("kind", "subject"))


def end(token: ScimToken, how: str) -> None:
    if how == "revoked":
        tokens.revoke(org=token.org, token_id=token.id, cause=Cause(Door.COMMAND, timezone.now()))
    else:
        ScimToken.objects.filter(id=token.id).update(expires_at=timezone.now() - timedelta(hours=1))


@pytest.mark.parametrize("how", ["revoked", "expired"])
class TestATokenThatHasEnded:  # O4
    def test_is_a_matter_when_it_is_used(self, org: Organization, how: str) -> None:
        issued = issue_token(org)
        end(issued.token, how)
        idp = Idp(issued.secret)
        for _ in range(3):
            idp("PATCH", "/Users/1?token=abc", {"password": "hunter2"}, user_agent="Okta SCIM Client")
        (matter,) = noted(org)
        assert (matter.kind, matter.subject, matter.count) == (MatterKind.DEAD_TOKEN, str(issued.token.id), 3)
        assert matter.detail == {
            "method": "PATCH",
            "path": "/api/scim/Users/1?token=(hidden)",
            "address": "127.0.0.1",
            "agent": "Okta SCIM Client",
        }

    def test_leaves_one_row_a_minute_in_the_log_without_bodies(self, org: Organization, how: str) -> None:
        issued = issue_token(org)
        end(issued.token, how)
        for _ in range(3):
            Idp(issued.secret).post("/Users", {"userName": "ada"})
        (matter,) = noted(org)
        call = RequestLog.objects.for_org(org).get()
        assert (call.id, call.status, call.token_id) == (matter.request_id, 401, issued.token.id)
        assert not hasattr(call, "body")
        issued.token.refresh_from_db()
        assert issued.token.last_used_at is None

    def test_is_answered_like_any_bad_token(self, org: Organization, how: str) -> None:
        issued = issue_token(org)
        end(issued.token, how)
        answers = [Idp(secret).get("/Users") for secret in (issued.secret, tokens.PREFIX + "x" * 43)]
        assert answers[0].status_code == answers[1].status_code == 401
        assert answers[0].content == answers[1].content
        assert dict(answers[0].headers) == dict(answers[1].headers)


def test_guessed_tokens_are_nobodys_matter(org: Organization) -> None:  # O4
    issue_token(org)
    for secret in ("", "x", tokens.PREFIX, tokens.PREFIX + "x" * 43):
        assert Idp(secret).get("/Users").status_code == 401
    assert request_log.flush(10)
    assert not Matter.objects.exists()
    assert not RequestLog.objects.filter(org__isnull=False).exists()


def test_a_valid_token_is_recognised_by_one_query(
    idp: Idp, org: Organization, django_assert_num_queries: Any
) -> None:  # O4
    idp.get("/ServiceProviderConfig")  # this process knows the org from then on
    with django_assert_num_queries(1):
        idp.get("/ServiceProviderConfig")


class TestARefusedCreate:  # O3, N1
    @pytest.mark.parametrize("by_bulk", [False, True])
    def test_of_a_group_is_listed_by_name_until_it_succeeds(self, idp: Idp, org: Organization, by_bulk: bool) -> None:
        def push() -> None:
            group = {"displayName": "Engineers"}
            bulk = {"Operations": [{"method": "POST", "path": "/Groups", "bulkId": "1", "data": group}]}
            idp.post("/Bulk", bulk) if by_bulk else idp.post("/Groups", group)

        Organization.objects.filter(pk=org.pk).update(group_provisioning=False)
        push()
        push()
        matter, off = noted(org)
        assert (matter.kind, matter.subject, matter.count) == (MatterKind.GROUP_REFUSED, "Engineers", 2)
        assert (off.kind, off.subject, off.count) == (MatterKind.GROUPS_OFF, matters.GROUPS, 2)
        assert matter.detail["status"] == "403"
        assert RequestLog.objects.filter(id=matter.request_id).exists()
        organizations.switch_group_provisioning(org=org, on=True, cause=Cause(Door.COMMAND, timezone.now()))
        push()
        assert noted(org) == []

    def test_of_a_person_is_listed_by_name_until_it_succeeds(self, idp: Idp, org: Organization) -> None:
        ada: dict[str, Any] = {"userName": "Ada", "emails": "none"}
        assert idp.post("/Users", ada).status_code == 400
        (matter,) = noted(org)
        assert (matter.kind, matter.subject) == (MatterKind.USER_REFUSED, "Ada")
        assert idp.post("/Users", {"userName": "ada"}).status_code == 201
        assert noted(org) == []

    def test_ends_when_the_one_who_has_the_name_is_written(self, idp: Idp, org: Organization) -> None:
        id_ = idp.post("/Users", {"userName": "ada"}).json()["id"]
        assert idp.post("/Users", {"userName": "Ada"}).status_code == 409
        assert [matter.subject for matter in noted(org)] == ["Ada"]
        assert idp.put(f"/Users/{id_}", {"userName": "ada"}).status_code == 200
        assert noted(org) == []

    @pytest.mark.parametrize("body", [{}, [], b"{", {"userName": ""}, {"userName": 7}])
    def test_without_a_name_is_only_in_the_log(self, idp: Idp, org: Organization, body: Any) -> None:
        assert idp("POST", "/Users", body).status_code == 400
        assert noted(org) == []


class TestAnUndescribedAttribute:  # P3
    @pytest.fixture
    def org(self, transactional_db: None) -> Organization:
        return OrganizationFactory.create(dialect="lambdatest")

    def user(self, **extension: Any) -> dict[str, Any]:
        return {"schemas": [LAMBDATEST], "userName": "ada@corp.example", LAMBDATEST: extension}

    def test_is_stored_and_asks_whether_another_was_meant(self, idp: Idp, org: Organization) -> None:
        answer = idp.post("/Users", self.user(OrganisationRole="Admin", shoeSize=42))
        assert answer.json()[LAMBDATEST]["OrganisationRole"] == "Admin"
        role, size = noted(org)
        assert role.subject == f"{LAMBDATEST}:OrganisationRole"
        assert (role.detail["attribute"], role.detail["meant"]) == ("OrganisationRole", "OrganizationRole")
        assert (size.detail["attribute"], size.detail["meant"]) == ("shoeSize", "")
        assert role.detail["resource"] == answer.json()["id"]

    def test_is_over_once_its_resource_has_it_no_more(self, idp: Idp, org: Organization) -> None:
        id_ = idp.post("/Users", self.user(OrganisationRole="Admin")).json()["id"]
        idp.patch(f"/Users/{id_}", {"op": "add", "path": "title", "value": "Dr"})
        (matter,) = noted(org)
        assert matter.count == 2
        idp.put(f"/Users/{id_}", self.user(OrganizationRole="Admin"))
        assert noted(org) == []

    def test_is_over_once_its_resource_is_deleted(self, idp: Idp, org: Organization) -> None:
        id_ = idp.post("/Users", self.user(OrganisationRole="Admin")).json()["id"]
        idp.delete(f"/Users/{id_}")
        assert noted(org) == []

    def test_of_an_extension_that_nobody_described_is_none(self, idp: Idp, org: Organization) -> None:
        body = self.user(OrganizationRole="Admin") | {"urn:acme:2.0:User": {"shoe": 42}}
        assert idp.post("/Users", body).status_code == 201
        assert noted(org) == []


class TestATokenInClear:  # S10
    def test_is_a_matter_until_it_is_long_ago(self, org: Organization, settings: Any) -> None:
        settings.HTTPS = True
        issued = issue_token(org)
        for _ in range(2):
            Idp(issued.secret).get("/Users", user_agent="Okta SCIM Client")
        (matter,) = noted(org)
        assert (matter.kind, matter.subject, matter.count) == (MatterKind.TOKEN_IN_CLEAR, str(issued.token.id), 2)
        (told,) = matter_words.tell(org, matters.open_in(org, at=timezone.now() + timedelta(days=29)))
        assert (told.title, told.is_urgent) == (f"“{issued.token.name}” is sent over plain HTTP", True)
        assert "Okta SCIM Client at 127.0.0.1 sent GET /api/scim/Users over plain HTTP" in told.text
        assert not matters.open_in(org, at=timezone.now() + timedelta(days=31))
