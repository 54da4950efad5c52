"""The two lists of rules, as their cards show them. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from django.utils.translation import gettext as _

from groups_provisioning.actions.rules import OrderChanged
from groups_provisioning.models import MappingRule, PatternType
from groups_provisioning.pages.rules import matched_groups
from groups_provisioning.rules import rule_matches
from groups_provisioning.rules.rule_matches import Matches, Tally
from orgs import entities, roles
from orgs.models import Organization


class Switched(NamedTuple):
    """A group for which another rule would be the first to match."""

    group: str
    was: MappingRule
    now: MappingRule


@dataclass(frozen=True, slots=True)
class RuleList:
    """The mapping rules or the role rules of an org, in order. targets: the kinds that are on, or the roles there are.

    matches: of `rules`, in the same order. saved: their ids in the order that is saved, while `rules` may be in
    one that is tried; switched: what that order would do differently. before: the order until a moment ago,
    to undo that.
    """

    gives_roles: bool
    rules: Sequence[MappingRule]
    matches: Matches
    targets: frozenset[str]
    saved: Sequence[UUID]
    switched: Sequence[Switched] = ()
    before: Sequence[UUID] = ()

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
    def is_tried(self) -> bool:
        """Whether this order is not the one that is saved."""
        return [rule.id for rule in self.rules] != list(self.saved)

    @property
    def can_be_applied(self) -> bool:
        """Whether a group is open to it, as far as groups were counted."""
        return bool(self.rules) and bool(self.matches.unmapped or self.matches.is_cut)


def rule_list(
    org: Organization, *, gives_roles: bool, order: Sequence[UUID] = (), before: Sequence[UUID] = ()
) -> RuleList:
    """One of the two lists, matched against the org's groups.

    order: of the ids of all its rules, to be tried: the rules have their positions of it, and are not to be saved.
    before: as in RuleList. Raises OrderChanged if the list has other rules than `order`.
    """
    saved = list(MappingRule.objects.for_org(org).of_list(roles=gives_roles))
    ids = [rule.id for rule in saved]
    if order and sorted(order) != sorted(ids):
        raise OrderChanged
    rules = sorted(saved, key=lambda rule: order.index(rule.id)) if order else saved
    groups = matched_groups.named(org, roles=gives_roles) if rules != saved else []
    switched = [Switched(group.name, was, now) for group, was, now in rule_matches.switched(saved, rules, groups)]
    for position, rule in enumerate(rules, start=1):
        rule.position = position
    targets = roles.catalogue(org.profile).keys if gives_roles else entities.kinds_on(org)
    matches = matched_groups.count(org, rules, roles=gives_roles)
    return RuleList(gives_roles, rules, matches, frozenset(targets), ids, switched, before)


def place_in_words(rule: MappingRule) -> str:
    """`rule 1`, or `role rule 1`."""
    words = _("role rule %(place)d") if rule.gives_role else _("rule %(place)d")
    return words % {"place": rule.position}


def pattern_in_words(rule: MappingRule) -> str:
    """`Begins with “eng-”`."""
    if rule.pattern_type == PatternType.ALL:
        return str(rule.get_pattern_type_display())
    return f"{rule.get_pattern_type_display()} “{rule.pattern}”"
