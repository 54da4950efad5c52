"""Tokens, good and forged, to the letter of OpenID Connect."""

import hmac
import json
import re
import warnings
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import OctKey, RSAKey

from sso.oidc.documents import VerifyingKey
from sso.oidc.tokens import BACKCHANNEL_LOGOUT, Logout, verify_id_token, verify_logout_token
from sso.refusals import Reason, Refused
from tests.sso.oidc.issuer import (
    AT,
    CLIENT,
    ISSUER,
    NONCE,
    NOW,
    SECRET,
    claims,
    ec,
    okp,
    published,
    rsa,
    signed,
    unsigned,
)


def identify(token: str, *keys: Any, **changes: Any) -> dict[str, Any]:
    wanted: dict[str, Any] = {"issuer": ISSUER, "client_id": CLIENT, "nonce": NONCE, "now": NOW}
    return verify_id_token(token, keys=published(*keys) if keys else usual_keys(), **wanted | changes)


@cache
def usual_keys() -> tuple[VerifyingKey, ...]:
    return published(rsa(), ec(), okp())


def refusal(verify: Callable[[], object]) -> Reason:
    with pytest.raises(Refused) as refused:
        verify()
    return refused.value.reason


GOOD: Mapping[str, Callable[[], str]] = {
    "RS256": lambda: signed(claims()),
    "PS384": lambda: signed(claims(), alg="PS384"),
    "ES256": lambda: signed(claims(), ec(), alg="ES256", kid="e1"),
    "EdDSA": lambda: signed(claims(), okp(), alg="EdDSA", kid="o1"),
    "typ in capitals": lambda: signed(claims(), typ="JWT"),
    "no kid, one key of its kind": lambda: signed(claims(), kid=None),
    "several audiences, azp ours": lambda: signed(claims(aud=["x", CLIENT], azp=CLIENT)),
    "a list of one": lambda: signed(claims(aud=[CLIENT])),
    "azp ours": lambda: signed(claims(azp=CLIENT)),
    "times with fractions": lambda: signed(claims(exp=AT + 0.5, iat=AT + 0.5)),
    "expired within the leeway": lambda: signed(claims(exp=AT - 119)),
    "issued ahead within the leeway": lambda: signed(claims(iat=AT + 119, nbf=AT + 119)),
    "a chain of certificates in the header": lambda: signed(claims(), x5c=["x" * 2000] * 3),
    "a header that nobody knows": lambda: signed(claims(), **{"pi.atm": "x"}),
    "a subject of 255 characters": lambda: signed(claims(sub="x" * 255)),
    "a subject that is not ASCII": lambda: signed(claims(sub="añada")),
}


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("token", GOOD.values(), ids=GOOD.keys())
def test_a_good_token_says_who_it_is(token: Callable[[], str]) -> None:  # L2
    assert identify(token())["sub"]


def beyond(payload: dict[str, Any]) -> bytes:
    return json.dumps(payload).replace('"exp": 7', '"exp": 1e999').encode()


def swapped(token: str, **changes: Any) -> str:
    """The same signature under other claims."""
    head, _, signature = token.split(".")
    return f"{head}.{unsigned({}, claims(**changes)).split('.')[1]}.{signature}"


def by_secret(secret: bytes, algorithm: str = "HS256") -> str:
    message = unsigned({"alg": algorithm, "kid": "k1"}, claims()).rpartition(".")[0]
    digest = hmac.digest(secret, message.encode(), "sha256")
    return unsigned({"alg": algorithm, "kid": "k1"}, claims(), digest)


OTHER = RSAKey.generate_key(2048, {"kid": "k1"})  # says that it is k1

