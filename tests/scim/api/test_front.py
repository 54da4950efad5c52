"""What every SCIM request meets, whatever it asks for."""

import json

import pytest
from django.db import InternalError, OperationalError, connection
from django.test import Client
from django.utils import timezone
from psycopg import errors

from orgs import tokens
from orgs.history import Cause
from orgs.models import Door, Organization, User
from scim import request_log
from scim.models import RequestLog
from tests.conftest import Idp
from tests.factories import OrganizationFactory, issue_token

ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"


class TestAddresses:
    @pytest.mark.parametrize("base", ["/api/scim", "/scim/v2"])
    def test_both_base_urls_lead_to_the_same(self, org: Organization, base: str) -> None:  # O5
        idp = Idp(issue_token(org).secret, base)
        created = idp.post("/Users", {"userName": "ada"})
        assert created.status_code == 201
        assert created["Location"] == f"http://localhost:8000{base}/Users/{created.json()['id']}"

    @pytest.mark.parametrize("path", ["//ServiceProviderConfig", "/ServiceProviderConfig/"])
    def test_a_slash_too_many_does_no_harm(self, idp: Idp, path: str) -> None:
        assert idp.get(path).status_code == 200

    def test_a_query_string_appended_to_the_base_url_does_no_harm(self, idp: Idp) -> None:  # O5
        assert idp.get("/Users?aadOptscim062020").status_code == 200
        assert idp.get('/Users?filter=userName+eq+"x"&aadOptscim062020').status_code == 200

    def test_the_well_known_address_answers(self, idp: Idp) -> None:  # S8
        idp.base_path = ""
        assert idp.get("/.well-known/scim-configuration").status_code == 200

    @pytest.mark.parametrize("path", ["", "/", "/Nothing", "/Users/1/2", "/Users/%00", "/%ff%fe", "/admin"])
    def test_an_unknown_address_is_a_scim_404(self, idp: Idp, path: str) -> None:  # S1
        answer = idp.get(path)
        assert answer.status_code == 404
        assert answer["Content-Type"] == "application/scim+json"
        assert answer.json()["schemas"] == [ERROR]
        assert answer.json()["status"] == "404"

    def test_addresses_that_only_begin_alike_are_not_scim(self, client: Client, db: None) -> None:
        assert client.get("/api/scimitar")["Content-Type"].startswith("text/html")

    def test_a_method_that_makes_no_sense_is_405(self, idp: Idp) -> None:
        refused = idp.delete("/Users")
        assert refused.status_code == 405
        assert refused["Allow"] == "GET, HEAD, POST"
        assert idp("BREW", "/Users").status_code == 405


