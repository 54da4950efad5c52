"""Two machines over one database and one broker: what each of them does, the other one knows; and one may go."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests import mail_server
from tests.api.webhooks.receiver import HOST, Receiver, receiving
from tests.config.processes import until
from tests.deploy.hosts import BRIDGE, METRICS, PATIENCE, SUBNET, Browser, Host, Portal, network, what_is_missing
from tests.deploy.upgrade import DRIFTED, SEED, Load

pytestmark = [
    pytest.mark.skipif(bool(missing := what_is_missing()), reason=missing),
    pytest.mark.timeout(600),
]

PASSWORD = "a password of the tests"
INVITED = 40

# After SEED: a webhook of the operator, and a password for the owner, which ends her sessions.
MORE = """
import django
django.setup()
from api.webhooks import endpoints
from django.test import Client
from orgs.models import User
from tests.groups_provisioning.world import by_command

owner = User.objects.get(login_email="owner@acme.example")
owner.set_password({password!r})
owner.save()
endpoints.create(org=None, url={url!r}, kinds=endpoints.kinds_for(None), max_items=5, cause=by_command())
browser = Client()
browser.force_login(owner)
print(browser.cookies["sessionid"].value)
"""

INVITE = """
import django
django.setup()
from orgs import invitations
from orgs.models import Organization
from tests.groups_provisioning.world import by_command

addresses = [f"guest-{{n}}@corp.example" for n in range({count})]
org = Organization.objects.get(slug="acme")
invitations.invite(org=org, addresses=addresses, roles=[], days=7, cause=by_command())
"""


@dataclass
class World:
    """A portal on two machines, and whom it tells."""

    portal: Portal
    seeded: dict[str, str]
    mails: mail_server.MailServer
    receiver: Receiver

    @property
    def hosts(self) -> list[Host]:
        return self.portal.hosts


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("trusted")
    for opened in (folder, folder.parent, folder.parent.parent):
        opened.chmod(0o711)
    with network(HOST), mail_server.running(address=BRIDGE) as mails, receiving(folder, BRIDGE) as receiver:
        portal = Portal(
            EMAIL_URL=f"smtp://{BRIDGE}:{mails.port}",
            WEBHOOK_ALLOWED_NETWORKS=f"{SUBNET}.0/24",
            SSL_CERT_FILE=str(folder / "ca.pem"),
        )
        try:
            seeded = json.loads(portal.run(SEED))
            seeded["session"] = portal.run(MORE.format(password=PASSWORD, url=receiver.url())).strip()
            portal.start()
            yield World(portal, seeded, mails, receiver)
        finally:
            portal.close()


def leaders(hosts: list[Host]) -> list[Host]:
    return [host for host in hosts if "clock.leads" in host.said("beat")]


class TestTwoMachines:
    """In this order: the last test takes one away."""

    def test_know_each_others_sessions(self, world: World) -> None:
        one, other = world.hosts
        browser = Browser()
        browser(one, "/sign-in/")
        given = {"username": "owner@acme.example"}
        assert browser(other, "/sign-in/", **given)[0] == 200
        status, leads_to = browser(one, "/sign-in/", **given, password=PASSWORD)
        assert status == 302
        assert "sign-in" not in leads_to
        for host in (other, one):
            assert browser(host, "/account/")[0] == 200
        browser(other, "/sign-out/", next="/")
        assert browser(one, "/account/")[0] == 302

    def test_have_one_limit(self, world: World) -> None:  # S9
        """60 a minute, and one more for each second that the test takes; each alone would let all of them pass."""
        said = Counter(
            host.ask("GET", "/api/scim/Users", {"Authorization": "Bearer wrong"})[0]
            for _ in range(60)
            for host in world.hosts
        )
        assert set(said) == {401, 429}

    def test_have_one_clock(self, world: World) -> None:
        until(lambda: leaders(world.hosts), PATIENCE)
        assert len(leaders(world.hosts)) == 1

    def test_send_every_mail_once(self, world: World) -> None:  # N3
        world.portal.run(INVITE.format(count=INVITED))
        until(lambda: len(world.mails.accepted) >= INVITED, PATIENCE)
        until(lambda: world.portal.ask("SELECT count(*) FROM orgs_mail WHERE state = 'waiting'") == 0, PATIENCE)
        assert Counter(world.mails.ids).most_common(1)[0][1] == 1

    def test_lose_nothing_and_do_nothing_twice_when_one_is_gone(self, world: World) -> None:  # E1, E3, S2, S7
        portal = world.portal
        (leader,) = leaders(world.hosts)
        (other,) = set(world.hosts) - {leader}
        with Load(portal, **world.seeded) as load:
            load.go_on(20)
            assert dict(load.refused) == {}
            leader.lose_power()
            until(lambda: leaders([other]), PATIENCE)
            load.go_on(20)
        load.catch_up()
        # What it had in hand, and for ten seconds what waits for a turn that it had (`orgs.web.turns`).
        assert {status for _, status in load.refused} <= {0, 429}
        until(lambda: portal.ask("SELECT count(*) FROM orgs_mark") == 0, PATIENCE)
        members = set(portal.ask("SELECT array_agg(user_id::text) FROM groups_provisioning_groupmember"))
        assert set(portal.ask("SELECT array_agg(user_id::text) FROM groups_provisioning_membership")) == members
        assert set(load.created) <= load.seen
        assert len(load.epochs) == 1
        until(lambda: set(load.created) <= {item["id"] for item in world.receiver.items()}, PATIENCE)
        positions = [item["position"] for item in world.receiver.items()]
        assert positions == sorted(set(positions))
        assert portal.run(DRIFTED) == "0\n"

    def test_count_for_themselves(self, world: World) -> None:
        """Prometheus asks each machine."""
        (host,) = (host for host in world.hosts if host.answers())
        status, _, body = host.ask("GET", "/metrics", {}, port=METRICS)
        assert status == 200
        counted = re.findall(r'^muster_requests_total\{door="scim",.*\} (\d+)', body.decode(), re.MULTILINE)
        assert 0 < sum(map(int, counted)) < world.portal.ask("SELECT count(*) FROM scim_requestlog")
