"""What a decision would change of the facts: for each thing that an admin can wish, the overlay of it (SPEC M9).

A wish is JSON, so that a worker can be asked for its plan: `{"do": "approve", "ids": [...]}`. What the command
would refuse is refused here with the same exceptions; what rules would do comes from the same proposals.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from groups_provisioning.actions import entity_edits, mapping_rows, mappings, rule_evaluation
from groups_provisioning.actions.mappings import REFUSALS
from groups_provisioning.actions.rules import FACTS, RuleFacts, UnknownRule
from groups_provisioning.engine.loading import microseconds
from groups_provisioning.engine.resolution import Decision, Tie
from groups_provisioning.models import GroupMapping, MappingRule, Pending, PushedGroup, Status, is_unmapped
from groups_provisioning.preview.overlay import Overlay, members_of
from groups_provisioning.rules import patterns, proposals
from orgs import entities
from orgs.catalogue import Catalogue
from orgs.db.keys import fold, uuid7
from orgs.models import KIND_SWITCHES, Entity, Organization, User

Wish = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Mapped:
    """A group that would be mapped. entity: its id, or what stands for one that would be created."""

    group_id: UUID
    group: str
    kind: str
    entity: str
    name: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """A group that would get a Pending mapping, and why it would wait."""

    group_id: UUID
    group: str
    kind: str
    reason: str

    @property
    def reason_in_words(self) -> str:
        return str(Pending(self.reason).label)


@dataclass(slots=True)
class Plan:
    """What would be done. groups: those that it is about. refused: mappings, and why they would stay as they are.

    matched: of a rule, how many groups have such a name.
    """

    overlay: Overlay = field(default_factory=Overlay)
    groups: set[UUID] = field(default_factory=set)
    mapped: list[Mapped] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    refused: dict[str, Exception] = field(default_factory=dict)
    matched: int | None = None

    @property
    def concerns_any(self) -> bool:
        """Whether there is anything to do at all."""
        return bool(self.groups or self.overlay.people or self.overlay.gone)


def plan(org: Organization, wish: Wish, *, at: datetime) -> Plan:
    """What would be done at a time. Raises what the command would raise."""
    made = Plan()
    arguments = {name: value for name, value in wish.items() if name != "do"}
    people = _PLANS[wish["do"]](org, made, at, **arguments)
    made.overlay.people = members_of(made.groups) if people is None else people
    return made


# --- Mappings ---------------------------------------------------------------------------------------------------------


def _approve(org: Organization, plan: Plan, at: datetime, ids: Sequence[str], entity: str = "", name: str = "") -> None:
    """Approve Pending mappings, a single one perhaps with a target."""
    live = _live(org, ids)
    for mapping_id in ids:
        try:
            old = _one(live, mapping_id)
            _assign(org, plan, at, old.group, live[old.group_id], old, old.kind, entity, name)
        except REFUSALS as refusal:
            if len(ids) == 1:
                raise
            plan.refused[mapping_id] = refusal


def _map(org: Organization, plan: Plan, at: datetime, group: str, kind: str, entity: str = "", name: str = "") -> None:
    """Map a group by hand."""
    row = PushedGroup.objects.for_org(org).live().filter(id=group).first()
    if row is None:
        raise mappings.UnknownGroup(group)
    live = list(GroupMapping.objects.live().filter(group=row).select_related("group").order_by("id"))
    same = (each for each in live if mapping_rows.has_place(each) and str(each.entity_id) == entity)
    waiting = (each for each in live if each.kind == kind and not mapping_rows.has_place(each))
    _assign(org, plan, at, row, live, next(same, None) or next(waiting, None), kind, entity, name)


def _retarget(org: Organization, plan: Plan, at: datetime, mapping: str, entity: str = "", name: str = "") -> None:
    live = _live(org, [mapping])
    old = _one(live, mapping)
    _assign(org, plan, at, old.group, live[old.group_id], old, old.kind, entity, name)


def _reject(org: Organization, plan: Plan, at: datetime, ids: Sequence[str]) -> None:
    live = _live(org, ids)
    for mapping_id in ids:
        old = _one(live, mapping_id)
        plan.overlay.dropped.add(mapping_id)
        plan.groups.add(old.group_id)


def _assign(
    org: Organization,
    plan: Plan,
    at: datetime,
    group: PushedGroup,
    live: list[GroupMapping],
    old: GroupMapping | None,
    kind: str,
    entity: str,
    name: str,
) -> None:
    """As `mappings` would map a group, in place of `old` among its `live` mappings; these are changed, never saved."""
    mappings.check(org, kind, [each for each in live if each is not old])
    target, shown, is_new = _target(org, group, old, kind, entity, name)
    if not is_new and (taken := mappings.owner_besides(old, UUID(target))):
        if old is None and taken.group_id == group.id and taken.is_synced:
            return
        raise mappings.EntityOwned(taken.group.display_name)
    if old is not None and old.is_synced and str(old.entity_id) == target:
        return
    mapping = old
    if mapping is None or (mapping.entity_id is not None and str(mapping.entity_id) != target):
        mapping = GroupMapping(org=org, group=group, kind=kind)
        live.append(mapping)
        if old is not None:
            live.remove(old)
            plan.overlay.dropped.add(str(old.id))
    mapping.status, mapping.target_deleted = Status.APPROVED, False
    mapping.entity_id = mapping.entity_id or uuid7()  # that it has one is all that is asked of it here
    _tie(plan, group.id, Tie(str(mapping.id), target, kind, True, microseconds(at), None))
    plan.mapped.append(Mapped(group.id, group.display_name, kind, target, shown, is_new))
    if is_new:
        plan.overlay.made[target] = (kind, shown)


def _target(
    org: Organization, group: PushedGroup, old: GroupMapping | None, kind: str, entity: str, name: str
) -> tuple[str, str, bool]:
    """The entity to map to, or what stands for a new one; its name; whether it is new."""
    if not entity and not name and old is not None and mapping_rows.has_place(old):
        entity = str(old.entity_id)
    if entity:
        row = Entity.objects.for_org(org).live().filter(id=entity, kind=kind).first()
        if row is None:
            raise entities.UnknownEntity(entity)
        return entity, row.name, False
    usable = entities.usable(kind, name or group.display_name)
    found = entities.named(org, kind, usable)
    if found and name:
        raise entities.NameTaken(usable)
    return (str(found), usable, False) if found else (_stand_in(kind, usable), usable, True)


def _live(org: Organization, mapping_ids: Iterable[str]) -> dict[UUID, list[GroupMapping]]:
    """The live mappings of the groups of these mappings, by group."""
    groups = GroupMapping.objects.for_org(org).filter(id__in=list(mapping_ids), group__deleted_at=None)
    live: dict[UUID, list[GroupMapping]] = {id_: [] for id_ in groups.values_list("group_id", flat=True)}
    for each in GroupMapping.objects.live().filter(group_id__in=list(live)).select_related("group").order_by("id"):
        live[each.group_id].append(each)
    return live


def _one(live: Mapping[UUID, Sequence[GroupMapping]], mapping_id: str) -> GroupMapping:
    found = next((each for group in live.values() for each in group if str(each.id) == mapping_id), None)
    if found is None:
        raise mappings.AlreadyRejected(mapping_id) if live else mappings.UnknownMapping(mapping_id)
    return found


def _tie(plan: Plan, group_id: UUID, tie: Tie) -> None:
    plan.groups.add(group_id)
    plan.overlay.ties.setdefault(str(group_id), []).append(tie)


def _stand_in(kind: str, name: str) -> str:
    return f"new {kind} {fold(name)}"


# --- Rules ------------------------------------------------------------------------------------------------------------


def _apply(org: Organization, plan: Plan, at: datetime, rule: str = "") -> None:
    """Apply the rules, or only one, to the groups that are mapped to nothing (SPEC M5)."""
    rules = list(MappingRule.objects.for_org(org).order_by("position"))
    if rule and not any(str(each.id) == rule for each in rules):
        raise UnknownRule(rule)
    _propose(org, plan, at, rules, UUID(rule) if rule else None)


def _save_rule(org: Organization, plan: Plan, at: datetime, rule: str = "", **facts: Any) -> None:
    """Save a rule, new or not, and apply it: saving alone changes nothing (SPEC M5)."""
    draft = RuleFacts(**facts)
    if draft.kind not in entities.kinds_on(org):
        raise entities.KindOff(draft.kind)
    patterns.check(draft.pattern_type, draft.pattern)
    rules = list(MappingRule.objects.for_org(org).order_by("position"))
    row = next((each for each in rules if str(each.id) == rule), None)
    if row is None:
        if rule:
            raise UnknownRule(rule)
        row = MappingRule(org=org, position=len(rules) + 1)
        rules.append(row)
    for name in FACTS:
        setattr(row, name, getattr(draft, name))
    _propose(org, plan, at, rules, row.id)
    names = PushedGroup.objects.for_org(org).live().values_list("display_name", flat=True)
    plan.matched = sum(patterns.matches(row.pattern_type, row.pattern, name) for name in names)


def _propose(org: Organization, plan: Plan, at: datetime, rules: Sequence[MappingRule], only: UUID | None) -> None:
    unmapped = PushedGroup.objects.for_org(org).live().filter(is_unmapped()).order_by("id").only("display_name")
    matched: dict[UUID, MappingRule] = {}
    wanted = []
    for group in unmapped:
        rule = proposals.first_match(rules, group.display_name)
        if rule is not None and only in (None, rule.id):
            matched[group.id] = rule
            wanted.append(group)
    candidates = rule_evaluation.candidates(wanted, [])
    names = proposals.names_asked_for([(matched[each.id], each) for each in candidates])
    found = entities.by_name(org, names)
    ground = rule_evaluation.ground_of(org, found)
    there = {entity.id: entity.name for entity in found.values()}
    given: set[str] = set()
    for candidate in candidates:
        proposal = proposals.propose(matched[candidate.id], candidate, ground)
        if proposal is None:
            continue
        kind, fit = proposal.rule.kind, proposal.fit
        target = str(fit.entity_id) if fit.entity_id else _stand_in(kind, fit.new_name)
        # What a namesake before this one would have by then.
        reason = fit.reason or (Pending.OWNED if target in given else "")
        plan.groups.add(candidate.id)
        if reason:
            plan.waiting.append(Waiting(candidate.id, candidate.name, kind, reason))
            continue
        given.add(target)
        shown = there[fit.entity_id] if fit.entity_id else fit.new_name
        if not fit.entity_id:
            plan.overlay.made[target] = (kind, shown)
        _tie(plan, candidate.id, Tie(str(uuid7()), target, kind, True, microseconds(at), None))
        plan.mapped.append(Mapped(candidate.id, candidate.name, kind, target, shown, fit.entity_id is None))


# --- Entities, switches, roles, conflicts -----------------------------------------------------------------------------


def _delete_entity(org: Organization, plan: Plan, at: datetime, entity: str) -> list[UUID]:
    row = Entity.objects.for_org(org).live().filter(id=entity).first()
    if row is None:
        raise entities.UnknownEntity(entity)
    owner = mappings.owner_besides(None, row.id)
    plan.overlay.gone.add(entity)
    if owner is not None:
        plan.overlay.dropped.add(str(owner.id))
        plan.groups.add(owner.group_id)
    with connection.cursor() as cursor:
        about = {"entity": row.id, "group": owner.group_id if owner else None}
        cursor.execute(f"SELECT user_id FROM {entity_edits.PLACED} ORDER BY 1", about)  # noqa: S608 - made of constants
        return [user_id for (user_id,) in cursor.fetchall()]


def _switch_kinds(org: Organization, plan: Plan, at: datetime, on: Sequence[str]) -> list[UUID]:
    """Have just these kinds switched on (SPEC M8)."""
    plan.overlay.on = set(on)
    plan.overlay.off_at = {kind: microseconds(at) for kind in entities.kinds_on(org) - set(on)}
    assert plan.overlay.on <= set(KIND_SWITCHES)
    return _everybody(org)


def _roles(
    org: Organization, plan: Plan, at: datetime, keys: Sequence[str], default: str, admin: str, policy: str
) -> list[UUID]:
    """Have these roles in the profile, the highest first (SPEC R1)."""
    plan.overlay.catalogue = Catalogue(tuple(keys), default, admin, policy)
    return _everybody(org)


def _decide(
    org: Organization, plan: Plan, at: datetime, cards: Sequence[Sequence[Any]], use_incoming: bool
) -> list[UUID]:
    """Decide conflicts: of each card the person, the incoming mapping and those that hold against it."""
    for user, incoming, holders in cards:
        pairs = ((incoming, holder) if use_incoming else (holder, incoming) for holder in holders)
        made = [Decision(winner, loser, microseconds(at)) for winner, loser in pairs]
        plan.overlay.decisions.setdefault(UUID(user), []).extend(made)
    known = User.objects.for_org(org).filter(id__in=list(plan.overlay.decisions))
    return list(known.values_list("id", flat=True))


def _everybody(org: Organization) -> list[UUID]:
    return list(User.objects.for_org(org).live().values_list("id", flat=True))


_PLANS: dict[str, Callable[..., list[UUID] | None]] = {
    "approve": _approve,
    "map": _map,
    "retarget": _retarget,
    "reject": _reject,
    "apply": _apply,
    "save_rule": _save_rule,
    "delete_entity": _delete_entity,
    "switch_kinds": _switch_kinds,
    "roles": _roles,
    "decide": _decide,
}
