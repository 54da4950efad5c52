"""What pushes change about mappings: rules are evaluated, and mappings follow their group (SPEC G4-G6, M4-M6).

With `mappings`, where admins decide, the only module that writes `GroupMapping`. Each function is part of a command
that has locked the groups; it writes mappings and entities, and marks nobody. Locks are taken in this order: groups,
rules, mappings, roles, entities. An entity is always locked before it is given to a group.

A group follows one rule for entities and one role rule (SPEC R6); what both make of it is written together.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from groups_provisioning.actions.manual_changes import end_removals_from
from groups_provisioning.actions.mapping_rows import close, has_place, live_mappings, told
from groups_provisioning.models import ROLE, STATUS_FIELDS, GroupMapping, MappingRule, Pending, PushedGroup, Status
from groups_provisioning.rules.proposals import (
    Candidate,
    Ground,
    Proposal,
    first_matches,
    names_asked_for,
    namesakes,
    propose,
)
from orgs import entities
from orgs.change_details import MappingStory, RenameStory
from orgs.db.keys import fold
from orgs.models import Entity, EntityKind, Organization
from orgs.roles import held

RENAMED = (EntityKind.TEAM, EntityKind.CONCURRENCY_GROUP)
"""The kinds that are renamed with the group that they are mapped to (SPEC G6)."""

_RULES = "SELECT * FROM groups_provisioning_mappingrule WHERE org_id = %s ORDER BY id FOR KEY SHARE"

Match = tuple[PushedGroup, MappingRule]
"""A group, and a rule that it follows."""


@dataclass(slots=True)
class Outcome:
    """What became of mappings and entities, for a Change's detail. settles: whether the members have to be settled."""

    mappings: list[MappingStory] = field(default_factory=list)
    renamed: list[RenameStory] = field(default_factory=list)
    settles: bool = False

    def __bool__(self) -> bool:
        return bool(self.mappings or self.renamed)


def created(group: PushedGroup, *, change_id: UUID, at: datetime) -> Outcome:
    """Evaluate the rules for a new group (SPEC M4)."""
    outcome = Outcome()
    _map(_matches([group], _rules(group.org)), [], outcome, change_id=change_id, at=at)
    return outcome


def restored(group: PushedGroup, *, change_id: UUID, at: datetime) -> Outcome:
    """Evaluate the rules for a restored group; mappings that waited for a new target wait again (SPEC G5, M6)."""
    rules, outcome = _rules(group.org), Outcome()
    waiting = GroupMapping.objects.filter(group=group, status=Status.REJECTED, target_deleted=True)
    back = list(waiting.select_related("entity", "rule").select_for_update(of=("self",), no_key=True).order_by("id"))
    for mapping in back:
        was = mapping.status
        mapping.cease(Status.PENDING, Pending.TARGET_DELETED, at)
        mapping.change_id = change_id
        outcome.mappings.append(told(mapping, group, was=was))
    if back:
        GroupMapping.objects.bulk_update(back, STATUS_FIELDS)
    _map(_matches([group], rules), back, outcome, change_id=change_id, at=at)
    return outcome


def deleted(group: PushedGroup, *, change_id: UUID, at: datetime) -> Outcome:
    """Reject the group's mappings (SPEC G4). No admin rejected them, so rules may map the group again (SPEC M6)."""
    return Outcome(close(live_mappings([group]), {group.id: group}, change_id=change_id, at=at))


def renamed(group: PushedGroup, *, was: str, change_id: UUID, at: datetime) -> Outcome:
    """Let entities follow the group's new name, then evaluate the rules (SPEC G6, M6). was: the name it had."""
    matches, outcome = _matches([group], _rules(group.org)), Outcome()
    mappings = live_mappings([group])
    _rename_entities(group, mappings, was, outcome)
    _follow(group, mappings, [rule for _, rule in matches], outcome, change_id=change_id, at=at)
    _map(matches, mappings, outcome, change_id=change_id, at=at)
    return outcome


