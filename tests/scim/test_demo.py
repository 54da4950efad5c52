"""The demo organization that `make up` starts with."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from groups_provisioning.engine import effect_checks
from groups_provisioning.models import Conflict, GroupMapping, PushedGroup
from orgs import open_matters
from orgs.models import Change, Organization, ScimToken, Standing, User
from scim.models import RequestLog
from tests.factories import StaffFactory


def seed_demo() -> str:
    out = StringIO()
    call_command("seed_demo", stdout=out)
    return out.getvalue()


@pytest.fixture(autouse=True)
def _of_its_own(settings: Any, tmp_path: Path) -> None:
    settings.MUSTER_VAR = tmp_path


@pytest.fixture
def demo(transactional_db: None) -> Organization:
    assert "owner@demo.example" in seed_demo()
    return Organization.objects.get()


class TestTheFirstRun:
    def test_creates_people_some_of_whom_are_admins_and_some_deactivated(self, demo: Organization) -> None:
        people = User.objects.for_org(demo).filter(is_owner=False)
        assert (people.count(), people.filter(active=False).count()) == (40, 2)
        assert Standing.objects.filter(org=demo, roles=["Admin"]).count() == 3

    def test_creates_groups_in_every_state(self, demo: Organization) -> None:
        groups = PushedGroup.objects.for_org(demo)
        states: dict[str, int] = {}
        for kind, status in GroupMapping.objects.for_org(demo).values_list("kind", "status"):
            states[f"{status} {kind}"] = states.get(f"{status} {kind}", 0) + 1
        assert states == {
            "auto_approved team": 5,
            "auto_approved role": 1,
            "approved concurrency_group": 2,
            "pending concurrency_group": 1,
            "approved sub_organization": 1,
        }
        assert groups.count() == sum(states.values()) + 2
        assert groups.get(out_of_sync=True).display_name == "Team Data"
        assert Conflict.objects.for_org(demo).count() == 2

    def test_leaves_refused_requests_in_the_log(self, demo: Organization) -> None:
        calls = RequestLog.objects.for_org(demo)
        refused = calls.filter(status__gte=400).order_by("id").values_list("operation", "status")
        assert [*refused] == [
            ("user.create", 400),
            ("user.create", 409),
            ("user.change", 400),
            ("group.change", 403),
            ("group.create", 403),
        ]
        assert calls.filter(status__lt=400).count() == 40 + 12 + 2

    def test_leaves_what_needs_attention(self, demo: Organization) -> None:  # N1
        assert {matter.kind for matter in open_matters.everything(demo, at=timezone.now())} == {
            "conflict.open",
            "group.pending",
            "group.out_of_sync",
            "group.unmapped",
            "group.refused",
            "user.refused",
            "user.unwritten",
        }

    def test_leaves_it_as_the_facts_say(self, demo: Organization) -> None:  # C4
        assert effect_checks.check(demo.id, seconds=60).drifted == 0


class TestAnotherRun:
    def test_changes_nothing_and_says_again_how_to_sign_in(self, demo: Organization) -> None:
        changes, tokens = Change.objects.count(), ScimToken.objects.count()
        assert "owner@demo.example" in seed_demo()
        assert (Change.objects.count(), ScimToken.objects.count()) == (changes, tokens)
        assert Organization.objects.get() == demo


@pytest.mark.usefixtures("db")
def test_founds_nothing_beside_the_accounts_of_others() -> None:
    StaffFactory.create()
    assert "owner@demo.example" not in seed_demo()
    assert not Organization.objects.exists()
