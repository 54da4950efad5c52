"""Webhooks reach servers at public addresses, by https, and nothing inside (SPEC E3)."""

import ipaddress
from pathlib import Path
from typing import Any

import pytest

from api.models import Attempt, Endpoint
from api.webhooks import deliveries, endpoints
from api.webhooks.endpoints import BadUrl
from orgs import feed
from orgs.models import Organization
from tests.api.webhooks.receiver import HOST, Receiver, receiving
from tests.factories import UserFactory
from tests.groups_provisioning.world import by_command
from tests.sso.servers import LOCAL, Names

pytestmark = pytest.mark.usefixtures("db")

INSIDE = [
    *("127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0", "0.0.0.0", "10.0.0.1", "172.16.0.1"),
    *("192.168.1.1", "169.254.169.254", "100.64.0.1", "198.18.0.1", "192.0.2.1", "224.0.0.1", "255.255.255.255"),
    *("[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:10.0.0.1]", "[fe80::1]", "[fc00::1]", "[fec0::1]", "[ff02::1]"),
    *("[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[2001:db8::1]", "[2001:0:4136:e378:8000:63bf:3fff:fdd2]"),
    *("localhost", "localhost.", "LOCALHOST", "db.internal", "mixed.example", "nowhere.example"),
]
"""Hosts that no webhook may reach; those with names as `inside` answers."""


@pytest.fixture
def inside(names: Names) -> Names:
    names.answers |= {
        "db.internal": [["10.0.0.5"]],
        "mixed.example": [["8.8.8.8", "10.0.0.1"]],
        "nowhere.example": [[]],
    }
    return names


def attempt(org: Organization, owner: Organization | None, url: str) -> Attempt:
    """What comes of a delivery to this URL."""
    webhook = endpoints.create(org=owner, url=url, kinds=["person"], max_items=5, cause=by_command()).endpoint
    feed.touch(org.id, [("person", str(UserFactory.create(org=org).id))])
    feed.stamp_all()
    deliveries.serve(10)
    return Attempt.objects.get(endpoint=webhook)


class TestAServerInside:
    @pytest.mark.parametrize("host", INSIDE)
    def test_is_not_reached_whoever_asks_for_it(  # E3, L2
        self, org: Organization, inside: Names, settings: Any, host: str
    ) -> None:
        settings.WEBHOOK_ALLOWED_NETWORKS = [ipaddress.ip_network("10.77.0.0/16")]
        for owner in (org, None):
            tried = attempt(org, owner, f"https://{host}/")
            assert (tried.status, tried.error) == (None, "no_public_address")

    def test_in_a_network_that_is_allowed_is_reached_by_the_operators_webhooks_alone(  # E3
        self, org: Organization, names: Names, trusting: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.WEBHOOK_ALLOWED_NETWORKS = LOCAL
        names.answers[HOST] = [["127.0.0.1"]]
        with receiving(trusting) as receiver:
            monkeypatch.setattr(endpoints, "PORTS", (receiver.port,))
            assert attempt(org, org, receiver.url()).error == "no_public_address"
            assert receiver.heard == []
            assert attempt(org, None, receiver.url()).status == 204
            assert len(receiver.heard) == 1

    def test_is_not_reached_by_a_second_answer_of_the_dns(  # E3
        self, org: Organization, names: Names, trusting: Path, settings: Any
    ) -> None:
        """One look-up for a request: what was judged is what is connected to."""
        settings.WEBHOOK_ALLOWED_NETWORKS = [ipaddress.ip_network("127.0.0.1/32")]
        names.answers[HOST] = [["127.0.0.1"], ["127.0.0.2"]]
        with receiving(trusting) as receiver:
            assert attempt(org, None, receiver.url()).status == 204
            assert names.asked == [HOST]
            assert attempt(org, None, receiver.url("/again")).error == "no_public_address"
            assert [each.path for each in receiver.heard] == ["/"]


class TestAnAddress:
    @pytest.mark.parametrize(
        "url",
        [
            *("", "hooks.example", "http://hooks.example/", "ftp://hooks.example/", "https:///x", "https://a:0/"),
            *("https://user:pw@hooks.example/", "https://hooks.example/\r\nX: 1", "https://hooks .example/"),
            f"https://hooks.example/{'x' * 2048}",
        ],
    )
    def test_is_one_of_https(self, org: Organization, url: str) -> None:  # E3
        for owner in (org, None):
            with pytest.raises(BadUrl):
                endpoints.create(org=owner, url=url, kinds=["person"], max_items=1, cause=by_command())
        assert not Endpoint.objects.exists()

    @pytest.mark.parametrize(("port", "accepted"), [("", 1), (":443", 1), (":8443", 1), (":22", 0), (":8080", 0)])
    def test_of_an_org_has_a_port_of_https(self, org: Organization, port: str, accepted: bool) -> None:
        facts: dict[str, Any] = {"url": f"https://hooks.example{port}/", "kinds": ["person"], "max_items": 1}
        endpoints.create(org=None, **facts, cause=by_command())
        if accepted:
            webhook = endpoints.create(org=org, **facts, cause=by_command()).endpoint
        else:
            with pytest.raises(BadUrl):
                endpoints.create(org=org, **facts, cause=by_command())
            facts["url"] = "https://hooks.example/"
            webhook = endpoints.create(org=org, **facts, cause=by_command()).endpoint
            with pytest.raises(BadUrl):
                endpoints.change(
                    org=org, endpoint_id=webhook.id, url=f"https://hooks.example{port}/", cause=by_command()
                )


class TestAnAnswer:
    def test_that_leads_elsewhere_is_not_followed(self, org: Organization, receiver: Receiver) -> None:
        receiver.answer(307, location=receiver.url("/elsewhere"))
        assert attempt(org, org, receiver.url()).status == 307
        assert [each.path for each in receiver.heard] == ["/"]

    def test_of_a_server_with_the_certificate_of_another_is_none(
        self, org: Organization, receiver: Receiver, names: Names
    ) -> None:
        names.answers["other.example"] = [["127.0.0.1"]]
        tried = attempt(org, org, receiver.url().replace(HOST, "other.example"))
        assert (tried.status, tried.error, receiver.heard) == (None, "tls", [])

    def test_that_does_not_come_in_time_is_none(
        self, org: Organization, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(deliveries, "SECONDS", 0.3)
        receiver.replies["/"] = lambda _: (204, {}) if receiver.over.wait(60) else None
        tried = attempt(org, org, receiver.url())
        assert (tried.status, tried.error) == (None, "too_slow")
        assert tried.milliseconds > 250
