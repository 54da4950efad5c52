"""The groups that rules are tried on, for the pages. Reads only."""

from collections.abc import Sequence

from groups_provisioning.models import MappingRule, PushedGroup, is_unmapped
from groups_provisioning.rules import rule_matches
from groups_provisioning.rules.rule_matches import Matches, Named
from orgs.models import Organization

COUNTED = 10_000
"""Groups that are looked at, the first by name: a bound for the time that a page takes."""


def count(org: Organization, rules: Sequence[MappingRule]) -> Matches:
    """What rules match in an org. rules: in their order; they need not be saved. Raises patterns.BadPattern."""
    groups = PushedGroup.objects.for_org(org).live().annotate(is_unmapped=is_unmapped()).order_by("display_name_key")
    rows = list(groups.values_list("display_name", "display_name_key", "is_unmapped")[: COUNTED + 1])
    return rule_matches.count(rules, [Named(*row) for row in rows[:COUNTED]], is_cut=len(rows) > COUNTED)
