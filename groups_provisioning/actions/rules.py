"""An org's mapping rules (SPEC M3, R6): the only module that writes `MappingRule` and `StartingRule`.

Rules for entities and role rules are two lists, each with its own order. Every command locks the org's row, so that two
admins who move rules wait for each other. Nothing here changes existing mappings (SPEC M5).
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID

from groups_provisioning.actions import rule_evaluation
from groups_provisioning.models import ROLE, MappingRule, StartingRule
from groups_provisioning.rules import patterns
from orgs import history, roles
from orgs.catalogue import UnknownRole
from orgs.change_details import RuleAdded, RuleChanged, RuleDeleted, RulesReordered, RulesStarted, RuleStory
from orgs.db.transactions import command
from orgs.entities import KindOff, kinds_on
from orgs.history import Cause
from orgs.models import KIND_SWITCHES, Organization, SchemaProfile


class UnknownRule(Exception):
    """The org has no such rule (SPEC O7)."""


class OrderChanged(Exception):
    """The list has other rules, or another order, than whoever puts it in order has seen."""


@dataclass(frozen=True, slots=True)
class RuleFacts:
    """What an admin says about a rule, except its position.

    pattern: empty if the rule matches every group. role: the key of the role that a role rule gives.
    """

    pattern_type: str
    kind: str
    pattern: str = ""
    auto_approve: bool = False
    role: str = ""

    @property
    def gives_role(self) -> bool:
        """Whether it is a role rule."""
        return self.kind == ROLE


FACTS = tuple(column.name for column in fields(RuleFacts))


@command
def add_rule(*, org: Organization, facts: RuleFacts, cause: Cause) -> MappingRule:
    """Add a rule after all others of its list. Raises KindOff, UnknownRole, patterns.BadPattern."""
    rules = _locked(org)
    check(org, facts)
    last = sum(rule.gives_role == facts.gives_role for rule in rules)
    rule = MappingRule.objects.create(org=org, position=last + 1, created_at=cause.at, **_columns(facts))
    history.record(org, cause, RuleAdded(rule=_told(rule)))
    return rule


@command
def edit_rule(*, org: Organization, rule_id: UUID, facts: RuleFacts, cause: Cause) -> MappingRule:
    """Change a rule to what `facts` say; it stays in its list.

    Raises UnknownRule, KindOff, UnknownRole, patterns.BadPattern.
    """
    rule = _one([rule for rule in _locked(org) if rule.gives_role == facts.gives_role], rule_id)
    check(org, facts)
    was = _told(rule)
    for name, value in _columns(facts).items():
        setattr(rule, name, value)
    if _told(rule) != was:
        rule.save(update_fields=FACTS)
        history.record(org, cause, RuleChanged(rule=_told(rule), was=was))
    return rule


@command
def move_rule(*, org: Organization, rule_id: UUID, position: int, cause: Cause) -> None:
    """Move a rule to a position in its list; 1 is the first, and numbers beyond the last mean the last.

    Raises UnknownRule.
    """
    rule, rules = _with_its_list(_locked(org), rule_id)
    others = [other for other in rules if other != rule]
    place = max(0, min(position - 1, len(others)))
    _keep_order(org, rules, [*others[:place], rule, *others[place:]], cause)


@command
def reorder_rules(*, org: Organization, was: Sequence[UUID], order: Sequence[UUID], cause: Cause) -> None:
    """Put the rules of one list in another order, if it is still the one that was seen.

    was, order: the ids of all of its rules, as seen and as wished. Raises OrderChanged.
    """
    by_id = {rule.id: rule for rule in _locked(org)}
    seen = [by_id[rule_id] for rule_id in was if rule_id in by_id]
    of_list = [rule for rule in by_id.values() if seen and rule.gives_role == seen[0].gives_role]
    if not of_list or [rule.id for rule in of_list] != list(was) or sorted(order) != sorted(was):
        raise OrderChanged
    _keep_order(org, of_list, [by_id[rule_id] for rule_id in order], cause)


@command
def delete_rule(*, org: Organization, rule_id: UUID, cause: Cause) -> None:
    """Delete a rule; what it mapped stays mapped. Raises UnknownRule."""
    rule, rules = _with_its_list(_locked(org), rule_id)
    told = _told(rule)
    rules.remove(rule)
    rule_evaluation.forget_rule(rule)
    rule.delete()
    _write_order(rules)
    history.record(org, cause, RuleDeleted(rule=told))


@command
def start(*, org: Organization, cause: Cause) -> list[MappingRule]:
    """Create the profile's starting rules for a new org (SPEC section 2), whether or not their kinds are on yet."""
    starting = StartingRule.objects.filter(profile=org.profile)
    rules = [
        MappingRule(org=org, position=position, created_at=cause.at, **{name: getattr(row, name) for name in FACTS})
        for of_a_list in (starting.exclude(kind=ROLE), starting.filter(kind=ROLE))
        for position, row in enumerate(of_a_list, start=1)
    ]
    MappingRule.objects.bulk_create(rules)
    if rules:
        history.record(org, cause, RulesStarted(rules=[_told(rule) for rule in rules]))
    return rules


