"""What admins decide about mappings (SPEC M1, M2, M8). Each function is one command.

With `rule_evaluation`, where rules decide, and `entity_edits`, the only module that writes `GroupMapping`. Groups are
locked by id, then their mappings, then entities; then everybody affected is marked, and a worker settles them. A
refusal is an exception, and nothing is written.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from groups_provisioning.actions import members, rule_evaluation
from groups_provisioning.actions.group_intake import UnknownGroup
from groups_provisioning.actions.mapping_rows import close, has_place, live_mappings, lock_groups, told
from groups_provisioning.actions.rules import UnknownRule
from groups_provisioning.models import EXCLUSIVE, GroupMapping, MappingRule, PushedGroup, Status, is_unmapped
from groups_provisioning.rules.proposals import excluded
from orgs import entities, history
from orgs.db.keys import uuid7
from orgs.db.transactions import command
from orgs.entities import KindOff
from orgs.history import Cause
from orgs.models import Entity, Organization

Target = UUID | str | None
"""What to map to: the id of an entity, a name for a new one, or None for the group's name, found or created."""


class UnknownMapping(Exception):
    """The org has no such mapping (SPEC O7)."""


class NotPending(Exception):
    """It is approved, for another target: give it a new target instead."""


class AlreadyRejected(Exception):
    """It is over: map the group anew."""


class EntityOwned(Exception):
    """Another mapping owns the entity (SPEC M1); the argument is the name of its group."""


class Excluded(Exception):
    """A sub-organization excludes other mappings of the same group (SPEC M1)."""


class SecondOfItsKind(Exception):
    """The group has a mapping of this kind, of which it can have one (SPEC M1): give that one a new target."""


REFUSALS = (
    UnknownMapping,
    UnknownGroup,
    NotPending,
    AlreadyRejected,
    EntityOwned,
    Excluded,
    SecondOfItsKind,
    KindOff,
    entities.UnknownEntity,
    entities.NameTaken,
    entities.ReservedName,
    entities.UnusableName,
)
"""Why an admin cannot have it."""


@dataclass(slots=True)
class Approvals:
    """What `approve_many` did. Mappings that were approved already are in neither."""

    approved: list[GroupMapping] = field(default_factory=list)
    refused: dict[UUID, Exception] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Applied:
    """How many mappings the rules made."""

    approved: int
    pending: int


@command
def approve(*, org: Organization, mapping_id: UUID, target: Target = None, cause: Cause) -> GroupMapping:
    """Let a Pending mapping claim its group's members. target: None is also the entity that it has already.

    Raises those in REFUSALS.
    """
    group, live = _around(org, mapping_id)
    old = _one(live, mapping_id)
    if old.is_synced and target not in (None, old.entity_id):
        raise NotPending
    work = _Assignments(org, cause)
    mapping = work.assign(group, live, old, old.kind, target)
    work.record("mapping.approved")
    return mapping


@command
def map_group(*, org: Organization, group_id: UUID, kind: str, target: Target = None, cause: Cause) -> GroupMapping:
    """Map a group by hand; a mapping of this kind that waits for a target gets this one. Raises those in REFUSALS."""
    group = _lock_group(org, group_id)
    live = live_mappings([group])
    same = (mapping for mapping in live if has_place(mapping) and mapping.entity_id == target)
    waiting = (mapping for mapping in live if mapping.kind == kind and not has_place(mapping))
    old = next(same, None) or next(waiting, None)
    work = _Assignments(org, cause)
    mapping = work.assign(group, live, old, kind, target)
    work.record("mapping.approved")
    return mapping


@command
def retarget(*, org: Organization, mapping_id: UUID, target: UUID | str, cause: Cause) -> GroupMapping:
    """Map the group to another entity instead: a new row, so that decisions about the old one end (SPEC C3).

    Raises those in REFUSALS.
    """
    group, live = _around(org, mapping_id)
    old = _one(live, mapping_id)
    work = _Assignments(org, cause)
    mapping = work.assign(group, live, old, old.kind, target)
    work.record("mapping.retargeted")
    return mapping


