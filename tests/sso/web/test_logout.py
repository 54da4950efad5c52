"""An identity provider ends sessions: OpenID Connect Back-Channel Logout 1.0, and Okta's Universal Logout."""

from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from orgs.models import Organization, Session, User
from sso import connections
from sso.oidc.tokens import BACKCHANNEL_LOGOUT
from tests.factories import OrganizationFactory, OwnerFactory, UserFactory
from tests.sso.oidc.issuer import CLIENT, ec, signed
from tests.sso.open_id_provider import OpenIdProvider
from tests.sso.web.conftest import Browser, address, by_admin, connected


@pytest.fixture
def ada(org: Organization) -> User:
    return UserFactory.create(org=org, user_name="ada@acme.example")


@pytest.fixture
def sessions(org: Organization, ada: User, idp: OpenIdProvider) -> list[str]:
    """Two of Ada, s1 and s2."""
    for sid in ("s1", "s2"):
        idp.claims |= {"sid": sid}
        assert Browser(idp).sign_in(org).status_code == 302
    return there(ada)


def there(user: User) -> list[str]:
    return sorted(Session.objects.filter(user=user).values_list("provider_session", flat=True))


def told(idp: OpenIdProvider, **claims: Any) -> str:
    """A logout token; None leaves a claim out."""
    said = {
        "iss": idp.issuer,
        "aud": CLIENT,
        "iat": idp.now,
        "exp": idp.now + 120,
        "jti": "1",
        "events": {BACKCHANNEL_LOGOUT: {}},
    } | claims
    return signed({name: value for name, value in said.items() if value is not None})


def log_out(org: Organization, token: str) -> int:
    answer = Client(enforce_csrf_checks=True).post(address("logout", org), {"logout_token": token})
    assert answer["Cache-Control"] == "no-store"
    return answer.status_code


class TestALogoutToken:
    @pytest.mark.parametrize(
        ("claims", "left"),
        [
            ({"sid": "s1"}, ["s2"]),
            ({"sub": "1"}, []),
            ({"sub": "1", "sid": "s2"}, ["s1"]),
            ({"sid": "s3"}, ["s1", "s2"]),
            ({"sub": "2"}, ["s1", "s2"]),
            ({"sub": "2", "sid": "s1"}, ["s1", "s2"]),
        ],
    )
    def test_ends_the_sessions_that_it_names(
        self, org: Organization, ada: User, idp: OpenIdProvider, sessions: list[str], claims: Any, left: list[str]
    ) -> None:  # L7
        assert log_out(org, told(idp, **claims)) == 200
        assert there(ada) == left

    def test_leaves_those_alone_that_did_not_begin_there(
        self, org: Organization, ada: User, idp: OpenIdProvider, sessions: list[str]
    ) -> None:  # L7
        Client().force_login(ada)
        log_out(org, told(idp, sub="1"))
        assert there(ada) == [""]

    def test_says_nothing_in_another_org(
        self, org: Organization, ada: User, idp: OpenIdProvider, sessions: list[str]
    ) -> None:  # O7
        other = OrganizationFactory.create()
        connected(other, idp)
        ben = UserFactory.create(org=other, user_name="ada@acme.example")
        Browser(idp).sign_in(other)
        for number, claims in enumerate(({"sub": "1"}, {"sid": "s2"})):
            assert log_out(org, told(idp, jti=f"jti{number}", **claims)) == 200
        assert (there(ada), there(ben)) == ([], ["s2"])

    @pytest.mark.parametrize(
        "claims",
        [
            {"nonce": "n"},
            {"events": None},
            {"events": ["http://schemas.openid.net/event/backchannel-logout"]},
            {"jti": None},
            {"iat": 1},
            {"aud": "another"},
            {"iss": "https://evil.example"},
            {"sub": None, "sid": None},
        ],
    )
    def test_that_is_none_ends_nothing(
        self, org: Organization, ada: User, idp: OpenIdProvider, sessions: list[str], claims: Any
    ) -> None:  # L7
        assert log_out(org, told(idp, **{"sub": "1"} | claims)) == 400
        assert there(ada) == ["s1", "s2"]

    def test_counts_once(self, org: Organization, ada: User, idp: OpenIdProvider, sessions: list[str]) -> None:  # L7
        token = told(idp, sid="s1")
        assert [log_out(org, token) for _ in range(2)] == [200, 400]
        assert log_out(org, told(idp, sid="s2", jti="2")) == 200

    def test_is_signed_by_the_provider(self, org: Organization, idp: OpenIdProvider, sessions: list[str]) -> None:
        forged = signed({"iss": idp.issuer}, ec("k1"), alg="ES256")
        assert [log_out(org, each) for each in (forged, "", "x.y.z")] == [400] * 3


