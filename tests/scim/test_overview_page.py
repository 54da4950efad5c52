"""The overview: the numbers, and what needs attention."""

import importlib
import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from groups_provisioning.actions import entity_edits, mappings
from groups_provisioning.models import PushedGroup
from orgs.change_details import UserChanged
from orgs.db.keys import uuid7
from orgs.history import Effect, record
from orgs.models import LastAdmin, Organization, Turn, User
from scim import overview_visits, request_days, tasks
from scim.models import OverviewVisit, RequestDay, RequestLog
from scim.request_days import Call
from tests.factories import MappingFactory, OrganizationFactory, OwnerFactory, StaffFactory, UserFactory
from tests.groups_provisioning import world
from tests.groups_provisioning.world import POOL, by_command
from tests.page_text import text, words
from tests.scim.api.crowds import fill


@pytest.fixture
def grace(org: Organization) -> User:
    return UserFactory.create(org=org, given_name="Grace", family_name="Hopper")


@pytest.fixture
def browser(client: Client, org: Organization) -> Client:
    client.force_login(OwnerFactory.create(org=org))
    return client


class TestNumbers:
    def test_tell_what_there_is(self, browser: Client, org: Organization, grace: User) -> None:
        UserFactory.create(org=org, active=False)
        world.placed(org, world.entity(org, "Platform"), grace)
        world.entity(org, "Nights", POOL)
        page = text(browser.get("/"))
        assert (
            "People 2 1 active, without the owner SCIM groups 1 Teams 1 Concurrency groups 1 Sub-organizations 0"
            in page
        )

    def test_are_the_orgs_own(self, browser: Client) -> None:  # O7
        stranger = UserFactory.create()
        world.placed(stranger.org, world.entity(stranger.org, "Platform"), stranger)
        assert "People 0 0 active, without the owner SCIM groups 0 Teams 0" in text(browser.get("/"))

    def test_leave_out_kinds_that_are_off(self, browser: Client, org: Organization) -> None:  # M8
        Organization.objects.filter(pk=org.pk).update(sub_organizations=False)
        assert "Sub-organizations" not in text(browser.get("/"))


class TestAttention:
    def test_is_asked_for_by_nothing_at_first(self, browser: Client, org: Organization, grace: User) -> None:
        world.placed(org, world.entity(org, "Platform"), grace)
        assert "Needs attention" not in text(browser.get("/"))

    def test_names_groups_that_wait(self, browser: Client, org: Organization) -> None:
        cause = by_command()
        world.group(org, "Nobody's")
        world.tie(world.group(org, "Waiting"), world.entity(org, "Waiting"), status="pending", reason="asked")
        gone = world.entity(org, "Gone")
        world.placed(org, gone)
        entity_edits.delete_entity(org=org, entity_id=gone.id, cause=cause)
        rejected = MappingFactory.create(group=world.group(org, "Rejected"))
        mappings.reject(org=org, mapping_ids=[rejected.id], cause=cause)
        PushedGroup.objects.filter(display_name="Waiting").update(out_of_sync=True)
        page = text(browser.get("/"))
        for sentence in (
            "1 group is unmapped",
            "1 group is pending",
            "target of 1 group was deleted",
            "1 group is out of sync",
        ):
            assert sentence in page

    def test_speaks_of_several_groups_as_several(self, browser: Client, org: Organization) -> None:
        for name in ("Days", "Nights"):
            world.group(org, name)
        page = text(browser.get("/"))
        assert "2 groups are unmapped “Days”, “Nights” Their members get no assignments, and only the roles" in page

    def test_names_open_conflicts(self, browser: Client, org: Organization, grace: User) -> None:  # C3
        for name in ("Days", "Nights"):
            world.placed(org, world.entity(org, name, POOL), grace)
        assert "1 open conflict" in text(browser.get("/"))

    def test_names_the_last_admin(self, browser: Client, org: Organization, grace: User) -> None:  # R5
        LastAdmin.objects.create(org=org, user=grace)
        assert "Grace Hopper keeps the admin role" in text(browser.get("/"))

    def test_names_values_that_were_refused_lately(self, browser: Client, org: Organization, grace: User) -> None:  # U4
        refused = Effect(grace.id, "refused", "userName", "x")
        record(org, by_command(), UserChanged(user=str(grace.id)), [refused])
        assert "1 value refused" in text(browser.get("/"))

    def test_says_that_people_are_being_settled(self, browser: Client, org: Organization, idp: Any) -> None:
        user = idp.post("/Users", {"userName": "linus@corp.example"}).json()["id"]
        idp.post("/Groups", {"displayName": "Platform", "members": [{"value": user}]})
        assert "1 person is being updated" in text(browser.get("/"))

    def test_says_that_settling_is_held(self, browser: Client, org: Organization) -> None:
        now = timezone.now()
        Turn.objects.update_or_create(org=org, defaults={"served_at": now, "held_reason": "x", "retry_at": now})
        assert "Applying changes was interrupted" in text(browser.get("/"))


