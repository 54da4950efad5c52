"""The migrations that turn a profile's starting rules from JSON into rows, on the database of the version before."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from groups_provisioning.actions import rules
from groups_provisioning.actions.rules import RuleFacts
from groups_provisioning.models import ROLE, GroupMapping, MappingRule
from tests.factories import OrganizationFactory, UserFactory
from tests.groups_provisioning import world
from tests.groups_provisioning.world import TEAM

REGEX = {"pattern_type": "regex", "pattern": "^a", "target_kind": "sub_organization", "auto_approve": False}
ALL = {"pattern_type": "match_all", "pattern": "", "target_kind": "team", "auto_approve": True}


def run(statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def stored(key: str) -> Any:
    ((text,),) = run("SELECT starting_rules::text FROM orgs_schemaprofile WHERE key = %s", key)
    return json.loads(text)


def lead_to(database: str) -> None:
    connection.close()
    connection.close_pool()
    connection.settings_dict["NAME"] = database


@pytest.fixture
def before(transactional_db: None) -> Iterator[None]:
    """A database of its own, which the migrations have brought that far and no farther."""
    suite = connection.settings_dict["NAME"]
    run(f'CREATE DATABASE "{suite}_before"')
    lead_to(f"{suite}_before")
    try:
        call_command("migrate", "groups_provisioning", "0005", verbosity=0)
        yield
    finally:
        lead_to(suite)
        run(f'DROP DATABASE "{suite}_before"')


def test_there_and_back_the_rules_are_the_same(before: None) -> None:  # P8
    entries = json.dumps([REGEX, "nonsense", {**REGEX, "target_kind": "crew"}, {**ALL, "extra": 1}])
    run("UPDATE orgs_schemaprofile SET starting_rules = %s WHERE key = 'standard'", entries)
    call_command("migrate", "orgs", "0019", verbosity=0)
    assert run(
        "SELECT position, pattern_type, pattern, kind, auto_approve FROM groups_provisioning_startingrule rule"
        " JOIN orgs_schemaprofile profile ON profile.id = profile_id WHERE profile.key = 'standard' ORDER BY position"
    ) == [
        (1, "regex", "^a", "sub_organization", False),
        (2, "all", "", "team", True),
    ]
    call_command("migrate", "groups_provisioning", "0005", verbosity=0)
    assert stored("standard") == [REGEX, ALL]
    assert stored("testomat") == [ALL]


def test_before_there_were_roles_no_rule_or_mapping_gives_one(transactional_db: None) -> None:  # R6
    org = OrganizationFactory.create()
    group = world.group(org, "Admins", UserFactory.create(org=org))
    world.tie(group, world.entity(org, "Admins"))
    world.give(group, "Admin")
    for add in (world.rule, lambda org: world.role_rule(org, "Admin")):
        add(org)
    rules.keep_starting(profile=org.profile, rules=[RuleFacts("all", TEAM), RuleFacts("all", ROLE, role="Admin")])
    try:
        call_command("migrate", "groups_provisioning", "0006", verbosity=0)
        for table in ("mapping", "mappingrule", "startingrule"):
            assert {kind for (kind,) in run(f"SELECT kind FROM groups_provisioning_{table}")} == {TEAM}
    finally:
        call_command("migrate", verbosity=0)
    assert MappingRule.objects.get().target_type == GroupMapping.objects.get().target_type == (TEAM, "")
