"""What the facts about one person amount to (SPEC section 6). Pure: no database, no clock.

The same facts give the same effects, in whatever order they came about (SPEC C4). Ids are texts; times are
microseconds since the epoch.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from orgs.catalogue import Catalogue

TEAM, POOL, SUB = "team", "concurrency_group", "sub_organization"
CLAIM, HELD, ATTRIBUTE, HAND = "claim", "held", "attribute", "hand"


class Tie(NamedTuple):
    """A mapping with an entity, Pending or synced."""

    id: str
    entity: str
    kind: str
    synced: bool
    approved_at: int | None
    fell_back_at: int | None


class Group(NamedTuple):
    """What a pushed group gives its members."""

    roles: Sequence[str]
    ties: Sequence[Tie]


GONE = Group((), ())
"""A group that was deleted after its members were read: whoever deleted it has marked them."""


class Hand(NamedTuple):
    """What an admin did by hand: placed somebody, or took them out."""

    entity: str
    kind: str
    placed: bool


class Decision(NamedTuple):
    winner: str
    loser: str
    at: int


class Claim(NamedTuple):
    """A mapping that claims a person since then; claims sort in the order in which they begin (SPEC C2)."""

    since: int
    mapping: str
    kind: str
    entity: str


class Place(NamedTuple):
    """Why somebody is in an entity. mapping: of a claim or a held place."""

    kind: str
    source: str
    mapping: str | None = None


class Question(NamedTuple):
    """An open conflict: since when the incoming claim is kept out, and the mappings that hold against it."""

    since: int
    holders: tuple[str, ...]


@dataclass(slots=True)
class Person:
    """The facts about one person.

    groups: each pushed group that they are in, with the time they were added. attribute: the live concurrency group
    that the placement attribute names. hands, decisions: in the order in which they were made, without those undone.
    """

    active: bool = True
    deleted: bool = False
    active_since: int | None = None
    idp_roles: Collection[str] = ()
    manual_roles: Collection[str] = ()
    attribute: str | None = None
    groups: Sequence[tuple[str, int]] = ()
    hands: Sequence[Hand] = ()
    decisions: Sequence[Decision] = ()


@dataclass(slots=True)
class World:
    """The facts about an org that its people share. on: the kinds that are on; off_at: when others went off."""

    catalogue: Catalogue
    groups: Mapping[str, Group] = field(default_factory=dict)
    on: Collection[str] = (TEAM, POOL, SUB)
    off_at: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Effects:
    """What it amounts to. places: by entity; conflicts: by the mapping of the incoming claim."""

    roles: list[str]
    places: dict[str, Place] = field(default_factory=dict)
    conflicts: dict[str, Question] = field(default_factory=dict)


def resolve(person: Person, world: World) -> Effects:
    """The roles, places and open conflicts of one person (SPEC R1-R4, C1-C4, M2), but for SPEC R5.

    Somebody inactive keeps places, and is asked nothing; somebody whom SCIM deleted has none.
    """
    effects = Effects(_roles(person, world))
    if person.deleted:
        return effects
    claims, held = claims_of(person, world)
    holding, kept_out, decided = play(claims, person.decisions)
    effects.places = _places(person, world, holding, play(held, person.decisions)[0] if held else [])
    if person.active:
        for claim in kept_out:
            rivals = [holder.mapping for holder in holding if competes(claim, holder)]
            if any(frozenset((claim.mapping, rival)) not in decided for rival in rivals):
                effects.conflicts[claim.mapping] = Question(claim.since, tuple(sorted(rivals)))
    return effects


def competes(one: Claim, other: Claim) -> bool:
    """Whether two claims of one person cannot both hold (SPEC C1)."""
    if one.kind == other.kind:
        return one.kind != TEAM and one.entity != other.entity
    return SUB in (one.kind, other.kind)


def play(
    claims: Collection[Claim], decisions: Sequence[Decision]
) -> tuple[list[Claim], list[Claim], set[frozenset[str]]]:
    """Which claims hold and which are kept out, by playing them with the decisions in order of time (SPEC C2).

    Also the pairs of mappings that were decided, whichever way.
    """
    contested = sum(claim.kind != TEAM for claim in claims)
    if len(claims) < 2 or not contested or (contested == 1 and not any(claim.kind == SUB for claim in claims)):
        return list(claims), [], set()
    mappings = {claim.mapping for claim in claims}
    latest = {
        frozenset((decision.winner, decision.loser)): (index, decision)
        for index, decision in enumerate(decisions)
        if decision.winner in mappings and decision.loser in mappings
    }
    # At one instant claims come first; of decisions, the one that was made first.
    events: list[tuple[int, int, str, Claim | Decision]] = [(each.since, 0, each.mapping, each) for each in claims]
    events += [(decision.at, 1, f"{index:09}", decision) for index, decision in latest.values()]
    holding: list[Claim] = []
    kept_out: list[Claim] = []
    above: set[tuple[str, str]] = set()
    for _, _, _, event in sorted(events, key=lambda event: event[:3]):
        if isinstance(event, Claim):
            contender: Claim | None = event
            kept_out.append(event)
        else:
            above.add((event.winner, event.loser))
            contender = next((claim for claim in kept_out if claim.mapping == event.winner), None)
        if contender is None:
            continue
        rivals = [holder for holder in holding if competes(contender, holder)]
        if all((contender.mapping, rival.mapping) in above for rival in rivals):
            kept_out.remove(contender)
            holding = [claim for claim in holding if claim not in rivals] + [contender]
            kept_out += rivals
            if rivals:
                _fill(holding, kept_out)
    return holding, kept_out, set(latest)


def _fill(holding: list[Claim], kept_out: list[Claim]) -> None:
    """After claims have left: those kept out come in, the earliest first, where nothing that holds competes."""
    for claim in sorted(kept_out):
        if not any(competes(claim, holder) for holder in holding):
            kept_out.remove(claim)
            holding.append(claim)


def _roles(person: Person, world: World) -> list[str]:
    written = set(person.idp_roles)
    for group_id, _ in person.groups:
        written.update(world.groups.get(group_id, GONE).roles)
    return world.catalogue.effective(written, person.manual_roles)


def claims_of(person: Person, world: World) -> tuple[list[Claim], list[Claim]]:
    """The person's claims, and the places that they may be held in (SPEC M2, M8)."""
    removed = _removed(person)
    claims, held = [], []
    for group_id, added_at in person.groups:
        for tie in world.groups.get(group_id, GONE).ties:
            if tie.approved_at is None or tie.entity in removed:
                continue
            claim = Claim(max(added_at, tie.approved_at), tie.id, tie.kind, tie.entity)
            if tie.synced and tie.kind in world.on:
                claims.append(claim)
            elif _is_held(person, claim, world.off_at.get(tie.kind) if tie.synced else tie.fell_back_at):
                held.append(claim)
    return claims, held


