"""An org whose people sign in through a provider, and browsers on their way there and back."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from orgs.history import Cause
from orgs.models import Door, Organization
from sso import connections
from sso.connections import Facts
from sso.models import Revision
from tests.factories import OrganizationFactory
from tests.sso.oidc.issuer import CLIENT, SECRET
from tests.sso.open_id_provider import OpenIdProvider


def by_admin() -> Cause:
    return Cause(Door.PAGE, timezone.now())


def connected(org: Organization, idp: OpenIdProvider, **facts: Any) -> Revision:
    """The active configuration of an org's connection."""
    made = connections.draft(org=org, facts=Facts(idp.issuer, CLIENT, SECRET, **facts), cause=by_admin())
    Revision.objects.filter(id=made.id).update(tested_at=timezone.now())
    active = connections.activate(org=org, revision_id=made.id, cause=by_admin())
    org.refresh_from_db()
    return active


@pytest.fixture
def idp(idp: OpenIdProvider) -> OpenIdProvider:
    """It lives now, as the views do."""
    idp.now = time.time()
    idp.claims = {"sub": "1", "preferred_username": "ada@acme.example"}
    return idp


@pytest.fixture
def org(db: None, idp: OpenIdProvider) -> Organization:
    org = OrganizationFactory.create(name="Acme")
    org.verified_domains.create(name="acme.example", verified_at=timezone.now())
    connected(org, idp)
    return org


@dataclass
class Browser:
    idp: OpenIdProvider
    client: Client = field(default_factory=Client)

    def start(self, org: Organization, next: str = "") -> HttpResponse:
        return self.client.get(address("start", org), {"next": next} if next else {})

    def back(self, org: Organization, brought: Mapping[str, Sequence[str]]) -> HttpResponse:
        return self.client.get(address("callback", org), brought)

    def sign_in(self, org: Organization, next: str = "", **changes: Sequence[str]) -> HttpResponse:
        """All the way. changes: of what the browser brings back."""
        there = self.start(org, next)
        assert there.status_code == 302, there.content
        return self.back(org, self.idp.authorize(there.headers["Location"]) | changes)

    @property
    def user_id(self) -> str | None:
        return self.client.session.get("_auth_user_id")


def address(name: str, org: Organization) -> str:
    return reverse(f"sso-{name}", args=[org.sso_connection or org.sso_connections.get().id])


@pytest.fixture
def browser(idp: OpenIdProvider) -> Browser:
    return Browser(idp)


@pytest.fixture
def another(idp: OpenIdProvider) -> Callable[[], Browser]:
    return lambda: Browser(idp)
