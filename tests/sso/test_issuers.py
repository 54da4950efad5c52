"""What providers publish, kept for all processes."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_django import Settings

from sso import issuers
from sso.models import IssuerDocument
from sso.oidc.documents import VerifyingKey
from sso.oidc.tokens import verify_id_token
from sso.refusals import Reason, Refused
from tests.sso.oidc.issuer import CLIENT, NONCE, claims, description, provider, rsa, signed
from tests.sso.servers import LOCAL, Server, answer, serving

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

pytestmark = pytest.mark.django_db


class Idp:
    """A provider on this machine."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.issuer = f"http://127.0.0.1:{server.port}"
        self.keys_url = f"{self.issuer}/keys"

    def describes(self, **changes: Any) -> None:
        places = {name: f"{self.issuer}/{name}" for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
        self.says(description(issuer=self.issuer, userinfo_endpoint=None, **places | changes))

    def publishes(self, *keys: Any) -> None:
        self.says({"keys": [key.as_dict(private=False) for key in keys]})

    def says(self, document: object, status: bytes = b"200 OK") -> None:
        self.server.says = [answer(json.dumps(document).encode(), status=status)]

    def fails(self) -> None:
        self.says({}, b"500 Internal Server Error")

    @property
    def asked(self) -> int:
        return len(self.server.heard)


@pytest.fixture
def idp(settings: Settings) -> Iterator[Idp]:
    settings.IDP_NETWORKS = LOCAL
    with serving() as server:
        yield Idp(server)


def refusal(issuer: str, *, now: datetime = NOW) -> Reason:
    with pytest.raises(Refused) as refused:
        issuers.provider(issuer, now=now)
    return refused.value.reason


class TestADescription:
    def test_is_read_once_an_hour_for_all(self, idp: Idp) -> None:  # L2
        idp.describes()
        for minutes in (0, 1, 59):
            got = issuers.provider(idp.issuer, now=NOW + timedelta(minutes=minutes))
            assert got.token_endpoint == f"{idp.issuer}/token_endpoint"
        assert idp.asked == 1
        idp.describes(token_endpoint=f"{idp.issuer}/elsewhere")
        assert issuers.provider(idp.issuer, now=NOW + HOUR).token_endpoint == f"{idp.issuer}/elsewhere"
        assert idp.asked == 2

    def test_serves_for_a_day_while_the_provider_is_away(self, idp: Idp) -> None:
        idp.describes()
        issuers.provider(idp.issuer, now=NOW)
        idp.fails()
        last = NOW + DAY - timedelta(seconds=1)
        assert issuers.provider(idp.issuer, now=last).issuer == idp.issuer
        assert refusal(idp.issuer, now=NOW + DAY) == Reason.BAD_STATUS
        assert idp.asked == 2  # not again within ten seconds

    def test_that_cannot_be_read_is_not_asked_for_again_at_once(self, idp: Idp) -> None:
        idp.fails()
        for seconds in (0, 1, 9):
            assert refusal(idp.issuer, now=NOW + timedelta(seconds=seconds)) == Reason.BAD_STATUS
        assert idp.asked == 1
        idp.describes()
        assert issuers.provider(idp.issuer, now=NOW + timedelta(seconds=10)).issuer == idp.issuer

    def test_is_not_spoiled_by_who_reads_it_for_another_issuer(self, idp: Idp) -> None:
        idp.describes()
        assert refusal(f"{idp.issuer}/") == Reason.OTHER_ISSUER
        assert issuers.provider(idp.issuer, now=NOW).issuer == idp.issuer
        later = NOW + DAY
        assert refusal(f"{idp.issuer}/", now=later) == Reason.OTHER_ISSUER
        assert issuers.provider(idp.issuer, now=later).issuer == idp.issuer
        assert idp.asked == 2

    def test_is_asked_for_by_one_process_while_others_use_the_former(self, idp: Idp) -> None:
        idp.describes()
        issuers.provider(idp.issuer, now=NOW)
        later = NOW + 2 * HOUR
        IssuerDocument.objects.update(asked_at=later)
        assert issuers.provider(idp.issuer, now=later).issuer == idp.issuer
        assert idp.asked == 1

    @pytest.mark.parametrize("read_at", [None, NOW - DAY])
    def test_is_asked_for_by_each_where_there_is_none_to_use(self, idp: Idp, read_at: datetime | None) -> None:
        idp.describes()
        url = f"{idp.issuer}/.well-known/openid-configuration"
        IssuerDocument.objects.create(url=url, asked_at=NOW, read_at=read_at, body=b"{}" if read_at else None)
        assert issuers.provider(idp.issuer, now=NOW).issuer == idp.issuer

    @pytest.mark.parametrize("issuer", ["https://idp.example/\0", f"https://idp.example/{'x' * 2048}", "idp"])
    def test_is_not_kept_where_it_cannot_be(self, issuer: str) -> None:
        assert refusal(issuer) == Reason.BAD_ADDRESS
        assert not IssuerDocument.objects.exists()

    def test_is_not_read_from_inside(self, settings: Settings) -> None:
        settings.IDP_NETWORKS = ()
        assert refusal("https://127.0.0.1") == Reason.NO_PUBLIC_ADDRESS

    def test_is_forgotten_when_nobody_asks(self, idp: Idp) -> None:
        idp.describes()
        issuers.provider(idp.issuer, now=NOW)
        issuers.forget(at=NOW + 30 * DAY)
        assert IssuerDocument.objects.exists()
        issuers.forget(at=NOW + 30 * DAY + timedelta(seconds=1))
        assert not IssuerDocument.objects.exists()


class TestKeys:
    def identify(self, idp: Idp, token: str, *, seconds: int = 0) -> dict[str, Any]:
        now = NOW + timedelta(seconds=seconds)

        def verify(keys: Sequence[VerifyingKey]) -> dict[str, Any]:
            return verify_id_token(token, keys=keys, issuer=idp.issuer, client_id=CLIENT, nonce=NONCE, now=now)

        return issuers.with_keys(provider(issuer=idp.issuer, jwks_uri=idp.keys_url), verify, now=now)

    def token(self, idp: Idp, kid: str, name: str | None = None) -> str:
        return signed(claims(iss=idp.issuer), rsa(kid), kid=name or kid)

    def test_are_read_again_when_a_token_has_a_new_one(self, idp: Idp) -> None:  # L2
        idp.publishes(rsa("k1"))
        assert self.identify(idp, self.token(idp, "k1"))
        idp.publishes(rsa("k2"))
        assert self.identify(idp, self.token(idp, "k2"), seconds=10)
        assert idp.asked == 2

    def test_are_not_read_for_every_token_that_names_none(self, idp: Idp) -> None:
        idp.publishes(rsa("k1"))
        for each in range(40):
            with pytest.raises(Refused) as refused:
                self.identify(idp, self.token(idp, "k2", name=f"k{each + 2}"), seconds=each)
            assert refused.value.reason == Reason.UNKNOWN_KEY
        assert idp.asked == 4
        assert self.identify(idp, self.token(idp, "k1"), seconds=40)

    def test_are_not_read_again_for_a_signature_that_is_wrong(self, idp: Idp) -> None:
        idp.publishes(rsa("k1"))
        for seconds in (0, 60):
            with pytest.raises(Refused):
                self.identify(idp, self.token(idp, "k2", name="k1"), seconds=seconds)
        assert idp.asked == 1

    def test_that_were_taken_back_count_for_nothing_once_they_are_read(self, idp: Idp) -> None:
        idp.publishes(rsa("k1"))
        assert self.identify(idp, self.token(idp, "k1"))
        idp.publishes(rsa("k2"))
        with pytest.raises(Refused):
            self.identify(idp, signed(claims(iss=idp.issuer, exp=NOW.timestamp() + 9999), rsa("k1")), seconds=3600)

    def test_serve_while_the_provider_is_away(self, idp: Idp) -> None:
        idp.publishes(rsa("k1"))
        assert self.identify(idp, self.token(idp, "k1"))
        idp.fails()
        token = signed(claims(iss=idp.issuer, exp=NOW.timestamp() + 9999), rsa("k1"))
        assert self.identify(idp, token, seconds=3600)
