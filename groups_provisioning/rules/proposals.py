"""How the rules map a group (SPEC M1, M3, M4, M8): facts in, a proposal out. No clock, no writing.

Used by pushes, by applying rules to thousands of groups, and by the previews of both.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from groups_provisioning.choices import ROLE, Pending
from groups_provisioning.rules import patterns
from orgs.choices import EntityKind
from orgs.db.keys import fold
from orgs.entity_names import Named, ReservedName, UnusableName, usable

if TYPE_CHECKING:
    from groups_provisioning.models import MappingRule


@dataclass(frozen=True, slots=True)
class Ground:
    """What an org has.

    entities: live ones by kind and folded name. owned: those that a group is mapped to. roles: keys; only needed where
    a role rule is asked.
    """

    kinds: frozenset[str]
    entities: Mapping[Named, UUID]
    owned: Collection[UUID]
    roles: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A group as rules see it.

    placed: the kinds of its live mappings with an entity. closed: the target types (a kind, and which role) that no
    rule may map it to, since it has a live mapping of the type, or an admin rejected one (SPEC M6).
    """

    id: UUID
    name: str
    placed: frozenset[str] = field(default=frozenset())
    closed: frozenset[tuple[str, str]] = field(default=frozenset())


@dataclass(frozen=True, slots=True)
class Fit:
    """The entity that a group can be mapped to: one that is there, or a `new_name` to create. reason: why none.

    Of a role rule, only the reason why its role is not given yet.
    """

    entity_id: UUID | None = None
    new_name: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Proposal:
    """The mapping that a rule makes: Pending where `fit` has a reason, else Auto-Approved."""

    group_id: UUID
    rule: "MappingRule"
    fit: Fit


def first_match(rules: Iterable["MappingRule"], name: str) -> "MappingRule | None":
    """The rule that applies to a group with this name. rules: in their order."""
    return next((rule for rule in rules if patterns.matches(rule.pattern_type, rule.pattern, name)), None)


def first_matches(rules: Sequence["MappingRule"], name: str) -> list["MappingRule"]:
    """The rules that apply to a group with this name: at most one for entities, and one for roles (SPEC R6)."""
    lists = ((rule for rule in rules if (rule.kind == ROLE) == roles) for roles in (False, True))
    return [rule for each in lists if (rule := first_match(each, name))]


def propose(rule: "MappingRule", group: Candidate, ground: Ground) -> Proposal | None:
    """What the first matching rule proposes for the group (SPEC M4); None if the type is closed to rules (SPEC M6)."""
    if rule.target_type in group.closed:
        return None
    if rule.kind == ROLE:
        return Proposal(group.id, rule, Fit(reason=_why_not_yet(rule, ground)))
    if not rule.auto_approve:
        off = rule.kind not in ground.kinds
        return Proposal(group.id, rule, Fit(reason=Pending.KIND_OFF if off else Pending.ASKED))
    return Proposal(group.id, rule, _fit(rule.kind, group, ground))


def _why_not_yet(rule: "MappingRule", ground: Ground) -> str:
    """Why the role of a role rule is not given yet, or "" (SPEC R6)."""
    if rule.role not in ground.roles:
        return Pending.TARGET_DELETED
    return "" if rule.auto_approve else Pending.ASKED


def _fit(kind: str, group: Candidate, ground: Ground) -> Fit:
    """The entity with the group's name, or the first reason against it."""
    if kind not in ground.kinds:
        return Fit(reason=Pending.KIND_OFF)
    if excluded(kind, group.placed):
        return Fit(reason=Pending.EXCLUDED)
    try:
        name = usable(kind, group.name)
    except (UnusableName, ReservedName):
        return Fit(reason=Pending.UNUSABLE_NAME)
    entity_id = ground.entities.get((kind, fold(name)))
    if entity_id is None:
        return Fit(reason=Pending.NOT_CREATED) if kind == EntityKind.SUB_ORGANIZATION else Fit(new_name=name)
    if entity_id in ground.owned:
        return Fit(reason=Pending.OWNED)
    return Fit(entity_id)


def excluded(kind: str, placed: Iterable[str]) -> bool:
    """Whether mappings of these kinds rule out one of `kind` in the same group (SPEC M1); roles rule out nothing."""
    placed = set(placed) - {ROLE}
    if kind == ROLE:
        return False
    if kind == EntityKind.SUB_ORGANIZATION:
        return bool(placed - {kind})
    return EntityKind.SUB_ORGANIZATION in placed


def namesakes(proposals: Iterable[Proposal]) -> set[UUID]:
    """The groups that would be mapped to what another of them would have by then: names differ by more than blanks."""
    given: set[UUID | None] = set()
    late = set()
    for proposal in proposals:
        if proposal.fit.entity_id in given:
            late.add(proposal.group_id)
        elif proposal.fit.entity_id:
            given.add(proposal.fit.entity_id)
    return late


def names_asked_for(asked: Sequence[tuple["MappingRule", Candidate]]) -> set[Named]:
    """The names whose entities `propose` will look for in the ground."""
    return {
        (rule.kind, fold(group.name.strip()))
        for rule, group in asked
        if rule.auto_approve and rule.kind != ROLE and rule.target_type not in group.closed
    }
