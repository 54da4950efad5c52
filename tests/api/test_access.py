"""Who may do what below `/api/v1`: every address and method, by every kind of key (SPEC E5, O7).

The addresses come from the URLconf, so a new one is covered without anybody's doing. What is asked is empty: a
request that passes is answered 2xx, or told what is wrong with its parameters or its body, or what it names is absent.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone
from rest_framework.permissions import SAFE_METHODS

from api.base import ApiView, OrgView, Unknown, failures
from api.urls import urlpatterns
from orgs import api_keys
from orgs.models import ApiKey, Organization, Scope
from tests.api.consumer import key_of
from tests.api.program import Program, contents, problem
from tests.factories import OrganizationFactory, OwnerFactory, issue_token
from tests.groups_provisioning.world import by_command

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
OPEN = {"openapi.json"}
"""Addresses that are for everybody."""
ABSENT = {"organizations/<uuid:org>/connection"}
"""What an org does not begin with."""


def views(patterns: Any = urlpatterns, prefix: str = "") -> Iterator[tuple[str, type[ApiView]]]:
    for pattern in patterns:
        address = prefix + str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            yield from views(pattern.url_patterns, address)
        elif address not in OPEN:
            yield address, pattern.callback.cls


VIEWS = dict(views())


def test_every_address_is_a_view_with_a_key() -> None:
    assert all(issubclass(view, ApiView) for view in VIEWS.values())
    below = {pattern: view for pattern, view in VIEWS.items() if "<uuid:org>" in pattern}
    assert all(
        issubclass(view, OrgView) or pattern.endswith(("/changes", "/history")) for pattern, view in below.items()
    )


def address(pattern: str, org: Organization) -> str:
    """An address of this pattern in an org; whatever else it names is not there."""
    path = pattern.replace("<uuid:org>", str(org.id))
    path = re.sub(r"<uuid:\w+>", lambda _: str(uuid4()), path)
    return "/api/v1/" + re.sub(r"<(?:\w+:)?\w+>", "1", path)


def asked(method: str, path: str, secret: str) -> tuple[int, str]:
    """The status of the answer, and the kind of the problem that it is, if any. Nothing stays of it."""
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    with transaction.atomic():
        body = b"{}" if method not in SAFE_METHODS else b""
        answer = Client(headers=headers).generic(method, path, body, content_type="application/json")
        transaction.set_rollback(True)
    if answer.status_code < 400:
        return answer.status_code, ""
    assert answer["Content-Type"] == "application/problem+json", path
    return answer.status_code, str(answer.json()["type"]).rpartition("/")[2]


@pytest.fixture
def org(db: None) -> Organization:
    return OwnerFactory.create(org=OrganizationFactory.create()).org


def test_without_a_valid_key_there_is_nothing(org: Organization, monkeypatch: pytest.MonkeyPatch) -> None:  # E5
    monkeypatch.setattr(failures, "take", lambda *args, **options: 0)  # who guesses is slowed down
    revoked, expired = key_of(org, *Scope), key_of(org, *Scope)
    api_keys.revoke(key_id=revoked.key.id, cause=by_command())
    ApiKey.objects.filter(id=expired.key.id).update(expires_at=timezone.now() - timedelta(seconds=1))
    nobodys = ["", "x", "mst_x", revoked.secret, expired.secret, issue_token(org).secret]
    for number, (pattern, method) in enumerate((pattern, method) for pattern in VIEWS for method in METHODS):
        secret = nobodys[number % len(nobodys)]
        assert asked(method, address(pattern, org), secret) == (401, "about:blank"), (method, pattern)


def test_a_method_that_an_address_lacks_is_refused_whatever_the_scope(org: Organization) -> None:
    secret = key_of(None, Scope.HISTORY).secret
    for pattern, view in VIEWS.items():
        for method in METHODS:
            if method not in view().allowed_methods:
                status = 404 if view is Unknown else 405
                assert asked(method, address(pattern, org), secret)[0] == status, (method, pattern)


def operations() -> list[tuple[str, str, type[ApiView]]]:
    return [
        (method, pattern, view)
        for pattern, view in VIEWS.items()
        for method in METHODS
        if method in view().allowed_methods
    ]


def needed(method: str, view: type[ApiView]) -> Scope:
    return view.scope if method in SAFE_METHODS else view.writes


def test_each_operation_needs_its_scope_and_no_other_does(org: Organization) -> None:  # E5
    without = {scope: key_of(None, *(each for each in Scope if each != scope)).secret for scope in Scope}
    alone = {scope: key_of(None, scope).secret for scope in Scope}
    for method, pattern, view in operations():
        scope, path = needed(method, view), address(pattern, org)
        assert asked(method, path, without[scope]) == (403, "insufficient-scope"), (method, pattern)
        assert asked(method, path, alone[scope])[0] not in (401, 405, 500), (method, pattern)


def test_a_key_of_another_org_is_told_nothing_but_that_there_is_nothing(org: Organization) -> None:  # O7
    stranger, nowhere = key_of(OrganizationFactory.create(), *Scope).secret, Organization(id=uuid4())
    for method, pattern, _ in operations():
        if "<uuid:org>" in pattern:
            told = asked(method, address(pattern, org), stranger)
            assert told == asked(method, address(pattern, nowhere), stranger) == (404, "about:blank"), (method, pattern)


def test_a_key_of_the_org_and_one_of_the_operator_are_let_in(org: Organization) -> None:  # E5
    keys = {"org": key_of(org, *Scope).secret, "operator": key_of(None, *Scope).secret}
    for method, pattern, _ in operations():
        told = {whose: asked(method, address(pattern, org), secret) for whose, secret in keys.items()}
        assert told["operator"][0] not in (401, 405, 500), (method, pattern)
        assert told["operator"] == told["org"] or "<uuid:org>" not in pattern or told["org"][0] == 403, (
            method,
            pattern,
        )
        if method == "GET" and re.findall(r"<\w+:(\w+)>", pattern) == ["org"] and pattern not in ABSENT:
            assert told["org"][0] == 200, pattern


def test_a_parameter_that_is_sent_twice_is_refused_and_nothing_is_done(org: Organization) -> None:  # E2
    program = Program(org)
    key, before = f"/organizations/{org.id}/keys/{program.key.id}", contents()
    for method, path in (
        ("GET", f"/organizations/{org.id}/people?limit=1&limit=2"),
        ("GET", f"/organizations/{org.id}/history?verb=key.issued&verb=key.revoked"),
        ("DELETE", f"{key}?preview=true&preview=false"),
        ("DELETE", f"{key}?preview=true&preview=true"),
    ):
        told = program(method, path)
        assert problem(told) == (400, "invalid-value")
        assert [*told.json()["errors"].values()] == [["Send this once."]]
    assert contents() == before
