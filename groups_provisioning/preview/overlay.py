"""The effects of changed facts: the engine's own resolution, over facts with an overlay (SPEC M9).

Nothing is written and no lock is taken. People are looked at in batches, so that memory is bounded.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from groups_provisioning.engine import breaker, last_admin, loading, reconcile
from groups_provisioning.engine.last_admin import Account
from groups_provisioning.engine.loading import Known, Loaded
from groups_provisioning.engine.resolution import (
    Decision,
    Effects,
    Group,
    Hand,
    Person,
    Span,
    Tie,
    World,
    decided_by,
    resolve,
)
from groups_provisioning.engine.undo_outcome import Outcome
from orgs.catalogue import Catalogue
from orgs.history import Effect
from orgs.models import Organization

_MEMBERS = "SELECT DISTINCT user_id FROM groups_provisioning_groupmember WHERE group_id = ANY(%s::uuid[]) ORDER BY 1"


class Switched(NamedTuple):
    """An account that would be activated or deactivated, at a time in microseconds. was, now: as history calls it."""

    active: bool
    at: int
    was: str
    now: str


@dataclass(frozen=True, slots=True)
class Deciding:
    """Decisions that would be made. incoming: of each person, the mappings whose conflicts are decided.

    at: when, in microseconds since the epoch.
    """

    incoming: Mapping[UUID, Sequence[str]]
    use_incoming: bool
    at: int

    def about(self, known: Known, loaded: Loaded) -> list[Decision]:
        """Those about one of the people that were loaded."""
        asked = self.incoming.get(known.id)
        if not asked:
            return []
        played = loaded.play(known)
        return [
            Decision(winner, loser, self.at)
            for incoming in asked
            for winner, loser in decided_by(played, incoming, use_incoming=self.use_incoming)
        ]


@dataclass(slots=True)
class Overlay:
    """What a decision would change of the facts.

    ties: by group, mappings that would be approved, with the spans that would be added; given: of those to roles, by
    group and mapping, the role; dropped: those that would claim nobody, and give nothing, any more. gone: entities that
    would be deleted. made: entities that would be created, by the id that stands for them. put_back: entities that
    nobody would count as taken out of by hand any more. undone: of each person, the decisions that would be undone.
    kinds: when each would be on. ended: groups that would be ended; back: those that would be back, and joined: who
    would be in them again, and since when. switched: the accounts that would be activated or deactivated. released:
    the people who would no longer be held (SPEC T1). outcome: facts as they would be once something is taken back (SPEC
    T2); accounts: what the accounts that it switches are, and would be. people: of whom the effects may differ.
    """

    ties: dict[str, list[Tie]] = field(default_factory=dict)
    given: dict[str, dict[str, str]] = field(default_factory=dict)
    dropped: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    made: dict[str, tuple[str, str]] = field(default_factory=dict)
    deciding: Deciding | None = None
    undone: dict[UUID, set[Decision]] = field(default_factory=dict)
    put_back: set[str] = field(default_factory=set)
    kinds: Mapping[str, Sequence[Span]] | None = None
    catalogue: Catalogue | None = None
    ended: set[str] = field(default_factory=set)
    back: dict[str, Group] = field(default_factory=dict)
    joined: dict[UUID, list[tuple[str, int]]] = field(default_factory=dict)
    switched: dict[UUID, Switched] = field(default_factory=dict)
    released: frozenset[UUID] = frozenset()
    outcome: Outcome | None = None
    accounts: Mapping[UUID, tuple[str, str]] = field(default_factory=dict)
    people: Collection[UUID] = ()

    def effects(self, known: Known, person: Person, world: World) -> Effects:
        """What would follow for one of the people that were loaded. person, world: the facts, as they would be."""
        effects, hold = resolve(person, world), known.hold
        if hold is None or known.id in self.released:
            return effects
        places = {entity: place for entity, place in hold.kept.places.items() if entity not in self.gone}
        hold = hold._replace(kept=replace(hold.kept, places=places))
        return breaker.kept(hold, person, effects, world.catalogue) or effects

    def then(self, org: Organization, loaded: Loaded) -> tuple[World, list[Person]]:
        """What the people who were loaded share, and the facts about each, as they would be."""
        if self.outcome is None:
            return self.world(loaded.world), [self.person(known, loaded) for known in loaded.people]
        ids = [known.id for known in loaded.people]
        with self.outcome.laid(org, ids):
            would = loading.load(org, ids, catalogue=loaded.world.catalogue)
        return would.world, [known.facts for known in would.people]

    def account(self, user_id: UUID) -> tuple[str, str] | None:
        """What an account is, and would be, where that differs, as history calls it."""
        if switched := self.switched.get(user_id):
            return switched.was, switched.now
        return self.accounts.get(user_id)

    def person(self, known: Known, loaded: Loaded) -> Person:
        """The facts about one of the people that were loaded, as they would be."""
        person = known.facts
        if joined := self.joined.get(known.id):
            person = replace(person, groups=[*person.groups, *joined])
        if switched := self.switched.get(known.id):
            ended = person.active and not switched.active
            times = [*person.deactivated_at, switched.at] if ended else person.deactivated_at
            person = replace(person, active=switched.active, deactivated_at=times)
        made = self.deciding.about(known, loaded) if self.deciding else []
        undone = self.undone.get(known.id, ())
        attribute_gone = person.attribute in self.gone
        hands = [hand for hand in person.hands if not self._ends(hand)]
        if not made and not undone and not attribute_gone and len(hands) == len(person.hands):
            return person
        return replace(
            person,
            attribute=None if attribute_gone else person.attribute,
            hands=hands,
            decisions=[*(each for each in person.decisions if each not in undone), *made],
        )

    def _ends(self, hand: Hand) -> bool:
        return hand.entity in self.gone or (hand.entity in self.put_back and not hand.placed)

    def world(self, world: World) -> World:
        """What people share, as it would be."""
        groups = {}
        for group_id, group in {**world.groups, **self.back}.items():
            if group_id in self.ended:
                continue
            before = {tie.id: tie for tie in group.ties}
            new = {tie.id: _again(before.get(tie.id), tie) for tie in self.ties.get(group_id, ())}
            ties = {id_: tie for id_, tie in before.items() if id_ not in self.dropped and tie.entity not in self.gone}
            given = {id_: role for id_, role in group.given.items() if id_ not in self.dropped}
            given |= self.given.get(group_id, {})
            groups[group_id] = group._replace(ties=list((ties | new).values()), given=given)
        return World(
            catalogue=self.catalogue or world.catalogue,
            groups=groups,
            kinds=self.kinds or world.kinds,
        )


def _again(before: Tie | None, tie: Tie) -> Tie:
    """A mapping that would be approved again, with the spans in which it was before."""
    return tie._replace(approved=[*before.approved, *tie.approved]) if before else tie


def members_of(group_ids: Iterable[Any]) -> list[UUID]:
    """The people in these groups, in the order of their ids."""
    with connection.cursor() as cursor:
        cursor.execute(_MEMBERS, [[str(id_) for id_ in group_ids]])
        return [user_id for (user_id,) in cursor.fetchall()]


def differences(org: Organization, overlay: Overlay) -> Iterator[tuple[int, Effect | None]]:
    """Differences, each with how many people were looked at; None after each batch."""
    admins = _Admins(org)
    looked_at = 0
    people = sorted(overlay.people)
    for start in range(0, len(people), reconcile.BATCH):
        ids = people[start : start + reconcile.BATCH]
        loaded = loading.load(org, ids)
        world, people_then = overlay.then(org, loaded)
        admins.keeper = loaded.last_admin
        for known, person in zip(loaded.people, people_then, strict=True):
            if account := overlay.account(known.id):
                yield looked_at, Effect(known.id, "account", *account)
            before, after = loaded.effects_of(known), overlay.effects(known, person, world)
            if admins.concern(known, person, before, after, world):
                continue
            yield from ((looked_at, effect) for effect in _between(known, before, after))
        looked_at += len(ids)
        yield looked_at, None
    yield from ((looked_at, effect) for effect in admins.differences(overlay))


def _between(known: Known, before: Effects, after: Effects) -> Iterator[Effect]:
    return reconcile.differences(Known(known.id, known.owner, known.facts, before), after)


class _Admins:
    """SPEC R5 over all batches: who would be an admin is known at the end, so those whom it concerns wait till then."""

    def __init__(self, org: Organization) -> None:
        self.org = org
        self.keeper: UUID | None = None
        self.accounts: list[Account] = []
        self.losing: dict[UUID, tuple[Known, Effects, Effects, Catalogue]] = {}
        self.admin = ""

    def concern(self, known: Known, person: Person, before: Effects, after: Effects, world: World) -> bool:
        """Note somebody, with the facts as they would be; whether their differences are told at the end."""
        self.admin = admin = world.catalogue.admin
        account = Account(
            known.id,
            counts=person.active and not known.owner,
            had=admin in before.roles,
            has=admin in after.roles,
            switched=person.active != known.facts.active,
        )
        if account.had or account.has:
            self.accounts.append(account)
        if account.counts and account.had and not account.has:
            self.losing[known.id] = (known, before, after, world.catalogue)
        return known.id in self.losing

    def differences(self, overlay: Overlay) -> Iterator[Effect]:
        verdict = last_admin.decide(self.accounts, self.keeper, self._others)
        for id_, (known, before, after, catalogue) in self.losing.items():
            if id_ == verdict.keeper:
                after.roles = catalogue.with_admin(after.roles)
            yield from _between(known, before, after)
        if verdict.released and verdict.released not in overlay.people:
            loaded = loading.load(self.org, [verdict.released])
            world, people_then = overlay.then(self.org, loaded)
            for known, person in zip(loaded.people, people_then, strict=True):
                after = overlay.effects(known, person, world)
                yield from _between(known, loaded.effects_of(known), after)

    def _others(self) -> bool:
        return reconcile.other_admins(self.org, self.admin, [account.id for account in self.accounts])