FORGED: Mapping[str, tuple[Callable[[], str], Reason]] = {
    "alg none": (lambda: unsigned({"alg": "none", "kid": "k1"}, claims()), Reason.ALGORITHM),
    "alg NoNe": (lambda: unsigned({"alg": "NoNe", "kid": "k1"}, claims()), Reason.ALGORITHM),
    "no alg": (lambda: unsigned({"kid": "k1"}, claims()), Reason.ALGORITHM),
    "alg a list": (lambda: unsigned({"alg": ["RS256"], "kid": "k1"}, claims()), Reason.ALGORITHM),
    "alg an object": (lambda: unsigned({"alg": {}, "kid": "k1"}, claims()), Reason.ALGORITHM),
    "HS256 with the client secret": (lambda: by_secret(SECRET.encode()), Reason.ALGORITHM),
    "HS256 with the public key": (lambda: by_secret(rsa().as_pem(private=False)), Reason.ALGORITHM),
    "RS256 with a digest": (lambda: by_secret(rsa().as_pem(private=False), "RS256"), Reason.SIGNATURE),
    "ES256K": (lambda: unsigned({"alg": "ES256K", "kid": "e1"}, claims()), Reason.ALGORITHM),
    "another key of the same kid": (lambda: signed(claims(), OTHER), Reason.SIGNATURE),
    "its key in the header": (lambda: signed(claims(), OTHER, jwk=OTHER.as_dict(private=False)), Reason.SIGNATURE),
    "a set of keys in the header": (lambda: signed(claims(), OTHER, jku="https://evil.example/"), Reason.SIGNATURE),
    "a certificate in the header": (lambda: signed(claims(), OTHER, x5u="https://evil.example/"), Reason.SIGNATURE),
    "an algorithm of another kind of key": (lambda: unsigned({"alg": "ES256", "kid": "k1"}, {}), Reason.UNKNOWN_KEY),
    "a kid that is not published": (lambda: signed(claims(), kid="k9"), Reason.UNKNOWN_KEY),
    "kid null": (lambda: unsigned({"alg": "RS256", "kid": None}, claims()), Reason.UNKNOWN_KEY),
    "kid an object": (lambda: unsigned({"alg": "RS256", "kid": {"$ne": ""}}, claims()), Reason.UNKNOWN_KEY),
    "an unknown crit": (lambda: unsigned({"alg": "RS256", "kid": "k1", "crit": ["x"], "x": 1}, {}), Reason.MALFORMED),
    "an unencoded payload": (
        lambda: unsigned({"alg": "RS256", "kid": "k1", "crit": ["b64"], "b64": False}, {}),
        Reason.MALFORMED,
    ),
    "other claims under the signature": (lambda: swapped(signed(claims()), sub="root"), Reason.SIGNATURE),
    "no signature": (lambda: signed(claims()).rpartition(".")[0] + ".", Reason.SIGNATURE),
    "a signature that is no base64": (lambda: signed(claims()).rpartition(".")[0] + ".!", Reason.SIGNATURE),
    "zeros for a signature": (lambda: unsigned({"alg": "ES256", "kid": "e1"}, {}, bytes(64)), Reason.SIGNATURE),
    "empty": (lambda: "", Reason.MALFORMED),
    "two dots": (lambda: "..", Reason.MALFORMED),
    "garbage": (lambda: "a.b.c", Reason.MALFORMED),
    "not ASCII": (lambda: "é.é.é", Reason.MALFORMED),
    "encrypted": (lambda: "e30.x.x.x.x", Reason.MALFORMED),
    "detached": (lambda: re.sub(r"\..*\.", "..", signed(claims())), Reason.SIGNATURE),
    "huge": (lambda: "a" * 70_000, Reason.MALFORMED),
    "a header that is a list": (lambda: unsigned(b'["alg"]', claims()), Reason.MALFORMED),
    "a header that is a text": (lambda: unsigned(b'"alg"', claims()), Reason.MALFORMED),
    "a header without an end": (lambda: unsigned(b"[" * 12_000, claims()), Reason.MALFORMED),
    "a header too long": (lambda: signed(claims(), x="x" * 20_000), Reason.MALFORMED),
    "a payload that is a list": (lambda: signed(b"[1]"), Reason.MALFORMED),
    "a payload that is no JSON": (lambda: signed(b"\xff"), Reason.MALFORMED),
    "a payload without an end": (lambda: signed(b'{"a":' * 5_000), Reason.MALFORMED),
    "an access token": (lambda: signed(claims(), typ="at+jwt"), Reason.TOKEN_TYPE),
    "a logout token by its type": (lambda: signed(claims(), typ="logout+jwt"), Reason.TOKEN_TYPE),
    "a logout token by its claims": (lambda: signed(claims(events={BACKCHANNEL_LOGOUT: {}})), Reason.TOKEN_TYPE),
    "a type that is no text": (lambda: unsigned({"alg": "RS256", "typ": 1}, {}), Reason.TOKEN_TYPE),
    "another issuer": (lambda: signed(claims(iss="https://evil.example")), Reason.ISSUER),
    "an issuer with a slash": (lambda: signed(claims(iss=ISSUER + "/")), Reason.ISSUER),
    "an issuer in a list": (lambda: signed(claims(iss=[ISSUER])), Reason.ISSUER),
    "no issuer": (lambda: signed(claims(iss=None)), Reason.ISSUER),
    "another audience": (lambda: signed(claims(aud="x")), Reason.AUDIENCE),
    "an audience that begins with ours": (lambda: signed(claims(aud=f"{CLIENT}x")), Reason.AUDIENCE),
    "no audience": (lambda: signed(claims(aud=None)), Reason.AUDIENCE),
    "an empty list of audiences": (lambda: signed(claims(aud=[])), Reason.AUDIENCE),
    "an audience in an object": (lambda: signed(claims(aud={CLIENT: 1})), Reason.AUDIENCE),
    "several audiences and no azp": (lambda: signed(claims(aud=[CLIENT, "x"])), Reason.AUDIENCE),
    "azp of another": (lambda: signed(claims(azp="x")), Reason.AUDIENCE),
    "azp null, several audiences": (lambda: signed(claims() | {"aud": [CLIENT, "x"], "azp": None}), Reason.AUDIENCE),
    "expired": (lambda: signed(claims(exp=AT - 121)), Reason.EXPIRED),
    "no exp": (lambda: signed(claims(exp=None)), Reason.BAD_CLAIM),
    "exp a text": (lambda: signed(claims(exp="9999999999")), Reason.BAD_CLAIM),
    "exp true": (lambda: signed(claims(exp=True)), Reason.BAD_CLAIM),
    "exp NaN": (lambda: signed(claims(exp=float("nan"))), Reason.MALFORMED),
    "exp Infinity": (lambda: signed(claims(exp=float("inf"))), Reason.MALFORMED),
    "exp beyond all numbers": (lambda: signed(beyond(claims(exp=7))), Reason.BAD_CLAIM),
    "exp negative": (lambda: signed(claims(exp=-1)), Reason.BAD_CLAIM),
    "iat in the future": (lambda: signed(claims(iat=AT + 121)), Reason.NOT_YET_VALID),
    "iat beyond all dates": (lambda: signed(claims(iat=10**300)), Reason.NOT_YET_VALID),
    "no iat": (lambda: signed(claims(iat=None)), Reason.BAD_CLAIM),
    "nbf in the future": (lambda: signed(claims(nbf=AT + 121)), Reason.NOT_YET_VALID),
    "nbf a text": (lambda: signed(claims(nbf="0")), Reason.BAD_CLAIM),
    "another nonce": (lambda: signed(claims(nonce="x")), Reason.NONCE),
    "a nonce that is not ASCII": (lambda: signed(claims(nonce="é\ud800")), Reason.NONCE),
    "no nonce": (lambda: signed(claims(nonce=None)), Reason.NONCE),
    "a nonce in a list": (lambda: signed(claims(nonce=[NONCE])), Reason.NONCE),
    "no subject": (lambda: signed(claims(sub=None)), Reason.BAD_CLAIM),
    "an empty subject": (lambda: signed(claims(sub="")), Reason.BAD_CLAIM),
    "a subject that is a number": (lambda: signed(claims(sub=1)), Reason.BAD_CLAIM),
    "a subject too long": (lambda: signed(claims(sub="x" * 256)), Reason.BAD_CLAIM),
    "a subject with NUL": (lambda: signed(claims(sub="a\0")), Reason.BAD_CLAIM),
    "a subject with half a character": (lambda: signed(claims(sub="a\ud800")), Reason.BAD_CLAIM),
    "deep nonsense for an issuer": (lambda: signed(b'{"iss":' + b"[" * 900 + b"]" * 900 + b"}"), Reason.ISSUER),
    "deep nonsense for an audience": (
        lambda: signed(b'{"iss":"%b","aud":' % ISSUER.encode() + b"[" * 900 + b"]" * 900 + b"}"),
        Reason.AUDIENCE,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("token", "reason"), FORGED.values(), ids=FORGED.keys())
def test_a_forged_token_is_refused(token: Callable[[], str], reason: Reason) -> None:  # L2
    assert refusal(lambda: identify(token())) == reason


@given(at=st.integers(min_value=0), character=st.characters(codec="ascii", categories=["L", "N"]))
def test_no_character_of_a_token_can_be_another(at: int, character: str) -> None:
    good = signed(claims(), ec(), alg="ES256", kid="e1")
    at %= len(good) - 1  # the last one holds bits that say nothing
    if good[at] != character:
        refusal(lambda: identify(good[:at] + character + good[at + 1 :]))


@given(header=st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "jwk", "b64", "zip"]), st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["RS256", "ES256", "k1", "e1", "JWT"]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)))  # fmt: skip
def test_no_header_does_more_than_being_refused(header: dict[str, Any]) -> None:
    refusal(lambda: identify(unsigned(header, claims(), bytes(64))))


