"""Global token revocation, as Okta's Universal Logout sends it: who asks, and about whom."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from sso.oidc.revocation import Revoked, read_revocation
from sso.oidc.tokens import verify_revocation_token
from sso.refusals import Reason, Refused
from tests.sso.oidc.issuer import AT, CLIENT, ISSUER, NOW, claims, published, rsa, signed

ADDRESS = "https://muster.example/sso/1/revoke"
TYPE = "global-token-revocation+jwt"


def asks(**changes: Any) -> dict[str, Any]:
    said = {"aud": ADDRESS, "sub": CLIENT, "jti": "r1", "nonce": None, "nbf": AT - 300}
    return claims(**said | changes)


def refusal(call: Callable[[], object]) -> Reason:
    with pytest.raises(Refused) as refused:
        call()
    return refused.value.reason


class TestWhoAsks:
    def verify(self, token: str, **changes: Any) -> Any:
        return verify_revocation_token(
            token, **{"keys": published(rsa()), "issuer": ISSUER, "audience": ADDRESS, "now": NOW} | changes
        )

    def test_is_the_issuer_and_means_this_address(self) -> None:  # L7
        token_id, until = self.verify(signed(asks(), typ=TYPE))
        assert token_id == "r1"
        assert self.verify(signed(asks(exp=AT + 86400), typ=TYPE), now=until)
        late = until + timedelta(seconds=1)
        assert refusal(lambda: self.verify(signed(asks(exp=AT + 86400), typ=TYPE), now=late)) == Reason.TOO_OLD

    @pytest.mark.parametrize(
        ("token", "reason"),
        [
            (lambda: signed(asks()), Reason.TOKEN_TYPE),
            (lambda: signed(asks(), typ="logout+jwt"), Reason.TOKEN_TYPE),
            (lambda: signed(claims(jti="r1"), typ=TYPE), Reason.AUDIENCE),  # an ID token
            (lambda: signed(asks(aud=ADDRESS + "/"), typ=TYPE), Reason.AUDIENCE),
            (lambda: signed(asks(iss="https://evil.example"), typ=TYPE), Reason.ISSUER),
            (lambda: signed(asks(exp=AT - 121), typ=TYPE), Reason.EXPIRED),
            (lambda: signed(asks(iat=AT - 601), typ=TYPE), Reason.TOO_OLD),
            (lambda: signed(asks(jti=None), typ=TYPE), Reason.BAD_CLAIM),
            (lambda: signed(asks(), rsa("another"), typ=TYPE), Reason.SIGNATURE),
        ],
    )
    def test_is_refused_otherwise(self, token: Callable[[], str], reason: Reason) -> None:
        assert refusal(lambda: self.verify(token())) == reason


class TestWhomItIsAbout:
    def read(self, told: object) -> Revoked:
        return read_revocation(told if isinstance(told, bytes) else json.dumps(told).encode(), issuer=ISSUER)

    def test_is_a_subject_of_the_issuer_or_an_address(self) -> None:
        assert self.read({"sub_id": {"format": "iss_sub", "iss": ISSUER, "sub": "ada"}}) == Revoked(subject="ada")
        assert self.read({"sub_id": {"format": "email", "email": "a@b.example"}}) == Revoked(email="a@b.example")

    @pytest.mark.parametrize(
        "told",
        [
            b"",
            b"[]",
            b"{",
            b'{"sub_id": ' + b" " * 9000 + b"1}",
            {},
            {"sub_id": "ada"},
            {"sub_id": {"format": "opaque", "id": "ada"}},
            {"sub_id": {"format": "iss_sub", "iss": "https://evil.example", "sub": "ada"}},
            {"sub_id": {"format": "iss_sub", "sub": "ada"}},
            {"sub_id": {"format": "iss_sub", "iss": ISSUER}},
            {"sub_id": {"format": "iss_sub", "iss": ISSUER, "sub": ""}},
            {"sub_id": {"format": "email", "email": ["a@b.example"]}},
            {"sub_id": {"format": "email", "email": "a\0@b.example"}},
            {"sub_id": {"format": "email", "email": "a" * 256}},
        ],
    )
    def test_is_refused_where_it_does_not_say(self, told: object) -> None:
        assert refusal(lambda: self.read(told)) in (Reason.BAD_CLAIM, Reason.OTHER_SUBJECT)
