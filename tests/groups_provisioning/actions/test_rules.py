"""An org's mapping rules (SPEC M3, M8)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from django.db import connection

from groups_provisioning.actions import rules
from groups_provisioning.actions.rules import RuleFacts, UnknownRule
from groups_provisioning.models import ROLE, GroupMapping, MappingRule, PatternType, StartingRule
from groups_provisioning.rules.patterns import BadPattern
from orgs.catalogue import UnknownRole
from orgs.entities import KindOff
from orgs.history import Cause
from orgs.models import Change, Door, EntityKind, Organization, SchemaProfile
from tests.conftest import Idp
from tests.factories import OrganizationFactory

pytestmark = pytest.mark.usefixtures("db")

CAUSE = Cause(Door.PAGE, datetime(2026, 1, 1, tzinfo=UTC))
TEAM, POOL = EntityKind.TEAM, EntityKind.CONCURRENCY_GROUP


def prefix(pattern: str, kind: str = TEAM, **more) -> RuleFacts:
    return RuleFacts(PatternType.PREFIX, kind, pattern, **more)


def add(org: Organization, *texts: str) -> list[MappingRule]:
    return [rules.add_rule(org=org, facts=prefix(pattern), cause=CAUSE) for pattern in texts]


def order(org: Organization) -> list[str]:
    """The patterns in their order, having checked that the places are 1 to n."""
    return listed(org, roles=False)


def listed(org: Organization, *, roles: bool) -> list[str]:
    found = list(MappingRule.objects.for_org(org).of_list(roles=roles))
    assert [rule.position for rule in found] == list(range(1, len(found) + 1))
    return [rule.pattern for rule in found]


class TestAdding:
    def test_puts_it_after_all_others_and_tells_it(self, org: Organization) -> None:
        add(OrganizationFactory.create(), "x")
        first, _ = add(org, "a", "b")
        assert order(org) == ["a", "b"]
        told = Change.objects.filter(org=org).first()
        assert told.verb == "rule.added"
        assert told.detail["rule"]["id"] == str(first.id)

    def test_is_refused_for_a_kind_that_is_off(self) -> None:  # M8
        org = OrganizationFactory.create(concurrency_groups=False)
        with pytest.raises(KindOff):
            rules.add_rule(org=org, facts=prefix("a", POOL), cause=CAUSE)
        assert not Change.objects.exists()

    def test_is_refused_for_a_bad_pattern(self, org: Organization) -> None:
        with pytest.raises(BadPattern):
            rules.add_rule(org=org, facts=RuleFacts(PatternType.REGEX, TEAM, "("), cause=CAUSE)


class TestEditing:
    def test_writes_what_differs_and_tells_both(self, org: Organization) -> None:
        (rule,) = add(org, "a")
        rules.edit_rule(org=org, rule_id=rule.id, facts=prefix("b", POOL, auto_approve=True), cause=CAUSE)
        rule.refresh_from_db()
        assert (rule.pattern, rule.kind, rule.auto_approve, rule.position) == ("b", POOL, True, 1)
        told = Change.objects.get(verb="rule.changed")
        assert (told.detail["was"]["pattern"], told.detail["rule"]["pattern"]) == ("a", "b")

    def test_of_nothing_leaves_no_trace(self, org: Organization) -> None:
        (rule,) = add(org, "a")
        rules.edit_rule(org=org, rule_id=rule.id, facts=prefix("a"), cause=CAUSE)
        assert not Change.objects.filter(verb="rule.changed").exists()

    def test_of_another_orgs_rule_is_refused(self, org: Organization) -> None:  # O7
        (rule,) = add(OrganizationFactory.create(), "a")
        with pytest.raises(UnknownRule):
            rules.edit_rule(org=org, rule_id=rule.id, facts=prefix("b"), cause=CAUSE)


class TestTheOrder:
    @pytest.mark.parametrize(("position", "expected"), [(0, "bacd"), (1, "bacd"), (3, "acbd"), (9, "acdb")])
    def test_is_changed_by_moving_one(self, org: Organization, position: int, expected: str) -> None:
        moved = add(org, "a", "b", "c", "d")[1]
        rules.move_rule(org=org, rule_id=moved.id, position=position, cause=CAUSE)
        assert order(org) == list(expected)
        assert Change.objects.filter(verb="rules.reordered").count() == 1

    def test_closes_up_where_a_rule_goes(self, org: Organization) -> None:
        second = add(org, "a", "b", "c")[1]
        rules.delete_rule(org=org, rule_id=second.id, cause=CAUSE)
        assert order(org) == ["a", "c"]
        assert Change.objects.get(verb="rule.deleted").detail["rule"]["pattern"] == "b"


def test_what_a_deleted_rule_mapped_stays_mapped(org: Organization, idp: Idp) -> None:
    rule = rules.add_rule(org=org, facts=prefix("E", auto_approve=True), cause=CAUSE)
    idp.post("/Groups", {"displayName": "Engineers"})
    rules.delete_rule(org=org, rule_id=rule.id, cause=CAUSE)
    mapping = GroupMapping.objects.get()
    assert (mapping.is_synced, mapping.rule) == (True, None)


class TestANewOrg:
    def test_starts_with_the_rules_of_its_profile(self) -> None:
        org = OrganizationFactory.create(dialect="testomat", teams=False)
        rules.start(org=org, cause=CAUSE)
        rule = MappingRule.objects.get()
        assert (rule.position, rule.pattern_type, rule.kind, rule.auto_approve) == (1, "all", "team", True)

    def test_starts_with_them_as_they_are_now(self) -> None:  # P8
        profile = SchemaProfile.objects.get(key="standard")
        rules.keep_starting(profile=profile, rules=[prefix("b", auto_approve=True), prefix("a")])
        for _ in range(2):
            org = OrganizationFactory.create(profile=profile)
            rules.start(org=org, cause=CAUSE)
            assert order(org) == ["b", "a"]
            rules.keep_starting(profile=profile, rules=[prefix("b"), prefix("a")])
        with pytest.raises(BadPattern):
            rules.keep_starting(profile=profile, rules=[RuleFacts("regex", "team", "(")])


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("transactional_db")
class TestAtOnce:
    def test_rules_get_a_place_each(self) -> None:
        org = OrganizationFactory.create()

        def run(pattern: str) -> None:
            try:
                add(org, pattern)
            finally:
                connection.close()

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(run, "abcdefgh"))
        assert sorted(order(org)) == list("abcdefgh")


class TestRoleRules:
    """SPEC R6."""

    def test_are_a_list_of_their_own(self, org: Organization) -> None:  # R6
        add(org, "a", "b")
        first, _, third = [
            rules.add_rule(org=org, facts=prefix(pattern, ROLE, role="Admin"), cause=CAUSE) for pattern in "xyz"
        ]
        rules.move_rule(org=org, rule_id=third.id, position=1, cause=CAUSE)
        assert [rule["pattern"] for rule in Change.objects.order_by("id").last().detail["rules"]] == ["z", "x", "y"]
        rules.delete_rule(org=org, rule_id=first.id, cause=CAUSE)
        add(org, "c")
        assert (order(org), listed(org, roles=True)) == (["a", "b", "c"], ["z", "y"])
        rules.edit_rule(org=org, rule_id=third.id, facts=prefix("w", ROLE, role="Member"), cause=CAUSE)
        assert listed(org, roles=True) == ["w", "y"]

    def test_stay_in_their_list(self, org: Organization) -> None:  # R6
        (rule,) = add(org, "a")
        with pytest.raises(UnknownRule):
            rules.edit_rule(org=org, rule_id=rule.id, facts=prefix("a", ROLE, role="Admin"), cause=CAUSE)

    def test_need_no_kind_but_a_role_of_the_profile(self) -> None:  # R6, M8
        org = OrganizationFactory.create(teams=False, concurrency_groups=False, sub_organizations=False)
        rules.add_rule(org=org, facts=prefix("a", ROLE, role="Admin"), cause=CAUSE)
        for role in ("", "Chef"):
            with pytest.raises(UnknownRole):
                rules.add_rule(org=org, facts=prefix("a", ROLE, role=role), cause=CAUSE)

    def test_come_with_a_profile(self) -> None:  # R6, P8
        profile = SchemaProfile.objects.get(key="standard")
        facts = [prefix("x", ROLE, role="Admin"), prefix("a"), prefix("y", ROLE, role="Member"), prefix("b", POOL)]
        rules.keep_starting(profile=profile, rules=facts)
        assert list(StartingRule.objects.values_list("pattern", "role").filter(profile=profile)) == [
            ("x", "Admin"),
            ("a", ""),
            ("y", "Member"),
            ("b", ""),
        ]
        org = OrganizationFactory.create()
        rules.start(org=org, cause=CAUSE)
        assert (order(org), listed(org, roles=True)) == (["a", "b"], ["x", "y"])
        with pytest.raises(UnknownRole):
            rules.keep_starting(profile=profile, rules=[prefix("x", ROLE, role="Chef")])
