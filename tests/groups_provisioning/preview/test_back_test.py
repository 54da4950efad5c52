"""A rule that is tried on what was pushed lately does what it would have done, had it been there (SPEC T4)."""

import os
from collections import Counter
from datetime import timedelta
from itertools import count
from random import Random
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from groups_provisioning.actions import mappings
from groups_provisioning.models import ROLE, Conflict, Membership, Pending, PushedGroup
from groups_provisioning.preview import back_test, runs
from groups_provisioning.preview.back_test import BackTest
from groups_provisioning.preview.runs import Outlook, Summary
from orgs.models import Entity, Organization, PastBegin, Standing, User
from tests.conftest import Idp
from tests.factories import OrganizationFactory
from tests.groups_provisioning import world
from tests.groups_provisioning.world import POOL, TEAM, by_command, idp_of, push, push_user, rule, settle_marked

SEEDS = range(int(os.environ.get("BACK_TESTS", "6")))


def tried(org: Organization, pattern: str = "eng", kind: str = TEAM, **more: Any) -> Outlook:
    facts = {"pattern_type": "prefix", "pattern": pattern, "kind": kind, "auto_approve": True, "role": ""}
    outlook = runs.look(org, {"do": "back_test", "rule": "", **facts, **more})
    assert outlook.summary is not None
    return outlook


def how_it_went(outlook: Outlook) -> BackTest:
    assert outlook.plan.back_test is not None
    return outlook.plan.back_test


def summary(outlook: Outlook) -> Summary:
    assert outlook.summary is not None
    return outlook.summary


def rename(idp: Idp, group: PushedGroup, name: str) -> None:
    answer = idp.patch(f"/Groups/{group.id}", {"op": "replace", "path": "displayName", "value": name})
    assert answer.status_code < 300, answer.content


class Twins:
    """Two orgs whose identity providers send the same; one has had the rule all the time, the other tries it.

    No name passes from one group to another, and the role is not the admin's: what a rule leaves behind (an entity that
    has the name, a last admin) is not foreseen.
    """

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.orgs = [OrganizationFactory.create(dialect="testomat") for _ in range(2)]
        self.idps = [idp_of(org) for org in self.orgs]
        self.kind = self.random.choice([TEAM, POOL, ROLE])
        self.role = "billing" if self.kind == ROLE else ""
        rule(self.orgs[0], "eng", self.kind, role=self.role)
        self.people = [[push_user(idp, name) for idp in self.idps] for name in ("ada", "bo", "cy", "di")]
        self.groups: list[list[PushedGroup]] = []
        self.numbers = count()

    def step(self) -> None:
        live = [each for each in self.groups if not PushedGroup.objects.get(pk=each[0].pk).deleted_at]
        gone = [each for each in self.groups if each not in live]
        name = f"{self.random.choice(['eng', 'Eng', 'ops'])}-{next(self.numbers)}"
        match self.random.choice(["push", "push again", "rename", "delete", "join", "leave"]):
            case "push" | "push again" as what if what == "push" or gone:
                if what == "push again":
                    name = PushedGroup.objects.get(pk=self.random.choice(gone)[0].pk).display_name
                members = self.random.sample(self.people, 2)
                made = [push(idp, name, *(each[at] for each in members)) for at, idp in enumerate(self.idps)]
                self.groups = [each for each in self.groups if each[0].pk != made[0].pk] + [made]
            case "rename" if live:
                for idp, twin in zip(self.idps, self.random.choice(live), strict=True):
                    rename(idp, twin, name)
            case "delete" if live:
                for idp, twin in zip(self.idps, self.random.choice(live), strict=True):
                    assert idp.delete(f"/Groups/{twin.id}").status_code == 204
            case "join" | "leave" as what if live:
                op = {"op": "add" if what == "join" else "remove", "path": "members"}
                group, person = self.random.choice(live), self.random.choice(self.people)
                for at, (idp, twin) in enumerate(zip(self.idps, group, strict=True)):
                    assert idp.patch(f"/Groups/{twin.id}", {**op, "value": [{"value": person[at]}]}).status_code < 300
        for org in self.orgs:
            settle_marked(org)

    def effects(self, org: Organization) -> tuple[Counter[Any], Counter[Any], int]:
        """Who is in what, who has which roles, and how many conflicts there are, by names."""
        placed = Membership.objects.filter(org=org).values_list("user__user_name", "kind", "entity__name_key")
        standing = Standing.objects.filter(org=org).values_list("user__user_name", "roles")
        return (
            Counter(placed),
            Counter((name, *roles) for name, roles in standing),
            Conflict.objects.for_org(org).count(),
        )

    def foreseen(self, org: Organization, outlook: Outlook) -> tuple[Counter[Any], Counter[Any], int]:
        """The same, with the differences that were foreseen; entities that would be created by their names."""
        placed, standing, conflicts = self.effects(org)
        called = {str(each.id): (each.kind, each.name_key) for each in Entity.objects.for_org(org)}
        called |= {id_: (str(kind), name.lower()) for id_, (kind, name) in outlook.plan.overlay.made.items()}
        names = dict(User.objects.for_org(org).values_list("id", "user_name"))
        for each in summary(outlook).some:
            name = names[each.user_id]
            if each.slot == "roles":
                standing -= Counter([(name, *each.was)])
                standing += Counter([(name, *each.now)])
            elif each.slot == "conflict":
                conflicts += (each.now is not None) - (each.was is not None)
            else:
                placed -= Counter([(name, *called[each.was])] if each.was else [])
                placed += Counter([(name, *called[each.now])] if each.now else [])
        return placed, standing, conflicts


