"""Support sees what a switch or a profile would bring about before it is saved (SPEC M9)."""

import os
import subprocess
import sys

import pytest
from django.test import Client
from django.urls import reverse

from groups_provisioning.actions import mappings
from groups_provisioning.engine import reconcile
from groups_provisioning.models import Pending, PushedGroup, Status
from groups_provisioning.preview import runs
from orgs.models import EntityKind, Organization, SchemaProfile
from tests.conftest import Idp, signed_in
from tests.factories import OrganizationFactory, StaffFactory
from tests.groups_provisioning.world import by_command, give, group
from tests.processes import ROOT


@pytest.fixture
def desk(db: None) -> Client:
    return signed_in(StaffFactory.create())


@pytest.fixture
def org(org: Organization, idp: Idp) -> Organization:
    """Ada, in two groups that are mapped to concurrency groups."""
    ada = idp.post("/Users", {"userName": "ada@corp.example"}).json()["id"]
    for name in ("Gold", "Silver"):
        group = idp.post("/Groups", {"displayName": name, "members": [{"value": ada}]}).json()["id"]
        cause = by_command()
        mappings.map_group(
            org=org, group_id=PushedGroup.objects.get(id=group).id, kind=EntityKind.CONCURRENCY_GROUP, cause=cause
        )
    reconcile.settle_marked(org.id)
    return org


def address(org: Organization) -> str:
    return reverse("admin:orgs_organization_change", args=[org.pk])


def form(desk: Client, org: Organization, **differs: str) -> dict[str, str]:
    fields = desk.get(address(org)).context["adminform"].form
    data = {name: fields[name].value() for name in fields.fields} | differs
    return {name: value for name, value in data.items() if value}


def test_a_kind_that_goes_off_is_shown_with_its_effect_and_not_saved_yet(desk: Client, org: Organization) -> None:
    answer = desk.post(address(org), form(desk, org, concurrency_groups=""))
    assert "Nobody’s assignments or roles will change." in answer.content.decode()  # M8: they are held
    assert "conflict will close" in answer.content.decode()
    org.refresh_from_db()
    assert org.concurrency_groups


def test_it_is_saved_once_it_was_seen(desk: Client, org: Organization) -> None:
    data = form(desk, org, concurrency_groups="")
    answer = desk.post(address(org), data)
    desk.post(address(org), data | {"_seen": answer.context["seen"]})
    org.refresh_from_db()
    assert not org.concurrency_groups


def test_what_changed_meanwhile_is_shown_anew(desk: Client, org: Organization) -> None:
    data = form(desk, org, concurrency_groups="")
    answer = desk.post(address(org), data | {"_seen": "of another time"})
    assert "Review them, then save" in answer.content.decode()
    org.refresh_from_db()
    assert org.concurrency_groups


def test_what_touches_nobody_is_saved_at_once(desk: Client, org: Organization) -> None:
    answer = desk.post(address(org), form(desk, org, name="Acme Inc"))
    assert answer.status_code == 302


def test_many_people_are_a_worker_s(desk: Client, org: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "AT_ONCE", 0)
    data = form(desk, org, concurrency_groups="")
    assert "Working out the effect" in desk.post(address(org), data).content.decode()
    assert runs.serve()
    assert "conflict will close" in desk.post(address(org), data).content.decode()


def test_another_profile_lets_mappings_to_roles_that_it_lacks_wait(desk: Client) -> None:  # R6
    org = OrganizationFactory.create()
    lost = give(group(org, "Staff"), "Member")
    stays = give(group(org, "Admins"), "Admin")
    other = SchemaProfile.objects.get(key="lambdatest")  # with Admin, User and Guest
    assert desk.post(address(org), form(desk, org, profile=str(other.pk))).status_code == 302
    lost.refresh_from_db()
    stays.refresh_from_db()
    assert (lost.status, lost.reason, lost.target_deleted) == (Status.PENDING, Pending.TARGET_DELETED, True)
    assert stays.status == Status.APPROVED


REGISTERED = """
import django
from config import settings

settings.INSTALLED_APPS = sorted(settings.INSTALLED_APPS, key=lambda app: app == "orgs")
django.setup()
from django.contrib import admin
from orgs.models import Organization, SchemaProfile
print(*(type(admin.site.get_model_admin(model)).__name__ for model in (Organization, SchemaProfile)))
"""


def test_stand_before_the_pages_of_orgs_in_whatever_order_apps_are_installed() -> None:
    environ = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"}
    command = [sys.executable, "-c", REGISTERED]
    said = subprocess.run(
        command, cwd=ROOT, env=environ, check=True, capture_output=True, text=True, timeout=120
    ).stdout
    assert said.split() == ["PreviewedOrganizationAdmin", "PreviewedSchemaProfileAdmin"]