def _removed(person: Person) -> set[str]:
    return {hand.entity for hand in person.hands if not hand.placed}


def _is_held(person: Person, claim: Claim, ended_at: int | None) -> bool:
    """Whether somebody was in when the mapping ceased to claim, and has been active ever since."""
    if ended_at is None or not person.active or claim.since >= ended_at:
        return False
    return person.active_since is None or person.active_since < ended_at


def _places(person: Person, world: World, holding: Sequence[Claim], held: Sequence[Claim]) -> dict[str, Place]:
    by_hand = [Claim(0, "", hand.kind, hand.entity) for hand in person.hands if hand.placed]
    yielding = [(claim, Place(claim.kind, HELD, claim.mapping)) for claim in held]
    if person.attribute and POOL in world.on and person.attribute not in _removed(person):
        yielding.append((Claim(0, "", POOL, person.attribute), Place(POOL, ATTRIBUTE)))
    # Of several places by hand the latest counts.
    yielding += [(claim, Place(claim.kind, HAND)) for claim in reversed(by_hand)]

    places = {claim.entity: Place(claim.kind, CLAIM, claim.mapping) for claim in holding}
    taken = {place.kind for place in places.values()}
    for claim, place in yielding:
        free = claim.kind == TEAM or claim.kind not in taken
        if free and claim.entity not in places and not any(competes(claim, holder) for holder in holding):
            places[claim.entity] = place
            taken.add(claim.kind)
    if SUB in taken:  # whatever belongs to the root org stays recorded in the facts, and does not count (SPEC R2)
        return {entity: place for entity, place in places.items() if place.kind == SUB}
    return places
