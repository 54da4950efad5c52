"""What load balancers and people are told of the portal's health."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from config import vitals
from orgs import feed
from orgs.models import Change, Organization
from orgs.web import limits
from tests.conftest import Idp
from tests.groups_provisioning.world import TEAM, map_to, push, push_user


class TestBeingReady:
    def test_tells_how_long_what_waits_has_waited(self, client: Client, org: Organization, idp: Idp) -> None:
        feed.stamp_all()
        assert client.get("/health/ready").json() == {
            "ready": True,
            "database": True,
            "pending_migrations": [],
            "broker": True,
            "oldest_mark_seconds": None,
            "oldest_feed_seconds": None,
            "oldest_webhook_seconds": None,
            "oldest_mail_seconds": None,
        }
        map_to(push(idp, "Platform", push_user(idp, "Ada Brandt")), TEAM)
        Change.objects.update(at=timezone.now() - timedelta(days=1))
        answer = client.get("/health/ready")
        assert answer.status_code == 200  # to send nobody here would settle nobody
        assert answer.json()["oldest_mark_seconds"] == pytest.approx(86400, abs=60)
        assert answer.json()["oldest_feed_seconds"] == pytest.approx(86400, abs=60)

    def test_ends_where_the_database_lacks_a_migration(self, client: Client, db: None) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM django_migrations WHERE app = 'scim' AND name LIKE '0001%'")
        answer = client.get("/health/ready")
        assert (answer.status_code, answer.json()["ready"]) == (503, False)
        (pending,) = answer.json()["pending_migrations"]
        assert pending.startswith("scim.0001")

    def test_ends_where_the_database_does_not_answer(self, client: Client, db: None) -> None:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE django_migrations RENAME COLUMN app TO lost")  # any error will do
        answer = client.get("/health/ready")
        assert (answer.status_code, answer.json()) == (503, {"ready": False, "database": False})

    def test_does_without_a_broker(self, client: Client, db: None, settings: Any) -> None:
        settings.REDIS_URL = "redis://127.0.0.1:1"
        limits.valkey.cache_clear()
        try:
            answer = client.get("/health/ready")
        finally:
            limits.valkey.cache_clear()
        assert (answer.status_code, answer.json()["broker"]) == (200, False)


def test_migrations_are_found_by_their_files(db: None) -> None:
    assert vitals.pending_migrations() == []
    assert {("orgs", "0031_feed"), ("auth", "0001_initial")} <= vitals._migrations()
