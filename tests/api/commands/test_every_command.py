"""What every command about organizations and credentials has in common."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from structlog.testing import capture_logs

from api.base import calls
from orgs import domains, txt_records
from orgs.db.keys import uuid7
from orgs.models import Change, Door, Scope
from sso import fetching
from tests.api.commands.scene import LINK, OIDC, SAML, TOKEN, Scene
from tests.api.program import ALL, Program, contents, problem
from tests.factories import OrganizationFactory
from tests.orgs.name_server import NameServer


@dataclass(frozen=True)
class Command:
    """A request that changes something. path: below the org's, with the ids of the scene. again: what the same request
    is answered a second time. operator: whether it is for the operator's keys alone.
    """

    method: str
    path: str
    body: Callable[[Scene], Any] | None = None
    scope: Scope = Scope.CREDENTIALS
    status: int = 200
    again: int | None = None
    operator: bool = False
    query: dict[str, str] = field(default_factory=dict)
    before: Callable[[Scene], None] = lambda _: None

    def address(self, scene: Scene, **others: Any) -> str:
        ids = {"token": scene.token.id, "key": scene.key.id, "link": scene.link.id, "domain": "corp.example"}
        return (f"/organizations/{others.pop('org', scene.org.id)}" + self.path).format(**ids | others)

    def send(self, program: Program, scene: Scene, body: Any = None, **query: str) -> Any:
        """body: another one than it has."""
        return program(self.method, self.address(scene), body or self.sent(scene), **self.query | query)

    def sent(self, scene: Scene) -> Any:
        return self.body(scene) if self.body else None


def says(body: Any) -> Callable[[Scene], Any]:
    return lambda _: body


MANAGE = Scope.MANAGE
COMMANDS = {
    "rename": Command("PATCH", "", says({"name": "Northwind", "profile": "standard"}), MANAGE, operator=True),
    "switch a kind": Command("PATCH", "", says({"features": {"teams": False}}), MANAGE, operator=True),
    "switch groups": Command("PATCH", "", says({"features": {"group_provisioning": False}}), MANAGE),
    "delete": Command("DELETE", "", scope=MANAGE, status=202, again=404, operator=True, query={"confirm": "acme"}),
    "hand over": Command("PUT", "/owner", says({"email": "cleo@corp.example"}), operator=True),
    "issue a token": Command("POST", "/tokens", says(TOKEN), status=201, again=409),
    "limit a token": Command("PATCH", "/tokens/{token}", says({"networks": ["192.0.2.7"]})),
    "revoke a token": Command("DELETE", "/tokens/{token}", status=204),
    "issue a key": Command(
        "POST", "/keys", says({"name": "CRM", "scopes": ["read"], "expires_in_days": None}), status=201, again=409
    ),
    "revoke a key": Command("DELETE", "/keys/{key}", status=204),
    "make a link": Command("POST", "/setup-links", says(LINK), status=201, again=409),
    "revoke a link": Command("DELETE", "/setup-links/{link}", status=204),
    "vouch for domains": Command("PUT", "/domains", says({"names": ["Acme.example"]}), operator=True),
    "ask for a domain": Command("PUT", "/domains/acme.example"),
    "verify a domain": Command("POST", "/domains/{domain}/verification"),
    "remove a domain": Command("DELETE", "/domains/{domain}", status=204, again=404),
    "choose a provider": Command("PUT", "/connection", says({"idp": "okta"})),
    "make accounts": Command("PATCH", "/connection", says({"creates_people": True})),
    "draft OpenID Connect": Command("PUT", "/connection/draft", says({"oidc": OIDC})),
    "draft SAML": Command("PUT", "/connection/draft", says({"saml": SAML})),
    "discard the draft": Command("DELETE", "/connection/draft", status=204),
    "activate": Command("PUT", "/connection/active", lambda scene: {"revision": str(scene.draft.id)}),
    "switch off": Command("DELETE", "/connection/active", status=204, before=Scene.activate),
}
SILENT = {"delete"}  # what history does not tell, since it goes as well


def program_for(what: Command, scene: Scene, *scopes: Scope) -> Program:
    return Program(None if what.operator else scene.org, *scopes)


@pytest.mark.parametrize("what", COMMANDS)
class TestEveryCommand:
    def test_is_for_its_org_its_scope_and_support(self, scene: Scene, what: str) -> None:  # E2, E5, O7
        asked = COMMANDS[what]
        asked.before(scene)
        other = OrganizationFactory.create()
        theirs, without = Program(other), program_for(asked, scene, *{*ALL} - {asked.scope})
        ours, operator = Program(scene.org), Program(None)
        before = contents()
        assert problem(asked.send(without, scene)) == (403, "insufficient-scope")
        if asked.operator:
            assert problem(asked.send(ours, scene)) == (403, "operator-only")

        def status_of(program: Program, **others: Any) -> int:
            answer = program(asked.method, asked.address(scene, **others), asked.sent(scene), **asked.query)
            return int(answer.status_code)

        assert [status_of(theirs), status_of(theirs, org=uuid7()), status_of(operator, org=uuid7())] == [404] * 3
        if "{" in asked.path:
            absent = dict.fromkeys(("token", "key", "link"), uuid7()) | {"domain": "no.example"}
            assert [status_of(ours, **absent), status_of(ours, **absent)] == [404] * 2
            assert [status_of(theirs, org=other.id), status_of(operator, org=other.id)] == [404] * 2
        assert contents() == before

    def test_leaves_nothing_of_a_preview_which_says_what_it_does(  # E2
        self, scene: Scene, what: str, dns: NameServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = COMMANDS[what]
        asked.before(scene)
        dns.records["_muster-verification.corp.example"] = [domains.record_value(scene.domain)]
        program = program_for(asked, scene)
        before, queued = contents(), list(connection.run_on_commit)
        with monkeypatch.context() as offline, capture_logs() as logs:
            for module, name in ((txt_records, "texts"), (fetching, "fetch")):
                offline.setattr(module, name, lambda *_, **__: pytest.fail("a preview asked somebody"))
            answer = asked.send(program, scene, preview="true")
        assert answer.status_code == 200, answer.content
        told = answer.json()
        assert told["preview"] is True
        assert "secret" not in told
        assert [each["event"] for each in logs] == ["request"]
        assert (contents(), connection.run_on_commit, mail.outbox) == (before, queued, [])

        answer = asked.send(program, scene)
        assert answer.status_code == asked.status, answer.content
        made = Change.objects.filter(by_key=program.key).order_by("id")
        assert [each["verb"] for each in told["changes"]] == [change.verb for change in made]
        assert {(change.door, change.org_id) for change in made} == ({(Door.API, scene.org.id)} if made else set())
        assert bool(made) != (what in SILENT)
        assert contents() != before

    def test_can_be_sent_twice(self, scene: Scene, what: str, dns: NameServer) -> None:  # E2
        asked = COMMANDS[what]
        asked.before(scene)
        dns.records["_muster-verification.corp.example"] = [domains.record_value(scene.domain)]
        program = program_for(asked, scene)
        first = asked.send(program, scene)
        changed = contents()
        second = asked.send(program, scene)
        assert second.status_code == (asked.again or asked.status), second.content
        if second.status_code == 409:
            assert first.json()["id"] in second.json().values()
        assert {name for name, rows in contents().items() if rows != changed[name]} <= {"sso_issuerdocument"}


@pytest.mark.parametrize("what", [what for what, asked in COMMANDS.items() if asked.body])
def test_what_a_command_does_not_understand_is_named(scene: Scene, what: str) -> None:  # E2
    asked = COMMANDS[what]
    body = asked.sent(scene)
    program, before = program_for(asked, scene), contents()
    for wrong in (body | {"nonsense": 1}, [1], dict.fromkeys(body), "x"):
        told = asked.send(program, scene, wrong)
        assert problem(told) == (400, "invalid-value"), wrong
        assert told.json()["errors"]
    assert contents() == before


ODD = ("\0", "a\0b", "\u202e", "x" * 100_000, -1, 0.5, 2**64, 10**300, True, None, [], ["\0"], [[]], {}, {"\0": "\0"})


def with_odd_values(body: Any) -> Iterator[Any]:
    """The body, with one value of it another one."""
    for name, value in body.items():
        yield from (body | {name: odd} for odd in ODD)
        if isinstance(value, dict):
            yield from (body | {name: inner} for inner in with_odd_values(value))


@pytest.mark.parametrize("what", [what for what, asked in COMMANDS.items() if asked.body])
def test_no_value_breaks_a_command(scene: Scene, what: str, monkeypatch: pytest.MonkeyPatch) -> None:  # E2
    monkeypatch.setattr(calls, "take", lambda *args, **options: 0)  # the rate is tested elsewhere
    asked = COMMANDS[what]
    program, before = program_for(asked, scene), contents()
    for body in with_odd_values(asked.sent(scene)):
        told = asked.send(program, scene, body, preview="true")
        assert told.status_code in {200, 400, 404, 409}, (body, told.content)
    assert contents() == before
