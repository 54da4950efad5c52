"""Which effects follow from the facts about one person (SPEC section 6). Pure: no database, no clock.

The same facts give the same effects, in whatever order they were written (SPEC C4). Ids are strings; times are
microseconds since the epoch.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from orgs.catalogue import Catalogue

TEAM, POOL, SUB = "team", "concurrency_group", "sub_organization"
CLAIM, HELD, ATTRIBUTE, HAND = "claim", "held", "attribute", "hand"


Span = tuple[int, int | None]
"""When it began and when it ended; None if it has not ended. Spans are in order and do not overlap."""


class Tie(NamedTuple):
    """A mapping with an entity. approved: the spans in which it was approved (SPEC M2)."""

    id: str
    entity: str
    kind: str
    approved: Sequence[Span]


class Group(NamedTuple):
    """What a pushed group gives its members, and what it is called.

    roles: those that the IdP wrote. given: those that the portal gives, by the approved mapping (SPEC R6).
    """

    roles: Sequence[str]
    ties: Sequence[Tie]
    given: Mapping[str, str] = {}
    name: str = ""


GONE = Group((), ())
"""A group that was deleted after its members were read; the command that deleted it has marked them."""


class Hand(NamedTuple):
    """A change by hand: an admin placed somebody in an entity, or took them out of it."""

    entity: str
    kind: str
    placed: bool


class Decision(NamedTuple):
    winner: str
    loser: str
    at: int


class Claim(NamedTuple):
    """A mapping that claims a person, or did; claims sort in the order in which they began (SPEC C2).

    spans: when it claims them, which is while the mapping is approved, its kind is on and they are a member.
    """

    since: int
    mapping: str
    kind: str
    entity: str
    spans: Sequence[Span] = ()


class Place(NamedTuple):
    """Why somebody is in an entity. mapping: for a claim or a held place."""

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

    deactivated_at: the times at which the account was deactivated, in order. groups: each pushed group that they are
    in, with the time they were added. attribute: the live concurrency group that the placement attribute names. hands,
    decisions: in the order in which they were made, without those that were undone.
    """

    active: bool = True
    deleted: bool = False
    deactivated_at: Sequence[int] = ()
    idp_roles: Collection[str] = ()
    manual_roles: Collection[str] = ()
    attribute: str | None = None
    groups: Sequence[tuple[str, int]] = ()
    hands: Sequence[Hand] = ()
    decisions: Sequence[Decision] = ()


ALWAYS: Sequence[Span] = ((0, None),)


