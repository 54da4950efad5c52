"""The code flow: what the browser is sent with, what it brings back, and what the code is exchanged for."""

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote_plus, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sso.fetching import Answer
from sso.oidc.flow import Attempt, add_userinfo, authorization_url, read_callback, read_tokens, token_request
from sso.refusals import Reason, Refused
from tests.sso.oidc.issuer import CLIENT, ISSUER, answered, claims, provider

BACK = "https://muster.example/sso/1/callback"


def refusal(call: Any) -> tuple[Reason, str]:
    with pytest.raises(Refused) as refused:
        call()
    return refused.value.reason, refused.value.detail


class TestTheWayThere:
    def test_asks_for_a_code_and_proves_later_who_asked(self) -> None:  # L2
        attempt = Attempt()
        url = authorization_url(provider(), attempt, client_id=CLIENT, redirect_uri=BACK)
        query = dict(parse_qsl(urlsplit(url).query, strict_parsing=True))
        challenge = hashlib.sha256(attempt.verifier.encode()).digest()
        assert base64.urlsafe_b64decode(query.pop("code_challenge") + "=") == challenge
        assert query == {
            "response_type": "code",
            "client_id": CLIENT,
            "redirect_uri": BACK,
            "scope": "openid profile email",
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge_method": "S256",
        }

    def test_keeps_the_query_of_the_endpoint(self) -> None:
        there = provider(authorization_endpoint=f"{ISSUER}/authorize?tenant=acme")
        url = authorization_url(there, Attempt(), client_id=CLIENT, redirect_uri=BACK)
        assert url.startswith(f"{ISSUER}/authorize?tenant=acme&response_type=code&")

    def test_is_another_each_time(self) -> None:
        secrets = [
            each for attempt in (Attempt(), Attempt()) for each in (attempt.state, attempt.nonce, attempt.verifier)
        ]
        assert len(set(secrets)) == 6
        assert all(43 <= len(each) <= 64 for each in secrets)  # RFC 7636 section 4.1; IPSIE's limit of a nonce


class TestTheWayBack:
    def test_brings_a_code(self) -> None:
        assert read_callback({"state": ["s"], "code": ["c"]}, provider=provider(), state="s") == "c"

    def test_may_name_the_provider_and_more_that_nobody_knows(self) -> None:
        brought = {"state": ["s"], "code": ["c"], "iss": [ISSUER], "session_state": ["x", "y"]}
        for names_itself in (True, False):
            assert read_callback(brought, provider=provider(names_itself=names_itself), state="s") == "c"

    @pytest.mark.parametrize(
        ("brought", "refused"),
        [
            ({"code": ["c"]}, (Reason.STATE, "")),
            ({"code": ["c"], "state": ["t"]}, (Reason.STATE, "")),
            ({"code": ["c"], "state": ["é"]}, (Reason.STATE, "")),
            ({"code": ["c"], "state": []}, (Reason.STATE, "")),
            ({"error": ["access_denied"]}, (Reason.STATE, "")),  # anybody can say so
            ({"code": ["c"], "state": ["s", "t"]}, (Reason.BAD_PARAMETERS, "state")),
            ({"code": ["c", "d"], "state": ["s"]}, (Reason.BAD_PARAMETERS, "code")),
            ({"state": ["s"]}, (Reason.BAD_PARAMETERS, "code")),
            ({"state": ["s"], "code": [""]}, (Reason.BAD_PARAMETERS, "code")),
            ({"state": ["s"], "code": ["c"], "iss": [f"{ISSUER}/"]}, (Reason.MIXED_UP, f"{ISSUER}/")),
            ({"state": ["s"], "error": ["x"], "iss": ["https://evil"]}, (Reason.MIXED_UP, "https://evil")),
            ({"state": ["s"], "error": ["access_denied"]}, (Reason.CANCELLED, "access_denied")),
            (
                {"state": ["s"], "error": ["server_error"], "error_description": ["Try\nlater"], "code": ["c"]},
                (Reason.PROVIDER_ERROR, "server_error Try later"),
            ),
        ],
    )
    def test_is_refused(self, brought: dict[str, list[str]], refused: tuple[Reason, str]) -> None:  # L2
        assert refusal(lambda: read_callback(brought, provider=provider(), state="s")) == refused

    @pytest.mark.parametrize("brought", [{"code": ["c"]}, {"error": ["access_denied"]}])
    def test_names_the_provider_where_that_is_announced(self, brought: dict[str, list[str]]) -> None:  # RFC 9207
        announced = provider(names_itself=True)
        assert refusal(lambda: read_callback({"state": ["s"], **brought}, provider=announced, state="s")) == (
            *(Reason.MIXED_UP, ""),
        )