class TestRequests:
    """Of thirty days, from kept numbers."""

    def test_are_those_of_several_days_and_orgs(self, org: Organization) -> None:
        other, now = OrganizationFactory.create(), timezone.now()
        answers = {
            org.pk: (200, 201, 404, 500),
            other.pk: (503,),
            uuid7(): (200,),
        }  # the last is of an org that is gone
        days = [now, now - timedelta(days=1)]
        for _ in range(2):
            request_days.add(
                Call(id, at, "user.list", status) for at in days for id, all in answers.items() for status in all
            )
        for each, numbers in ((org, (8, 2, 2)), (other, (2, 0, 2))):
            kept = RequestDay.objects.for_org(each).order_by("day")
            assert [(day.calls, day.refused, day.failed) for day in kept] == [numbers, numbers]
        assert RequestDay.objects.count() == 4

    @pytest.mark.parametrize(
        ("operation", "status", "counts"),
        [
            ("user.create", 201, True),
            ("group.change", 204, True),
            ("bulk", 200, True),
            ("user.create", 409, False),
            ("user.list", 200, False),
            ("discovery", 200, False),
            ("", 404, False),
        ],
    )
    def test_tell_of_the_last_change(
        self, browser: Client, org: Organization, operation: str, status: int, counts: bool
    ) -> None:
        at = timezone.now() - timedelta(hours=5)
        request_days.add([Call(org.pk, at, operation, status)])
        request_days.add([Call(org.pk, at - timedelta(hours=1), operation, status)])
        assert ("Last accepted change 5 hours ago" in text(browser.get("/"))) == counts

    def test_are_drawn_and_told_day_by_day(self, browser: Client, org: Organization) -> None:
        today = timezone.now().date()
        for days, calls, refused, failed in ((0, 10, 0, 0), (29, 40, 4, 1), (30, 999, 9, 9)):
            day = today - timedelta(days=days)
            RequestDay.objects.create(org=org, day=day, calls=calls, refused=refused, failed=failed)
        answer = browser.get("/")
        page = answer.content.decode()
        assert "50 requests, 4 refused , 1 failed" in text(answer)
        bar = re.compile(r'<rect class="chart__(ok|refused|failed)" x="(\d+)" y="([\d.]+)" .*? height="([\d.]+)"')
        assert bar.findall(page) == [
            ("ok", "0", "8.0", "56.0"),
            ("refused", "0", "1.6", "6.4"),
            ("failed", "0", "0.0", "1.6"),
            ("ok", "290", "48.0", "16.0"),
        ]  # fmt: skip
        assert " style=" not in page
        assert "<script>" not in page
        table = re.findall(r"<tbody>.*?</tbody>", page[page.index("chart__table") :], re.S)[0]
        days = [f"{today - timedelta(days=n):%-d %b %Y}" for n in (0, 29)]
        assert words(table) == f"{days[0]} 10 0 0 {days[1]} 40 4 1"

    def test_are_forgotten(self, org: Organization) -> None:
        today = timezone.now().date()
        for days in (0, 90, 91):
            RequestDay.objects.create(org=org, day=today - timedelta(days=days), calls=1, refused=0, failed=0)
        tasks.keep_request_log_partitions()
        assert RequestDay.objects.count() == 2

    def test_of_the_log_are_counted_when_counting_begins(self, org: Organization) -> None:
        for status in (200, 201, 404, 500):
            at = timezone.now()
            RequestLog.objects.create(
                id=uuid7(),
                at=at,
                org=org,
                status=status,
                operation="user.create",
                duration=1,
                request_size=0,
                response_size=0,
            )
        migration = importlib.import_module("scim.migrations.0004_requests_by_target")
        with connection.cursor() as cursor:
            for _ in range(2):  # an interrupted migration is begun again
                cursor.execute(migration.COUNT.format(partition="scim_requestlog"))
        day = RequestDay.objects.get()
        assert (day.day, day.calls, day.refused, day.failed) == (at.date(), 4, 1, 1)
        assert day.wrote_at == RequestLog.objects.for_org(org).get(status=201).at


