"""Commands of admins about teams, concurrency groups and sub-organizations (SPEC M7, M8, G6)."""

from uuid import UUID

from django.db import connection

from groups_provisioning.actions.mapping_rows import lock_groups, told
from groups_provisioning.models import STATUS_FIELDS, GroupMapping, Pending, Status
from orgs import entities, history
from orgs.change_details import EntityAbout, EntityCreated, EntityDeleted, EntityLimited, EntityRenamed
from orgs.db import transactions
from orgs.db.transactions import command
from orgs.entities import KindOff
from orgs.history import Cause
from orgs.models import Entity, EntityKind, Organization
from orgs.queue import MARK, announce


@command
def create_entity(*, org: Organization, kind: str, name: str, session_limit: int | None = None, cause: Cause) -> Entity:
    """Create an entity. Raises KindOff, entities.NameTaken, entities.ReservedName, entities.UnusableName."""
    if kind not in entities.kinds_on(org):
        raise KindOff(kind)
    entity = entities.create(org=org, kind=kind, name=name, session_limit=session_limit, at=cause.at)
    history.record(org, cause, EntityCreated(**_about(entity), session_limit=session_limit))
    return entity


@command
def rename_entity(*, org: Organization, entity_id: UUID, name: str, cause: Cause) -> Entity:
    """Give an entity another name, until the IdP renames its group (SPEC G6).

    Raises entities.UnknownEntity, NameTaken, ReservedName, UnusableName.
    """
    entity = entities.locked(org, entity_id)
    was = entity.name
    if entities.rename(entity, name):
        history.record(org, cause, EntityRenamed(**_about(entity), was=was))
    return entity


@command
def limit_entity(*, org: Organization, entity_id: UUID, session_limit: int | None, cause: Cause) -> Entity:
    """Set the parallel sessions of a concurrency group; None means no limit. Raises entities.UnknownEntity."""
    entity = entities.locked(org, entity_id, EntityKind.CONCURRENCY_GROUP)
    was = entity.session_limit
    if entities.set_limit(entity, session_limit):
        history.record(org, cause, EntityLimited(**_about(entity), was=was, now=session_limit))
    return entity


@command
def delete_entity(*, org: Organization, entity_id: UUID, cause: Cause) -> None:
    """Delete an entity; the mapping that owns it waits for a new target (SPEC M7). Raises entities.UnknownEntity."""
    owner = GroupMapping.objects.live().for_org(org).filter(entity=entity_id)
    groups = lock_groups(org, owner.values_list("group_id", flat=True))
    entity, mapping = ending(org, entity_id, lock=True)
    cause = cause.under_locks()
    change_id = transactions.next_change()
    entities.delete(entity, at=cause.at)
    stories = []
    if mapping is not None:
        was = mapping.status
        mapping.cease(Status.PENDING, Pending.TARGET_DELETED, cause.at)
        mapping.target_deleted = True
        mapping.change_id = change_id
        mapping.save(update_fields=[*STATUS_FIELDS, "target_deleted"])
        stories.append(told(mapping, groups.get(mapping.group_id, mapping.group), was=was))
    marked = _mark_placed(entity, mapping, change_id)
    detail = EntityDeleted(**_about(entity), mappings=stories, marked=marked)
    history.record(org, cause, detail, change_id=change_id)


def ending(org: Organization, entity_id: UUID, *, lock: bool = False) -> tuple[Entity, GroupMapping | None]:
    """The entity to delete, and the mapping that owns it, if any. Raises entities.UnknownEntity.

    lock: for the command. A mapping that has just become the owner is locked late, which at worst repeats the command.
    """
    found = [entities.locked(org, entity_id, ends=True)] if lock else entities.sought(org, [entity_id])
    if not found:
        raise entities.UnknownEntity(entity_id)
    owner = GroupMapping.objects.live().for_org(org).filter(entity=entity_id).select_related("group", "rule", "entity")
    return found[0], (owner.select_for_update(of=("self",), no_key=True) if lock else owner).first()


def placed(entity: Entity, owner: GroupMapping | None) -> list[UUID]:
    """The ids of the people who are in an entity or whom the facts place there, in order.

    The members of its owner's group are among them.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT user_id FROM {_PLACED} ORDER BY 1", _placing(entity, owner))
        return [user_id for (user_id,) in cursor.fetchall()]


def _about(entity: Entity) -> EntityAbout:
    return {"entity": str(entity.id), "kind": entity.kind, "name": entity.name}


# Read from the facts that place people there, because memberships may not be written yet; and from memberships, because
# whoever is held keeps them against the facts (SPEC T1).
_PLACED = """(
    SELECT user_id FROM groups_provisioning_groupmember WHERE group_id = %(group)s
    UNION SELECT user_id FROM orgs_handplacement WHERE entity_id = %(entity)s
    UNION SELECT id FROM orgs_user WHERE placement_id = %(entity)s AND deleted_at IS NULL
    UNION SELECT user_id FROM groups_provisioning_membership WHERE entity_id = %(entity)s
) AS placed"""
_MARK_PLACED = MARK.format(touched=_PLACED)


def _mark_placed(entity: Entity, owner: GroupMapping | None, change_id: UUID) -> int:
    """Mark everybody who may be in the entity. Returns how many people were marked."""
    about = {"org": entity.org_id, "change": change_id, **_placing(entity, owner)}
    with connection.cursor() as cursor:
        cursor.execute(_MARK_PLACED, about)
        announce()
        return int(cursor.rowcount)


def _placing(entity: Entity, owner: GroupMapping | None) -> dict[str, UUID | None]:
    return {"entity": entity.id, "group": owner.group_id if owner else None}
