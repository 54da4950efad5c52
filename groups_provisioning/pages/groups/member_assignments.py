"""Which members of a group have what its mappings give, and why others do not. Reads only (SPEC R3, R6, C3).

What members have is what the engine recorded; why they lack something follows from the present facts.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from django.db.models import Case, Count, Exists, OuterRef, Q, QuerySet, Subquery, When
from django.db.models.functions import Coalesce

from groups_provisioning.engine import loading
from groups_provisioning.engine.loading import Known, Loaded
from groups_provisioning.engine.resolution import Effects, resolve
from groups_provisioning.models import SYNCED, GroupMapping, GroupMember, Membership
from orgs.models import Organization
from orgs.web.long_list import COUNTED


class Lack(StrEnum):
    """Why a member does not have what a mapping of their group gives."""

    INACTIVE = "inactive"
    HELD = "held"
    SETTLING = "settling"
    TARGET_DELETED = "target_deleted"
    REMOVED = "removed"
    CONFLICT = "conflict"
    KIND_OFF = "kind_off"
    YIELDS = "yields"
    OTHER_ROLE = "other_role"


@dataclass(frozen=True, slots=True)
class Missing:
    """What a member lacks. roles: those that they have, for OTHER_ROLE."""

    mapping: GroupMapping
    lack: Lack
    roles: Sequence[str] = ()


def giving(mappings: Iterable[GroupMapping]) -> list[GroupMapping]:
    """Those of a group's live mappings that give its members something, or did until their target was deleted."""
    return [mapping for mapping in mappings if mapping.is_synced or mapping.target_deleted]


_ACTIVE = GroupMember.objects.filter(group=OuterRef("group"), user__active=True).order_by()
_IN_ENTITY = _ACTIVE.filter(user__places__entity=OuterRef("entity"))
_WITH_ROLE = _ACTIVE.filter(user__standing__roles__contains=[OuterRef("role")])


def _number(rows: QuerySet[GroupMember]) -> Coalesce:
    return Coalesce(Subquery(rows.values("group").annotate(n=Count("pk")).values("n")), 0)


_COUNTABLE = Q(status__in=SYNCED, group__member_count__lte=COUNTED)
ASSIGNED = Case(When(_COUNTABLE, role="", then=_number(_IN_ENTITY)), When(_COUNTABLE, then=_number(_WITH_ROLE)))
"""Of an approved mapping: how many active members of its group are in its entity, or have its role.

None if the group has more than COUNTED members: of 100,000, this takes longer than all else on the group's page.
"""


def lacking(members: QuerySet[GroupMember], mappings: Collection[GroupMapping]) -> QuerySet[GroupMember]:
    """The members who lack something that one of these mappings gives."""
    lack = Q(user__active=False)
    for mapping in mappings:
        if mapping.target_deleted:
            return members
        if mapping.role:
            lack |= Q(user__standing=None) | ~Q(user__standing__roles__contains=[mapping.role])
        else:
            lack |= Q(~Exists(Membership.objects.filter(user=OuterRef("user"), entity=mapping.entity_id)))
    return members.filter(lack)


def missing(
    org: Organization, people: Collection[UUID], mappings: Collection[GroupMapping]
) -> dict[UUID, list[Missing]]:
    """For each of these members, what they lack of what these mappings give. Two statements, for all of them."""
    if not people or not mappings:
        return {}
    loaded = loading.load(org, people)
    return {known.id: _missing(loaded, known, mappings) for known in loaded.people}


def _missing(loaded: Loaded, known: Known, mappings: Collection[GroupMapping]) -> list[Missing]:
    effects = loaded.effects_of(known)
    found = []
    for mapping in mappings:
        lack = _lack(loaded, known, effects, mapping)
        if lack is not None:
            found.append(Missing(mapping, lack, effects.roles if lack == Lack.OTHER_ROLE else ()))
    return found


def _lack(loaded: Loaded, known: Known, effects: Effects, mapping: GroupMapping) -> Lack | None:
    entity, recorded = str(mapping.entity_id), known.recorded
    if not known.facts.active:
        return Lack.INACTIVE
    if mapping.target_deleted:
        return Lack.TARGET_DELETED
    if recorded and _has(recorded, mapping):
        return None
    if recorded is None or _has(effects, mapping):
        return Lack.SETTLING
    if known.hold and not known.hold.released and _has(resolve(known.facts, loaded.world), mapping):
        return Lack.HELD
    if mapping.role:
        return Lack.OTHER_ROLE
    if any(hand.entity == entity and not hand.placed for hand in known.facts.hands):
        return Lack.REMOVED
    if str(mapping.id) in effects.conflicts:
        return Lack.CONFLICT if str(mapping.id) in recorded.conflicts else Lack.SETTLING
    return Lack.YIELDS if loaded.world.is_on(mapping.kind) else Lack.KIND_OFF


def _has(effects: Effects, mapping: GroupMapping) -> bool:
    return mapping.role in effects.roles if mapping.role else str(mapping.entity_id) in effects.places