@command
def reject(*, org: Organization, mapping_ids: Iterable[UUID], cause: Cause) -> int:
    """End mappings, and bar rules from mapping their groups to these kinds (SPEC M2, M6); how many were not over yet.

    Raises UnknownMapping.
    """
    ids = set(mapping_ids)
    groups = lock_groups(org, _groups_of(org, ids).values())
    found = [mapping for mapping in live_mappings(groups.values()) if mapping.id in ids]
    if not found:
        return 0
    change_id = uuid7()
    settles = [groups[mapping.group_id] for mapping in found if mapping.is_synced or mapping.fell_back_at]
    stories = close(found, groups, change_id=change_id, barred=True, target_deleted=False)
    marked = members.mark_all(*settles, change_id=change_id)
    history.record(org, cause, "mapping.rejected", change_id=change_id, mappings=stories, marked=marked)
    return len(found)


@command
def approve_many(*, org: Organization, mapping_ids: Iterable[UUID], cause: Cause) -> Approvals:
    """Approve Pending mappings, each as `approve` without a target would. Refusals are reported, never raised."""
    ids = list(dict.fromkeys(mapping_ids))
    group_ids = dict(GroupMapping.objects.for_org(org).filter(id__in=ids).values_list("id", "group_id"))
    groups = lock_groups(org, group_ids.values())
    live: dict[UUID, list[GroupMapping]] = {id_: [] for id_ in groups}
    for mapping in live_mappings(groups.values()):
        live[mapping.group_id].append(mapping)
    work, done = _Assignments(org, cause), Approvals()
    for id_ in ids:
        try:
            if id_ not in group_ids:
                raise UnknownMapping(id_)
            if group_ids[id_] not in groups:
                raise UnknownGroup(group_ids[id_])
            group = groups[group_ids[id_]]
            old = _one(live[group.id], id_)
            if not old.is_synced:
                done.approved.append(work.assign(group, live[group.id], old, old.kind, None))
        except REFUSALS as refusal:
            done.refused[id_] = refusal
    work.record("mapping.approved")
    return done


@command
def apply_rules(*, org: Organization, rule_id: UUID | None = None, cause: Cause) -> Applied:
    """Evaluate the rules for all groups that are unmapped (SPEC M5). rule_id: only where this one is the first.

    Raises UnknownRule.
    """
    if rule_id is not None and not MappingRule.objects.for_org(org).filter(id=rule_id).exists():
        raise UnknownRule(rule_id)
    found = PushedGroup.objects.for_org(org).live().filter(is_unmapped())
    groups = list(found.order_by("id").select_for_update(of=("self",)).only("display_name", "org_id"))
    # Somebody who was waited for may have mapped one, or rejected what it was mapped to.
    still = set(found.filter(id__in=[group.id for group in groups]).values_list("id", flat=True))
    groups = [group for group in groups if group.id in still]
    for group in groups:
        group.org = org
    change_id = uuid7()
    outcome = rule_evaluation.apply(org, groups, rule_id, change_id=change_id, at=cause.at)
    approved = {story["group"] for story in outcome.mappings if story["now"] == Status.AUTO_APPROVED}
    applied = Applied(len(approved), len(outcome.mappings) - len(approved))
    if outcome:
        marked = members.mark_all(*[group for group in groups if str(group.id) in approved], change_id=change_id)
        history.record(
            org,
            cause,
            "rules.applied",
            change_id=change_id,
            rule=str(rule_id) if rule_id else None,
            approved=applied.approved,
            pending=applied.pending,
            mappings=outcome.mappings,
            marked=marked,
        )
    return applied


def check(org: Organization, kind: str, others: Iterable[GroupMapping]) -> None:
    """Whether a group with these other live mappings can have one of `kind` (SPEC M1, M8).

    Raises KindOff, SecondOfItsKind, Excluded.
    """
    others = list(others)
    if kind not in entities.kinds_on(org):
        raise KindOff(kind)
    if kind in EXCLUSIVE and any(mapping.kind == kind for mapping in others):
        raise SecondOfItsKind(kind)
    if excluded(kind, [mapping.kind for mapping in others if has_place(mapping)]):
        raise Excluded(kind)


