"""An org's mapping rules (SPEC M3): the only module that writes `MappingRule` and `StartingRule`.

Every command locks the org's row, so that two admins who move rules wait for each other. Nothing here changes existing
mappings (SPEC M5).
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID

from groups_provisioning.actions import rule_evaluation
from groups_provisioning.models import MappingRule, StartingRule
from groups_provisioning.rules import patterns
from orgs import history
from orgs.change_details import RuleAdded, RuleChanged, RuleDeleted, RulesReordered, RulesStarted, RuleStory
from orgs.db.transactions import command
from orgs.entities import KindOff, kinds_on
from orgs.history import Cause
from orgs.models import KIND_SWITCHES, Organization, SchemaProfile


class UnknownRule(Exception):
    """The org has no such rule (SPEC O7)."""


@dataclass(frozen=True, slots=True)
class RuleFacts:
    """What an admin says about a rule, except its position. pattern: empty if the rule matches every group."""

    pattern_type: str
    kind: str
    pattern: str = ""
    auto_approve: bool = False


FACTS = tuple(column.name for column in fields(RuleFacts))


@command
def add_rule(*, org: Organization, facts: RuleFacts, cause: Cause) -> MappingRule:
    """Add a rule after all others. Raises KindOff, patterns.BadPattern."""
    rules = _locked(org)
    _check(org, facts)
    last = len(rules)
    rule = MappingRule.objects.create(org=org, position=last + 1, created_at=cause.at, **_columns(facts))
    history.record(org, cause, RuleAdded(rule=_told(rule)))
    return rule


@command
def edit_rule(*, org: Organization, rule_id: UUID, facts: RuleFacts, cause: Cause) -> MappingRule:
    """Change a rule to what `facts` say. Raises UnknownRule, KindOff, patterns.BadPattern."""
    rule = _one(_locked(org), rule_id)
    _check(org, facts)
    was = _told(rule)
    for name, value in _columns(facts).items():
        setattr(rule, name, value)
    if _told(rule) != was:
        rule.save(update_fields=FACTS)
        history.record(org, cause, RuleChanged(rule=_told(rule), was=was))
    return rule


@command
def move_rule(*, org: Organization, rule_id: UUID, position: int, cause: Cause) -> None:
    """Move a rule to a position; 1 is the first, and numbers beyond the last mean the last. Raises UnknownRule."""
    rules = _locked(org)
    rule = _one(rules, rule_id)
    others = [other for other in rules if other != rule]
    place = max(0, min(position - 1, len(others)))
    _keep_order(org, rules, [*others[:place], rule, *others[place:]], cause)


@command
def delete_rule(*, org: Organization, rule_id: UUID, cause: Cause) -> None:
    """Delete a rule; what it mapped stays mapped. Raises UnknownRule."""
    rules = _locked(org)
    rule = _one(rules, rule_id)
    told = _told(rule)
    rules.remove(rule)
    rule_evaluation.forget_rule(rule)
    rule.delete()
    _write_order(rules)
    history.record(org, cause, RuleDeleted(rule=told))


@command
def start(*, org: Organization, cause: Cause) -> list[MappingRule]:
    """Create the profile's starting rules for a new org (SPEC section 2), whether or not their kinds are on yet."""
    rules = [
        MappingRule(org=org, position=position, created_at=cause.at, **{name: getattr(row, name) for name in FACTS})
        for position, row in enumerate(StartingRule.objects.filter(profile=org.profile), start=1)
    ]
    MappingRule.objects.bulk_create(rules)
    if rules:
        history.record(org, cause, RulesStarted(rules=[_told(rule) for rule in rules]))
    return rules


@command
def keep_starting(*, profile: SchemaProfile, rules: Sequence[RuleFacts]) -> None:
    """Make these, in this order, the rules that new orgs of the profile start with; those that exist keep theirs.

    Raises patterns.BadPattern.
    """
    for facts in rules:
        patterns.check(facts.pattern_type, facts.pattern)
    StartingRule.objects.filter(profile=profile).delete()
    StartingRule.objects.bulk_create(
        StartingRule(profile=profile, position=position, **_columns(facts))
        for position, facts in enumerate(rules, start=1)
    )


def _check(org: Organization, facts: RuleFacts) -> None:
    if facts.kind not in kinds_on(org):
        raise KindOff(facts.kind)
    patterns.check(facts.pattern_type, facts.pattern)


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
    return {
        "id": str(rule.id),
        "pattern_type": rule.pattern_type,
        "kind": rule.kind,
        "pattern": rule.pattern,
        "auto_approve": rule.auto_approve,
    }