def _follow(
    group: PushedGroup,
    mappings: Sequence[GroupMapping],
    rules: Sequence[MappingRule],
    outcome: Outcome,
    *,
    change_id: UUID,
    at: datetime,
) -> None:
    """Adapt the mappings that rules created to a new name (SPEC M6): they fall back, are approved again, or still wait.

    rules: those that match now. A role is given only as long as its rule approves automatically (SPEC R6).
    """
    written: list[GroupMapping] = []
    again: list[UUID] = []
    for mapping in mappings:
        was, reason = mapping.status, mapping.reason
        rule = next((each for each in rules if each.target_type == mapping.target_type), None)
        if was == Status.AUTO_APPROVED:
            if rule is None or (rule.kind == ROLE and not rule.auto_approve):
                mapping.cease(Status.PENDING, Pending.ASKED if rule else Pending.RULE_CHANGED, at)
                outcome.settles = True
        elif mapping.fell_back and rule and rule.auto_approve:
            mapping.approve(Status.AUTO_APPROVED, at)
            if mapping.entity_id:
                again.append(mapping.entity_id)
            outcome.settles = True
        elif was == Status.PENDING and not mapping.target_deleted:
            mapping.reason = _waits_for(group, mapping, mappings, rule) if rule else Pending.RULE_CHANGED
        if (was, reason) != (mapping.status, mapping.reason):
            mapping.change_id = change_id
            written.append(mapping)
            outcome.mappings.append(told(mapping, group, was=was))
    if written:
        GroupMapping.objects.bulk_update(written, STATUS_FIELDS)
    if again:
        end_removals_from(again)


def _waits_for(group: PushedGroup, mapping: GroupMapping, mappings: Sequence[GroupMapping], rule: MappingRule) -> str:
    """The reason why a Pending mapping waits, from the rule that matches the group's present name."""
    others = [other for other in mappings if other is not mapping]
    candidate = Candidate(group.id, group.display_name, frozenset(each.kind for each in others if has_place(each)))
    found = entities.by_name(group.org, names_asked_for([(rule, candidate)]))
    if has_place(mapping):
        found = {}  # it has its own entity, whichever entity has the name
    proposal = propose(rule, candidate, ground_of(group.org, found, _roles(group.org, [rule])))
    assert proposal is not None
    return proposal.fit.reason or Pending.FREE


def apply(
    org: Organization,
    groups: Sequence[PushedGroup],
    rule_id: UUID | None,
    *,
    roles: bool,
    change_id: UUID,
    at: datetime,
) -> Outcome:
    """Evaluate one list of rules for locked groups without a live mapping of theirs (SPEC M5, R6).

    roles: the role rules. rule_id: only if it matches first.
    """
    outcome = Outcome()
    rules = [rule for rule in _rules(org) if rule.gives_role == roles]
    matches = [(group, rule) for group, rule in _matches(groups, rules) if rule_id in (None, rule.id)]
    _map(matches, [], outcome, change_id=change_id, at=at)
    return outcome


def forget_rule(rule: MappingRule) -> None:
    """Detach mappings from a rule that is about to be deleted; they stay."""
    GroupMapping.objects.filter(rule=rule).update(rule=None)


def _matches(groups: Iterable[PushedGroup], rules: Sequence[MappingRule]) -> list[Match]:
    """The groups that any rule matches, each with the first rule of either list that matches it (SPEC M3, R6)."""
    return [(group, rule) for group in groups for rule in first_matches(rules, group.display_name)]


def _map(
    matches: Sequence[Match], live: Sequence[GroupMapping], outcome: Outcome, *, change_id: UUID, at: datetime
) -> None:
    """Map locked groups as their rules say (SPEC M4), in a bounded number of statements, however many groups there are.

    live: the mappings that they have. outcome: receives the new ones.
    """
    if not matches:
        return
    org = matches[0][0].org
    groups = {group.id: group for group, _ in matches}
    by_id = {candidate.id: candidate for candidate in candidates(list(groups.values()), live)}
    roles = _roles(org, [rule for _, rule in matches])
    asked = [(rule, by_id[group.id]) for group, rule in matches]
    while asked:
        # If another transaction, or another group in this round, takes the name first, the next round finds its entity.
        found = entities.by_name(org, names_asked_for(asked), lock=True)
        ground = ground_of(org, found, roles)
        proposals = [proposal for rule, candidate in asked if (proposal := propose(rule, candidate, ground))]
        made, missed = _make_entities(org, proposals, at)
        missed |= namesakes(proposals)
        there = {entity.id: entity for entity in found.values()}
        mappings = []
        for proposal in proposals:
            if proposal.group_id not in missed or proposal.rule.kind == ROLE:
                fit = proposal.fit
                new = made[proposal.group_id] if fit.new_name else None
                entity = there[fit.entity_id] if fit.entity_id else new
                mapping = _mapping(org, proposal, entity, change_id=change_id, at=at)
                mappings.append(mapping)
                outcome.mappings.append(told(mapping, groups[proposal.group_id], was=None))
        GroupMapping.objects.bulk_create(mappings)
        outcome.settles |= any(mapping.is_synced for mapping in mappings)
        asked = [(rule, group) for rule, group in asked if group.id in missed and rule.kind != ROLE]