def owner_besides(mapping: GroupMapping | None, entity_id: UUID) -> GroupMapping | None:
    """The mapping that owns an entity, if it is not this one."""
    owner = GroupMapping.objects.live().filter(entity=entity_id).select_related("group")
    return (owner.exclude(id=mapping.id) if mapping else owner).first()


class _Assignments:
    """One command's approvals: written as they come, then told and marked together."""

    def __init__(self, org: Organization, cause: Cause) -> None:
        self.org = org
        self.cause = cause
        self.change_id = uuid7()
        self.stories: list[dict[str, Any]] = []
        self.groups: list[PushedGroup] = []

    def assign(
        self, group: PushedGroup, live: list[GroupMapping], old: GroupMapping | None, kind: str, target: Target
    ) -> GroupMapping:
        """Map a locked group, in place of `old` among its `live` mappings. Refuses before it writes anything."""
        check(self.org, kind, [mapping for mapping in live if mapping is not old])
        entity = self._target(group, old, kind, target)
        if taken := owner_besides(old, entity.id):
            if old is None and taken.group_id == group.id and taken.is_synced:
                return taken
            raise EntityOwned(taken.group.display_name)
        if old is not None and old.is_synced and old.entity_id == entity.id:
            return old
        mapping = old
        if mapping is None or mapping.entity_id not in (None, entity.id):
            mapping = GroupMapping(org=self.org, group=group, kind=kind, created_at=self.cause.at)
            live.append(mapping)
            if old is not None:
                live.remove(old)
                self.stories += close([old], {group.id: group}, change_id=self.change_id, target_deleted=False)
        self._approve(group, mapping, entity)
        return mapping

    def record(self, verb: str) -> None:
        """Mark the members and write the Change, if anything was assigned."""
        if self.stories:
            marked = members.mark_all(*self.groups, change_id=self.change_id)
            history.record(self.org, self.cause, verb, change_id=self.change_id, mappings=self.stories, marked=marked)

    def _target(self, group: PushedGroup, old: GroupMapping | None, kind: str, target: Target) -> Entity:
        at = self.cause.at
        if target is None and old is not None and has_place(old):
            target = old.entity_id
        match target:
            case UUID():
                return entities.locked(self.org, target, kind)
            case str():
                return entities.create(org=self.org, kind=kind, name=target, at=at)
            case None:
                return entities.found_or_created(org=self.org, kind=kind, name=group.display_name, at=at)

    def _approve(self, group: PushedGroup, mapping: GroupMapping, entity: Entity) -> None:
        was = None if mapping._state.adding else mapping.status
        mapping.entity, mapping.status, mapping.reason = entity, Status.APPROVED, ""
        mapping.approved_at, mapping.fell_back_at = self.cause.at, None
        mapping.change_id = self.change_id
        mapping.save()
        # An admin wants this kind for the group, so rules may have it again (SPEC M6).
        GroupMapping.objects.filter(group=group, kind=mapping.kind, barred=True).update(barred=False)
        self.stories.append(told(mapping, group, was=was))
        self.groups.append(group)


def _around(org: Organization, mapping_id: UUID) -> tuple[PushedGroup, list[GroupMapping]]:
    """The group of a mapping and its live mappings, locked. Raises UnknownMapping, UnknownGroup."""
    group = _lock_group(org, _groups_of(org, {mapping_id})[mapping_id])
    return group, live_mappings([group])


def _groups_of(org: Organization, mapping_ids: set[UUID]) -> dict[UUID, UUID]:
    """The ids of the groups of mappings. Raises UnknownMapping."""
    found = dict(GroupMapping.objects.for_org(org).filter(id__in=mapping_ids).values_list("id", "group_id"))
    if unknown := mapping_ids - set(found):
        raise UnknownMapping(min(unknown))
    return found


def _lock_group(org: Organization, group_id: UUID) -> PushedGroup:
    found = lock_groups(org, [group_id])
    if group_id not in found:
        raise UnknownGroup(group_id)
    return found[group_id]


def _one(live: Sequence[GroupMapping], mapping_id: UUID) -> GroupMapping:
    for mapping in live:
        if mapping.id == mapping_id:
            return mapping
    raise AlreadyRejected(mapping_id)
