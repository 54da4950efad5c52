"""The effects of changed facts: the engine's own resolution, over facts with an overlay (SPEC M9).

Nothing is written and no lock is taken. People are looked at in batches, so that memory is bounded.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from django.db import connection

from groups_provisioning.engine import last_admin, loading, reconcile
from groups_provisioning.engine.last_admin import Account
from groups_provisioning.engine.loading import Known
from groups_provisioning.engine.resolution import Decision, Effects, Hand, Person, Span, Tie, World, resolve
from orgs.catalogue import Catalogue
from orgs.history import Effect
from orgs.models import Organization

_MEMBERS = "SELECT DISTINCT user_id FROM groups_provisioning_groupmember WHERE group_id = ANY(%s::uuid[]) ORDER BY 1"


@dataclass(slots=True)
class Overlay:
    """What a decision would change of the facts.

    ties: by group, mappings that would be approved, with the spans that would be added; given: of those to roles, by
    group and mapping, the role; dropped: those that would claim nobody, and give nothing, any more. gone: entities that
    would be deleted. made: entities that would be created, by the id that stands for them. put_back: entities that
    nobody would count as taken out of by hand any more. kinds: when each would be on. people: of whom the effects may
    differ.
    """

    ties: dict[str, list[Tie]] = field(default_factory=dict)
    given: dict[str, dict[str, str]] = field(default_factory=dict)
    dropped: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    made: dict[str, tuple[str, str]] = field(default_factory=dict)
    decisions: dict[UUID, list[Decision]] = field(default_factory=dict)
    put_back: set[str] = field(default_factory=set)
    kinds: Mapping[str, Sequence[Span]] | None = None
    catalogue: Catalogue | None = None
    people: Collection[UUID] = ()

    def person(self, known: Known) -> Person:
        """The facts about somebody, as they would be."""
        person = known.facts
        made = self.decisions.get(known.id, ())
        attribute_gone = person.attribute in self.gone
        hands = [hand for hand in person.hands if not self._ends(hand)]
        if not made and not attribute_gone and len(hands) == len(person.hands):
            return person
        return replace(
            person,
            attribute=None if attribute_gone else person.attribute,
            hands=hands,
            decisions=[*person.decisions, *made],
        )

    def _ends(self, hand: Hand) -> bool:
        return hand.entity in self.gone or (hand.entity in self.put_back and not hand.placed)

    def world(self, world: World) -> World:
        """What people share, as it would be."""
        groups = {}
        for group_id, group in world.groups.items():
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
        world = overlay.world(loaded.world)
        admins.keeper = loaded.last_admin
        for known in loaded.people:
            before, after = loaded.effects_of(known), resolve(overlay.person(known), world)
            if admins.concern(known, before, after, world):
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

    def concern(self, known: Known, before: Effects, after: Effects, world: World) -> bool:
        """Note somebody; whether their differences are told at the end."""
        admin = world.catalogue.admin
        account = Account(known.id, known.counts_as_admin, had=admin in before.roles, has=admin in after.roles)
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
            for known in loaded.people:
                after = resolve(overlay.person(known), overlay.world(loaded.world))
                yield from _between(known, loaded.effects_of(known), after)

    def _others(self) -> bool:
        *_, catalogue = next(iter(self.losing.values()))
        return reconcile.other_admins(self.org, catalogue.admin, self.losing)
