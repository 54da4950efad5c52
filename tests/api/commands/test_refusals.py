"""What commands refuse, over HTTP."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from api import refusals
from groups_provisioning.actions import conflict_decisions
from groups_provisioning.preview import runs
from orgs import api_keys, domains, invitations, organizations, proposals, setup_links, tokens, txt_records
from orgs.db.keys import uuid7
from orgs.models import Organization, Plan, ScimToken
from sso import connections
from sso.models import Connection, Revision
from sso.refusals import Refused
from tests.api.commands.scene import LINK, SAML, TOKEN, Scene
from tests.api.program import Program, contents, problem
from tests.factories import OrganizationFactory, UserFactory
from tests.groups_provisioning.world import by_command
from tests.orgs.name_server import NameServer


@dataclass(frozen=True)
class Refusal:
    """A command that is refused, once the scene was changed. kind: of the problem. members: which it has besides."""

    method: str
    path: str
    body: Any = None
    before: Callable[[Scene, pytest.MonkeyPatch], Any] = lambda *_: None
    status: int = 409
    kind: str = ""
    members: tuple[str, ...] = ()
    operator: bool = False


def become_free(scene: Scene, _: pytest.MonkeyPatch) -> None:
    Organization.objects.update(plan=Plan.FREE)


def use_from_elsewhere(scene: Scene, _: pytest.MonkeyPatch) -> None:
    ScimToken.objects.update(last_used_address="198.51.100.1")


def without_connection(scene: Scene, _: pytest.MonkeyPatch) -> None:
    connections.discard(org=scene.org, cause=by_command())
    Connection.objects.all().delete()


def invite_too_many(_: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invitations, "AN_HOUR", 0)


INVITED = {"addresses": ["nobody"], "roles": ["Member"]}
OTHER_DRAFT = {"revision": str(uuid7())}
TAKEN = LINK | {"purpose": "scim"}
REFUSED: dict[type[Exception], Refusal] = {
    organizations.OrganizationExists: Refusal(
        "PATCH",
        "",
        {"name": "ORG B"},
        lambda *_: OrganizationFactory.create(name="Org b"),
        kind="organization-exists",
        members=("organization",),
        operator=True,
    ),
    organizations.ProfileInUse: Refusal(
        "PATCH",
        "",
        {"profile": "testomat"},
        lambda scene, _: UserFactory.create(org=scene.org),
        kind="profile-in-use",
        operator=True,
    ),
    organizations.NotActivated: Refusal(
        "PATCH",
        "",
        {"features": {"group_provisioning": True}},
        lambda *_: Organization.objects.update(group_provisioning=False, group_provisioning_activated=False),
        kind="not-activated",
    ),
    domains.NotADomain: Refusal("PUT", "/domains/corp", status=400, kind="not-a-domain"),
    domains.TooManyPending: Refusal(
        "PUT",
        "/domains/acme.example",
        before=lambda _, patch: patch.setattr(domains, "MOST_PENDING", 1),
        kind="too-many-pending",
    ),
    domains.UnknownDomain: Refusal("DELETE", "/domains/acme.example", status=404, kind="unknown-domain"),
    domains.NotProven: Refusal("POST", "/domains/corp.example/verification", kind="not-proven", members=("found",)),
    txt_records.Unanswered: Refusal(
        "POST",
        "/domains/corp.example/verification",
        before=lambda _, patch: patch.setattr(txt_records, "PATIENCE", 0.0),
        status=503,
        kind="unanswered",
    ),
    tokens.PrerequisiteMissing: Refusal(
        "POST", "/tokens", TOKEN, become_free, kind="prerequisite-missing", members=("missing",)
    ),
    tokens.TooManyTokens: Refusal(
        "POST", "/tokens", TOKEN, lambda _, patch: patch.setattr(tokens, "MOST", 1), kind="too-many-tokens"
    ),
    tokens.TokenExists: Refusal("POST", "/tokens", TOKEN | {"name": "Okta"}, kind="token-exists", members=("token",)),
    tokens.ShutOut: Refusal(
        "PATCH",
        "/tokens/{token}",
        {"networks": ["192.0.2.0/24"]},
        use_from_elsewhere,
        kind="shut-out",
        members=("address",),
    ),
    tokens.UnknownToken: Refusal("GET", f"/tokens/{uuid7()}", status=404, kind="unknown-token"),
    api_keys.TooManyKeys: Refusal(
        "POST",
        "/keys",
        {"name": "CRM", "scopes": ["read"], "expires_in_days": 1},
        lambda _, patch: patch.setattr(api_keys, "MOST", 1),
        kind="too-many-keys",
    ),
    api_keys.KeyExists: Refusal(
        "POST",
        "/keys",
        {"name": "consumer", "scopes": ["read"], "expires_in_days": 1},
        kind="key-exists",
        members=("key",),
    ),
    api_keys.ScopeNotGiven: Refusal(
        "POST",
        "/keys",
        {"name": "CRM", "scopes": ["credentials"], "expires_in_days": 1},
        status=403,
        kind="scope-not-given",
    ),
    api_keys.UnknownKey: Refusal("GET", f"/keys/{uuid7()}", status=404, kind="unknown-key"),
    setup_links.AlreadyOpen: Refusal("POST", "/setup-links", TAKEN, kind="already-open", members=("setup_link",)),
    connections.NotTested: Refusal(
        "PUT",
        "/connection/active",
        {"revision": "{draft}"},
        lambda *_: Revision.objects.update(tested_at=None),
        kind="not-tested",
    ),
    Refused: Refusal(
        "PUT",
        "/connection/draft",
        {"saml": SAML | {"certificates": ["-----BEGIN PRIVATE KEY-----"]}},
        kind="configuration-refused",
        members=("reason",),
    ),
    Connection.DoesNotExist: Refusal(
        "PATCH", "/connection", {"creates_people": True}, without_connection, status=404, kind=""
    ),
    invitations.Conflicts: Refusal("POST", "/invitations", INVITED, kind="conflicts", members=("conflicts",)),
    invitations.TooMany: Refusal("POST", "/invitations", INVITED, invite_too_many, status=429, kind="too-many"),
    invitations.NotOpen: Refusal("DELETE", f"/invitations/{uuid7()}", status=404, kind="not-open"),
    conflict_decisions.UnknownDecision: Refusal(
        "POST", "/decisions/undo", {"decisions": [1]}, status=404, kind="unknown-decision"
    ),
    Revision.DoesNotExist: Refusal("PUT", "/connection/active", OTHER_DRAFT, status=404, kind=""),
}

IN_TEST_COMMANDS = {conflict_decisions.ConflictGone, invitations.SentJustNow, runs.Outdated}
IN_TEST_PROPOSALS = {proposals.NotTheAsker, proposals.ProposalEnded, proposals.UnknownProposal}


@pytest.mark.parametrize("refusal", REFUSED, ids=lambda each: each.__qualname__)
def test_a_refusal_is_told_in_words_and_by_its_kind(
    scene: Scene, refusal: type[Exception], dns: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:  # E2
    asked = REFUSED[refusal]
    program = Program(None if asked.operator else scene.org)
    asked.before(scene, monkeypatch)
    before = contents()
    path = scene.at + asked.path.format(token=scene.token.id)
    body = asked.body
    if body == {"revision": "{draft}"}:
        body = {"revision": str(scene.draft.id)}
    told = program(asked.method, path, body)
    assert problem(told) == (asked.status, asked.kind)
    assert told.json().keys() == {"type", "title", "status", "detail", *asked.members}
    assert all(told.json()[name] not in (None, "") for name in asked.members)
    assert contents() == before


def test_every_refusal_is_among_them() -> None:
    assert {*REFUSED, *IN_TEST_COMMANDS, *IN_TEST_PROPOSALS} == {*refusals.TOLD, organizations.OrganizationExists}
