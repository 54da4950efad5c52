"""Teams, concurrency groups and sub-organizations: the only module that writes `Entity`.

Names are compared without case, within the kind (SPEC M4). Whoever assigns an entity to a group holds its row lock, so
that it never has two owners (SPEC M1).
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q

from orgs.db.keys import fold
from orgs.db.transactions import violated
from orgs.entity_names import KindOff as KindOff
from orgs.entity_names import Named, NameTaken, ReservedName, UnknownEntity, UnusableName, usable
from orgs.models import KIND_SWITCHES, Entity, Organization

FORMER = 20  # former names remembered per entity


BAD_NAMES = (NameTaken, ReservedName, UnusableName)
"""The reasons why an entity cannot have a name."""


def kinds_on(org: Organization) -> frozenset[str]:
    """The kinds that support has switched on for an org (SPEC O2)."""
    return frozenset(kind.value for kind, switch in KIND_SWITCHES.items() if getattr(org, switch))


def kinds_switched_at(org: Organization) -> dict[str, list[datetime]]:
    """When each kind was switched on and off, in turn (SPEC M2)."""
    return {kind.value: getattr(org, f"{switch}_switched_at") for kind, switch in KIND_SWITCHES.items()}


def named(org: Organization, kind: str, name: str) -> UUID | None:
    """The id of the live entity of this kind with this name."""
    return (
        Entity.objects.for_org(org).live().filter(kind=kind, name_key=fold(name)).values_list("id", flat=True).first()
    )


def create(*, org: Organization, kind: str, name: str, session_limit: int | None = None, at: datetime) -> Entity:
    """A new entity. session_limit: of a concurrency group; None means no limit.

    Raises NameTaken, UnusableName, ReservedName.
    """
    entity = Entity(org=org, kind=kind, name=usable(kind, name), session_limit=session_limit, created_at=at)
    _save(entity, adding=True)
    return entity


def create_missing(org: Organization, names: Iterable[tuple[str, str]], *, at: datetime) -> dict[Named, Entity]:
    """New entities for those of the (kind, usable name) pairs that no live entity has.

    Waits for a concurrent transaction that creates one of the same names.
    """
    entities = {(kind, fold(name)): Entity(org=org, kind=kind, name=name, created_at=at) for kind, name in names}
    # In a fixed order, so that two transactions that create many of them cannot deadlock.
    rows = [entities[key] for key in sorted(entities)]
    Entity.objects.bulk_create(rows, ignore_conflicts=True)
    made = set(Entity.objects.filter(id__in=[row.id for row in rows]).values_list("id", flat=True)) if rows else set()
    return {key: entity for key, entity in entities.items() if entity.id in made}


def locked(org: Organization, entity_id: UUID, kind: str | None = None, *, ends: bool = False) -> Entity:
    """A live entity, locked to be assigned, renamed or deleted. Raises UnknownEntity.

    ends: it is about to be deleted, so no new row may point to it until then.
    """
    found = Entity.objects.for_org(org).live().filter(id=entity_id).select_for_update(no_key=not ends).first()
    if found is None or kind not in (None, found.kind):
        raise UnknownEntity(entity_id)
    return found


def by_name(org: Organization, names: Collection[Named], *, lock: bool = False) -> Mapping[Named, Entity]:
    """The live entities that have one of these names. lock: lock them, to assign them."""
    found = {(row.kind, row.name_key): row for row in sought(org, names, lock=lock)}
    return {name: found[name] for name in names if name in found}


def sought(org: Organization, wanted: Iterable[UUID | Named], *, lock: bool = False) -> list[Entity]:
    """The live entities with these ids and names, and possibly some with the same name in another kind.

    lock: lock them, to assign them.
    """
    ids = {key for key in wanted if isinstance(key, UUID)}
    names = {key for key in wanted if not isinstance(key, UUID)}
    if not ids and not names:
        return []
    named = Q(kind__in={kind for kind, _ in names}, name_key__in={key for _, key in names})
    rows = Entity.objects.for_org(org).live().filter(Q(id__in=ids) | named).order_by("id")
    return list(rows.select_for_update(no_key=True) if lock else rows)


def rename(entity: Entity, name: str) -> bool:
    """Rename a locked entity and remember its former name. Returns whether the name changed.

    Raises NameTaken, UnusableName, ReservedName.
    """
    name = usable(entity.kind, name)
    if name == entity.name:
        return False
    was, key = entity.name_key, fold(name)
    former = [known for known in entity.former_keys if known not in (was, key)]
    if was != key:
        former.append(was)
    entity.name, entity.former_keys = name, former[-FORMER:]
    _save(entity)
    return True


def set_limit(entity: Entity, session_limit: int | None) -> bool:
    """Set the parallel sessions of a locked concurrency group; None means no limit. Returns whether it changed."""
    if entity.session_limit == session_limit:
        return False
    entity.session_limit = session_limit
    entity.save(update_fields=["session_limit"])
    return True


def delete(entity: Entity, *, at: datetime) -> None:
    """Delete a locked entity; its row stays, so that history can name it (SPEC M7)."""
    entity.deleted_at = at
    entity.save(update_fields=["deleted_at"])


def _save(entity: Entity, *, adding: bool = False) -> None:
    try:
        with transaction.atomic():
            if adding:
                entity.save(force_insert=True)
            else:
                entity.save(update_fields=["name", "former_keys"])
    except IntegrityError as error:
        if violated(error) == "entity_name_once":
            raise NameTaken(entity.name) from error
        raise
