"""*Unmapped*: lists, numbers, previews and what applies rules mean the same groups by it (SPEC M4, M5)."""

from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from groups_provisioning import matters as groups_matters
from groups_provisioning.actions import mappings
from groups_provisioning.models import GroupMapping, MappingRule, PushedGroup, Status
from groups_provisioning.pages.groups import group_list
from groups_provisioning.pages.rules import matched_groups
from groups_provisioning.preview import plans
from orgs.models import Organization
from tests.factories import MappingFactory
from tests.groups_provisioning import world
from tests.groups_provisioning.world import POOL, SUB, TEAM, by_command
from tests.page_text import text_of


@pytest.fixture
def rule(org: Organization) -> MappingRule:
    """Every group is to be a team, once an admin has said so."""
    return MappingRule.objects.create(
        org=org, position=1, pattern_type="all", kind=TEAM, auto_approve=False, created_at=timezone.now()
    )


class TestAGroupThatAnAdminRejected:
    @pytest.fixture(autouse=True)
    def rejected(self, org: Organization, rule: MappingRule) -> None:
        world.group(org, "Engineers")
        mappings.apply_rules(org=org, cause=by_command())
        mappings.reject(org=org, mapping_ids=[GroupMapping.objects.get().id], cause=by_command())

    def test_is_not_offered_to_the_rules_again(self, browser: Client, rule: MappingRule) -> None:  # M5, M6
        assert "Apply to unmapped groups" not in text_of(browser, "/groups/rules/")
        assert "You can apply it" not in text_of(browser, f"/groups/rules/{rule.id}/")

    def test_is_listed_as_rejected_and_counted_as_nothing_else(self, browser: Client, org: Organization) -> None:
        assert group_list.statuses(org) == {"rejected": 1}
        assert "unmapped" not in text_of(browser, "/")

    def test_is_left_alone_by_a_rule_for_another_kind(self, org: Organization, rule: MappingRule) -> None:  # M5
        MappingRule.objects.filter(id=rule.id).update(kind=POOL)
        applied = mappings.apply_rules(org=org, cause=by_command())
        assert (applied.approved, applied.pending) == (0, 0)

    def test_is_the_admins_to_map(self, org: Organization) -> None:
        group = PushedGroup.objects.get()
        mappings.map_group(org=org, group_id=group.id, kind=POOL, cause=by_command())
        assert group_list.statuses(org) == {"approved": 1}


MAPPINGS: dict[str, dict[str, Any]] = {
    "approved": {"status": Status.APPROVED},
    "auto-approved": {"status": Status.AUTO_APPROVED},
    "pending": {"status": Status.PENDING, "reason": "asked", "entity": None, "approved_at": None},
    "fell back": {"status": Status.PENDING, "reason": "rule_changed"},
    "target deleted": {"status": Status.PENDING, "reason": "target_deleted", "target_deleted": True},
    "ended with its group": {"status": Status.REJECTED},
    "rejected by an admin": {"status": Status.REJECTED, "barred": True},
}


@settings(max_examples=settings().max_examples // 2)
@given(
    groups=st.lists(
        st.tuples(st.booleans(), st.dictionaries(st.sampled_from([TEAM, POOL, SUB]), st.sampled_from(list(MAPPINGS)))),
        max_size=8,
    )
)
def test_is_the_same_wherever_it_is_asked(org: Organization, rule: MappingRule, groups: Any) -> None:
    with transaction.atomic():
        for number, (deleted, mapped) in enumerate(groups):
            group = world.group(org, f"Group {number}", deleted_at=timezone.now() if deleted else None)
            for kind, state in mapped.items():
                MappingFactory.create(group=group, kind=kind, created_at=timezone.now(), **MAPPINGS[state])
        listed = set(group_list.GroupFilter({"status": "unmapped"}, org=org).qs.values_list("id", flat=True))
        by_status = group_list.with_status(org).filter(status="unmapped")
        plan = plans.plan(org, {"do": "apply"}, at=timezone.now())
        assert listed == set(by_status.values_list("id", flat=True)) == plan.groups
        found = groups_matters.read([org], timezone.now())
        assert len(listed) == sum(each.count for _, each in found if each.kind == "group.unmapped")
        assert len(listed) == matched_groups.count(org, [rule]).unmapped
        assert len(listed) == mappings.apply_rules(org=org, cause=by_command()).pending
        assert not mappings.apply_rules(org=org, cause=by_command()).pending
        transaction.set_rollback(True)
