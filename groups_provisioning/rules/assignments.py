"""How wishes of admins change mappings (SPEC M1, M2, M7, M8, R6): state and wish in, steps or a refusal out. No clock.

The commands load and lock the state and carry the steps out; a preview lays the same steps over the facts (SPEC M9).
Each wish updates the state, so that each of several in one run sees what the earlier ones did.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from groups_provisioning.choices import EXCLUSIVE, ROLE
from groups_provisioning.rules.proposals import excluded
from orgs.catalogue import UnknownRole
from orgs.choices import EntityKind
from orgs.db.keys import fold
from orgs.entity_names import KindOff, Named, NameTaken, ReservedName, UnknownEntity, UnusableName, usable

Target = UUID | str | None
"""What to map to: the id of an entity, a name for a new one, or None for the group's name, found or created.

Of a mapping to a role, its key, or None for the role that the mapping has.
"""


class UnknownGroup(Exception):
    """The org has no such group (SPEC O7)."""


class UnknownMapping(Exception):
    """The org has no such mapping (SPEC O7)."""


class NotPending(Exception):
    """It is approved, for another target: give it a new target instead."""


class AlreadyRejected(Exception):
    """It is already rejected: map the group again."""


class EntityOwned(Exception):
    """Another mapping owns the entity (SPEC M1); the argument is the name of its group."""


class Excluded(Exception):
    """A sub-organization excludes other mappings of the same group (SPEC M1)."""


class AlreadyMapped(Exception):
    """The group has a mapping to an entity, and many at once are mapped only if they are unmapped (SPEC M5)."""


class NotCreated(Exception):
    """No sub-organization has the group's name, and many at once are not created (SPEC M4)."""


class RoleGiven(Exception):
    """Another mapping of the group gives this role (SPEC R6)."""


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
    RoleGiven,
    AlreadyMapped,
    NotCreated,
    KindOff,
    UnknownEntity,
    UnknownRole,
    NameTaken,
    ReservedName,
    UnusableName,
)
"""Why a wish is refused."""


# --- State ------------------------------------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class Group:
    """A live group. assignments: its live mappings, oldest first."""

    id: UUID
    name: str
    assignments: list["Assignment"] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Place:
    """An entity, or a role as one group gives it, whose `name` is the key.

    id: None for a role, or while the entity is to be created. owner: the live mapping that owns it (SPEC M1).
    """

    kind: str
    name: str
    id: UUID | None = None
    owner: "Assignment | None" = None

    @property
    def is_new(self) -> bool:
        """Whether it is to be created."""
        return self.id is None and self.kind != ROLE


@dataclass(slots=True, eq=False)
class Assignment:
    """A live mapping. id: None while it is to be made. place: what it owns; None while nobody has said, or once that
    was deleted.

    is_lost: what it was for was deleted (SPEC M7). A new target is a new mapping, but for one that never had any.
    lost_role: the key of the role that it was for, where the profile lost it. was_approved: it fell back, so that
    approving it makes held places claims again (SPEC M2).
    """

    group: Group
    kind: str
    id: UUID | None = None
    place: Place | None = None
    is_synced: bool = False
    is_lost: bool = False
    lost_role: str = ""
    was_approved: bool = False

    @property
    def role(self) -> str:
        """The role that it is for, whether the profile has it or not; "" if it is for an entity."""
        return self.place.name if self.place and self.kind == ROLE else self.lost_role


@dataclass(slots=True)
class State:
    """What an org has of what the wishes are about.

    kinds: of entities, those that are on. group_of: the groups of mappings, whatever became of either. groups: live
    ones. by_id, by_name: the live entities that are sought. roles: keys; only needed if a wish is about a role.
    """

    kinds: Collection[str]
    group_of: Mapping[UUID, UUID]
    groups: Mapping[UUID, Group]
    by_id: dict[UUID, Place] = field(default_factory=dict)
    by_name: dict[Named, Place] = field(default_factory=dict)
    roles: Collection[str] = ()

    def find(self, mapping_id: UUID) -> Assignment:
        """A live mapping. Raises UnknownMapping, UnknownGroup, AlreadyRejected."""
        if mapping_id not in self.group_of:
            raise UnknownMapping(mapping_id)
        for each in self.group(self.group_of[mapping_id]).assignments:
            if each.id == mapping_id:
                return each
        raise AlreadyRejected(mapping_id)

    def group(self, group_id: UUID) -> Group:
        """Raises UnknownGroup."""
        if group_id not in self.groups:
            raise UnknownGroup(group_id)
        return self.groups[group_id]


# --- Wishes -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Approve:
    """Let a Pending mapping claim its group's members. target: None is also the entity that it has already."""

    mapping_id: UUID
    target: Target = None


@dataclass(frozen=True, slots=True)
class Retarget:
    """Map the group to another entity instead."""

    mapping_id: UUID
    target: Target


@dataclass(frozen=True, slots=True)
class Map:
    """Map a group by hand; a mapping of this kind that waits for a target gets this one. For a role, name it.

    as_rules_do: only if it is unmapped (SPEC M5); and a sub-organization is found, never created (SPEC M4).
    """

    group_id: UUID
    kind: str
    target: Target = None
    as_rules_do: bool = False


@dataclass(frozen=True, slots=True)
class Reject:
    """End a mapping."""

    mapping_id: UUID


Wish = Approve | Retarget | Map
"""To map a group to an entity or a role."""
W = TypeVar("W", bound=Wish)


# --- Steps ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Steps:
    """What is to be done. mapping: as it is then, approved. closes: the one that it replaces.

    is_news: False where all is so already.
    """

    mapping: Assignment
    closes: Assignment | None = None
    is_news: bool = True