@pytest.mark.parametrize("seed", SEEDS)
def test_what_a_rule_would_have_done_is_what_it_does_where_it_was_there(db: None, seed: int) -> None:  # T4
    twins = Twins(seed)
    for _ in range(14):
        twins.step()
    outlook = tried(twins.orgs[1], kind=twins.kind, role=twins.role)
    assert twins.foreseen(twins.orgs[1], outlook) == twins.effects(twins.orgs[0])


class TestAPush:
    def test_counts_under_the_name_it_had_then(self, org: Organization, idp: Idp) -> None:  # T4, M6
        group = push(idp, "eng-a", push_user(idp, "ada"))
        rename(idp, group, "sales")
        outlook = tried(org)
        assert [each.reason for each in outlook.plan.waiting] == [Pending.RULE_CHANGED]
        assert how_it_went(outlook).tried[group.id].name == "eng-a"
        assert how_it_went(outlook).pushes == 2

    def test_of_a_group_that_was_deleted_since_is_named(self, org: Organization, idp: Idp) -> None:
        group = push(idp, "eng-a", push_user(idp, "ada"))
        idp.delete(f"/Groups/{group.id}")
        outlook = tried(org)
        assert (how_it_went(outlook).gone, outlook.plan.mapped) == (["eng-a"], [])

    def test_that_admins_mapped_since_is_not_mapped_again(self, org: Organization, idp: Idp) -> None:
        group = push(idp, "eng-a", push_user(idp, "ada"))
        mappings.map_group(org=org, group_id=group.id, kind=TEAM, target="Platform", cause=by_command())
        settle_marked(org)
        outlook = tried(org)
        assert (how_it_went(outlook).taken, outlook.plan.mapped) == ([group.id], [])
        assert summary(outlook).touched == 0

    def test_that_an_earlier_rule_matches_first_is_not_the_rules(self, org: Organization, idp: Idp) -> None:  # M3
        rule(org, "eng-", auto=False)
        push(idp, "eng-a")
        assert how_it_went(tried(org)).tried == {}
        assert len(how_it_went(tried(org, "e")).tried) == 0

    def test_from_before_the_last_thirty_days_does_not_count(self, org: Organization, idp: Idp) -> None:
        push(idp, "eng-a", push_user(idp, "ada"))
        later = timezone.now() + timedelta(days=31)
        Organization.objects.filter(pk=org.pk).update(created_at=later - timedelta(days=90))
        org.refresh_from_db()
        PastBegin.objects.update(at=later - timedelta(days=90))
        found = back_test.run(org, lambda name: True, at=later)
        assert (found.pushes, found.is_all) == (0, True)

    def test_of_another_org_does_not_count(self, org: Organization, idp: Idp) -> None:  # O7
        other = OrganizationFactory.create()
        push(idp_of(other), "eng-a")
        assert how_it_went(tried(org)).pushes == 0


class TestARule:
    def test_that_asks_is_tried_as_if_each_were_approved_at_once(self, org: Organization, idp: Idp) -> None:
        push(idp, "eng-a", push_user(idp, "ada"))
        outlook = tried(org, auto_approve=False)
        assert summary(outlook).entered == {"new team eng-a": 1}

    def test_of_roles_says_who_would_have_them(self, org: Organization, idp: Idp) -> None:  # R6
        push(idp, "eng-a", push_user(idp, "ada"))
        outlook = tried(org, kind=ROLE, role="Admin")
        assert summary(outlook).gaining("Admin") == 1

    def test_that_is_there_is_tried_as_it_would_be_changed(self, org: Organization, idp: Idp) -> None:
        there = rule(org, "nobody")
        push(idp, "eng-a", push_user(idp, "ada"))
        outlook = tried(org, rule=str(there.id))
        assert [each.group for each in outlook.plan.mapped] == ["eng-a"]
        there.refresh_from_db()
        assert there.pattern == "nobody"

    def test_says_since_when_history_is_kept(self, org: Organization) -> None:
        test = how_it_went(tried(org))
        assert (test.since, test.is_all) == (org.created_at, False)


def test_the_members_of_then_are_counted(org: Organization, idp: Idp) -> None:
    group = push(idp, "eng-a", *(push_user(idp, name) for name in ("ada", "bo")))
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (then,) = cursor.fetchone()
    idp.patch(f"/Groups/{group.id}", {"op": "remove", "path": "members"})
    world.push(idp, "ops")
    assert back_test.members_then({group.id: then}) == {group.id: 2}
    assert back_test.members_then({group.id: timezone.now()}) == {group.id: 0}


def test_takes_as_many_statements_for_many_pushes_as_for_one(org: Organization, idp: Idp) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as queries:
            tried(org)
        return len(queries)

    push(idp, "eng-0", push_user(idp, "ada"))
    one = statements()
    for number in range(1, 12):
        push(idp, f"eng-{number}")
    assert statements() == one


def test_asks_the_rule_once_for_each_name(org: Organization, idp: Idp) -> None:
    for _ in range(3):
        group = push(idp, "eng-a")
        idp.delete(f"/Groups/{group.id}")
    asked: list[str] = []

    def matches(name: str) -> bool:
        asked.append(name)
        return True

    assert back_test.run(org, matches, at=timezone.now()).pushes == 3
    assert asked == ["eng-a"]
