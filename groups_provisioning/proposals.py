"""What the rules make of a group (SPEC M1, M3, M4, M8): facts in, a proposal out. No clock, no writing.

A push, applying a rule to thousands of groups, an admin's approval, and a preview all ask here.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from groups_provisioning import patterns
from groups_provisioning.models import MappingRule, Pending
from orgs import entities
from orgs.keys import fold
from orgs.models import EntityKind


@dataclass(frozen=True, slots=True)
class Ground:
    """What an org has. entities: live ones by kind and folded name. owned: those that a group is mapped to."""

    kinds: frozenset[str]
    entities: Mapping[entities.Named, UUID]
    owned: Collection[UUID]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A group as rules see it.

    placed: the kinds of its live mappings with an entity. closed: the kinds that no rule may map it to, since it has a
    live mapping of the kind, or an admin rejected one (SPEC M6).
    """

    id: UUID
    name: str
    placed: frozenset[str] = field(default=frozenset())
    closed: frozenset[str] = field(default=frozenset())


@dataclass(frozen=True, slots=True)
class Fit:
    """The entity that a group can be mapped to: one that is there, or a `new_name` to create. reason: why none."""

    entity_id: UUID | None = None
    new_name: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Proposal:
    """The mapping that a rule makes: Pending where `fit` has a reason, else Auto-Approved."""

    group_id: UUID
    rule: MappingRule
    fit: Fit


def first_match(rules: Iterable[MappingRule], name: str) -> MappingRule | None:
    """The rule that a group of this name follows. rules: in their order."""
    return next((rule for rule in rules if patterns.matches(rule.pattern_type, rule.pattern, name)), None)


def propose(rule: MappingRule | None, group: Candidate, ground: Ground) -> Proposal | None:
    """What the first rule to match makes of the group (SPEC M4); None where there is nothing to be made."""
    if rule is None or rule.kind in group.closed:
        return None
    if not rule.auto_approve:
        off = rule.kind not in ground.kinds
        return Proposal(group.id, rule, Fit(reason=Pending.KIND_OFF if off else Pending.ASKED))
    fit = fitting(rule.kind, group, ground, creates=rule.kind != EntityKind.SUB_ORGANIZATION)
    return Proposal(group.id, rule, fit)


def fitting(kind: str, group: Candidate, ground: Ground, *, creates: bool) -> Fit:
    """The entity of the group's name, or the first reason against it. creates: whether one that is missing may be."""
    if kind not in ground.kinds:
        return Fit(reason=Pending.KIND_OFF)
    if excluded(kind, group.placed):
        return Fit(reason=Pending.EXCLUDED)
    try:
        name = entities.usable(kind, group.name)
    except (entities.UnusableName, entities.ReservedName):
        return Fit(reason=Pending.UNUSABLE_NAME)
    entity_id = ground.entities.get((kind, fold(name)))
    if entity_id is None:
        return Fit(new_name=name) if creates else Fit(reason=Pending.NOT_CREATED)
    if entity_id in ground.owned:
        return Fit(reason=Pending.OWNED)
    return Fit(entity_id)


def excluded(kind: str, placed: Iterable[str]) -> bool:
    """Whether mappings of these kinds rule out one of `kind` in the same group (SPEC M1)."""
    placed = set(placed)
    if kind == EntityKind.SUB_ORGANIZATION:
        return bool(placed - {kind})
    return EntityKind.SUB_ORGANIZATION in placed


def names_asked_for(proposable: Sequence[tuple[MappingRule | None, Candidate]]) -> set[entities.Named]:
    """The names whose entities `propose` will look for in the ground."""
    return {(rule.kind, fold(group.name.strip())) for rule, group in proposable if rule and rule.auto_approve}
