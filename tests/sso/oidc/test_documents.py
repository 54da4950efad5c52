"""What providers publish of themselves: what can be used, and what is refused in which words."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey

from sso.fetching import Answer
from sso.oidc.documents import (
    WELL_KNOWN,
    Provider,
    description_url,
    issuer_in,
    json_object,
    parsed_object,
    read_description,
    read_keys,
)
from sso.refusals import Reason, Refused
from tests.sso.oidc.issuer import ISSUER, answered, description, ec, okp, provider, rsa

JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


def read(**changes: Any) -> Provider:
    return read_description(answered(description(**changes)), issuer=ISSUER)


def refusal(answer: Answer, issuer: str = ISSUER) -> tuple[Reason, str]:
    with pytest.raises(Refused) as refused:
        read_description(answer, issuer=issuer)
    return refused.value.reason, refused.value.detail


class TestAnIssuer:
    @pytest.mark.parametrize(
        ("address", "issuer"),
        [
            (f" {ISSUER} ", ISSUER),
            (f"{ISSUER}/", f"{ISSUER}/"),
            (ISSUER + WELL_KNOWN, ISSUER),
            (f"{ISSUER}/realms/acme{WELL_KNOWN}", f"{ISSUER}/realms/acme"),
        ],
    )
    def test_may_be_given_by_the_address_of_its_description(self, address: str, issuer: str) -> None:
        assert issuer_in(address) == issuer

    @pytest.mark.parametrize("address", ["", "idp.example", f"{ISSUER}?x", f"{ISSUER}#", f"{ISSUER}?", "javascript:1"])
    def test_is_an_address_and_no_more(self, address: str) -> None:
        with pytest.raises(Refused):
            issuer_in(address)

    @pytest.mark.parametrize("issuer", [f"{ISSUER}/realms/acme", f"{ISSUER}/realms/acme/"])
    def test_has_its_description_below_it(self, issuer: str) -> None:
        assert description_url(issuer) == f"{ISSUER}/realms/acme{WELL_KNOWN}"


class TestADescription:
    def test_that_is_complete_is_taken(self) -> None:  # L2
        assert read() == provider()

    def test_may_leave_out_what_has_a_default(self) -> None:
        got = read(userinfo_endpoint=None, response_types_supported=None, id_token_signing_alg_values_supported=None)
        assert (got.userinfo_endpoint, got.client_authentication, got.names_itself) == (
            *(None, "client_secret_basic", False),
        )

    @pytest.mark.parametrize(
        ("methods", "taken"),
        [
            (["client_secret_post"], "client_secret_post"),
            (["private_key_jwt", "client_secret_post", "client_secret_basic"], "client_secret_basic"),
        ],
    )
    def test_says_how_the_secret_is_sent(self, methods: list[str], taken: str) -> None:
        assert read(token_endpoint_auth_methods_supported=methods).client_authentication == taken

    @pytest.mark.parametrize(("said", "meant"), [(True, True), (False, False), ("true", False)])
    def test_says_whether_answers_name_the_provider(self, said: object, meant: bool) -> None:
        assert read(authorization_response_iss_parameter_supported=said).names_itself is meant

    def test_of_an_issuer_in_the_clear_may_have_such_endpoints(self) -> None:
        inside = {
            name: value.replace("https", "http") if isinstance(value, str) else value
            for name, value in description().items()
        }
        got = read_description(answered(inside), issuer="http://idp.example")
        assert got.token_endpoint == "http://idp.example/token"

    @pytest.mark.parametrize(
        ("changes", "refused"),
        [
            ({"issuer": f"{ISSUER}/"}, (Reason.OTHER_ISSUER, f"{ISSUER}/")),
            ({"issuer": None}, (Reason.OTHER_ISSUER, "null")),
            ({"issuer": [ISSUER]}, (Reason.OTHER_ISSUER, "list")),
            ({"authorization_endpoint": None}, (Reason.INCOMPLETE, "authorization_endpoint")),
            ({"token_endpoint": ""}, (Reason.INCOMPLETE, "token_endpoint")),
            ({"jwks_uri": 7}, (Reason.INCOMPLETE, "jwks_uri")),
            ({"token_endpoint": "http://idp.example/t"}, (Reason.BAD_ENDPOINT, "token_endpoint: http://idp.example/t")),
            ({"jwks_uri": "file:///etc/passwd"}, (Reason.BAD_ENDPOINT, "jwks_uri: file:///etc/passwd")),
            (
                {"authorization_endpoint": "javascript:alert(1)"},
                (Reason.BAD_ENDPOINT, "authorization_endpoint: javascript:alert(1)"),
            ),
            ({"token_endpoint": f"{ISSUER}/t#x"}, (Reason.BAD_ENDPOINT, f"token_endpoint: {ISSUER}/t#x")),
            ({"userinfo_endpoint": "/userinfo"}, (Reason.BAD_ENDPOINT, "userinfo_endpoint: /userinfo")),
            ({"response_types_supported": ["id_token"]}, (Reason.NO_CODE_FLOW, "")),
            ({"response_types_supported": [["code"]]}, (Reason.NO_CODE_FLOW, "")),
            (
                {"token_endpoint_auth_methods_supported": ["private_key_jwt", {}]},
                (Reason.NO_CLIENT_SECRET, "private_key_jwt"),
            ),
            ({"id_token_signing_alg_values_supported": ["HS256", "none"]}, (Reason.NO_ALGORITHM, "HS256, none")),
        ],
    )
    def test_that_sign_ins_cannot_use_is_refused(self, changes: dict[str, Any], refused: tuple[Reason, str]) -> None:
        assert refusal(answered({**description(), **changes})) == refused  # L2

    def test_of_all_tenants_of_entra_is_nobodys(self) -> None:
        common = "https://login.microsoftonline.com/{tenantid}/v2.0"
        asked = "https://login.microsoftonline.com/common/v2.0"
        assert refusal(answered(description(issuer=common)), asked) == (Reason.OTHER_ISSUER, common)

    @given(name=st.sampled_from(sorted(description())), value=JSON)
    def test_does_no_more_than_being_refused_whatever_it_says(self, name: str, value: object) -> None:
        try:
            got = read_description(answered(description() | {name: value}), issuer=ISSUER)
        except Refused:
            return
        assert got.jwks_uri.startswith("https://")


class TestAnAnswer:
    @pytest.mark.parametrize(
        ("answer", "refused"),
        [
            (answered(b"<html>", content_type="text/html"), (Reason.NOT_JSON, f"{ISSUER}: text/html")),
            (answered(b"[]"), (Reason.NOT_JSON, f"{ISSUER}: application/json")),
            (answered(b"[" * 500_000), (Reason.NOT_JSON, f"{ISSUER}: application/json")),
            (answered(b'{"a":NaN}'), (Reason.NOT_JSON, f"{ISSUER}: application/json")),
            (answered(b'{"a":' + b"9" * 5000 + b"}"), (Reason.NOT_JSON, f"{ISSUER}: application/json")),
            (answered(b"\xff\xfe", content_type=""), (Reason.NOT_JSON, f"{ISSUER}:")),
            (answered({}, status=302), (Reason.REDIRECTED, ISSUER)),
            (answered({}, status=404), (Reason.BAD_STATUS, f"{ISSUER}: 404")),
            (answered(description(), status=201), (Reason.BAD_STATUS, f"{ISSUER}: 201")),
        ],
        ids=["HTML", "list", "deep", "NaN", "number", "bytes", "302", "404", "201"],
    )
    def test_that_is_no_document_is_refused(self, answer: Answer, refused: tuple[Reason, str]) -> None:
        with pytest.raises(Refused) as error:
            json_object(answer)
        assert (error.value.reason, error.value.detail.strip()) == refused

    @given(text=st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
    def test_is_an_object_or_nothing(self, text: bytes) -> None:
        assert isinstance(parsed_object(text), dict | None)


def public(key: Any, **changes: Any) -> dict[str, Any]:
    return {name: value for name, value in (key.as_dict(private=False) | changes).items() if value is not None}


class TestKeys:
    def test_of_all_usable_kinds_are_read(self) -> None:
        got = read_keys(answered({"keys": [public(key) for key in (rsa(), ec(), okp())]}))
        assert [key.kid for key in got] == ["k1", "e1", "o1"]

    @pytest.mark.parametrize(
        "bad",
        [
            *(None, 7, "k", [], {}, {"kty": None}, {"kty": []}, {"kty": "EC", "crv": "P-256"}),
            {"kty": "oct", "k": "c2VjcmV0", "kid": "s"},
            public(rsa(), use="enc"),
            public(rsa(), use=None, key_ops=["encrypt"]),
            public(rsa(), e="AQ"),  # ValueError: e must be >= 3
            public(rsa(), n="!"),
            public(rsa(), n=7),
            public(rsa(), kid=7),
            public(rsa(), kty="EC"),
            public(ec(), x="AAAA"),
            public(ec(), crv="P-1"),
            public(okp(), x="AAAA"),
            public(rsa(), n=public(rsa())["n"][:171]),  # 1,026 bits
            public(rsa(), n=public(rsa())["n"] * 9),
        ],
        ids=range(21),  # keys are made anew in each process of the suite
    )
    @pytest.mark.filterwarnings("ignore:Key size should be")
    def test_that_cannot_be_used_do_not_spoil_the_others(self, bad: object) -> None:
        got = read_keys(answered({"keys": [bad, public(ec())]}))
        assert [key.kid for key in got] == ["e1"]
        with pytest.raises(Refused) as refused:
            read_keys(answered({"keys": [bad]}))
        assert refused.value.reason == Reason.NO_KEYS

    @pytest.mark.parametrize("said", [{}, {"keys": None}, {"keys": {}}, {"keys": "k"}, {"keys": []}])
    def test_have_to_be_there(self, said: object) -> None:
        with pytest.raises(Refused) as refused:
            read_keys(answered(said))
        assert refused.value.reason == Reason.NO_KEYS

    @given(name=st.sampled_from(["kty", "kid", "use", "key_ops", "alg", "crv", "x", "y", "x5c", "d"]), value=JSON)
    def test_do_no_more_than_being_left_out_whatever_they_say(self, name: str, value: object) -> None:
        got = read_keys(answered({"keys": [public(ec()) | {name: value}, public(rsa())]}))
        assert got[-1].kid == "k1"
        assert all(isinstance(key, ECKey) for key in got[:-1])
