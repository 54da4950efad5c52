"""Teams, concurrency groups and sub-organizations: the only module that writes `Entity`.

Names are compared without letter case, within the kind (SPEC M4). Whoever gives an entity to a group holds its row's
lock, so that it never has two owners (SPEC M1).
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

FORMER = 20  # names that are remembered


BAD_NAMES = (NameTaken, ReservedName, UnusableName)
"""Why an entity cannot have a name."""


def kinds_on(org: Organization) -> frozenset[str]:
    """The kinds that support has switched on for an org (SPEC O2)."""
    return frozenset(kind.value for kind, switch in KIND_SWITCHES.items() if getattr(org, switch))


def off_at(org: Organization) -> dict[str, datetime | None]:
    """When each kind was last switched off after it had been on; None where that never was (SPEC M8)."""
    return {kind.value: getattr(org, f"{switch}_off_at") for kind, switch in KIND_SWITCHES.items()}


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
    """New entities for those of the (kind, usable name) that no live one has.

    Whoever makes one of the same name at the same moment is waited for.
    """
    entities = {(kind, fold(name)): Entity(org=org, kind=kind, name=name, created_at=at) for kind, name in names}
    # In an order of their own, so that two who make many meet once.
    rows = [entities[key] for key in sorted(entities)]
    Entity.objects.bulk_create(rows, ignore_conflicts=True)
    made = set(Entity.objects.filter(id__in=[row.id for row in rows]).values_list("id", flat=True)) if rows else set()
    return {key: entity for key, entity in entities.items() if entity.id in made}


def locked(org: Organization, entity_id: UUID, kind: str | None = None, *, ends: bool = False) -> Entity:
    """A live entity, for whoever gives it away, renames or deletes it. Raises UnknownEntity.

    ends: it is to be deleted, so nobody may come to point to it meanwhile.
    """
    found = Entity.objects.for_org(org).live().filter(id=entity_id).select_for_update(no_key=not ends).first()
    if found is None or kind not in (None, found.kind):
        raise UnknownEntity(entity_id)
    return found


def by_name(org: Organization, names: Collection[Named], *, lock: bool = False) -> Mapping[Named, Entity]:
    """Those of the names that a live entity has. lock: for whoever gives it away."""
    found = {(row.kind, row.name_key): row for row in sought(org, names, lock=lock)}
    return {name: found[name] for name in names if name in found}


def sought(org: Organization, wanted: Iterable[UUID | Named], *, lock: bool = False) -> list[Entity]:
    """The live entities of these ids and names, and perhaps of the same name in another kind.

    lock: for whoever gives them away.
    """
    ids = {key for key in wanted if isinstance(key, UUID)}
    names = {key for key in wanted if not isinstance(key, UUID)}
    if not ids and not names:
        return []
    named = Q(kind__in={kind for kind, _ in names}, name_key__in={key for _, key in names})
    rows = Entity.objects.for_org(org).live().filter(Q(id__in=ids) | named).order_by("id")
    return list(rows.select_for_update(no_key=True) if lock else rows)


def rename(entity: Entity, name: str) -> bool:
    """Give a locked entity another name, and remember the one it had. Whether that differs.

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
    """Set the parallel sessions of a locked concurrency group; None means no limit. Whether that differs."""
    if entity.session_limit == session_limit:
        return False
    entity.session_limit = session_limit
    entity.save(update_fields=["session_limit"])
    return True


def delete(entity: Entity, *, at: datetime) -> None:
    """End a locked entity; its row stays, to be named (SPEC M7)."""
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