class TestAuthentication:
    @pytest.mark.parametrize("path", ["/Users", "/Nothing", ""])
    @pytest.mark.parametrize("header", [None, "Bearer", "Bearer x", "Basic YTpi", "Bearer muster_scim_nonsense"])
    def test_without_a_valid_token_everything_is_401(self, db: None, path: str, header: str | None) -> None:
        headers = {"Authorization": header} if header else {}
        answer = Client().get(f"/api/scim{path}", headers=headers)
        assert answer.status_code == 401
        assert answer["Content-Type"] == "application/scim+json"
        assert answer["WWW-Authenticate"].startswith("Bearer")
        assert answer.json()["status"] == "401"

    @pytest.mark.parametrize("header", ["{}", "Bearer Bearer {}", "Token {}", None])
    def test_a_token_in_another_form_is_told_the_form(self, org: Organization, header: str | None) -> None:
        headers = {"Authorization": header.format(issue_token(org).secret)} if header else {}
        answer = Client().get("/api/scim/Users", headers=headers)
        assert answer.status_code == 401
        assert "the word Bearer, a space, and" in answer.json()["detail"]

    def test_the_scheme_is_known_in_any_letter_case(self, org: Organization) -> None:
        idp = Idp(issue_token(org).secret)
        idp.headers["Authorization"] = idp.headers["Authorization"].replace("Bearer", "bearer")
        assert idp.get("/Users").status_code == 200

    def test_a_revoked_token_is_refused_from_the_next_request_on(self, org: Organization) -> None:  # O4
        issued = issue_token(org)
        idp = Idp(issued.secret)
        assert idp.get("/Users").status_code == 200
        tokens.revoke(org=org, token_id=issued.token.id, cause=Cause(Door.COMMAND, timezone.now()))
        assert idp.get("/Users").status_code == 401

    def test_an_expired_token_is_refused(self, org: Organization) -> None:  # O4
        issued = issue_token(org, lifetime=timezone.timedelta(days=1))
        idp = Idp(issued.secret)
        assert idp.get("/Users").status_code == 200
        issued.token.expires_at = timezone.now()
        issued.token.save()
        assert idp.get("/Users").status_code == 401

    def test_two_tokens_are_valid_at_once(self, org: Organization) -> None:  # O4
        first, second = Idp(issue_token(org).secret), Idp(issue_token(org).secret)
        assert first.get("/Users").status_code == second.get("/Users").status_code == 200

    def test_tokens_go_on_when_a_prerequisite_lapses(self, org: Organization, idp: Idp) -> None:  # O1
        org.sso_configured = False
        org.save()
        assert idp.get("/Users").status_code == 200


class TestLimits:
    def test_a_token_that_calls_too_often_is_told_when_to_come_back(self, idp: Idp, settings) -> None:
        settings.SCIM_RATE, settings.SCIM_BURST = 1, 3
        answers = [idp.get("/Users") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert answers[3]["Retry-After"] == "1"
        assert answers[3].json()["schemas"] == [ERROR]

    def test_more_tokens_are_no_more_requests_and_other_orgs_have_their_own(self, org, idp, settings) -> None:  # S9
        settings.SCIM_RATE, settings.SCIM_BURST = 1, 1
        assert [idp.get("/Users").status_code for _ in range(2)] == [200, 429]
        assert Idp(issue_token(org).secret).get("/Users").status_code == 429
        assert Idp(issue_token(OrganizationFactory.create()).secret).get("/Users").status_code == 200

    def test_guessing_is_slowed_down_and_valid_tokens_are_not(self, idp: Idp, settings) -> None:
        settings.SCIM_FAILURES_PER_MINUTE = 2
        stranger = Idp("muster_scim_guess")
        assert [stranger.get("/Users").status_code for _ in range(3)] == [401, 401, 429]
        assert idp.get("/Users").status_code == 200


class TestBodies:
    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"1", b"null", b"\xff\xfe", b'{"a":1e999}', b"{'a':1}"])
    def test_what_is_no_json_object_is_400(self, idp: Idp, body: bytes) -> None:  # S2
        answer = idp.post("/Users", body)
        assert answer.status_code == 400
        assert answer.json()["schemas"] == [ERROR]

    def test_a_byte_order_mark_does_no_harm(self, idp: Idp) -> None:
        assert idp.post("/Users", b'\xef\xbb\xbf{"userName":"ada"}').status_code == 201

    @pytest.mark.parametrize(
        "media_type", ["application/json", "application/scim+json; charset=utf-8", "", "APPLICATION/JSON"]
    )
    def test_scim_and_plain_json_are_read(self, idp: Idp, media_type: str) -> None:  # S1
        assert idp.post("/Users", {"userName": "ada"}, content_type=media_type).status_code == 201

    def test_another_media_type_is_415(self, idp: Idp) -> None:
        assert idp.post("/Users", {"userName": "ada"}, content_type="text/xml").status_code == 415

    @pytest.mark.parametrize("accept", ["text/html", "application/xml", "*/*", "nonsense"])
    def test_the_answer_is_scim_whatever_accept_says(self, idp: Idp, accept: str) -> None:  # S1
        answer = idp.get("/Users", accept=accept)
        assert answer.status_code == 200
        assert answer["Content-Type"] == "application/scim+json"

    def test_a_body_beyond_the_limit_is_413(self, idp: Idp, settings) -> None:
        settings.SCIM_MAX_BODY = 100
        assert idp.post("/Users", {"userName": "a" * 200}).status_code == 413

    def test_a_body_nested_too_deeply_is_400(self, idp: Idp) -> None:
        assert idp.post("/Users", b'{"userName":"ada","x":' + b"[" * 500 + b"]" * 500 + b"}").status_code == 400
        assert idp.post("/Users", b"[" * 100_000).status_code == 400


