"""Loads the state from which `assignments` decides wishes about mappings."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from groups_provisioning.actions.mapping_rows import has_place, live_mappings, lock_groups
from groups_provisioning.models import ROLE, GroupMapping, PushedGroup
from groups_provisioning.rules.assignments import Assignment, Group, Map, Place, Reject, State, Wish, sought
from orgs import entities, roles
from orgs.models import Entity, Organization


@dataclass(slots=True)
class Loaded:
    """The state, and the rows that it was built from, by id: groups, their live mappings, the requested entities."""

    state: State
    groups: dict[UUID, PushedGroup]
    mappings: dict[UUID, GroupMapping]
    entities: dict[UUID, Entity]


def load(org: Organization, wishes: Sequence[Wish | Reject], *, lock: bool) -> Loaded:
    """Load what the wishes are about, in a bounded number of statements, however many wishes there are.

    lock: for a command, lock groups by id, then their mappings, then entities and roles; a preview locks nothing.
    """
    asked = [wish.mapping_id for wish in wishes if not isinstance(wish, Map)]
    group_of = dict(GroupMapping.objects.for_org(org).filter(id__in=asked).values_list("id", "group_id"))
    group_ids = {*group_of.values(), *(wish.group_id for wish in wishes if isinstance(wish, Map))}
    groups = lock_groups(org, group_ids) if lock else PushedGroup.objects.for_org(org).live().in_bulk(group_ids)
    rows = live_mappings(groups.values(), lock=lock)
    state = State(entities.kinds_on(org), group_of, {id_: Group(id_, row.display_name) for id_, row in groups.items()})
    for row in rows:
        _add(state.groups[row.group_id], row)
    kinds = {row.kind for row in rows} | {wish.kind for wish in wishes if isinstance(wish, Map)}
    if ROLE in kinds:
        state.roles = roles.held(org.profile) if lock else roles.catalogue(org.profile).keys
    wanted = (sought(state, wish) for wish in wishes if not isinstance(wish, Reject))
    found = {entity.id: entity for entity in entities.sought(org, {key for key in wanted if key}, lock=lock)}
    own = {each.place.id: each.place for group in state.groups.values() for each in group.assignments if each.place}
    for id_, entity in found.items():
        place = own.get(id_) or Place(entity.kind, entity.name, id_)
        place.name = entity.name  # as it is under the lock
        state.by_id[id_] = state.by_name[entity.kind, entity.name_key] = place
    # Read under the entities' locks, so no other mapping can become the owner of one of them.
    for row in GroupMapping.objects.live().filter(entity__in=found.keys() - own.keys()).select_related("group"):
        assert row.entity_id is not None
        place, group = state.by_id[row.entity_id], Group(row.group_id, row.group.display_name)
        place.owner = Assignment(group, row.kind, row.id, place, row.is_synced)
    return Loaded(state, groups, {row.id: row for row in rows}, found)


def _add(group: Group, row: GroupMapping) -> None:
    mapping = Assignment(group, row.kind, row.id, is_synced=row.is_synced, is_lost=row.target_deleted)
    mapping.was_approved = bool(row.switched_at) and not row.is_synced
    if row.role and row.target_deleted:
        mapping.lost_role = row.role
    elif row.role:
        mapping.place = Place(ROLE, row.role, owner=mapping)
    elif has_place(row) and row.entity is not None:
        mapping.place = Place(row.kind, row.entity.name, row.entity_id, mapping)
    group.assignments.append(mapping)
