"""People and identity providers that tests are about."""

import gc
import json
import os
from collections.abc import Iterator
from importlib import import_module
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.conf import settings as django_settings
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.core.servers.basehttp import WSGIRequestHandler
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import Client, TransactionTestCase
from django.utils import timezone
from hypothesis import HealthCheck, settings

from groups_provisioning.models import StartingRule
from orgs.models import FeedHead, Organization, PastBegin, SchemaProfile, User
from orgs.web import in_flight, limits, turns
from orgs.web.access import SIGNED_IN_AT
from scim import request_log
from tests.factories import OrganizationFactory, issue_token
from tests.servers import MIGRATED

# Examples share the fixtures, and undo what they wrote where that matters. `make test-all` has the thorough profile;
# HYPOTHESIS_PROFILE=deep looks longer.
settings.register_profile("quick", max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=40)
settings.register_profile("deep", settings.get_profile("quick"), max_examples=3000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

# The head and the body of an answer are sent apart; without this the body waits for the client's delayed ACK, 40 ms.
WSGIRequestHandler.disable_nagle_algorithm = True

# A table with so many bytes is truncated; below, its rows are deleted.
GROWN = 500_000


def pytest_configure() -> None:
    gc.disable()  # until everything is imported and collected
    # Passwords of tests are no secrets, and Argon2 is slow on purpose.
    django_settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # Static files are looked for when they are asked for, and not all of them with every test client.
    django_settings.WHITENOISE_AUTOREFRESH = True
    TransactionTestCase._fixture_teardown = empty_tables
    if template := os.environ.get(MIGRATED):
        django_settings.DATABASES["default"]["TEST"]["TEMPLATE"] = template


def pytest_collection_finish() -> None:
    # What is here now stays to the end: a tenth of the time went into looking for garbage in it.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)
    gc.enable()


@pytest.fixture(autouse=True)
def _fresh_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    limits.Buckets.clear_all()
    turns.turns.clear()
    in_flight.requests._places.clear()  # a test that does not read a streamed answer to its end keeps its place
    monkeypatch.setattr(limits.shared, "prefix", f"test:{uuid4()}:")


@pytest.fixture
def db(db: None) -> Iterator[None]:
    """The database, with the built-in profiles, which go with everything else after a transactional test."""
    install_profiles()
    yield
    request_log.flush(5)  # its thread would meet a database that nobody may use any more


@pytest.fixture
def transactional_db(transactional_db: None) -> Iterator[None]:
    install_profiles()
    yield
    request_log.flush(5)


@pytest.fixture(autouse=True)
def _profiles_for_marked_tests(request: pytest.FixtureRequest) -> None:
    """The mark of pytest-django gives the database alone."""
    if mark := request.node.get_closest_marker("django_db"):
        request.getfixturevalue("transactional_db" if mark.kwargs.get("transaction") else "db")


def empty_tables(test_case: TransactionTestCase) -> None:
    """Do what `flush` does, at a tenth of its cost: most tables are empty, and the others are small.

    TRUNCATE makes new files for every table and index, so it is left for tables that have grown. What the lock waits
    for is another thread that still writes. The kinds of content, and what groups of the staff may do, stay, since no
    test changes them.
    """
    kept = {ContentType._meta.db_table, Permission._meta.db_table}
    kept |= {Group._meta.db_table, Group.permissions.through._meta.db_table}
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    tables = [connection.ops.quote_name(name) for name in names if name not in kept]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL muster.keep_past = 'off'")
        cursor.execute(f"LOCK TABLE {', '.join(tables)} IN EXCLUSIVE MODE")
        cursor.execute(f"SELECT {', '.join(f'EXISTS (SELECT FROM {table})' for table in tables)}")
        full = [table for table, some in zip(tables, cursor.fetchone(), strict=True) if some]
        cursor.execute(
            "SELECT max(pg_relation_size(oid)) > %s FROM pg_class"
            " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
            [GROWN],
        )
        if cursor.fetchone()[0]:
            cursor.execute(f"TRUNCATE {', '.join(tables)}")
        elif full:
            # One statement, at the end of which the foreign keys are checked.
            deletions = ", ".join(f"emptied_{n} AS (DELETE FROM {table})" for n, table in enumerate(full))
            cursor.execute(f"WITH {deletions} SELECT")


def install_profiles() -> None:
    """Bring back the built-in profiles, the head of the feed and the begin of the past, where they were emptied."""
    if not FeedHead.objects.exists():
        with connection.cursor() as cursor:
            cursor.execute(import_module("orgs.migrations.0031_feed").HEAD)
    if not PastBegin.objects.exists():
        with connection.cursor() as cursor:
            cursor.execute(import_module("orgs.migrations.0042_past_of_facts").BEGIN)
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
