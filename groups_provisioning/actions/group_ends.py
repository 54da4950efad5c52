"""Ending a group that nobody pushes any more, and undoing that (SPEC G10).

A group that was ended is deleted as by SCIM (SPEC G4), but for removals by hand: only a write of the IdP ends those
(SPEC R4). Undone, it is as it was, with the times of its members and mappings, so that the decisions between them count
again as well: nothing moves anybody but what changed meanwhile.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError
from django.db.models import OuterRef, QuerySet, Subquery, TextField
from django.db.models.functions import Cast

from groups_provisioning.actions import members, rule_evaluation
from groups_provisioning.actions.mapping_rows import live_mappings, told
from groups_provisioning.models import (
    STATUS_FIELDS,
    EndedGroup,
    EndedMapping,
    GroupMapping,
    NestedGroup,
    Pending,
    PushedGroup,
    Status,
)
from groups_provisioning.rules.assignments import UnknownGroup
from orgs import history, matters
from orgs.change_details import GroupBroughtBack, GroupEnded
from orgs.db import transactions
from orgs.db.transactions import command, violated
from orgs.history import Cause
from orgs.models import Change, Entity, Organization
from orgs.models.history import SUBJECT
from orgs.roles import catalogue

RECENT = timedelta(days=1)
"""A group that was written within this time may still be pushed: ending it asks twice."""


class NotEnded(Exception):
    """Nobody ended this group, or it is back."""


class NameInUse(Exception):
    """Another group has the name, so that the end cannot be undone."""


class EndedGroupWritten(UnknownGroup):
    """An IdP writes a group that was ended; the arguments are its id and its name."""


@command
def end_group(*, org: Organization, group_id: UUID, cause: Cause) -> None:
    """Delete a group as SCIM would, by hand. Raises UnknownGroup."""
    members.lock_groups_around(org, group_id)
    group = PushedGroup.objects.for_org(org).live().filter(id=group_id).first()
    if group is None:
        raise UnknownGroup(group_id)
    cause = cause.under_locks()
    change_id = transactions.next_change()
    mappings = live_mappings([group])
    EndedGroup.objects.create(
        org=org,
        group=group,
        change_id=change_id,
        nested=list(NestedGroup.objects.filter(group=group).values_list("member_id", flat=True)),
        nested_in=list(NestedGroup.objects.filter(member=group).values_list("group_id", flat=True)),
    )
    EndedMapping.objects.bulk_create(
        EndedMapping(
            org=org,
            mapping=each,
            status=each.status,
            reason=each.reason,
            switched_at=each.switched_at,
            change_id=each.change_id,
        )
        for each in mappings
    )
    matters.end_about_group(org.id, group.id)
    delta = members.set_aside(group, change_id=change_id)
    members.hide(group, at=cause.at)
    outcome = rule_evaluation.deleted(group, change_id=change_id, at=cause.at)
    detail = GroupEnded(
        group=str(group.id),
        name=group.display_name,
        added=0,
        removed=delta.removed,
        nested=delta.nested,
        marked=delta.removed,
        mappings=outcome.mappings,
    )
    history.record(org, cause, detail, change_id=change_id)


def keep_free_reference(group: PushedGroup) -> None:
    """Before a deleted group comes back: it loses its reference if another was imported with that meanwhile."""
    live = PushedGroup.objects.for_org(group.org_id).live()
    if group.reference and live.filter(reference=group.reference).exists():
        group.reference = ""


@command
def undo_end(*, org: Organization, group_id: UUID, cause: Cause) -> None:
    """Bring a group back as it was when it was ended.

    People whom SCIM deleted meanwhile, and groups that are gone, do not come back into it. If the IdP wrote it
    meanwhile, it is out of sync. Of its mappings see `returning`.
    Raises NotEnded, NameInUse.
    """
    group, end = _locked_end(org, group_id)
    if PushedGroup.objects.for_org(org).live().filter(display_name_key=group.display_name_key).exists():
        raise NameInUse(group.display_name)
    cause = cause.under_locks()
    change_id = transactions.next_change()
    keep_free_reference(group)
    group.deleted_at = None
    group.out_of_sync = group.out_of_sync or end.missed
    group.revision += 1
    group.modified_at = cause.at
    delta, lost = members.bring_back(group, change_id=change_id, at=cause.at, inside=end.nested, around=end.nested_in)
    group.member_count = delta.added
    try:
        group.save(update_fields=["deleted_at", "out_of_sync", "revision", "modified_at", "member_count", "reference"])
    except IntegrityError as error:
        if violated(error) == "pushed_group_name_once":
            raise NameInUse(group.display_name) from error
        raise
    stories = []
    for row in returning(group, lock=True):
        mapping = row.mapping
        if not row.stays_rejected:
            mapping.status, mapping.reason, mapping.target_deleted = row.status, row.reason, row.target_deleted
            mapping.switched_at, mapping.change_id = row.switched_at, row.change_id
            mapping.save(update_fields=[*STATUS_FIELDS, "target_deleted"])
        stories.append(told(mapping, group, was=Status.REJECTED))
    forget(group)
    detail = GroupBroughtBack(
        group=str(group.id),
        name=group.display_name,
        added=delta.added,
        removed=0,
        nested=delta.nested,
        marked=delta.added,
        mappings=stories,
        lost=lost,
    )
    history.record(org, cause, detail, change_id=change_id)


@dataclass(frozen=True, slots=True)
class Returning:
    """What a mapping is again once the end of its group is undone.

    stays_rejected: another group has its target now (SPEC M1). target_deleted: it needs a new one (SPEC M7).
    """

    mapping: GroupMapping
    status: str
    reason: str
    switched_at: list[datetime]
    change_id: UUID
    target_deleted: bool = False
    stays_rejected: bool = False

    @property
    def is_approved(self) -> bool:
        return self.status != Status.PENDING


def returning(group: PushedGroup, *, lock: bool) -> list[Returning]:
    """The mappings of a group that was ended, as they would be once that is undone. lock: the caller changes them."""
    ends = list(EndedMapping.objects.filter(mapping__group=group).order_by("mapping"))
    rows = GroupMapping.objects.filter(id__in=[end.mapping_id for end in ends]).select_related("entity", "rule")
    if lock:
        rows = rows.order_by("id").select_for_update(of=("self",), no_key=True)
    mappings = {each.id: each for each in rows}
    targets = [each.entity_id for each in mappings.values() if each.entity_id]
    if lock:
        list(Entity.objects.for_org(group.org_id).filter(id__in=targets).order_by("id").select_for_update(no_key=True))
    taken = set(GroupMapping.objects.live().filter(entity__in=targets).values_list("entity_id", flat=True))
    roles = catalogue(group.org.profile).keys
    found = []
    for end in ends:
        mapping = mappings[end.mapping_id]
        entity = mapping.entity
        is_gone = (entity is not None and entity.deleted_at is not None) or bool(
            mapping.role and mapping.role not in roles
        )
        as_it_was = Returning(mapping, end.status, end.reason, end.switched_at, end.change_id, mapping.target_deleted)
        if is_gone and not mapping.target_deleted:
            status, reason = Status.PENDING, Pending.TARGET_DELETED
            found.append(Returning(mapping, status, reason, mapping.switched_at, end.change_id, target_deleted=True))
        elif mapping.entity_id in taken:
            found.append(Returning(mapping, Status.REJECTED, "", [], end.change_id, stays_rejected=True))
        else:
            found.append(as_it_was)
    return found


def forget(group: PushedGroup) -> None:
    """A group that was ended is back, undone or pushed again (SPEC G5): what was kept of it goes, and its matter."""
    members.forget_set_aside(group)
    EndedMapping.objects.filter(mapping__group=group).delete()
    ended, _ = EndedGroup.objects.filter(group=group).delete()
    if ended:
        matters.end_about_group(group.org_id, group.id)


def missed(org: Organization, group_id: UUID) -> EndedGroupWritten | None:
    """Note that a write of a group was refused because it was ended; None if nobody ended it."""
    if not EndedGroup.objects.for_org(org).filter(group=group_id).update(missed=True):
        return None
    return EndedGroupWritten(group_id, PushedGroup.objects.for_org(org).get(id=group_id).display_name)


def with_last_write(groups: QuerySet[Any]) -> QuerySet[Any]:
    """The groups, each with `pushed_at` and `pushed_by`: when an IdP changed it last, and with which token."""
    last = _by_tokens().order_by("-id")
    return groups.annotate(
        pushed_at=Subquery(last.values("at")[:1]), pushed_by=Subquery(last.values("by_token__name")[:1])
    )


def _by_tokens() -> QuerySet[Change]:
    """The changes of a group in an outer query by an IdP."""
    return Change.objects.alias(subject=SUBJECT).filter(
        org=OuterRef("org"), subject=Cast(OuterRef("id"), TextField()), by_token__isnull=False
    )


def last_written(org: Organization, group_ids: Collection[UUID]) -> dict[UUID, Change]:
    """The last change of each of these groups by an IdP, with its token; none where history has none."""
    groups = PushedGroup.objects.for_org(org).filter(id__in=list(group_ids))
    last = groups.annotate(last=Subquery(_by_tokens().order_by("-id").values("id")[:1])).values_list("id", "last")
    by_group = {group_id: change_id for group_id, change_id in last if change_id}
    changes = Change.objects.for_org(org).select_related("by_token").in_bulk(by_group.values())
    return {group_id: changes[change_id] for group_id, change_id in by_group.items()}


def recently_written(changes: Iterable[Change], *, at: datetime) -> list[Change]:
    """Those of `last_written` within RECENT."""
    return [change for change in changes if change.at > at - RECENT]


def _locked_end(org: Organization, group_id: UUID) -> tuple[PushedGroup, EndedGroup]:
    end = EndedGroup.objects.for_org(org).filter(group=group_id).first()
    if end is None:
        raise NotEnded(group_id)
    ids: Sequence[UUID] = [group_id, *end.nested, *end.nested_in]
    groups = PushedGroup.objects.for_org(org).filter(id__in=ids).order_by("id").select_for_update()
    group = next(each for each in groups if each.id == group_id)
    end = EndedGroup.objects.for_org(org).filter(group=group_id).first()
    if end is None:
        raise NotEnded(group_id)
    return group, end
