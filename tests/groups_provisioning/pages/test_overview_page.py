"""The overview: the numbers, and what needs attention."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from groups_provisioning.actions import entity_edits, mappings
from groups_provisioning.models import PushedGroup
from orgs.change_details import UserChanged
from orgs.history import Effect, record
from orgs.models import LastAdmin, Organization, Turn, User
from tests.factories import MappingFactory, OwnerFactory, UserFactory
from tests.groups_provisioning import world
from tests.groups_provisioning.world import POOL, by_command
from tests.page_text import text
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
        for words in (
            "1 group is unmapped",
            "1 group is pending",
            "target of 1 group was deleted",
            "1 group is out of sync",
        ):
            assert words in page

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
    with django_assert_max_num_queries(12):
        page = client.get("/")
    assert "People 10,000 10,000 active, without the owner SCIM groups 10,000" in text(page)
    assert "10,000 groups are unmapped" in text(page)
    assert len(page.content) < 100_000
