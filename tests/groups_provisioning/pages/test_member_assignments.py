"""Which members of a group its page calls assigned, and why the others are not."""

import csv

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from groups_provisioning.actions import conflict_decisions, entity_edits, manual_changes
from groups_provisioning.models import Conflict, GroupMember, PushedGroup
from orgs.models import Entity, Organization, User
from tests.conftest import signed_in
from tests.factories import OwnerFactory
from tests.groups_provisioning.world import (
    POOL,
    TEAM,
    by_admin,
    entity,
    give,
    group,
    map_to,
    person,
    placed,
    settle,
    settle_all,
    tie,
)
from tests.page_text import text_at_first


@pytest.fixture
def browser(org: Organization) -> Client:
    return signed_in(OwnerFactory.create(org=org))


def reasons(browser: Client, pushed: PushedGroup, query: str = "") -> dict[str, list[str]]:
    """For each member in the list, why they are not assigned."""
    answer = browser.get(f"/groups/{pushed.id}/{query}", headers={"HX-Request": "true"})
    return {member.user.given_name: [str(each.lack) for each in missing] for member, missing in answer.context["rows"]}


def unassigned(browser: Client, pushed: PushedGroup) -> dict[str, list[str]]:
    """As `reasons`, of the filter, which must agree with the list, the count and the file."""
    everybody, found = reasons(browser, pushed), reasons(browser, pushed, "?assigned=no")
    assert found == {name: lacks for name, lacks in everybody.items() if lacks}
    file = b"".join(browser.get(f"/groups/{pushed.id}/members.csv?assigned=no")).decode()
    assert len(list(csv.reader(file.splitlines()))) == 1 + len(found)
    counts = [each.assigned for each in browser.get(f"/groups/{pushed.id}/").context["ties"].live if each.is_synced]
    if len(counts) == 1:
        assert counts == [len(everybody) - len(found)]
    return found


@pytest.fixture
def load_tests(org: Organization) -> PushedGroup:
    """A group mapped to a concurrency group, with a member in each state."""
    names = ("Amara", "Bo", "Chiara", "Dmitri", "Elif", "Farid")
    people = {name: person(org, name, "Okafor", active=name != "Elif") for name in names}
    placed(org, entity(org, "Standard", POOL), people["Bo"], people["Chiara"])
    pushed = group(org, "Load", *(people[name] for name in names[:-1]))
    target = entity(org, "Load", POOL)
    tie(pushed, target)
    settle(*people.values())
    by = by_admin()
    decided = Conflict.objects.get(user=people["Chiara"])
    conflict_decisions.decide(org=org, cards=[conflict_decisions.Card.of(decided)], use_incoming=False, cause=by)
    manual_changes.take_out(org=org, user_id=people["Dmitri"].id, entity_id=target.id, cause=by)
    first = GroupMember.objects.filter(group=pushed)[0]
    GroupMember.objects.create(
        org=org, group=pushed, user=people["Farid"], added_at=first.added_at, added_by=first.added_by
    )
    PushedGroup.objects.filter(pk=pushed.pk).update(member_count=len(names))
    return pushed


