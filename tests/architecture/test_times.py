"""Whoever reads a time reads it in their own zone, with the zone beside it; what is downloaded has UTC."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core import mail
from django.db import transaction
from django.test import Client
from django.urls import reverse

from orgs import people
from orgs.models import Entity, EntityKind, Organization, User
from orgs.tasks import send_mails
from scim import request_log
from tests.architecture.test_access_matrix import MATRIX, OPEN, address_of
from tests.conftest import signed_in
from tests.factories import OrganizationFactory, OwnerFactory, StaffFactory, UserFactory, issue_token
from tests.orgs.test_deletions import full_org

ROOT = Path(__file__).parents[2]
APPS = ("orgs", "groups_provisioning", "scim", "sso")
SOURCES = [path for app in APPS for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts]
TEMPLATES = [path for path in (ROOT / "templates").rglob("*") if path.is_file()]

# In words, a title, or an attribute of an unfold element; not in an ISO time, a URN, an address or another number.
CLOCK = re.compile(r"(?<![\w:.+-])\d\d:\d\d(?::\d\d)?(?![\d:])(?P<zone> ?\S*)")
READERS_ZONE = "Asia/Kolkata"  # half an hour from everybody else's
WORD_OF_IT = " IST"


def without_the_zone(page: str) -> list[str]:
    return [found[0] for found in CLOCK.finditer(page) if not found["zone"].startswith(WORD_OF_IT)]


class TestTheSource:
    def test_has_one_way_to_write_a_time_in_a_template(self) -> None:
        """The tags and filters of `orgs.templatetags.muster`."""
        other_ways = re.compile(r"\|(date|time|naturaltime|timesince)\b|\{% now|\butc\b|localtime")
        found = {str(path.relative_to(ROOT)) for path in TEMPLATES if other_ways.search(path.read_text())}
        assert found == set()

    def test_writes_no_clock_in_python_but_with_its_zone(self) -> None:
        clock = re.compile(r"%H|%I|%X|%c\b|H:i")
        written = {
            f"{path.name}: {line.strip()}"
            for path in SOURCES
            for line in path.read_text().splitlines()
            if clock.search(line)
        }
        assert {line for line in written if "%Z" not in line} == set()
        assert len(written) == 2


class TestAPage:
    @pytest.fixture
    def support(self, db: None) -> Client:
        return signed_in(StaffFactory.create(time_zone=READERS_ZONE))

    def test_of_an_org_has_the_zone_of_its_reader(self, db: None) -> None:
        org = OrganizationFactory.create()
        browser = signed_in(UserFactory.create(org=org, roles=["Admin"], time_zone=READERS_ZONE))
        told, clocks, downloaded = {}, 0, []
        for (name, method), outcomes in MATRIX.items():
            if method != "GET" or outcomes[3] != OPEN or name.startswith("health"):
                continue
            with transaction.atomic():
                answer = browser.get(address_of(name, org))
                if answer.streaming:
                    zones = re.findall(r"T\d\d:\d\d:\d\d(?:\.\d+)?(.{6})", b"".join(answer).decode())
                    downloaded += zones
                else:
                    page = answer.content.decode()
                    clocks += len(CLOCK.findall(page))
                    if bare := without_the_zone(page):
                        told[name] = bare
                transaction.set_rollback(True)
        assert told == {}
        assert clocks > 10
        assert set(downloaded) == {"+00:00"}

    def test_of_an_org_where_much_has_happened_does_too(self, db: None) -> None:
        owner = full_org()[1]
        request_log.flush(10)
        people.set_time_zone(user=owner, name=READERS_ZONE)
        browser = signed_in(owner)
        clocks = 0
        for name in ("overview", "activity", "authentication", "scim-provisioning", "scim-log", "groups", "people"):
            page = browser.get(reverse(name)).content.decode()
            assert without_the_zone(page) == []
            clocks += len(CLOCK.findall(page))
        assert clocks > 20

    @pytest.mark.exhaustive
    def test_of_support_does_too(self, support: Client) -> None:
        org = full_org()[0]
        request_log.flush(10)
        about = ContentType.objects.get_for_model(org)
        LogEntry.objects.create(
            user=User.objects.get(is_staff=True), content_type=about, object_id=str(org.pk), action_flag=CHANGE
        )
        told, clocks = {}, 0
        for model in admin.site._registry:
            listed = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
            row = model._default_manager.first()
            own = listed + (f"{row.pk}/change/" if row else "")
            for path in (listed, own, f"/admin/orgs/organization/{org.pk}/history/"):
                page = support.get(path).content.decode()
                clocks += len(CLOCK.findall(page))
                if bare := without_the_zone(page):
                    told[path] = bare
        assert told == {}
        assert clocks > 40

    def test_of_support_has_the_zone_in_the_hour_that_comes_twice(self, support: Client) -> None:
        User.objects.filter(is_staff=True).update(time_zone="Europe/Berlin")
        org = OrganizationFactory.create()
        Organization.objects.filter(pk=org.pk).update(created_at=datetime(2026, 10, 25, 1, 30, tzinfo=UTC))
        team = Entity.objects.create(
            org=org, kind=EntityKind.TEAM, name="Makers", created_at=datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
        )
        assert "25 Oct 2026, 02:30 CET<" in support.get(f"/admin/orgs/organization/{org.pk}/change/").content.decode()
        for path in ("/admin/orgs/entity/", f"/admin/orgs/entity/{team.pk}/change/"):
            assert "25 Oct 2026, 02:30 CEST<" in support.get(path).content.decode()

    def test_for_nobody_has_the_portals(self, db: None) -> None:
        for _ in range(7):
            answer = Client().post("/sign-in/", {"username": "nobody@corp.example", "password": "wrong"})
        assert re.search(r"\d\d:\d\d UTC", answer.content.decode())


class TestAMail:
    def test_has_the_zone_of_each_reader(self, org: Organization) -> None:
        OwnerFactory.create(org=org, user_name="owner@corp.example", time_zone=READERS_ZONE)
        UserFactory.create(org=org, user_name="admin@corp.example", roles=["Admin"])
        issue_token(org)
        send_mails()
        zones = {each.to[0]: re.findall(r"\d\d:\d\d (\S+?)\.", str(each.body)) for each in mail.outbox}
        assert zones == {"owner@corp.example": ["IST"], "admin@corp.example": ["UTC"]}