@command
def keep_starting(*, profile: SchemaProfile, rules: Sequence[RuleFacts]) -> None:
    """Make these, in this order, the rules that new orgs of the profile start with; those that exist keep theirs.

    Raises UnknownRole, patterns.BadPattern.
    """
    for facts in rules:
        _check_role(profile, facts)
        patterns.check(facts.pattern_type, facts.pattern)
    StartingRule.objects.filter(profile=profile).delete()
    StartingRule.objects.bulk_create(
        StartingRule(profile=profile, position=position, **_columns(facts))
        for position, facts in enumerate(rules, start=1)
    )


def check(org: Organization, facts: RuleFacts) -> None:
    """Check a rule of an org. Raises KindOff, UnknownRole, patterns.BadPattern."""
    if not facts.gives_role and facts.kind not in kinds_on(org):
        raise KindOff(facts.kind)
    _check_role(org.profile, facts)
    patterns.check(facts.pattern_type, facts.pattern)


def _check_role(profile: SchemaProfile, facts: RuleFacts) -> None:
    if facts.gives_role and facts.role not in roles.catalogue(profile).keys:
        raise UnknownRole(facts.role)


def _locked(org: Organization) -> list[MappingRule]:
    """The rules in order, locked against other changes; no evaluation is running that could still reference one."""
    org.refresh_from_db(
        fields=KIND_SWITCHES.values(), from_queryset=Organization.objects.select_for_update(no_key=True)
    )
    rules = MappingRule.objects.for_org(org).order_by("id").select_for_update()
    return sorted(rules, key=lambda rule: rule.position)


def _one(rules: Sequence[MappingRule], rule_id: UUID) -> MappingRule:
    for rule in rules:
        if rule.id == rule_id:
            return rule
    raise UnknownRule(rule_id)


def _with_its_list(rules: Sequence[MappingRule], rule_id: UUID) -> tuple[MappingRule, list[MappingRule]]:
    """A rule, and all rules of its list. Raises UnknownRule."""
    rule = _one(rules, rule_id)
    return rule, [each for each in rules if each.gives_role == rule.gives_role]


def _keep_order(org: Organization, was: Sequence[MappingRule], now: Sequence[MappingRule], cause: Cause) -> None:
    if list(was) != list(now):
        _write_order(now)
        history.record(org, cause, RulesReordered(rules=[_told(rule) for rule in now]))


def _write_order(rules: Sequence[MappingRule]) -> None:
    moved = []
    for position, rule in enumerate(rules, start=1):
        if rule.position != position:
            rule.position = position
            moved.append(rule)
    MappingRule.objects.bulk_update(moved, ["position"])


def _columns(facts: RuleFacts) -> dict[str, Any]:
    return {name: getattr(facts, name) for name in FACTS}


def _told(rule: MappingRule) -> RuleStory:
    story: RuleStory = {
        "id": str(rule.id),
        "pattern_type": rule.pattern_type,
        "kind": rule.kind,
        "pattern": rule.pattern,
        "auto_approve": rule.auto_approve,
    }
    if rule.role:
        story["role"] = rule.role
    return story
