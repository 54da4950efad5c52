"""The migrations that turn a profile's starting rules from JSON into rows, on the database of the version before."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from groups_provisioning.models import StartingRule
from orgs.models import SchemaProfile

REGEX = {"pattern_type": "regex", "pattern": "^a", "target_kind": "sub_organization", "auto_approve": False}
ALL = {"pattern_type": "match_all", "pattern": "", "target_kind": "team", "auto_approve": True}


def run(statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def stored(key: str) -> Any:
    ((text,),) = run("SELECT starting_rules::text FROM orgs_schemaprofile WHERE key = %s", key)
    return json.loads(text)


@pytest.fixture
def before(transactional_db: None) -> Iterator[None]:
    call_command("migrate", "groups_provisioning", "0005", verbosity=0)
    yield
    call_command("migrate", verbosity=0)


def test_there_and_back_the_rules_are_the_same(before: None) -> None:  # P8
    assert stored("testomat") == [ALL]
    entries = json.dumps([REGEX, "nonsense", {**REGEX, "target_kind": "crew"}, {**ALL, "extra": 1}])
    run("UPDATE orgs_schemaprofile SET starting_rules = %s WHERE key = 'standard'", entries)
    call_command("migrate", verbosity=0)
    profile = SchemaProfile.objects.get(key="standard")
    rows = StartingRule.objects.filter(profile=profile)
    assert list(rows.values_list("position", "pattern_type", "pattern", "kind", "auto_approve")) == [
        (1, "regex", "^a", "sub_organization", False),
        (2, "all", "", "team", True),
    ]
    call_command("migrate", "groups_provisioning", "0005", verbosity=0)
    assert stored("standard") == [REGEX, ALL]