class TestTrouble:
    def test_a_database_that_is_away_is_503_with_retry_after(self, idp: Idp, monkeypatch) -> None:  # S2
        def away(*args: object) -> None:
            raise OperationalError("connection refused")

        with connection.execute_wrapper(away):
            answer = idp.get("/Users")
        assert answer.status_code == 503
        assert answer["Retry-After"]
        assert answer.json()["schemas"] == [ERROR]

    def test_what_takes_too_long_is_too_much_to_ask_or_503_for_a_write(self, idp: Idp) -> None:  # S2
        def too_long(*args: object) -> None:
            raise OperationalError("canceling statement") from errors.QueryCanceled()

        with connection.execute_wrapper(too_long):
            query, write = idp.get("/Users"), idp.post("/Users", {"userName": "ada"})
        assert (query.status_code, query.json()["scimType"]) == (400, "tooMany")
        assert write.status_code == 503
        assert write["Retry-After"]

    def test_what_outlives_its_transaction_is_503(self, idp: Idp) -> None:  # S2
        def ended(*args: object) -> None:
            raise InternalError("terminating connection") from errors.IdleInTransactionSessionTimeout()

        with connection.execute_wrapper(ended):
            answer = idp.post("/Users", {"userName": "ada"})
        assert answer.status_code == 503
        assert answer["Retry-After"]


@pytest.mark.django_db(transaction=True)
class TestRequestLog:
    def test_a_call_is_logged_with_what_was_done_and_to_whom(self, transactional_db: None, org: Organization) -> None:
        issued = issue_token(org)
        created = Idp(issued.secret).post("/Users", {"userName": "ada", "password": "hidden!"}, user_agent="Okta SCIM")
        assert request_log.flush(5)
        entry = RequestLog.objects.get(org=org)
        assert (entry.method, entry.path, entry.status) == ("POST", "/api/scim/Users", 201)
        assert (entry.operation, entry.target) == ("user.create", created.json()["id"])
        assert (entry.agent, entry.address, entry.token_id) == ("Okta SCIM", "127.0.0.1", issued.token.id)
        assert "hidden!" not in entry.body.request
        assert json.loads(entry.body.response)["userName"] == "ada"

    def test_a_refusal_is_logged_with_its_reason(self, transactional_db: None, org: Organization) -> None:
        Idp(issue_token(org).secret).post("/Users", {"userName": ""})
        assert request_log.flush(5)
        entry = RequestLog.objects.get(org=org)
        assert (entry.status, entry.scim_type) == (400, "invalidValue")
        assert "userName" in entry.detail

    def test_the_token_shows_its_last_use(self, transactional_db: None, org: Organization) -> None:  # O4
        issued = issue_token(org)
        Idp(issued.secret).get("/Users", user_agent="Okta SCIM")
        assert request_log.flush(5)
        issued.token.refresh_from_db()
        assert issued.token.last_used_agent == "Okta SCIM"
        assert issued.token.last_used_address == "127.0.0.1"
        assert issued.token.last_used_at is not None

    def test_the_change_carries_the_id_of_the_request(self, transactional_db: None, org: Organization) -> None:
        Idp(issue_token(org).secret).post("/Users", {"userName": "ada"})
        assert request_log.flush(5)
        change = User.objects.get(user_name="ada").ledger.first().change
        assert RequestLog.objects.get(org=org).id == change.request_id