class TestTheMembersOfAGroup:
    def test_are_assigned_or_it_says_why_not(self, browser: Client, load_tests: PushedGroup) -> None:  # C3, R4
        assert unassigned(browser, load_tests) == {
            "Bo": ["conflict"],
            "Chiara": ["yields"],
            "Dmitri": ["removed"],
            "Elif": ["inactive"],
            "Farid": ["settling"],
        }
        assert unassigned(browser, load_tests).keys() | {"Amara"} == reasons(browser, load_tests).keys()
        page = browser.get(f"/groups/{load_tests.id}/")
        words = text_at_first(page)
        assert "1 of 6 members are assigned. See who is not assigned, and why" in words
        for told in ("Open conflict", "Another assignment takes precedence", "Removed by hand", "Being applied"):
            assert told in words
        bo = User.objects.get(given_name="Bo")
        assert f'href="{reverse("conflicts")}?person={bo.id}">Open conflict</a>' in page.content.decode()

    def test_are_not_where_the_target_was_deleted(self, browser: Client, org: Organization) -> None:  # M7
        pushed = placed(org, entity(org, "Platform"), person(org, "Amara", "Okafor"))
        assert unassigned(browser, pushed) == {}
        entity_edits.delete_entity(org=org, entity_id=Entity.objects.get(name="Platform").id, cause=by_admin())
        settle_all()
        assert unassigned(browser, pushed) == {"Amara": ["target_deleted"]}

    def test_are_not_where_the_kind_was_off_when_they_came(self, browser: Client, org: Organization) -> None:  # M8
        Organization.objects.filter(pk=org.pk).update(teams=False)
        amara = person(org, "Amara", "Okafor")
        pushed = group(org, "Platform", amara)
        tie(pushed, entity(org, "Platform"))
        settle(User.objects.get(pk=amara.pk))
        assert unassigned(browser, pushed) == {"Amara": ["kind_off"]}

    def test_have_its_role_unless_they_are_inactive_or_have_another(
        self, browser: Client, org: Organization
    ) -> None:  # R1, R6
        people = [person(org, name, "Okafor", active=name != "Chiara") for name in ("Amara", "Bo", "Chiara", "Dmitri")]
        give(group(org, "Leads", people[1]), "Admin")
        settle_all()
        pushed = group(org, "Staff", *people[:3])
        give(pushed, "Member")
        settle_all()
        assert unassigned(browser, pushed) == {"Bo": ["other_role"], "Chiara": ["inactive"]}
        words = text_at_first(browser.get(f"/groups/{pushed.id}/"))
        assert "1 of 3 members have this role." in words
        assert "Has Admin instead" in words

    def test_lack_some_of_several_targets(self, browser: Client, org: Organization) -> None:  # M1
        pushed = placed(org, entity(org, "Platform"), person(org, "Amara", "Okafor"))
        map_to(pushed, TEAM, "Quality")
        assert unassigned(browser, pushed) == {"Amara": ["settling"]}
        words = text_at_first(browser.get(f"/groups/{pushed.id}/"))
        assert "Quality: Being applied" in words
        assert "1 of 1 member is assigned." in words
        assert "0 of 1 member is assigned." in words

    def test_are_not_counted_beyond_ten_thousand(self, browser: Client, org: Organization) -> None:  # G8
        pushed = placed(org, entity(org, "Platform"), person(org, "Amara", "Okafor"))
        PushedGroup.objects.filter(pk=pushed.pk).update(member_count=10_001)
        words = text_at_first(browser.get(f"/groups/{pushed.id}/"))
        assert "members are assigned." not in words
        assert "See who is not assigned, and why" in words

    def test_of_a_group_that_gives_nothing_lack_nothing(self, browser: Client, org: Organization) -> None:
        pushed = group(org, "Office", person(org, "Amara", "Okafor"))
        answer = browser.get(f"/groups/{pushed.id}/?assigned=no")
        assert reasons(browser, pushed, "?assigned=no") == {"Amara": []}
        assert 'name="assigned"' not in answer.content.decode()

    def test_are_explained_in_as_many_statements_as_one_is(
        self, browser: Client, org: Organization, load_tests: PushedGroup
    ) -> None:
        def statements(pushed: PushedGroup, headers: dict[str, str] | None = None) -> int:
            with CaptureQueriesContext(connection) as made:
                assert browser.get(f"/groups/{pushed.id}/", headers=headers).status_code == 200
            return len(made)

        few = placed(org, entity(org, "Few", POOL), person(org, "Gudrun", "Berg"))
        many = placed(org, entity(org, "Many", POOL), *(person(org, f"P{number}", "Berg") for number in range(60)))
        htmx = {"HX-Request": "true"}
        assert statements(few, htmx) == statements(load_tests, htmx) == statements(many, htmx)
        assert statements(few) == statements(load_tests) == statements(many)