def assign(state: State, wish: Wish) -> Steps:
    """What carrying out a wish takes; the state is then as after it. Raises those in REFUSALS, and changes nothing."""
    group, old, kind = _about(state, wish)
    if isinstance(wish, Approve) and old is not None and old.is_synced:
        if wish.target not in (None, old.place and old.place.id):
            raise NotPending
        return Steps(old, is_news=False)
    as_rules_do = isinstance(wish, Map) and wish.as_rules_do and kind != ROLE
    if as_rules_do and any(each.kind != ROLE for each in group.assignments):
        raise AlreadyMapped
    _check(state, kind, [each for each in group.assignments if each is not old])
    place = _place(state, group, old, kind, wish.target)
    if as_rules_do and place.is_new and kind == EntityKind.SUB_ORGANIZATION:
        raise NotCreated(place.name)
    owner = place.owner
    if owner is not None and owner is not old:
        if old is None and owner.group is group and owner.is_synced:
            return Steps(owner, is_news=False)
        raise RoleGiven(place.name) if kind == ROLE else EntityOwned(owner.group.name)
    if old is not None and old.is_synced and old.place is place:
        return Steps(old, is_news=False)
    return _approve(state, group, old, kind, place)


def assign_all(state: State, wishes: Iterable[W]) -> tuple[dict[W, Steps], dict[W, Exception]]:
    """One wish after the other: what is to be done, and what is refused. The same wish counts once."""
    done: dict[W, Steps] = {}
    refused: dict[W, Exception] = {}
    for wish in dict.fromkeys(wishes):
        try:
            done[wish] = assign(state, wish)
        except REFUSALS as refusal:
            refused[wish] = refusal
    return done, refused


def reject(state: State, wishes: Iterable[Reject]) -> list[Assignment]:
    """The mappings to end: those that are not over yet. Raises UnknownMapping."""
    ended = []
    for wish in dict.fromkeys(wishes):
        try:
            assignment = state.find(wish.mapping_id)
        except (AlreadyRejected, UnknownGroup):
            continue
        _leave(assignment)
        ended.append(assignment)
    return ended


def sought(state: State, wish: Wish) -> UUID | Named | None:
    """The entity that a wish is about, by its id or its name: to be looked for among all of the org's.

    None where the wish is refused whatever there is, or is about a role.
    """
    try:
        group, old, kind = _about(state, wish)
    except REFUSALS:
        return None
    if kind == ROLE:
        return None
    wanted = _wanted(group, old, wish.target)
    return wanted if isinstance(wanted, UUID) else (kind, fold(wanted.strip()))


def _about(state: State, wish: Wish) -> tuple[Group, Assignment | None, str]:
    """The group, the mapping in whose stead it is to be mapped, and to which kind."""
    if not isinstance(wish, Map):
        old = state.find(wish.mapping_id)
        return old.group, old, old.kind
    group = state.group(wish.group_id)
    same = (each for each in group.assignments if _is_wished(each, wish))
    waiting = (each for each in group.assignments if each.kind == wish.kind and each.place is None)
    return group, next(same, None) or next(waiting, None), wish.kind


def _is_wished(mapping: Assignment, wish: Map) -> bool:
    if ROLE in (mapping.kind, wish.kind):
        return mapping.kind == wish.kind and mapping.role == wish.target
    return wish.target is not None and mapping.place is not None and mapping.place.id == wish.target


def _check(state: State, kind: str, others: Collection[Assignment]) -> None:
    """Whether a group with these other mappings can have one of a kind (SPEC M1, M8)."""
    if kind != ROLE and kind not in state.kinds:
        raise KindOff(kind)
    if kind in EXCLUSIVE and any(each.kind == kind for each in others):
        raise SecondOfItsKind(kind)
    if excluded(kind, [each.kind for each in others if each.place]):
        raise Excluded(kind)


def _wanted(group: Group, old: Assignment | None, target: Target) -> UUID | str:
    """The id of the entity to map to, or its name."""
    if target is None:
        return (old and old.place and old.place.id) or group.name
    return target


def _place(state: State, group: Group, old: Assignment | None, kind: str, target: Target) -> Place:
    """The entity to map to, or one to create; or the role."""
    if kind == ROLE:
        return _role(state, group, old, target)
    wanted = _wanted(group, old, target)
    if isinstance(wanted, UUID):
        found = state.by_id.get(wanted)
        if found is None or found.kind != kind:
            raise UnknownEntity(wanted)
        return found
    name = usable(kind, wanted)
    found = state.by_name.get((kind, fold(name)))
    if found is not None and target is not None:
        raise NameTaken(name)
    return found or Place(kind, name)


def _role(state: State, group: Group, old: Assignment | None, target: Target) -> Place:
    """The role to give, as the group gives it already or does not yet."""
    key = target or (old.role if old else "")
    if key not in state.roles:
        raise UnknownRole(key)
    if any(each.lost_role == key for each in group.assignments if each is not old):
        raise RoleGiven(key)
    given = (each.place for each in group.assignments if each.place and each.place.kind == ROLE)
    return next((place for place in given if place.name == key), None) or Place(ROLE, str(key))


def _approve(state: State, group: Group, old: Assignment | None, kind: str, place: Place) -> Steps:
    mapping, closes = old, None
    if old is None or old.is_lost or old.place not in (None, place):
        mapping, closes = Assignment(group, kind), old
        group.assignments.append(mapping)
        if closes is not None:
            _leave(closes)
    assert mapping is not None
    mapping.place, mapping.is_synced = place, True
    place.owner = mapping
    if kind != ROLE:
        state.by_name[kind, fold(place.name)] = place
    return Steps(mapping, closes)


def _leave(assignment: Assignment) -> None:
    assignment.group.assignments.remove(assignment)
    if assignment.place is not None:
        assignment.place.owner = None