class TestTheKey:
    def test_has_to_be_named_where_there_are_several_of_its_kind(self) -> None:
        other = rsa("k2")
        assert identify(signed(claims(), other, kid="k2"), rsa(), other)
        assert refusal(lambda: identify(signed(claims(), kid=None), rsa(), other)) == Reason.NO_KEY_ID

    def test_may_share_its_id_with_others(self) -> None:  # RFC 7517 section 4.5
        assert identify(signed(claims()), ec("k1"), OTHER, rsa())

    @pytest.mark.parametrize(("curve", "alg"), [("P-384", "ES384"), ("P-521", "ES512")])
    def test_has_the_curve_of_the_algorithm(self, curve: str, alg: str) -> None:
        key = ec("c", curve)
        assert identify(signed(claims(), key, alg=alg, kid="c"), key)
        assert refusal(lambda: identify(signed(claims(), key, alg=alg, kid="c"), ec("c"))) == Reason.UNKNOWN_KEY

    def test_made_for_another_algorithm_does_not_verify(self) -> None:
        only = RSAKey.import_key(rsa().as_dict(private=True), {"kid": "k1", "alg": "RS512"})
        assert refusal(lambda: identify(signed(claims()), only)) == Reason.SIGNATURE

    def test_that_is_symmetric_is_never_used(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            secret = OctKey.import_key(SECRET, {"kid": "k1"})
        keys: tuple[VerifyingKey, ...] = (secret,)  # type: ignore[assignment]
        message = signed(claims(), secret, alg="HS256")
        wanted: dict[str, Any] = {"issuer": ISSUER, "client_id": CLIENT, "nonce": NONCE, "now": NOW}
        assert refusal(lambda: verify_id_token(message, keys=keys, **wanted)) == Reason.ALGORITHM


def logout(**changes: Any) -> dict[str, Any]:
    said = {"nonce": None, "events": {BACKCHANNEL_LOGOUT: {}}, "jti": "j1", "sid": "s1"}
    return claims(**said | changes)


def end(token: str) -> Logout:
    return verify_logout_token(token, keys=published(rsa()), issuer=ISSUER, client_id=CLIENT, now=NOW)


class TestALogoutToken:
    @pytest.mark.parametrize(
        ("changes", "subject", "sid"), [({}, "ada", "s1"), ({"sub": None}, None, "s1"), ({"sid": None}, "ada", None)]
    )
    @pytest.mark.parametrize("kind", [None, "JWT", "logout+jwt", "application/logout+jwt"])
    def test_names_a_session_or_a_person(
        self, changes: dict[str, Any], subject: str | None, sid: str | None, kind: str | None
    ) -> None:  # L7
        got = end(signed(logout(**changes), typ=kind))
        assert (got.subject, got.sid, got.token_id) == (subject, sid, "j1")

    def test_is_too_old_by_the_time_that_nobody_remembers_it(self) -> None:
        token = signed(logout(exp=AT + 86400))
        until = end(token).until
        late: dict[str, Any] = {"keys": published(rsa()), "issuer": ISSUER, "client_id": CLIENT}
        assert verify_logout_token(token, now=until, **late)
        later = until + timedelta(seconds=1)
        assert refusal(lambda: verify_logout_token(token, now=later, **late)) == Reason.TOO_OLD

    @pytest.mark.parametrize(
        ("payload", "reason"),
        [
            (lambda: claims(jti="j1"), Reason.NOT_A_LOGOUT),  # an ID token
            (lambda: logout(nonce=NONCE), Reason.NOT_A_LOGOUT),
            (lambda: logout() | {"nonce": None}, Reason.NOT_A_LOGOUT),
            (lambda: logout(events=[BACKCHANNEL_LOGOUT]), Reason.NOT_A_LOGOUT),
            (lambda: logout(events={}), Reason.NOT_A_LOGOUT),
            (lambda: logout(events={BACKCHANNEL_LOGOUT: True}), Reason.NOT_A_LOGOUT),
            (lambda: logout(events=None), Reason.NOT_A_LOGOUT),
            (lambda: logout(sub=None, sid=None), Reason.BAD_CLAIM),
            (lambda: logout(sid=7), Reason.BAD_CLAIM),
            (lambda: logout(sid="a\0"), Reason.BAD_CLAIM),
            (lambda: logout(jti=None), Reason.BAD_CLAIM),
            (lambda: logout(jti=""), Reason.BAD_CLAIM),
            (lambda: logout(iat=AT - 601), Reason.TOO_OLD),
            (lambda: logout(iat=AT + 121), Reason.NOT_YET_VALID),
            (lambda: logout(exp=AT - 121), Reason.EXPIRED),
            (lambda: logout(exp=None), Reason.BAD_CLAIM),
            (lambda: logout(aud="x"), Reason.AUDIENCE),
            (lambda: logout(iss="https://evil.example"), Reason.ISSUER),
        ],
    )
    def test_is_refused_where_it_is_none(self, payload: Callable[[], dict[str, Any]], reason: Reason) -> None:
        assert refusal(lambda: end(signed(payload()))) == reason

    @pytest.mark.parametrize(
        ("token", "reason"),
        [
            (lambda: signed(logout(), OTHER), Reason.SIGNATURE),
            (lambda: unsigned({"alg": "none", "kid": "k1"}, logout()), Reason.ALGORITHM),
            (lambda: signed(logout(), typ="at+jwt"), Reason.TOKEN_TYPE),
        ],
    )
    def test_is_refused_where_it_is_forged(self, token: Callable[[], str], reason: Reason) -> None:
        assert refusal(lambda: end(token())) == reason
