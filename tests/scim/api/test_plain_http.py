"""Where the public address is https, a request over plain HTTP is refused: its token has travelled in clear (S10)."""

import json
from typing import Any

import pytest

from orgs.models import Organization, User
from scim import advice, request_log
from scim.models import RequestLog
from tests.conftest import Idp


@pytest.fixture
def behind_tls(settings: Any) -> None:
    """One trusted proxy ends TLS for the public address."""
    settings.HTTPS = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")


CALLS = [
    ("GET", "/Users"),
    ("POST", "/Users"),
    ("GET", "/ServiceProviderConfig"),
    ("GET", "/nowhere"),
    ("POST", "/Bulk"),
]


@pytest.mark.usefixtures("behind_tls")
class TestBehindTls:
    @pytest.mark.parametrize(("method", "path"), CALLS)
    @pytest.mark.parametrize("word", [{}, {"x_forwarded_proto": "http"}])
    def test_plain_http_is_refused(self, idp: Idp, method: str, path: str, word: dict[str, str]) -> None:  # S10
        answer = idp(method, path, {"userName": "ada@corp.example"}, **word)
        assert answer.status_code == 403
        error = json.loads(answer.content)
        assert error["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
        assert "its token has travelled in clear" in error["detail"]
        assert not User.objects.filter(user_name="ada@corp.example").exists()

    def test_https_by_the_word_of_the_proxy_is_served(self, idp: Idp) -> None:
        assert idp.get("/Users", x_forwarded_proto="https").status_code == 200

    def test_the_log_says_what_to_do(self, org: Organization, idp: Idp) -> None:
        idp.post("/Users", {"userName": "ada@corp.example"})
        request_log.flush(10)
        told = advice.of(RequestLog.objects.for_org(org).get(), None)
        assert told is not None
        assert "https" in told.text
        assert "switch" not in told.text


def test_a_portal_without_https_serves_plain_http(idp: Idp) -> None:
    assert idp.get("/Users").status_code == 200
    assert idp.get("/Users", x_forwarded_proto="http").status_code == 200
