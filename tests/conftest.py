"""People and identity providers that tests are about."""

import json
import os
from collections.abc import Iterator
from importlib import import_module
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.conf import settings as django_settings
from django.core.servers.basehttp import WSGIRequestHandler
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, settings

from groups_provisioning.models import StartingRule
from orgs.models import Organization, SchemaProfile, User
from orgs.web import in_flight, limits
from orgs.web.access import SIGNED_IN_AT
from scim import request_log
from tests.factories import OrganizationFactory, issue_token

# Examples share the fixtures, and undo what they wrote where that matters. HYPOTHESIS_PROFILE=deep looks longer.
settings.register_profile("quick", deadline=None, suppress_health_check=list(HealthCheck))
settings.register_profile("deep", settings.get_profile("quick"), max_examples=3000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

# The head and the body of an answer are sent apart; without this the body waits for the client's delayed ACK, 40 ms.
WSGIRequestHandler.disable_nagle_algorithm = True


def pytest_configure() -> None:
    # Passwords of tests are no secrets, and Argon2 is slow on purpose.
    django_settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # Static files are looked for when they are asked for, and not all of them with every test client.
    django_settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture(autouse=True)
def _fresh_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    limits.Buckets.clear_all()
    in_flight.requests._places.clear()  # a test that does not read a streamed answer to its end keeps its place
    monkeypatch.setattr(limits._shared, "prefix", f"test:{uuid4()}:")


@pytest.fixture
def db(db: None) -> Iterator[None]:
    """The database, with the built-in profiles, which the flush after a transactional test takes away."""
    install_profiles()
    yield
    request_log.flush(5)  # its thread would meet a database that nobody may use any more


@pytest.fixture
def transactional_db(transactional_db: None) -> Iterator[None]:
    install_profiles()
    yield
    request_log.flush(5)


def install_profiles() -> None:
    """Bring back the built-in profiles, where a flush has taken them away."""
    if not SchemaProfile.objects.exists():
        built_in = import_module("orgs.migrations.0002_built_in_profiles")
        built_in.install(apps, None)
        copy = import_module("groups_provisioning.migrations.0006_starting_rules").copy
        for entry in built_in.BUILT_IN:
            profile = SchemaProfile.objects.get(key=entry["key"])
            copy(StartingRule.objects, profile.pk, entry.get("starting_rules"))


class Idp:
    """An identity provider: a bearer token and HTTP."""

    def __init__(self, secret: str, base_path: str = "/api/scim") -> None:
        self.headers = {"Authorization": f"Bearer {secret}"}
        self.base_path = base_path
        self.http = Client(raise_request_exception=True)

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> HttpResponse:
        """Send a request; `body` is JSON, or bytes as they are. Header names in Python spelling: if_match."""
        content_type = headers.pop("content_type", "application/scim+json")
        data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
        return self.http.generic(
            method,
            self.base_path + path,
            data,
            content_type=content_type,
            headers=self.headers | {name.replace("_", "-"): value for name, value in headers.items()},
        )

    def get(self, path: str, **headers: str) -> HttpResponse:
        return self("GET", path, **headers)

    def post(self, path: str, body: Any, **headers: str) -> HttpResponse:
        return self("POST", path, body, **headers)

    def put(self, path: str, body: Any, **headers: str) -> HttpResponse:
        return self("PUT", path, body, **headers)

    def patch(self, path: str, *operations: Any, **headers: str) -> HttpResponse:
        """PATCH with operations in the envelope of RFC 7644 §3.5.2."""
        schemas = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]
        return self("PATCH", path, {"schemas": schemas, "Operations": list(operations)}, **headers)

    def delete(self, path: str, **headers: str) -> HttpResponse:
        return self("DELETE", path, **headers)


def signed_in(user: User) -> Client:
    """A browser with a session of this user, without the form."""
    client = Client()
    client.force_login(user)
    session = client.session
    session[SIGNED_IN_AT] = timezone.now().timestamp()
    session.save()
    return client


@pytest.fixture
def org(db: None) -> Organization:
    return OrganizationFactory.create()


@pytest.fixture
def idp(org: Organization) -> Idp:
    """The identity provider of `org`."""
    return Idp(issue_token(org).secret)