class TestTheLastVisit:
    """Ends half an hour after the overview was opened the last time."""

    START = timezone.now() - timedelta(days=3)

    @pytest.mark.parametrize(
        ("minutes", "since"),
        [
            ([0], None),
            ([0, 29], None),
            ([0, 31], 0),
            ([0, 31, 32, 60], 0),  # a reload takes nothing away
            ([0, 29, 60], 29),
            ([0, 31, 62], 31),
        ],
        ids=str,
    )
    def test_is_told_apart_by_a_break(self, org: Organization, grace: User, minutes: list[int], since: int) -> None:
        for minute in minutes:
            told = overview_visits.note(org=org, user=grace, at=self.START + timedelta(minutes=minute))
        assert told == (None if since is None else self.START + timedelta(minutes=since))

    def test_is_ones_own(self, org: Organization, grace: User) -> None:
        overview_visits.note(org=org, user=grace, at=self.START)
        assert overview_visits.note(org=org, user=UserFactory.create(org=org), at=timezone.now()) is None
        assert overview_visits.note(org=org, user=StaffFactory.create(), at=timezone.now()) is None
        assert OverviewVisit.objects.count() == 2

    def test_is_what_changes_are_told_since(self, browser: Client, org: Organization, grace: User) -> None:
        record(org, by_command(), UserChanged(user=str(grace.id)), [])
        assert "Since your last visit" not in text(browser.get("/"))
        OverviewVisit.objects.update(seen_at=timezone.now() - timedelta(hours=1))
        for _ in range(7):
            record(org, by_command(), UserChanged(user=str(grace.id)), [])
        page = text(browser.get("/"))
        assert "Since your last visit 8 changes since" in page
        assert page.count("Grace Hopper was updated") == 5
        day = timezone.localtime(timezone.now() - timedelta(hours=1)).date()
        assert f'href="/activity/?since={day}"' in browser.get("/").content.decode()


_GROUPS = """
INSERT INTO groups_provisioning_pushedgroup (id, org_id, display_name, display_name_key, external_id, attributes,
    folded, extension_urn, roles, member_count, out_of_sync, created_at, modified_at, revision)
SELECT gen_random_uuid(), %s, 'g' || n, 'g' || n, '', '{}', '{}', '', '{}', 0, false, now(), now(), 1
FROM generate_series(1, 10000) AS n
"""


def test_of_very_many_takes_few_queries(client: Client, django_assert_max_num_queries: Any, org: Organization) -> None:
    fill(org, 10_000)
    with connection.cursor() as cursor:
        cursor.execute(_GROUPS, [org.id])
    client.force_login(OwnerFactory.create(org=org))
    client.get("/")
    OverviewVisit.objects.update(seen_at=timezone.now() - timedelta(days=1))
    owner = User.objects.for_org(org).get(is_owner=True)
    for _ in range(50):
        record(org, by_command(), UserChanged(user=str(owner.id)), [])
    with django_assert_max_num_queries(24):
        page = client.get("/")
    assert "50 changes since" in text(page)
    assert "People 10,000 10,000 active, without the owner SCIM groups 10,000" in text(page)
    assert "10,000 groups are unmapped" in text(page)
    assert len(page.content) < 100_000
