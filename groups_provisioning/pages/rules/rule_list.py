"""The two lists of rules, as their cards show them. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from groups_provisioning.models import MappingRule, PatternType
from groups_provisioning.pages.rules import matched_groups
from groups_provisioning.rules.rule_matches import Matches, Tally
from orgs import entities, roles
from orgs.models import Organization


@dataclass(frozen=True, slots=True)
class RuleList:
    """The mapping rules or the role rules of an org, in order. targets: the kinds that are on, or the roles there are.

    matches: of `rules`, in the same order.
    """

    gives_roles: bool
    rules: Sequence[MappingRule]
    matches: Matches
    targets: frozenset[str]

    @property
    def id(self) -> str:
        """Of the element that holds it."""
        return "role-rules" if self.gives_roles else "rules"

    @property
    def rows(self) -> list[tuple[MappingRule, Tally, str]]:
        """Each rule with what it matches, and what to call it within a sentence."""
        return [
            (rule, tally, place_in_words(rule)) for rule, tally in zip(self.rules, self.matches.tallies, strict=True)
        ]

    @property
    def can_be_applied(self) -> bool:
        """Whether a group is open to it, as far as groups were counted."""
        return bool(self.rules) and bool(self.matches.unmapped or self.matches.is_cut)


def rule_list(org: Organization, *, gives_roles: bool) -> RuleList:
    """One of the two lists, matched against the org's groups."""
    rules = list(MappingRule.objects.for_org(org).of_list(roles=gives_roles))
    targets = roles.catalogue(org.profile).keys if gives_roles else entities.kinds_on(org)
    return RuleList(gives_roles, rules, matched_groups.count(org, rules, roles=gives_roles), frozenset(targets))


def place_in_words(rule: MappingRule) -> str:
    """`rule 1`, or `role rule 1`."""
    words = _("role rule %(place)d") if rule.gives_role else _("rule %(place)d")
    return words % {"place": rule.position}


def pattern_in_words(rule: MappingRule) -> str:
    """`Begins with “eng-”`."""
    if rule.pattern_type == PatternType.ALL:
        return str(rule.get_pattern_type_display())
    return f"{rule.get_pattern_type_display()} “{rule.pattern}”"
