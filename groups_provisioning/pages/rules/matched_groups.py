"""The groups that pages match rules against. Reads only."""

from collections.abc import Sequence

from groups_provisioning.models import MappingRule, PushedGroup, takes_rules
from groups_provisioning.rules import rule_matches
from groups_provisioning.rules.rule_matches import Matches, Named
from orgs.models import Organization

COUNTED = 10_000
"""How many groups are matched, the first by name: it bounds the time that a page takes."""


def count(org: Organization, rules: Sequence[MappingRule], *, roles: bool = False) -> Matches:
    """Which groups the rules of one list match; without rules no group is counted. Raises patterns.BadPattern.

    rules: in order, saved or not. roles: whether they are role rules, which other groups are still open to.
    """
    if not rules:
        return Matches([], 0, 0, is_cut=False)
    rows = named(org, roles=roles)
    return rule_matches.count(rules, rows[:COUNTED], is_cut=len(rows) > COUNTED)


def named(org: Organization, *, roles: bool = False) -> list[Named]:
    """The groups that rules are matched against, one more than are counted if there are more. roles: as in `count`."""
    groups = PushedGroup.objects.for_org(org).live().annotate(is_unmapped=takes_rules(roles=roles))
    groups = groups.order_by("display_name_key")
    rows = groups.values_list("display_name", "display_name_key", "is_unmapped")[: COUNTED + 1]
    return [Named(*row) for row in rows]