class TestTheCode:
    def sent(self, **changes: Any) -> tuple[dict[str, list[str]], dict[str, str]]:
        facts = {"code": "c&d", "verifier": "v", "redirect_uri": BACK, "client_id": CLIENT, "client_secret": "s"}
        there = provider(client_authentication=changes.pop("by", "client_secret_basic"))
        request = token_request(there, **facts | changes)
        return parse_qs(request.form.decode(), strict_parsing=True), dict(request.headers)

    def test_is_sent_with_what_shows_that_it_is_ours(self) -> None:
        form, _ = self.sent()
        assert form == {
            "grant_type": ["authorization_code"],
            "code": ["c&d"],
            "redirect_uri": [BACK],
            "code_verifier": ["v"],
        }

    @given(client_id=st.text(min_size=1), secret=st.text(min_size=1))
    def test_is_sent_with_any_secret(self, client_id: str, secret: str) -> None:
        form, headers = self.sent(client_id=client_id, client_secret=secret)
        pair = base64.b64decode(headers["Authorization"].removeprefix("Basic ")).decode("ascii")
        assert tuple(map(unquote_plus, pair.split(":"))) == (client_id, secret)
        assert "client_secret" not in form

        form, headers = self.sent(client_id=client_id, client_secret=secret, by="client_secret_post")
        assert (form["client_id"], form["client_secret"], headers) == ([client_id], [secret], {})


class TestTheTokens:
    def test_are_read(self) -> None:
        got = read_tokens(answered({"id_token": "a.b.c", "access_token": "t", "token_type": "Bearer"}))
        assert (got.id_token, got.access_token) == ("a.b.c", "t")

    @pytest.mark.parametrize("access_token", [None, 7, "t\r\nX: 1", "é"])
    def test_have_an_access_token_only_where_it_can_be_sent(self, access_token: object) -> None:
        assert read_tokens(answered({"id_token": "a.b.c", "access_token": access_token})).access_token is None

    @pytest.mark.parametrize(
        ("answer", "refused"),
        [
            (answered({"error": "invalid_client"}, status=400), (Reason.SECRET_REFUSED, "invalid_client")),
            (answered(b"", status=401), (Reason.SECRET_REFUSED, "")),
            (
                answered({"error": "invalid_client", "error_description": "AADSTS7000215: x"}, status=401),
                (Reason.SECRET_REFUSED, "invalid_client AADSTS7000215: x"),
            ),
            (answered({"error": "invalid_grant"}, status=400), (Reason.CODE_REFUSED, "invalid_grant")),
            (answered({"error": "unauthorized_client"}, status=401), (Reason.TOKEN_REFUSED, "401 unauthorized_client")),
            (answered({"error": {"a": 1}}, status=400), (Reason.TOKEN_REFUSED, "400 dict")),
            (answered(b"<html>", status=403), (Reason.TOKEN_REFUSED, "403")),
            (answered(b"", status=500), (Reason.PROVIDER_FAILED, "500")),
            (answered({"error": "invalid_client"}, status=503), (Reason.PROVIDER_FAILED, "503")),
            (answered(b"", status=302), (Reason.REDIRECTED, ISSUER)),
            (answered(b"<html>", content_type="text/html"), (Reason.NOT_JSON, f"{ISSUER}: text/html")),
            (answered({"access_token": "t"}), (Reason.NO_ID_TOKEN, "")),
            (answered({"id_token": ["a.b.c"]}), (Reason.NO_ID_TOKEN, "")),
        ],
    )
    def test_are_refused_in_the_providers_words(self, answer: Answer, refused: tuple[Reason, str]) -> None:
        assert refusal(lambda: read_tokens(answer)) == refused


class TestUserinfo:
    def test_adds_to_the_token_and_changes_nothing_in_it(self) -> None:
        got = add_userinfo(claims(), answered({"sub": "ada", "iss": "x", "preferred_username": "ada@acme.example"}))
        assert got == claims() | {"preferred_username": "ada@acme.example"}

    @pytest.mark.parametrize("sub", ["bob", "Ada", None, ["ada"]])
    def test_about_somebody_else_is_refused(self, sub: object) -> None:
        assert refusal(lambda: add_userinfo(claims(), answered({"sub": sub})))[0] == Reason.OTHER_SUBJECT

    def test_that_is_no_json_is_refused(self) -> None:
        signed = answered(b"a.b.c", content_type="application/jwt")
        assert refusal(lambda: add_userinfo(claims(), signed)) == (Reason.NOT_JSON, f"{ISSUER}: application/jwt")
