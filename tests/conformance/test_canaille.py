"""Canaille provisions people and a group, and signs them in: its own code, unchanged, against a running portal.

Its client is typed: it discovers the portal with scim2-client 0.7.5 and scim2-models 0.6.12, builds its models from
/Schemas, and provisions nobody where one of the documents has something that these do not know.
"""

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from lxml import html

from groups_provisioning.actions.rules import RuleFacts, add_rule
from groups_provisioning.engine import worker
from orgs.history import Cause
from orgs.models import Door, IdentityLink, Organization, User
from sso import connections
from sso.connections import Facts
from sso.models import Revision
from tests.factories import OrganizationFactory, issue_token
from tests.groups_provisioning.states import drift
from tests.sso.counterparts.running import Browser
from tests.sso.servers import LOCAL

PROGRAM = Path(__file__).with_name("canaille_idp.py")


class Canaille:
    """The identity provider in its process. It must have no complaint after anything that it is told to do."""

    def __init__(self, process: subprocess.Popen[str], org: Organization, issuer: str) -> None:
        self.process = process
        self.org = org
        self.issuer = issuer

    def save(self, kind: str, name: str, **columns: Any) -> None:
        """Make a user or a group, or change one, by the columns of Canaille's models; members are names of users."""
        self._tell(save=kind, name=name, columns=columns)

    def delete(self, kind: str, name: str) -> None:
        self._tell(delete=kind, name=name)

    def _tell(self, **order: Any) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, "Canaille has ended"
        assert json.loads(answer) == []
        while worker.serve():
            pass
        assert drift(self.org) == []


@pytest.fixture
def org(transactional_db: None) -> Organization:
    org = OrganizationFactory.create(dialect="standard")
    everything = RuleFacts(pattern_type="all", kind="team", auto_approve=True)
    add_rule(org=org, facts=everything, cause=by_command())
    return org


def by_command() -> Cause:
    return Cause(Door.COMMAND, timezone.now())


@pytest.fixture
def canaille(base_url: str, org: Organization, canaille_python: Path) -> Iterator[Canaille]:
    connection = connections.prepare(org=org, idp="other", cause=by_command())
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = str(listening.getsockname()[1])
    environment = {
        "PATH": os.environ["PATH"],
        "BASE_URL": base_url,
        "TOKEN": issue_token(org).secret,
        "PORT": port,
        "REDIRECT_URI": connections.callback_url(connection),
    }
    command = [str(canaille_python), str(PROGRAM)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=environment, text=True, **pipes) as process:
        yield Canaille(process, org, f"http://127.0.0.1:{port}")
        process.stdin.close()


def person(org: Organization, user_name: str) -> User:
    return org.people.select_related("standing").get(user_name=user_name)


def places(user: User) -> list[str]:
    return sorted(f"{kind} {name}" for kind, name in user.places.values_list("kind", "entity__name"))


@pytest.mark.exhaustive  # scim2-tester asks the same of it
@pytest.mark.timeout(300)  # its environment may have to be made first
def test_people_and_a_group_come_change_and_go(canaille: Canaille, org: Organization) -> None:  # U3-U5, G1, G4, G6
    canaille.save(
        "user",
        "ada",
        user_name="ada@corp.example",
        formatted_name="Ada Lovelace",
        given_name="Ada",
        family_name="Lovelace",
        display_name="Ada L.",
        emails=["ada@corp.example", "countess@corp.example"],
        phone_numbers=["+441234"],
        title="Countess",
        password="correct horse",
        locality="London",
        department="R&D",
        employee_number="42",
        preferred_language="fr",
    )
    canaille.save("user", "bob", user_name="bob", family_name="B", emails=["bob@corp.example"])

    ada, bob = person(org, "ada@corp.example"), person(org, "bob")
    assert (ada.active, ada.scim_managed, ada.given_name, ada.family_name) == (True, True, "Ada", "Lovelace")
    assert [email["value"] for email in ada.attributes["emails"]] == ["ada@corp.example", "countess@corp.example"]
    assert ada.attributes["addresses"][0]["locality"] == "London"
    enterprise = ada.attributes["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"]
    assert enterprise == {"employeeNumber": "42", "department": "R&D"}
    assert not ada.has_usable_password()
    assert bob.active

    canaille.save("user", "ada", title="Analyst", emails=["ada@corp.example"], phone_numbers=[])
    ada.refresh_from_db()
    assert ada.attributes["title"] == "Analyst"
    assert [email["value"] for email in ada.attributes["emails"]] == ["ada@corp.example"]
    assert "phoneNumbers" not in ada.attributes

    canaille.save("group", "engineers", display_name="Engineers", members=["ada", "bob"])
    group = org.pushed_groups.get()
    assert sorted(group.memberships.values_list("user_id", flat=True)) == sorted([ada.id, bob.id])
    assert places(ada) == places(bob) == ["team Engineers"]

    canaille.save("group", "engineers", display_name="Builders")
    assert places(ada) == places(bob) == ["team Builders"]

    canaille.save("group", "engineers", members=["ada"])
    assert [*group.memberships.values_list("user_id", flat=True)] == [ada.id]
    assert (places(ada), places(bob)) == (["team Builders"], [])

    canaille.save("user", "ada", lock_date="2020-01-01T00:00:00+00:00")
    assert person(org, "ada@corp.example").active is False
    canaille.save("user", "ada", lock_date=None)
    assert person(org, "ada@corp.example").active is True

    canaille.save("user", "ada", user_name="ada.king@corp.example")
    assert person(org, "ada.king@corp.example").id == ada.id

    canaille.delete("user", "bob")
    bob.refresh_from_db()
    assert (bob.active, bob.deleted_at is None) == (False, False)

    canaille.delete("group", "engineers")
    group.refresh_from_db()
    assert group.deleted_at
    assert not group.memberships.exists()
    assert places(ada) == []

    canaille.delete("user", "ada")
    assert not org.people.filter(deleted_at=None).exists()


@pytest.mark.timeout(300)
def test_whom_it_provisions_it_signs_in_until_they_are_locked(
    canaille: Canaille, org: Organization, live_server: Any, settings: Any
) -> None:  # L4, U4
    settings.IDP_NETWORKS = LOCAL
    facts = Facts(canaille.issuer, "muster", "s" * 40, name_claim="sub")
    draft = connections.draft(org=org, facts=facts, cause=by_command())
    Revision.objects.update(tested_at=timezone.now())
    connections.activate(org=org, revision_id=draft.id, cause=by_command())
    canaille.save(
        "user",
        "ada",
        user_name="ada@corp.example",
        family_name="Lovelace",
        emails=["ada@corp.example"],
        password="correct horse",
    )
    ada = person(org, "ada@corp.example")

    browser = Browser()
    page = browser.read(connections.start_url(draft.connection))
    for entered in ({"login": "ada@corp.example"}, {"password": "correct horse"}):
        (form,) = [form for form in html.fromstring(page).forms if set(entered) <= set(form.fields)]
        page = browser.read(browser.url, {**{name: value or "" for name, value in form.fields.items()}, **entered})
    assert browser.url == f"{live_server.url}/account/"
    assert "ada@corp.example" in page.decode()
    assert IdentityLink.objects.get(org=org).user == ada

    canaille.save("user", "ada", lock_date="2020-01-01T00:00:00+00:00")
    assert b"ada@corp.example" not in browser.read(f"{live_server.url}/account/")
    assert browser.url.startswith(f"{live_server.url}/sign-in/")