def _roles(org: Organization, rules: Iterable[MappingRule]) -> Collection[str]:
    """The roles that the org has, locked, if any of these rules gives one."""
    return held(org.profile) if any(rule.kind == ROLE for rule in rules) else ()


def _rules(org: Organization) -> list[MappingRule]:
    """The rules in order, locked so that none is deleted before this transaction ends."""
    return sorted(MappingRule.objects.raw(_RULES, [org.pk]), key=lambda rule: rule.position)


def candidates(groups: Sequence[PushedGroup], live: Sequence[GroupMapping]) -> list[Candidate]:
    barred = GroupMapping.objects.filter(group__in=[group.id for group in groups], barred=True)
    closed: dict[UUID, set[tuple[str, str]]] = {group.id: set() for group in groups}
    placed: dict[UUID, set[str]] = {group.id: set() for group in groups}
    for group_id, kind, role in barred.values_list("group_id", "kind", "role"):
        closed[group_id].add((kind, role))
    for mapping in live:
        if mapping.group_id in closed:
            closed[mapping.group_id].add(mapping.target_type)
            if has_place(mapping):
                placed[mapping.group_id].add(mapping.kind)
    return [
        Candidate(group.id, group.display_name, frozenset(placed[group.id]), frozenset(closed[group.id]))
        for group in groups
    ]


def ground_of(org: Organization, found: Mapping[entities.Named, Entity], roles: Collection[str]) -> Ground:
    """What proposals depend on. found: entities by name; locked if they are about to be given to groups."""
    ids = {key: entity.id for key, entity in found.items()}
    owned = (
        GroupMapping.objects.live().filter(entity__in=ids.values()).values_list("entity_id", flat=True) if ids else ()
    )
    return Ground(entities.kinds_on(org), ids, frozenset(owned), roles)


def _mapping(
    org: Organization, proposal: Proposal, entity: Entity | None, *, change_id: UUID, at: datetime
) -> GroupMapping:
    reason = proposal.fit.reason
    return GroupMapping(
        org=org,
        group_id=proposal.group_id,
        kind=proposal.rule.kind,
        role=proposal.rule.role,
        entity=entity,
        status=Status.PENDING if reason else Status.AUTO_APPROVED,
        reason=reason,
        rule=proposal.rule,
        target_deleted=reason == Pending.TARGET_DELETED,
        switched_at=[] if reason else [at],
        created_at=at,
        change_id=change_id,
    )


def _make_entities(
    org: Organization, proposals: Sequence[Proposal], at: datetime
) -> tuple[dict[UUID, Entity], set[UUID]]:
    """Create entities. Returns them by group, and the groups whose name something else has just taken."""
    wishes: dict[entities.Named, Proposal] = {}
    missed = set()
    for proposal in proposals:
        if proposal.fit.new_name:
            first = wishes.setdefault((proposal.rule.kind, fold(proposal.fit.new_name)), proposal)
            if first is not proposal:
                missed.add(proposal.group_id)
    made = entities.create_missing(org, [(wish.rule.kind, wish.fit.new_name) for wish in wishes.values()], at=at)
    missed |= {wish.group_id for key, wish in wishes.items() if key not in made}
    return {wishes[key].group_id: entity for key, entity in made.items()}, missed


def _rename_entities(group: PushedGroup, mappings: Iterable[GroupMapping], was: str, outcome: Outcome) -> None:
    """Rename the group's entities, first the one with its old name. `outcome` also receives those that keep theirs."""
    following = [mapping for mapping in mappings if has_place(mapping) and mapping.kind in RENAMED]
    names = {mapping.entity_id: mapping.entity.name_key for mapping in following if mapping.entity}
    for mapping in sorted(following, key=lambda mapping: (names[mapping.entity_id] != fold(was.strip()), mapping.id)):
        assert mapping.entity_id is not None
        entity = entities.locked(group.org, mapping.entity_id)
        before, kept = entity.name, ""
        try:
            if not entities.rename(entity, group.display_name):
                continue
        except entities.NameTaken:
            kept = "taken"
        except entities.ReservedName:
            kept = "reserved"
        except entities.UnusableName:
            kept = "unusable"
        story: RenameStory = {"entity": str(entity.id), "kind": entity.kind, "was": before}
        if kept:
            story["kept"] = kept
        else:
            story["now"] = entity.name
        outcome.renamed.append(story)
        if not kept:
            mapping.entity = entity
