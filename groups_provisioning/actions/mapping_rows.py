"""What the commands of admins and the evaluation of rules share about rows of `GroupMapping`."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from groups_provisioning.models import STATUS_FIELDS, GroupMapping, PushedGroup, Status
from orgs.change_details import MappingStory
from orgs.models import Organization


def live_mappings(groups: Iterable[PushedGroup], *, lock: bool = True) -> list[GroupMapping]:
    """The live mappings of groups, with their entities and rules. lock: lock them; the caller has locked the groups."""
    rows = GroupMapping.objects.live().filter(group__in=[group.id for group in groups]).order_by("id")
    rows = rows.select_related("entity", "rule")
    # No key lock, so that other transactions can write effects that reference them.
    return list(rows.select_for_update(of=("self",), no_key=True) if lock else rows)


def close(
    mappings: Sequence[GroupMapping],
    groups: Mapping[UUID, PushedGroup],
    *,
    change_id: UUID,
    at: datetime,
    **flags: bool,
) -> list[MappingStory]:
    """Make locked mappings Rejected, and set their flags. Returns what became of them, for a Change's detail.

    The mappings keep their entities, so that these can still be named. groups: those of the mappings, by id.
    """
    stories = []
    for mapping in mappings:
        was = mapping.status
        mapping.cease(Status.REJECTED, "", at)
        mapping.change_id = change_id
        for name, value in flags.items():
            setattr(mapping, name, value)
        stories.append(told(mapping, groups[mapping.group_id], was=was))
    GroupMapping.objects.bulk_update(mappings, [*STATUS_FIELDS, *flags], batch_size=500)
    return stories


def has_place(mapping: GroupMapping) -> bool:
    """Whether a live mapping owns an entity: one whose target was deleted, or that has none yet, does not (SPEC M1)."""
    return mapping.entity_id is not None and not mapping.target_deleted


def told(mapping: GroupMapping, group: PushedGroup, *, was: str | None) -> MappingStory:
    """A mapping in a Change's detail, as it is now. `was` and `now` are statuses; `was` is None for a new mapping."""
    rule = mapping.rule
    story: MappingStory = {
        "mapping": str(mapping.id),
        "group": str(group.id),
        "group_name": group.display_name,
        "kind": mapping.kind,
        "entity": str(mapping.entity_id) if mapping.entity_id else None,
        "entity_name": mapping.entity.name if mapping.entity else None,
        "rule": {"id": str(rule.id), "pattern_type": rule.pattern_type, "pattern": rule.pattern} if rule else None,
        "was": was,
        "now": mapping.status,
        "reason": mapping.reason,
    }
    if mapping.role:
        story["role"] = mapping.role
    return story


def lock_groups(org: Organization, ids: Iterable[UUID]) -> dict[UUID, PushedGroup]:
    """The live ones among these groups, by id, locked in the order of their ids."""
    groups = PushedGroup.objects.for_org(org).live().filter(id__in=list(ids)).order_by("id").select_for_update()
    return {group.id: group for group in groups}
