"""What admins decide about mappings (SPEC M1, M2, M8). Each function is one command.

With `rule_evaluation`, where rules decide, and `entity_edits`, the only module that writes `GroupMapping`. Groups are
locked by id, then their mappings, then entities; then everybody affected is marked, and a worker settles them. A
refusal is an exception, and nothing is written. `rules.assignments` decides what a wish takes; this module writes it.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from groups_provisioning.actions import manual_changes, members, rule_evaluation
from groups_provisioning.actions.assignment_state import Loaded, load
from groups_provisioning.actions.mapping_rows import close, live_mappings, lock_groups, told
from groups_provisioning.actions.rules import UnknownRule
from groups_provisioning.models import (
    ROLE,
    STATUS_FIELDS,
    GroupMapping,
    MappingRule,
    Pending,
    PushedGroup,
    Status,
    takes_rules,
)
from groups_provisioning.rules import assignments
from groups_provisioning.rules.assignments import (
    REFUSALS,
    AlreadyRejected,
    Approve,
    Assignment,
    EntityOwned,
    Excluded,
    Map,
    NotPending,
    Reject,
    Retarget,
    RoleGiven,
    SecondOfItsKind,
    Steps,
    Target,
    UnknownMapping,
    W,
    Wish,
)
from orgs import entities, history
from orgs.catalogue import UnknownRole
from orgs.change_details import (
    MappingApproved,
    MappingRejected,
    MappingRetargeted,
    MappingStory,
    ProfileRolesRemoved,
    RulesApplied,
)
from orgs.db import transactions
from orgs.db.keys import fold
from orgs.db.transactions import command
from orgs.history import Cause
from orgs.models import Organization, SchemaProfile
from orgs.roles import held

__all__ = [
    "REFUSALS",
    "AlreadyRejected",
    "Applied",
    "Approvals",
    "EntityOwned",
    "Excluded",
    "NotPending",
    "RoleGiven",
    "SecondOfItsKind",
    "UnknownMapping",
    "UnknownRole",
    "apply_rules",
    "approve",
    "approve_many",
    "map_group",
    "map_many",
    "reject",
    "release_roles",
    "retarget",
]


@dataclass(slots=True)
class Approvals:
    """What `approve_many` or `map_many` did: refused are mappings or groups. What was so already is in neither."""

    approved: list[GroupMapping] = field(default_factory=list)
    refused: dict[UUID, Exception] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Applied:
    """How many mappings the rules created."""

    approved: int
    pending: int


@command
def approve(*, org: Organization, mapping_id: UUID, target: Target = None, cause: Cause) -> GroupMapping:
    """Let a Pending mapping claim its group's members. target: None keeps the entity or role that it has, if any.

    Raises those in REFUSALS.
    """
    return _assign_one(org, Approve(mapping_id, target), MappingApproved, cause)


@command
def map_group(*, org: Organization, group_id: UUID, kind: str, target: Target = None, cause: Cause) -> GroupMapping:
    """Map a group by hand; a mapping of this kind that waits for a target gets this one.

    target: of a role, its key; a group may carry several. Raises those in REFUSALS.
    """
    return _assign_one(org, Map(group_id, kind, target), MappingApproved, cause)


@command
def retarget(*, org: Organization, mapping_id: UUID, target: UUID | str, cause: Cause) -> GroupMapping:
    """Map the group to another entity or role instead: a new row, so that decisions about the old one end (SPEC C3).

    Raises those in REFUSALS.
    """
    return _assign_one(org, Retarget(mapping_id, target), MappingRetargeted, cause)


@command
def approve_many(*, org: Organization, mapping_ids: Iterable[UUID], cause: Cause) -> Approvals:
    """Approve Pending mappings, each as `approve` without a target would. Refusals are reported, never raised."""
    done, refused = _assign(org, [Approve(id_) for id_ in mapping_ids], MappingApproved, cause)
    approved = [mapping for mapping, steps in done if steps.is_news]
    return Approvals(approved, {wish.mapping_id: refusal for wish, refusal in refused.items()})


@command
def map_many(*, org: Organization, group_ids: Iterable[UUID], kind: str, role: str = "", cause: Cause) -> Approvals:
    """Map unmapped groups by hand, each to the entity of its name, found or created as by a rule (SPEC M4); or give all
    of them a role.

    Refusals are reported, never raised.
    """
    wishes = [Map(id_, kind, role or None, as_rules_do=True) for id_ in group_ids]
    done, refused = _assign(org, wishes, MappingApproved, cause)
    approved = [mapping for mapping, steps in done if steps.is_news]
    return Approvals(approved, {wish.group_id: refusal for wish, refusal in refused.items()})


@command
def reject(*, org: Organization, mapping_ids: Iterable[UUID], cause: Cause) -> int:
    """Reject mappings, and bar rules from mapping their groups to these kinds or roles (SPEC M2, M6).

    Returns how many were not Rejected yet. Raises UnknownMapping.
    """
    wishes = [Reject(id_) for id_ in mapping_ids]
    loaded = load(org, wishes, lock=True)
    found = [loaded.mappings[each.id] for each in assignments.reject(loaded.state, wishes) if each.id]
    if not found:
        return 0
    cause = cause.under_locks()
    change_id = transactions.next_change()
    settles = [loaded.groups[mapping.group_id] for mapping in found if mapping.is_synced or mapping.fell_back_at]
    stories = close(found, loaded.groups, change_id=change_id, at=cause.at, barred=True, target_deleted=False)
    marked = members.mark_all(*settles, change_id=change_id)
    history.record(org, cause, MappingRejected(mappings=stories, marked=marked), change_id=change_id)
    return len(found)


@command
def apply_rules(*, org: Organization, rule_id: UUID | None = None, roles: bool = False, cause: Cause) -> Applied:
    """Evaluate the rules for entities, or the role rules, for all groups that have no mapping of theirs (SPEC M5, R6).

    rule_id: only for groups that this rule, of either list, is first to match. Raises UnknownRule.
    """
    if rule_id is not None:
        rule = MappingRule.objects.for_org(org).filter(id=rule_id).first()
        if rule is None:
            raise UnknownRule(rule_id)
        roles = rule.gives_role
    found = PushedGroup.objects.for_org(org).live().filter(takes_rules(roles=roles))
    groups = list(found.order_by("id").select_for_update(of=("self",)).only("display_name", "org_id"))
    # A transaction that held a lock may have mapped a group, or rejected its mapping.
    still = set(found.filter(id__in=[group.id for group in groups]).values_list("id", flat=True))
    groups = [group for group in groups if group.id in still]
    for group in groups:
        group.org = org
    cause = cause.under_locks()
    change_id = transactions.next_change()
    outcome = rule_evaluation.apply(org, groups, rule_id, roles=roles, change_id=change_id, at=cause.at)
    approved = {story["group"] for story in outcome.mappings if story["now"] == Status.AUTO_APPROVED}
    applied = Applied(len(approved), len(outcome.mappings) - len(approved))
    if outcome:
        marked = members.mark_all(*[group for group in groups if str(group.id) in approved], change_id=change_id)
        detail = RulesApplied(
            rule=str(rule_id) if rule_id else None,
            approved=applied.approved,
            pending=applied.pending,
            mappings=outcome.mappings,
            marked=marked,
        )
        history.record(org, cause, detail, change_id=change_id)
    return applied


@command
def release_roles(*, profile: SchemaProfile, cause: Cause) -> None:
    """Let mappings to roles that their org's profile lacks wait for another role (SPEC R6).

    Called when the profile has lost a role, or an org has come to have it. They give nobody anything any more, which
    `profiles.keep` or `organizations.change` has marked everybody for.
    """
    keys = held(profile)
    lost = GroupMapping.objects.live().filter(org__profile=profile, kind=ROLE, target_deleted=False)
    groups_of = defaultdict(set)
    for org_id, group_id in lost.exclude(role__in=keys).values_list("org_id", "group_id"):
        groups_of[org_id].add(group_id)
    for org in Organization.objects.filter(id__in=groups_of).order_by("id"):
        groups = lock_groups(org, groups_of[org.id])
        mappings = [each for each in live_mappings(groups.values()) if each.role and each.role not in keys]
        at, change_id, stories = cause.under_locks(), transactions.next_change(), []
        for mapping in mappings:
            was = mapping.status
            mapping.cease(Status.PENDING, Pending.TARGET_DELETED, at.at)
            mapping.target_deleted, mapping.change_id = True, change_id
            stories.append(told(mapping, groups[mapping.group_id], was=was))
        GroupMapping.objects.bulk_update(mappings, [*STATUS_FIELDS, "target_deleted"])
        gone = sorted({mapping.role for mapping in mappings})
        detail = ProfileRolesRemoved(profile=profile.key, roles=gone, mappings=stories, marked=0)
        history.record(org, at, detail, change_id=change_id)


def _assign_one(
    org: Organization, wish: Wish, kind: type[MappingApproved | MappingRetargeted], cause: Cause
) -> GroupMapping:
    done, refused = _assign(org, [wish], kind, cause)
    if refused:
        raise refused[wish]
    ((mapping, _),) = done
    return mapping


def _assign(
    org: Organization, wishes: Sequence[W], kind: type[MappingApproved | MappingRetargeted], cause: Cause
) -> tuple[list[tuple[GroupMapping, Steps]], dict[W, Exception]]:
    """Carry out wishes in order, and mark the members. Returns the mappings as they are then, and the refusals."""
    loaded, done, refused = _decided(org, wishes, cause)
    news = [steps for steps in done if steps.is_news]
    if news:
        cause = cause.under_locks()
        change_id = transactions.change_id()
        closed = [loaded.mappings[steps.closes.id] for steps in news if steps.closes and steps.closes.id]
        stories = close(closed, loaded.groups, change_id=change_id, at=cause.at, target_deleted=False)
        stories += _write(org, loaded, [steps.mapping for steps in news], change_id=change_id, at=cause.at)
        groups = [loaded.groups[steps.mapping.group.id] for steps in news]
        marked = members.mark_all(*groups, change_id=change_id)
        history.record(org, cause, kind(mappings=stories, marked=marked), change_id=change_id)
    return [(loaded.mappings[steps.mapping.id], steps) for steps in done if steps.mapping.id], refused


def _decided(org: Organization, wishes: Sequence[W], cause: Cause) -> tuple[Loaded, list[Steps], dict[W, Exception]]:
    """Decide wishes on a locked state, and create the entities that they need."""
    while True:
        loaded = load(org, wishes, lock=True)
        transactions.next_change()
        done, refused = assignments.assign_all(loaded.state, wishes)
        places = [steps.mapping.place for steps in done.values()]
        new = {(place.kind, fold(place.name)): place for place in places if place and place.is_new}
        made = entities.create_missing(org, [(place.kind, place.name) for place in new.values()], at=cause.at)
        if len(made) == len(new):
            for key, entity in made.items():
                new[key].id, loaded.entities[entity.id] = entity.id, entity
            return loaded, list(done.values()), refused
        # Another transaction has just created an entity of the same name: the next round finds it.


def _write(
    org: Organization, loaded: Loaded, approved: Sequence[Assignment], *, change_id: UUID, at: datetime
) -> list[MappingStory]:
    """Write mappings that are now Approved, including new ones. Returns what became of them, for a Change's detail."""
    new, known, again, stories = [], [], [], []
    groups_of = defaultdict(list)
    for each in approved:
        assert each.place
        group, entity = loaded.groups[each.group.id], loaded.entities[each.place.id] if each.place.id else None
        if each.id is None:
            role = each.place.name if each.kind == ROLE else ""
            row, was = GroupMapping(org=org, group=group, kind=each.kind, role=role, created_at=at), None
            each.id, loaded.mappings[row.id] = row.id, row
            new.append(row)
        else:
            row = loaded.mappings[each.id]
            was = row.status
            known.append(row)
        row.entity, row.change_id = entity, change_id
        row.approve(Status.APPROVED, at)
        if each.was_approved and entity:
            again.append(entity.id)
        groups_of[row.target_type].append(group)
        stories.append(told(row, group, was=was))
    GroupMapping.objects.bulk_create(new)
    GroupMapping.objects.bulk_update(known, ["entity", *STATUS_FIELDS], batch_size=500)
    if again:
        manual_changes.end_removals_from(again)
    for (kind, role), groups in groups_of.items():
        # An admin wants this target type for these groups, so rules may map them to it again (SPEC M6).
        GroupMapping.objects.filter(group__in=groups, kind=kind, role=role, barred=True).update(barred=False)
    return stories
