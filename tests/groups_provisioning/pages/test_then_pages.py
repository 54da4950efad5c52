"""How a person, a group and rules were at another time, and what links there (SPEC T3)."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from groups_provisioning.actions import entity_edits, rules
from groups_provisioning.engine import as_of
from groups_provisioning.models import GroupMember
from orgs.models import Change, Entity, Organization, PastBegin, User
from tests.conftest import Idp, signed_in
from tests.factories import EntityFactory, OwnerFactory
from tests.groups_provisioning.world import TEAM, by_admin, map_to, push, push_user, role_rule, rule, settle_all

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def owner(org: Organization) -> User:
    return OwnerFactory.create(org=org)


@pytest.fixture
def browser(owner: User) -> Client:
    return signed_in(owner)


def now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (at,) = cursor.fetchone()
        return at


def page(browser: Client, path: str, at: Any) -> str:
    answer = browser.get(f"{path}?{urlencode({'at': at if isinstance(at, str) else at.isoformat()})}")
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


class TestAPerson:
    def test_is_where_they_were_with_the_names_of_then(self, idp: Idp, browser: Client, owner: User) -> None:
        ada = User.objects.get(id=push_user(idp, "Ada"))
        group = push(idp, "Engineers", ada)
        map_to(group, TEAM, by=owner)
        settle_all()
        before = now()
        idp.patch(f"/Groups/{group.id}", {"op": "remove", "path": "members"})
        settle_all()
        Entity.objects.update(name="Renamed")
        then = page(browser, f"/people/{ada.id}/then/", before)
        assert "They are in the SCIM group Engineers, which is mapped to Engineers." in then
        assert f"by {owner.user_name}" in then  # who approved is called what they are called now
        assert "Renamed" not in then
        assert "To change it:" not in then
        assert "The activity says something else" not in then
        assert "No team, the default concurrency group" in page(browser, f"/people/{ada.id}/then/", now())

    def test_says_what_the_activity_says_where_that_is_something_else(self, idp: Idp, browser: Client) -> None:
        ada = User.objects.get(id=push_user(idp, "Ada"))
        map_to(push(idp, "Engineers", ada), TEAM)
        then = page(browser, f"/people/{ada.id}/then/", now())  # they still wait
        assert "The activity says something else" in then
        assert "Assignments: –." in then
        assert f'value="{timezone.now():%Y-%m-%dT}' in then  # the form has what was asked for

    def test_did_not_exist_or_nobody_knows_or_it_is_yet_to_come(
        self, org: Organization, idp: Idp, browser: Client
    ) -> None:
        before, ada = now(), push_user(idp, "Ada")
        path = f"/people/{ada}/then/"
        assert "This person did not exist then." in page(browser, path, before)
        for later in (timezone.now() + timedelta(days=1), "9999-12-31T23:59:59-12:00"):
            assert "This is in the future." in page(browser, path, later)
        PastBegin.objects.update(at=now())
        assert "History does not go back this far." in page(browser, path, before)
        assert "Enter a valid date/time." in page(browser, path, "then")
        assert 'type="datetime-local"' in browser.get(path).content.decode()

    def test_is_asked_for_in_the_zone_of_the_reader(
        self, idp: Idp, browser: Client, owner: User, org: Organization
    ) -> None:
        ada = push_user(idp, "Ada")
        User.objects.filter(pk=owner.pk).update(time_zone="Asia/Tokyo")
        Organization.objects.update(created_at=timezone.now() - timedelta(days=2))
        PastBegin.objects.update(at=timezone.now() - timedelta(days=2))
        typed = (timezone.now() + timedelta(hours=8)).strftime("%Y-%m-%dT%H:%M:%S")  # an hour ago in Tokyo
        assert "This person did not exist then." in page(browser, f"/people/{ada}/then/", typed)


class TestAGroup:
    def test_has_the_members_mappings_and_the_name_of_then(self, idp: Idp, browser: Client) -> None:
        ada, bo = (User.objects.get(id=push_user(idp, name)) for name in ("Ada", "Bo"))
        group = push(idp, "Engineers", ada)
        map_to(group, TEAM, "Builders")
        before = now()
        idp.put(f"/Groups/{group.id}", {"displayName": "Staff", "members": [{"value": str(bo.id)}]})
        then = page(browser, f"/groups/{group.id}/then/", before)
        assert "Engineers as of" in then
        assert "Builders" in then
        assert ada.label in then
        assert bo.label not in then
        again = page(browser, f"/groups/{group.id}/then/", now())
        assert "Staff as of" in again
        assert bo.label in again
        assert ada.label not in again

    def test_did_not_exist(self, idp: Idp, browser: Client) -> None:
        before, group = now(), push(idp, "Engineers")
        assert "This group did not exist then." in page(browser, f"/groups/{group.id}/then/", before)


class TestATeam:
    def test_has_the_people_the_name_and_the_group_of_then(self, idp: Idp, browser: Client) -> None:  # T3
        ada, bo = (User.objects.get(id=push_user(idp, name)) for name in ("Ada", "Bo"))
        group = push(idp, "Engineers", ada)
        team = map_to(group, TEAM).entity
        settle_all()
        before = now()
        idp.patch(f"/Groups/{group.id}", {"op": "replace", "path": "members", "value": [{"value": str(bo.id)}]})
        idp.patch(f"/Groups/{group.id}", {"op": "replace", "path": "displayName", "value": "Builders"})
        settle_all()
        Entity.objects.update(name="Renamed")
        then = page(browser, f"/entities/{team.id}/then/", before)
        assert "Engineers as of" in then
        assert (ada.label in then, bo.label in then, "Builders" in then) == (True, False, False)
        again = page(browser, f"/entities/{team.id}/then/", now())
        assert "Renamed as of" in again
        assert (ada.label in again, bo.label in again, "Builders" in again) == (False, True, True)
        assert f"/people/{bo.id}/then/?at=" in again
        assert f'href="/entities/{team.id}/then/"' in browser.get(f"/entities/{team.id}/").content.decode()

    def test_has_at_every_moment_whom_the_ledger_has_there(self, idp: Idp, browser: Client) -> None:  # T3
        people = [push_user(idp, name) for name in ("Ada", "Bo", "Cy")]
        group = push(idp, "Engineers")
        team = map_to(group, TEAM).entity
        moments = []
        for number in range(12):
            op = "add" if number % 5 < 3 else "remove"
            person = people[number * 7 % 3]
            path = f'members[value eq "{person}"]' if op == "remove" else "members"
            idp.patch(f"/Groups/{group.id}", {"op": op, "path": path, "value": [{"value": person}]})
            settle_all()
            moments.append(now())
        seen = set()
        for at in moments:
            shown = browser.get(f"/entities/{team.id}/then/", {"at": at.isoformat()}).context["rows"]
            known = {each for each in people if str(team.id) in as_of.recorded(UUID(each), at).places}
            assert {str(each.id) for each in shown} == known
            seen.add(frozenset(known))
        assert len(seen) > 3

    def test_did_not_exist_or_is_gone(self, org: Organization, browser: Client) -> None:
        before, team = now(), EntityFactory.create(org=org, kind=TEAM, name="Crew")
        assert "It did not exist then." in page(browser, f"/entities/{team.id}/then/", before)
        kept = now()
        entity_edits.delete_entity(org=org, entity_id=team.id, cause=by_admin())
        assert "It had been deleted." not in page(browser, f"/entities/{team.id}/then/", kept)
        assert "It had been deleted." in page(browser, f"/entities/{team.id}/then/", now())


class TestRules:
    def test_are_those_of_then_in_the_order_of_then(self, org: Organization, browser: Client) -> None:  # T3
        first, second = rule(org, "eng-"), rule(org, "ops-")
        role_rule(org, org.profile.roles.order_by("rank")[0].key, "boss-")
        before = now()
        rules.move_rule(org=org, rule_id=second.id, position=1, cause=by_admin())
        rules.delete_rule(org=org, rule_id=first.id, cause=by_admin())
        then = page(browser, "/groups/rules/then/", before)
        assert then.index("eng-") < then.index("ops-") < then.index("boss-")
        again = page(browser, "/groups/rules/then/", now())
        assert ("eng-" in again, "1. " in again) == (False, True)


class TestAChange:
    def test_leads_to_before_and_after_it(self, idp: Idp, browser: Client) -> None:
        ada = User.objects.get(id=push_user(idp, "Ada"))
        group = push(idp, "Engineers")
        idp.patch(f"/Groups/{group.id}", {"op": "add", "path": "members", "value": [{"value": str(ada.id)}]})
        change = Change.objects.get(id=GroupMember.objects.get().added_by_id)
        links = browser.get(f"/activity/{change.id}/").context["as_of"]
        assert links["group"] == str(group.id)
        assert ada.label not in browser.get(f"/groups/{group.id}/then/?{links['before']}").content.decode()
        assert ada.label in browser.get(f"/groups/{group.id}/then/?{links['then']}").content.decode()

    def test_of_before_the_past_was_kept_does_not(self, org: Organization, idp: Idp, browser: Client) -> None:
        push_user(idp, "Ada")
        PastBegin.objects.update(at=now())
        change = Change.objects.for_org(org).latest("id")
        assert browser.get(f"/activity/{change.id}/").context["as_of"] is None