def test_the_address_takes_nothing_but_a_post(org: Organization) -> None:
    for ask in (Client().get, Client().put):
        assert ask(address("logout", org)).status_code == 405


def test_the_end_of_the_connection_ends_its_sessions(
    org: Organization, ada: User, idp: OpenIdProvider, sessions: list[str]
) -> None:  # L7
    Client().force_login(ada)
    connections.switch_off(org=org, cause=by_admin())
    assert there(ada) == [""]


REVOCATION = "global-token-revocation+jwt"


class TestUniversalLogout:
    def ask(self, idp: OpenIdProvider, org: Organization, told: Any, *, jti: str = "r1", **claims: Any) -> int:
        url = settings.MUSTER_URL + address("revoke", org)
        said = {"iss": idp.issuer, "aud": url, "sub": CLIENT, "iat": idp.now, "exp": idp.now + 300, "jti": jti} | claims
        answer = Client(enforce_csrf_checks=True).post(
            address("revoke", org),
            {"sub_id": told},
            content_type="application/json",
            headers={"authorization": f"Bearer {signed(said, typ=REVOCATION)}"},
        )
        assert answer["Cache-Control"] == "no-store"
        return answer.status_code

    @pytest.mark.parametrize(
        "named", [{"format": "iss_sub", "sub": "1"}, {"format": "email", "email": "ADA@acme.example"}]
    )
    def test_ends_every_session_of_a_person(
        self, org: Organization, ada: User, idp: OpenIdProvider, sessions: list[str], named: dict[str, str]
    ) -> None:  # L7
        Client().force_login(ada)
        bo = UserFactory.create(org=org)
        Client().force_login(bo)
        assert self.ask(idp, org, {"iss": idp.issuer} | named) == 204
        assert (there(ada), there(bo)) == ([], [""])

    @pytest.mark.parametrize(
        "named", [{"format": "iss_sub", "sub": "2"}, {"format": "email", "email": "owner@acme.example"}]
    )
    def test_of_nobody_there_says_so(
        self, org: Organization, idp: OpenIdProvider, sessions: list[str], named: dict[str, str]
    ) -> None:
        owner = OwnerFactory.create(org=org, user_name="owner@acme.example")
        Client().force_login(owner)
        assert self.ask(idp, org, {"iss": idp.issuer} | named) == 404
        assert there(owner) == [""]

    def test_is_refused_without_the_right_token_or_twice(
        self, org: Organization, ada: User, idp: OpenIdProvider, sessions: list[str]
    ) -> None:
        other = OrganizationFactory.create()
        connected(other, idp)
        named = {"format": "iss_sub", "iss": idp.issuer, "sub": "1"}
        elsewhere = settings.MUSTER_URL + address("revoke", other)
        assert self.ask(idp, org, named, aud=elsewhere) == 400
        assert self.ask(idp, org, named, jti=None) == 400
        assert self.ask(idp, org, {"format": "opaque", "id": "1"}) == 400
        assert Client().post(address("revoke", org), {"sub_id": named}, "application/json").status_code == 400
        assert there(ada) == ["s1", "s2"]
        assert [self.ask(idp, org, named, jti="r2") for _ in range(2)] == [204, 400]