@dataclass(slots=True)
class World:
    """The facts about an org that its people share. kinds: for each kind, the spans in which it was on."""

    catalogue: Catalogue
    groups: Mapping[str, Group] = field(default_factory=dict)
    kinds: Mapping[str, Sequence[Span]] = field(default_factory=lambda: dict.fromkeys((TEAM, POOL, SUB), ALWAYS))
    _claiming: dict[str, Sequence[Span]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def is_on(self, kind: str) -> bool:
        """Whether a kind is on now."""
        return _is_open(self.kinds.get(kind, ()))

    def claiming(self, tie: Tie) -> Sequence[Span]:
        """The spans in which a mapping claims its group's members: it is approved, and its kind is on."""
        found = self._claiming.get(tie.id)
        if found is None:
            found = self._claiming[tie.id] = overlaps(tie.approved, self.kinds.get(tie.kind, ()))
        return found


@dataclass(slots=True)
class Effects:
    """What follows from the facts. places: by entity; conflicts: by the mapping of the incoming claim."""

    roles: list[str]
    places: dict[str, Place] = field(default_factory=dict)
    conflicts: dict[str, Question] = field(default_factory=dict)


def resolve(person: Person, world: World) -> Effects:
    """The roles, places and open conflicts of one person (SPEC R1-R4, C1-C4, M2), without SPEC R5.

    Inactive people keep their places and have no open conflicts; people whom SCIM deleted have neither.
    """
    effects = Effects(_roles(person, world))
    if person.deleted:
        return effects
    played = play(claims_of(person, world), person)
    effects.places = _places(person, world, played)
    if person.active:
        for claim in played.kept_out:
            rivals = [rival.mapping for rival in played.against(claim)]
            if any(frozenset((claim.mapping, rival)) not in played.decided for rival in rivals):
                effects.conflicts[claim.mapping] = Question(claim.since, tuple(sorted(rivals)))
    return effects


def competes(one: Claim, other: Claim) -> bool:
    """Whether two claims of one person cannot both hold (SPEC C1)."""
    if one.kind == other.kind:
        return one.kind != TEAM and one.entity != other.entity
    return SUB in (one.kind, other.kind)


@dataclass(slots=True)
class Played:
    """The result of playing claims and decisions (SPEC C2, M2).

    holding: claims that hold. held: claims that held when they ended, and keep their place. kept_out: claims that
    something holds against. decided: the pairs of mappings that were decided, whichever way.
    """

    holding: list[Claim] = field(default_factory=list)
    held: list[Claim] = field(default_factory=list)
    kept_out: list[Claim] = field(default_factory=list)
    decided: set[frozenset[str]] = field(default_factory=set)

    def against(self, claim: Claim) -> list[Claim]:
        """What holds against a claim that is kept out."""
        return [each for each in (*self.holding, *self.held) if competes(claim, each)]


def play(claims: Collection[Claim], person: Person) -> Played:
    """Play a person's claims, and the decisions about them, in order of time (SPEC C2, M2)."""
    if _is_contested(claims):
        return _Play(claims, person).run()
    played = Played()
    for claim in claims:
        end = claim.spans[-1][1]
        if end is None:
            played.holding.append(claim)
        elif not person.deactivated_at or person.deactivated_at[-1] < end:
            played.held.append(claim)
    return played


def _is_open(spans: Sequence[Span]) -> bool:
    return bool(spans) and spans[-1][1] is None


def _is_contested(claims: Collection[Claim]) -> bool:
    """Whether any of the claims might compete."""
    exclusive = sum(claim.kind != TEAM for claim in claims)
    return len(claims) > 1 and (exclusive > 1 or any(claim.kind == SUB for claim in claims))


def decided_by(played: Played, incoming: str, *, use_incoming: bool) -> list[tuple[str, str]]:
    """The pairs of winner and loser that deciding a card writes (SPEC C3); empty if the card is no longer open.

    *Keep current* decides for what holds against the incoming claim, so it moves nobody. *Use incoming* decides for the
    incoming claim over everything that competes with it, held places too, so it puts the person there.
    """
    claim = next((each for each in played.kept_out if each.mapping == incoming), None)
    if claim is None:
        return []
    if not use_incoming:
        return [(holder.mapping, incoming) for holder in played.against(claim)]
    others = (*played.holding, *played.held, *played.kept_out)
    return [(incoming, each.mapping) for each in sorted(others) if competes(claim, each)]


class _Play:
    """One person's claims, played event after event.

    Events at one instant have this order: spans end; a deactivation ends what is held; earlier claims begin again; new
    claims begin; decisions take effect, in the order in which they were made.
    """

    END, DEACTIVATION, RESUMPTION, BEGIN, DECISION = range(5)

    def __init__(self, claims: Collection[Claim], person: Person) -> None:
        self.claims = {claim.mapping: claim for claim in claims}
        self.person = person
        self.decisions = [each for each in person.decisions if each.winner in self.claims and each.loser in self.claims]
        self.holding: list[Claim] = []  # including those that are held
        self.held: dict[str, int] = {}  # the mappings that no longer claim, and since when
        self.kept_out: list[Claim] = []
        self.above: set[tuple[str, str]] = set()

    def run(self) -> Played:
        for at, kind, _, event in sorted(self._events(), key=lambda event: event[:3]):
            if kind == self.DEACTIVATION:
                self._leave([claim for claim in self.holding if claim.mapping in self.held])
            elif isinstance(event, Decision):
                self._decide(event)
            elif isinstance(event, Claim):
                if kind == self.END:
                    self._end(event, at)
                else:
                    self._begin(event, is_first=kind == self.BEGIN)
        return Played(
            [claim for claim in self.holding if claim.mapping not in self.held],
            [claim for claim in self.holding if claim.mapping in self.held],
            self.kept_out,
            {frozenset((each.winner, each.loser)) for each in self.decisions},
        )

    def _events(self) -> Iterator[tuple[int, int, tuple[int, str], Claim | Decision | None]]:
        for at in self.person.deactivated_at:
            yield at, self.DEACTIVATION, (0, ""), None
        for claim in self.claims.values():
            for number, (begin, end) in enumerate(claim.spans):
                yield begin, self.RESUMPTION if number else self.BEGIN, (claim.since, claim.mapping), claim
                if end is not None:
                    yield end, self.END, (0, claim.mapping), claim
        for number, decision in enumerate(self.decisions):
            yield decision.at, self.DECISION, (number, ""), decision

    def _begin(self, claim: Claim, *, is_first: bool) -> None:
        if self.held.pop(claim.mapping, None) is not None:
            return  # it is a claim again, and keeps its place
        self.kept_out.append(claim)
        # A claim that begins again, when its mapping is approved or its kind is switched on again, displaces nothing
        # (SPEC M2).
        if is_first or not self._rivals(claim):
            self._contend(claim)

    def _end(self, claim: Claim, at: int) -> None:
        if claim in self.kept_out:
            self.kept_out.remove(claim)
        elif claim in self.holding:
            self.held[claim.mapping] = at

    def _decide(self, decision: Decision) -> None:
        # The latest decision on a pair stands; what an earlier one caused is not undone (SPEC C3).
        self.above.discard((decision.loser, decision.winner))
        self.above.add((decision.winner, decision.loser))
        contender = next((claim for claim in self.kept_out if claim.mapping == decision.winner), None)
        if contender is not None:
            self._contend(contender)

    def _contend(self, claim: Claim) -> None:
        """Let a claim that is kept out take its place, if everything that competes with it gives way."""
        rivals = self._rivals(claim)
        if all(self._gives_way(rival, claim) for rival in rivals):
            self.kept_out.remove(claim)
            self.kept_out += [rival for rival in rivals if rival.mapping not in self.held]
            self.holding.append(claim)
            self._leave(rivals)

    def _rivals(self, claim: Claim) -> list[Claim]:
        return [holder for holder in self.holding if competes(claim, holder)]

    def _gives_way(self, holder: Claim, claim: Claim) -> bool:
        if (claim.mapping, holder.mapping) in self.above:
            return True
        if (holder.mapping, claim.mapping) in self.above:
            return False
        # A held place gives way to a claim that began after it was held: of the same kind, or for a sub-organization.
        since = self.held.get(holder.mapping)
        return since is not None and claim.since > since and claim.kind in (holder.kind, SUB)

    def _leave(self, leaving: list[Claim]) -> None:
        """Remove claims. Those kept out then take their places, the earliest first, if nothing competes (SPEC C2)."""
        if leaving:
            self.holding = [claim for claim in self.holding if claim not in leaving]
            for claim in leaving:
                self.held.pop(claim.mapping, None)
            for claim in sorted(self.kept_out):
                if not self._rivals(claim):
                    self.kept_out.remove(claim)
                    self.holding.append(claim)


def _roles(person: Person, world: World) -> list[str]:
    written, given = set(person.idp_roles), set[str]()
    for group_id, _ in person.groups:
        group = world.groups.get(group_id, GONE)
        written.update(group.roles)
        given.update(group.given.values())
    return world.catalogue.effective(written, given, person.manual_roles)


def claims_of(person: Person, world: World) -> list[Claim]:
    """The claims on a person since they were added, without those on entities that they were taken out of by hand."""
    removed = _removed(person)
    claims = []
    for group_id, added_at in person.groups:
        for tie in world.groups.get(group_id, GONE).ties:
            if tie.entity not in removed and (spans := _since(world.claiming(tie), added_at)):
                claims.append(Claim(spans[0][0], tie.id, tie.kind, tie.entity, spans))
    return claims


def overlaps(some: Sequence[Span], others: Sequence[Span]) -> Sequence[Span]:
    """The spans in which both are on. Spans that meet at one instant are joined."""
    found: list[Span] = []
    for begin, end in some:
        for its_begin, its_end in others:
            start = max(begin, its_begin)
            ends = [each for each in (end, its_end) if each is not None]
            stop = min(ends) if ends else None
            if stop is not None and stop <= start:
                continue
            if found and found[-1][1] == start:
                start = found.pop()[0]
            found.append((start, stop))
    return found


def _since(spans: Sequence[Span], at: int) -> Sequence[Span]:
    """The parts of the spans from a time on."""
    if spans and spans[0][0] >= at:
        return spans
    return [(max(begin, at), end) for begin, end in spans if end is None or end > at]


def _removed(person: Person) -> set[str]:
    return {hand.entity for hand in person.hands if not hand.placed}


def _places(person: Person, world: World, played: Played) -> dict[str, Place]:
    by_hand = [Claim(0, "", hand.kind, hand.entity) for hand in person.hands if hand.placed]
    yielding = []
    if person.attribute and world.is_on(POOL) and person.attribute not in _removed(person):
        yielding.append((Claim(0, "", POOL, person.attribute), Place(POOL, ATTRIBUTE)))
    # The latest of several places by hand counts.
    yielding += [(claim, Place(claim.kind, HAND)) for claim in reversed(by_hand)]

    places = {claim.entity: Place(claim.kind, CLAIM, claim.mapping) for claim in played.holding}
    places |= {claim.entity: Place(claim.kind, HELD, claim.mapping) for claim in played.held}
    taken = {place.kind for place in places.values()}
    for claim, place in yielding:
        free = claim.kind == TEAM or claim.kind not in taken
        if free and claim.entity not in places and not played.against(claim):
            places[claim.entity] = place
            taken.add(claim.kind)
    if SUB in taken:  # places of the root org stay in the facts, but do not count (SPEC R2)
        return {entity: place for entity, place in places.items() if place.kind == SUB}
    return places
