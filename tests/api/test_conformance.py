"""What the API answers is what its document says, whatever is asked (SPEC E2).

HYPOTHESIS_PROFILE=deep asks 150 times as much.
"""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.base import calls
from api.webhooks import endpoints
from groups_provisioning.actions import imports
from groups_provisioning.models import GroupMapping, Kind, MappingRule, Preview, PushedGroup
from orgs import deletions, domains, matters, proposals, setup_links
from orgs.matters import Occurrence
from orgs.models import Entity, MatterKind, Organization, Purpose, Scope, User
from tests.api.consumer import key_of
from tests.conftest import Idp
from tests.factories import OrganizationFactory, OwnerFactory, UserFactory, issue_token
from tests.groups_provisioning import world
from tests.groups_provisioning.world import (
    POOL,
    SUB,
    TEAM,
    by_admin,
    by_command,
    entity,
    give,
    map_to,
    push,
    push_user,
    settle_marked,
)
from tests.orgs.test_invitations import invite

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
MODES = [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]
ABSENT = {"/organizations/{org}/connection"}
"""What the world lacks: with a connection, drafts of it would be asked for on the network."""
EACH = settings.default.max_examples // 20  # requests to an operation in each mode


@pytest.fixture
def application() -> Iterator[Any]:
    """The portal as servers call it; it keeps the connection, and with it the transaction, of the test."""
    handler = WSGIHandler()

    def sent_to_its_end(environ: Any, start_response: Any) -> list[bytes]:
        answer = handler(environ, start_response)
        body = b"".join(answer)
        answer.close()
        return [body]

    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield sent_to_its_end
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def ids(org: Organization, idp: Idp) -> dict[str, list[str]]:
    """By the name of a parameter in paths, what it may be in a world that has some of everything."""
    people = [push_user(idp, name) for name in ("Ada Brandt", "Bo Lind")]
    world.rule(org, "eng-", auto=False)
    push(idp, "eng-core", *people)
    for name, kind in (("Platform", TEAM), ("Batch", POOL), ("Night", POOL)):
        map_to(push(idp, name, *people), kind)
    give(push(idp, "Bosses", people[0]), "Admin")
    entity(org, "Lab", SUB)
    crew = push(idp, "Crew", push_user(idp, "Di Ek"), push_user(idp, "Ed Fox"))
    map_to(crew)
    settle_marked(org)
    held = world.empty(idp, crew)
    owner = OwnerFactory.create(org=org)
    domains.keep(org=org, names=["corp.example"], cause=by_command())
    matters.note([Occurrence(org.id, MatterKind.USER_REFUSED, "cy", timezone.now(), detail={"status": "400"})])
    wish = {"do": "reject", "ids": [str(GroupMapping.objects.live().first().id)]}  # type: ignore[union-attr]
    preview = Preview.objects.create(org=org, wish=wish, fingerprint="", people=2, asked_at=timezone.now())
    found: dict[str, Any] = {
        "org": [org.id],
        "preview": [preview.id],
        "invitation": [invite(org, "cleo@corp.example", by=owner).id],
        "person": User.objects.for_org(org).values_list("id", flat=True),
        "entity": Entity.objects.for_org(org).values_list("id", flat=True),
        "group": PushedGroup.objects.for_org(org).values_list("id", flat=True),
        "mapping": GroupMapping.objects.for_org(org).values_list("id", flat=True),
        "rule": MappingRule.objects.for_org(org).values_list("id", flat=True),
        "import_id": [an_import(org)],
        "proposal": [a_proposal(org)],
        "token": [issue_token(org).token.id],
        "key": [key_of(org).key.id],
        "link": [setup_links.make(org=org, purpose=Purpose.SCIM, recipient="Carol", cause=by_command()).link.id],
        "deletion": [deletions.begin(org=OrganizationFactory.create(), cause=by_command()).id],
        "name": ["corp.example"],
        "held": [held.id],
        "webhook": [a_webhook(whose) for whose in (org, None)],
    }
    return {name: [str(id_) for id_ in each] for name, each in found.items()}


def an_import(org: Organization) -> UUID:
    """One that was checked, and whose row is refused."""
    rows = [imports.NewRow(Kind.MEMBERSHIP, 2, "nobody", group="Platform")]
    run = imports.begin(org=org, name="x.csv", rows=rows, check=True, makes_admins=False, cause=by_command())
    return imports.run_to_end(run).id


def a_proposal(org: Organization) -> UUID:
    asked = by_admin(UserFactory.create(org=org))
    wish = {"do": "two_persons", "on": True}
    return proposals.propose(org=org, wish=wish, fingerprint="", cause=asked).id


def a_webhook(org: Organization | None) -> UUID:
    """One of an org, or of the operator, at an address that nothing is posted to."""
    facts = {"url": "https://127.0.0.1", "kinds": ["person"], "max_items": 1}
    return endpoints.create(org=org, **facts, cause=by_command()).endpoint.id


def test_answers_are_as_documented(  # E2
    ids: dict[str, list[str]], application: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "take", lambda *args, **options: 0)  # the rate is tested elsewhere
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", application)
    headers = {"Authorization": f"Bearer {key_of(None, *Scope).secret}"}

    def try_one(operation: Any, mode: Any) -> None:
        @settings(max_examples=EACH)
        @given(data=st.data())
        def ask(data: st.DataObject) -> None:
            case = data.draw(operation.as_strategy(generation_mode=mode))
            for name in case.path_parameters or {}:
                known = ids.get(name, [])
                if known and data.draw(st.integers(0, 9), label=f"another {name}") < 9:
                    case.path_parameters[name] = data.draw(st.sampled_from(known))
            with transaction.atomic():
                answer = case.call(headers=headers)
                transaction.set_rollback(True)
            case.validate_response(answer, checks=CHECKS, headers=headers)

        ask()

    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.method == "get":
            names = [each.name for each in operation.path_parameters]
            known = [{name: ids[name][n % len(ids[name])] for name in names} for n in range(4)]
            plain = [operation.Case(path_parameters=each) for each in known]
            answers = [(case, case.call(headers=headers)) for case in plain]
            for case, answer in answers:
                case.validate_response(answer, checks=CHECKS, headers=headers)
            if operation.path not in ABSENT:
                assert 200 in {answer.status_code for _, answer in answers}, operation.label
        for mode in MODES:
            try_one(operation, mode)
