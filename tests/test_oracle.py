"""The oracle: small facts and what SPEC sections 5 and 6 say of them, and what is true whatever the facts are.

Times are plain numbers, and ids are names. Everything happens before `NOW`.
"""

import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests import oracle
from tests.oracle import (
    POOL,
    SUB,
    TEAM,
    Decision,
    Facts,
    Group,
    Hand,
    Mapping,
    Outcome,
    Place,
    Play,
    Role,
    Span,
    outcome,
)

NOW = 1000
ALWAYS = (Span(0),)
KINDS = (TEAM, POOL, SUB)
ROLES = (Role("Admin", admin=True), Role("User", default=True), Role("Guest"))


class World:
    """Facts about Ada, of which only what matters is told."""

    def __init__(self) -> None:
        self.kinds = dict.fromkeys(KINDS, ALWAYS)
        self.entities: dict[str, str] = {}
        self.mappings: dict[str, Mapping] = {}
        self.groups: dict[str, Group] = {}
        self.hands: list[Hand] = []
        self.decisions: list[Decision] = []
        self.union = False
        self.about: dict[str, Any] = {}

    def mapping(
        self, name: str, kind: str, added: int = 1, *spans: tuple[int, int | None], group: str = "", **columns: Any
    ) -> None:
        """A mapping of a group of its own, `G-name`, to an entity of its own, `E-name`."""
        group = group or f"G-{name}"
        self.groups.setdefault(group, Group(group, added))
        self.entities[f"E-{name}"] = kind
        told = tuple(Span(*span) for span in spans) or ALWAYS
        self.mappings[name] = Mapping(name, group, f"E-{name}", kind, told, **columns)

    def gives(self, role: str, **columns: Any) -> None:
        """A group of Ada's carries a role."""
        self.groups[f"G-{role}"] = Group(f"G-{role}", 1)
        self.mappings[role] = Mapping(role, f"G-{role}", None, "role", ALWAYS, role=role, **columns)

    def falls_back(self, name: str, at: int) -> None:
        self._spans(name, [*self.mappings[name].spans[:-1], Span(self.mappings[name].spans[-1].began_at, at)])

    def is_approved(self, name: str, at: int) -> None:
        self._spans(name, [*self.mappings[name].spans, Span(at)])

    def _spans(self, name: str, spans: list[Span]) -> None:
        self.mappings[name] = self.mappings[name]._replace(spans=tuple(spans))

    def goes_off(self, kind: str, at: int) -> None:
        self.kinds[kind] = (*self.kinds[kind][:-1], Span(self.kinds[kind][-1].began_at, at))

    def goes_on(self, kind: str, at: int) -> None:
        self.kinds[kind] = (*self.kinds[kind], Span(at))

    def place(self, entity: str, kind: str = "", at: int = 1) -> None:
        self.entities.setdefault(entity, kind)
        self.hands.append(Hand(entity, True, at))

    def remove(self, name: str, at: int) -> None:
        """From the place that the mapping gives."""
        self.hands.append(Hand(f"E-{name}", False, at, claim=name))

    def decide(self, winner: str, loser: str, at: int, **columns: bool) -> None:
        self.decisions.append(Decision(len(self.decisions), at, winner, loser, **columns))

    def use(self, incoming: str, at: int) -> None:
        self.decisions = list(using(self.facts, incoming, at).decisions)

    def keep(self, incoming: str, at: int) -> None:
        self.decisions = list(keeping(self.facts, incoming, at).decisions)

    @property
    def facts(self) -> Facts:
        mappings, hands, decisions = tuple(self.mappings.values()), tuple(self.hands), tuple(self.decisions)
        world = oracle.World(ROLES, self.union, self.kinds, self.entities, mappings)
        return Facts(world, tuple(self.groups.values()), hands, decisions, **self.about)

    @property
    def outcome(self) -> Outcome:
        return outcome(self.facts)

    @property
    def places(self) -> dict[str, str]:
        return {entity: place.source for entity, place in self.outcome.places.items()}

    @property
    def holds(self) -> set[str]:
        """The mappings that hold or are held."""
        return {place.mapping for place in self.outcome.places.values() if place.mapping}

    @property
    def conflicts(self) -> dict[str, set[str]]:
        return {incoming: set(holders) for incoming, holders in self.outcome.conflicts.items()}


def using(facts: Facts, incoming: str, at: int) -> Facts:
    """*Use incoming*: it goes before every claim of the person that competes with it, and before what is held (C3)."""
    play = Play(facts)
    claim = next(one for one in play.kept_out if one.mapping == incoming)
    rivals = [one.mapping for one in play.standing + play.kept_out if one.competes(claim)]
    return decided(facts, [(incoming, rival) for rival in sorted(rivals)], at)


def keeping(facts: Facts, incoming: str, at: int) -> Facts:
    """*Keep current*: those that hold go before it (C3)."""
    return decided(facts, [(holder, incoming) for holder in sorted(outcome(facts).conflicts[incoming])], at)


def decided(facts: Facts, pairs: list[tuple[str, str]], at: int) -> Facts:
    first = max((decision.id for decision in facts.decisions), default=-1) + 1
    made = [Decision(first + number, at, *pair) for number, pair in enumerate(pairs)]
    return facts._replace(decisions=(*facts.decisions, *made))


@pytest.fixture
def world() -> World:
    return World()


class TestWhoHolds:  # C1, C2
    def test_whoever_was_added_first(self, world: World) -> None:
        world.mapping("a", POOL, 2)
        world.mapping("b", POOL, 1)
        assert world.outcome.places == {"E-b": Place(POOL, "claim", "b")}
        assert world.conflicts == {"a": {"b"}}

    def test_a_claim_begins_no_sooner_than_its_mapping_was_approved(self, world: World) -> None:
        world.mapping("a", POOL, 1, (5, None))
        world.mapping("b", POOL, 3, (4, None))
        assert world.holds == {"b"}

    def test_a_tie_goes_by_the_id_of_the_mapping(self, world: World) -> None:
        world.mapping("b", POOL)
        world.mapping("a", POOL)
        assert world.holds == {"a"}

    def test_teams_add_up(self, world: World) -> None:
        world.mapping("a", TEAM)
        world.mapping("b", TEAM)
        assert world.places == {"E-a": "claim", "E-b": "claim"}
        assert world.conflicts == {}

    def test_mappings_of_one_group_do_not_compete(self, world: World) -> None:
        world.mapping("pool", POOL, group="G")
        world.mapping("team", TEAM, group="G")
        assert world.holds == {"pool", "team"}

    def test_a_sub_organization_is_kept_out_by_all_that_holds(self, world: World) -> None:
        world.mapping("team", TEAM, 1)
        world.mapping("pool", POOL, 1)
        world.mapping("sub", SUB, 2)
        assert world.holds == {"team", "pool"}
        assert world.conflicts == {"sub": {"team", "pool"}}

    def test_a_sub_organization_keeps_out_teams_and_pools(self, world: World) -> None:
        world.mapping("team", TEAM, 2)
        world.mapping("pool", POOL, 2)
        world.mapping("sub", SUB, 1)
        assert world.places == {"E-sub": "claim"}
        assert world.conflicts == {"team": {"sub"}, "pool": {"sub"}}

    def test_when_the_holder_is_rejected_the_earliest_comes_in(self, world: World) -> None:
        world.mapping("a", POOL, 1, status="rejected")
        world.mapping("b", POOL, 3)
        world.mapping("c", POOL, 2)
        assert world.holds == {"c"}
        assert world.conflicts == {"b": {"c"}}

    def test_leaving_a_group_that_places_nobody_takes_back_what_was_decided_over_it(self, world: World) -> None:  # C4
        for number, name in enumerate(["p1", "x", "y"]):
            world.mapping(name, POOL, number)
        world.decide("x", "p1", 10)
        world.decide("y", "x", 11)
        assert world.holds == {"y"}
        del world.groups["G-x"]
        assert world.holds == {"p1"}
        assert world.conflicts == {"y": {"p1"}}


class TestDecisions:  # C2, C3
    @pytest.fixture
    def two(self, world: World) -> World:
        world.mapping("a", POOL, 1)
        world.mapping("b", POOL, 2)
        return world

    def test_use_incoming(self, two: World) -> None:
        two.use("b", 3)
        assert two.holds == {"b"}
        assert two.conflicts == {}

    def test_keep_current(self, two: World) -> None:
        two.keep("b", 3)
        assert two.holds == {"a"}
        assert two.conflicts == {}

    @pytest.mark.parametrize("columns", [{"undone": True}, {"ended": True}], ids=str)
    def test_undone_or_ended_it_is_asked_again(self, two: World, columns: dict[str, bool]) -> None:
        two.decide("b", "a", 3, **columns)
        assert two.holds == {"a"}
        assert two.conflicts == {"b": {"a"}}

    @pytest.mark.parametrize("at", [3, 4], ids=["of one instant", "later"])
    def test_the_latest_of_a_pair_stands(self, two: World, at: int) -> None:
        two.decide("b", "a", 3)
        two.decide("a", "b", at)
        assert two.holds == {"a"}
        assert two.conflicts == {}

    def test_is_remembered_for_a_claim_that_begins_later(self, world: World) -> None:
        world.mapping("a", POOL, 1)
        world.mapping("b", POOL, 7)
        world.decide("b", "a", 3)
        assert world.holds == {"b"}

    def test_over_one_of_two_holders_does_not_suffice(self, world: World) -> None:
        world.mapping("team", TEAM, 1)
        world.mapping("pool", POOL, 1)
        world.mapping("sub", SUB, 2)
        world.decide("sub", "team", 3)
        assert world.holds == {"team", "pool"}
        assert world.conflicts == {"sub": {"team", "pool"}}
        world.decide("sub", "pool", 4)
        assert world.holds == {"sub"}
        assert world.conflicts == {}

    def test_of_three_in_a_cycle_the_last_one_counts(self, world: World) -> None:
        for number, name in enumerate("abc"):
            world.mapping(name, POOL, number)
        world.decide("b", "a", 10)  # takes the place of a
        world.decide("c", "b", 11)  # takes that of b; a may not return, since c holds
        world.decide("a", "c", 12)  # takes that of c; that b goes before a had its effect when it was said
        assert world.holds == {"a"}
        assert world.conflicts == {}

    def test_whoever_was_kept_out_comes_in_when_what_kept_them_out_leaves(self, world: World) -> None:
        world.mapping("sub", SUB, 1)
        world.mapping("pool", POOL, 2)
        world.mapping("team", TEAM, 3)
        world.decide("pool", "sub", 4)
        assert world.holds == {"pool", "team"}
        assert world.conflicts == {"sub": {"pool", "team"}}  # between sub and team nothing is decided

    def test_nothing_is_asked_about_somebody_inactive(self, two: World) -> None:  # U4
        two.about["active"] = False
        assert two.holds == {"a"}
        assert two.conflicts == {}

    def test_use_incoming_closes_the_cards_that_it_answers(self, world: World) -> None:
        for number, name in enumerate("abc"):
            world.mapping(name, POOL, number)
        assert world.conflicts == {"b": {"a"}, "c": {"a"}}
        world.use("c", 10)
        assert world.holds == {"c"}
        assert world.conflicts == {}


class TestAnEarlierDecisionStillHappened:  # C3
    def test_keep_current_moves_nobody(self, world: World) -> None:
        for number, (name, kind) in enumerate([("sub", SUB), ("team", TEAM), ("pool1", POOL), ("pool2", POOL)]):
            world.mapping(name, kind, number)
        world.use("pool2", 10)
        assert world.holds == {"team", "pool2"}
        assert world.conflicts == {"sub": {"team", "pool2"}}
        world.keep("sub", 11)
        assert world.holds == {"team", "pool2"}
        assert world.conflicts == {}

    def test_use_incoming_puts_the_incoming_in(self, world: World) -> None:
        for number, (name, kind) in enumerate([("sub", SUB), ("team", TEAM), ("pool1", POOL), ("pool2", POOL)]):
            world.mapping(name, kind, number)
        world.use("pool2", 10)
        world.use("sub", 11)
        assert world.holds == {"sub"}
        assert world.conflicts == {}

    def test_use_incoming_after_two_at_once(self, world: World) -> None:
        for number, (name, kind) in enumerate([("sub", SUB), ("team", TEAM), ("pool2", POOL), ("pool3", POOL)]):
            world.mapping(name, kind, number)
        for winner, loser in [("team", "sub"), ("pool3", "sub"), ("pool3", "pool2")]:
            world.decide(winner, loser, 10)
        assert "team" in world.holds
        world.use("sub", 11)
        assert world.holds == {"sub"}


class TestNoClaim:
    @pytest.mark.parametrize("columns", [{"status": "rejected"}, {"target_deleted": True}], ids=str)
    def test_of_a_mapping_that_ties_nothing(self, world: World, columns: dict[str, Any]) -> None:  # M2, M7
        world.mapping("a", POOL, 1, (0, 5), **columns)
        world.mapping("b", POOL, 2)
        assert world.holds == {"b"}
        assert world.conflicts == {}

    def test_of_a_mapping_that_was_never_approved(self, world: World) -> None:
        world.mapping("a", POOL)
        world._spans("a", [])
        assert world.holds == set()

    def test_once_the_entity_is_deleted(self, world: World) -> None:
        world.mapping("a", POOL)
        del world.entities["E-a"]
        assert world.holds == set()

    def test_of_a_group_that_she_is_not_in(self, world: World) -> None:
        world.mapping("a", POOL)
        world.groups.clear()
        assert world.holds == set()

    def test_of_somebody_whom_scim_deleted(self, world: World) -> None:  # U5
        world.mapping("a", POOL)
        world.about["deleted"] = True
        assert world.outcome == Outcome((), {}, {})


class TestRemovedByHand:  # R4, C2
    def test_the_claim_does_not_compete(self, world: World) -> None:
        world.mapping("a", POOL, 1)
        world.mapping("b", POOL, 2)
        world.remove("a", 5)
        assert world.holds == {"b"}
        assert world.conflicts == {}

    def test_only_the_claim_that_is_named(self, world: World) -> None:
        world.mapping("a", POOL)
        world.hands.append(Hand("E-a", False, 5, claim="another mapping"))
        assert world.holds == {"a"}

    def test_of_a_claim_outlasts_a_fall_back(self, world: World) -> None:
        world.mapping("a", POOL, 1, (0, 5), (7, None))
        world.remove("a", 4)
        assert world.places == {}

    def test_of_a_place_held_for_a_kind_that_is_off_outlasts_the_switch(self, world: World) -> None:
        world.mapping("a", POOL)
        world.goes_off(POOL, 5)
        world.remove("a", 6)
        world.goes_on(POOL, 7)
        assert world.places == {}


def fallen_back(world: World, name: str, at: int) -> None:
    world.falls_back(name, at)


def switched_off(world: World, name: str, at: int) -> None:
    world.goes_off(world.mappings[name].kind, at)


def mend(world: World, name: str, at: int) -> None:
    if world.mappings[name].spans[-1].ended_at is None:
        world.goes_on(world.mappings[name].kind, at)
    else:
        world.is_approved(name, at)


@pytest.mark.parametrize("end", [fallen_back, switched_off], ids=["fall back", "off"])
class TestHeld:  # M2, M8
    def test_whoever_was_placed(self, world: World, end: Callable) -> None:
        world.mapping("a", TEAM, 1)
        end(world, "a", 5)
        assert world.outcome.places == {"E-a": Place(TEAM, "held", "a")}

    @pytest.mark.parametrize("added", [5, 6], ids=["in the same request", "later"])
    def test_nobody_who_was_added_when_it_had_ended(self, world: World, end: Callable, added: int) -> None:
        world.mapping("a", TEAM, added)
        end(world, "a", 5)
        assert world.holds == set()

    def test_nobody_whom_it_never_placed(self, world: World, end: Callable) -> None:
        world.mapping("a", SUB, 1)
        world.mapping("b", POOL, 2)
        world.keep("b", 3)
        end(world, "b", 5)
        assert world.holds == {"a"}
        assert world.conflicts == {}
        del world.groups["G-a"]
        assert world.places == {"E-b": "held"}  # by present facts alone it was placed (C4)

    def test_what_did_not_hold_when_it_ended_is_out_when_the_holder_ends_too(self, world: World, end: Callable) -> None:
        world.mapping("a", SUB, 1)
        world.mapping("b", POOL, 2)
        end(world, "b", 5)
        world.falls_back("a", 6)
        assert world.places == {"E-a": "held"}

    def test_a_held_sub_organization_stays_though_a_team_claims(self, world: World, end: Callable) -> None:
        world.mapping("a", SUB, 1)
        world.mapping("b", TEAM, 2)
        world.keep("b", 3)
        end(world, "a", 5)
        assert world.places == {"E-a": "held"}
        assert world.conflicts == {}

    def test_what_it_kept_out_stays_out_with_its_card(self, world: World, end: Callable) -> None:
        world.mapping("a", SUB, 1)
        world.mapping("b", TEAM, 2)
        end(world, "a", 5)
        assert world.places == {"E-a": "held"}
        assert world.conflicts == {"b": {"a"}}

    def test_a_later_team_is_kept_out_by_a_held_sub_organization(self, world: World, end: Callable) -> None:
        world.mapping("a", SUB, 1)
        world.mapping("b", TEAM, 8)
        end(world, "a", 5)
        assert world.places == {"E-a": "held"}
        assert world.conflicts == {"b": {"a"}}
        world.use("b", 9)
        assert world.places == {"E-b": "claim"}

    @pytest.mark.parametrize("kind", [TEAM, POOL])
    def test_a_later_sub_organization_takes_the_place(self, world: World, end: Callable, kind: str) -> None:
        world.mapping("a", kind, 1)
        world.mapping("b", SUB, 8)
        end(world, "a", 5)
        assert world.places == {"E-b": "claim"}
        assert world.conflicts == {}

    def test_stays_while_a_later_sub_organization_is_kept_out_by_another(self, world: World, end: Callable) -> None:
        world.mapping("a", TEAM, 1)
        world.mapping("pool", POOL, 2)
        world.mapping("sub", SUB, 8)
        end(world, "a", 5)
        assert world.places == {"E-a": "held", "E-pool": "claim"}
        assert world.conflicts == {"sub": {"a", "pool"}}

    def test_once_it_gave_way_it_waits_as_others_do(self, world: World, end: Callable) -> None:
        world.mapping("a", TEAM, 1)
        world.mapping("b", SUB, 8)
        end(world, "a", 5)
        mend(world, "a", 9)
        assert world.places == {"E-b": "claim"}
        assert world.conflicts == {"a": {"b"}}

    def test_is_back_when_what_it_gave_way_to_goes(self, world: World, end: Callable) -> None:  # C4
        world.mapping("a", TEAM, 1)
        world.mapping("b", SUB, 8)
        end(world, "a", 5)
        del world.groups["G-b"]
        assert world.places == {"E-a": "held"}

    def test_mended_it_is_a_claim_where_it_stands(self, world: World, end: Callable) -> None:
        world.mapping("a", SUB, 1)
        world.mapping("b", TEAM, 2)
        before = world.outcome
        end(world, "a", 5)
        mend(world, "a", 6)
        assert world.outcome == before

    def test_mended_it_takes_nothing_though_it_was_decided_before_the_holder(self, world: World, end: Callable) -> None:
        for number, name in enumerate("abc"):
            world.mapping(name, POOL, number)
        world.decide("c", "b", 3)  # had no effect: a holds
        world.decide("b", "a", 4)
        assert world.holds == {"b"}
        world.falls_back("c", 5)
        world.is_approved("c", 6)
        assert world.holds == {"b"}
        end(world, "b", 7)
        assert world.holds == {"b"}

    @pytest.mark.parametrize(
        "facts", [{"active": False, "deactivated_at": (6,)}, {"deactivated_at": (6,)}], ids=["inactive", "active again"]
    )
    def test_until_she_is_deactivated(self, world: World, end: Callable, facts: dict[str, Any]) -> None:
        world.mapping("a", SUB, 1)
        world.mapping("b", TEAM, 2)
        end(world, "a", 5)
        world.about |= facts
        assert world.places == {"E-b": "claim"}
        assert world.conflicts == {}

    def test_not_where_she_was_active_again_before(self, world: World, end: Callable) -> None:
        world.mapping("a", TEAM, 1)
        end(world, "a", 5)
        world.about["deactivated_at"] = (4,)
        assert world.places == {"E-a": "held"}

    def test_goes_before_the_attribute_and_hands(self, world: World, end: Callable) -> None:
        world.entities["attribute"] = POOL
        world.place("hand", POOL)
        world.about["placement"] = "attribute"
        world.mapping("a", POOL)
        end(world, "a", 5)
        assert world.places == {"E-a": "held"}

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_sub_organization_by_hand_yields_to_it(self, world: World, end: Callable, kind: str) -> None:
        world.place("sub", SUB)
        world.mapping("a", kind)
        end(world, "a", 5)
        assert world.places == {"E-a": "held"}


class TestHeldOfOneSlot:  # M2; one kind, so that only a fall back ends one and not the other
    def test_what_it_kept_out_stays_out(self, world: World) -> None:
        world.mapping("a", POOL, 1, (0, 5))
        world.mapping("b", POOL, 2)
        assert world.places == {"E-a": "held"}
        assert world.conflicts == {"b": {"a"}}
        world.use("b", 6)
        assert world.places == {"E-b": "claim"}
        assert world.conflicts == {}

    def test_gives_way_to_a_claim_that_begins_after_the_end(self, world: World) -> None:
        world.mapping("a", POOL, 1, (0, 5))
        world.mapping("b", POOL, 6)
        assert world.places == {"E-b": "claim"}
        assert world.conflicts == {}

    def test_not_to_one_that_begins_at_the_same_instant(self, world: World) -> None:
        world.mapping("a", POOL, 1, (0, 5))
        world.mapping("b", POOL, 5)
        assert world.places == {"E-a": "held"}
        assert world.conflicts == {"b": {"a"}}

    def test_not_to_a_claim_that_it_was_decided_over(self, world: World) -> None:
        world.mapping("a", POOL, 1, (0, 5))
        world.mapping("b", POOL, 8)  # she was in before, then left and was added again
        world.decide("a", "b", 3)
        assert world.places == {"E-a": "held"}
        assert world.conflicts == {}

    def test_not_to_a_claim_that_only_resumes(self, world: World) -> None:
        world.mapping("a", POOL, 1, (0, 5))
        world.mapping("b", POOL, 2, (0, 6), (7, None))
        assert world.places == {"E-a": "held"}
        assert world.conflicts == {"b": {"a"}}

    def test_of_two_whoever_held_when_both_were_claims(self, world: World) -> None:
        world.mapping("a", POOL, 1)
        world.mapping("b", POOL, 2)
        world.use("b", 3)
        world.goes_off(POOL, 5)
        assert world.places == {"E-b": "held"}
        assert world.conflicts == {}
        world.goes_on(POOL, 8)
        assert world.places == {"E-b": "claim"}

    def test_whoever_was_added_while_the_kind_was_off_begins_when_it_is_on(self, world: World) -> None:
        world.mapping("b", POOL, 1)
        world.mapping("a", POOL, 6)
        world.goes_off(POOL, 5)
        assert world.places == {"E-b": "held"}
        world.goes_on(POOL, 8)
        assert world.places == {"E-b": "claim"}
        assert world.conflicts == {"a": {"b"}}

    def test_nobody_where_the_kind_was_never_on(self, world: World) -> None:
        world.mapping("a", POOL)
        world.kinds[POOL] = ()
        assert world.holds == set()


class TestPlacesWithoutAClaim:  # R2-R4, U10
    @pytest.fixture
    def pools(self, world: World) -> World:
        for name in ("of the attribute", "by hand", "by hand later"):
            world.entities[name] = POOL
        return world

    def test_a_claim_goes_before_the_attribute_and_that_before_hands(self, pools: World) -> None:
        pools.place("by hand")
        assert pools.places == {"by hand": "hand"}
        pools.about["placement"] = "of the attribute"
        assert pools.places == {"of the attribute": "attribute"}
        pools.mapping("a", POOL)
        assert pools.places == {"E-a": "claim"}

    def test_the_attribute_has_no_effect_where_pools_are_off(self, pools: World) -> None:
        pools.about["placement"] = "of the attribute"
        pools.goes_off(POOL, 5)
        assert pools.places == {}

    def test_the_attribute_names_nothing_but_a_pool_that_exists(self, pools: World) -> None:
        pools.entities["team"] = TEAM
        for placement in ("team", "deleted"):
            pools.about["placement"] = placement
            assert pools.places == {}

    def test_a_removal_by_hand_outranks_the_attribute(self, pools: World) -> None:
        pools.about["placement"] = "of the attribute"
        pools.hands.append(Hand("of the attribute", False, 1))
        assert pools.places == {}

    def test_hands_count_where_the_kind_is_off_and_the_last_one_wins(self, pools: World) -> None:
        pools.place("by hand later", at=9)
        pools.place("by hand", at=4)
        pools.goes_off(POOL, 5)
        assert pools.places == {"by hand later": "hand"}

    def test_a_team_by_hand_keeps_her_beside_her_groups(self, world: World) -> None:
        world.mapping("a", TEAM)
        world.place("book club", TEAM)
        world.place("E-a")
        assert world.places == {"E-a": "claim", "book club": "hand"}

    def test_what_was_placed_by_hand_is_gone_with_its_entity(self, world: World) -> None:
        world.hands.append(Hand("deleted", True, 1))
        assert world.places == {}

    def test_nothing_counts_beside_a_sub_organization(self, pools: World) -> None:
        pools.place("sub", SUB)
        pools.place("book club", TEAM)
        pools.place("by hand")
        pools.about["placement"] = "of the attribute"
        assert pools.places == {"sub": "hand"}

    def test_a_sub_organization_by_hand_is_kept_beside_a_claim_for_it(self, world: World) -> None:
        world.mapping("sub", SUB)
        world.place("E-sub")
        world.place("another", SUB, at=2)
        assert world.places == {"E-sub": "claim"}

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_sub_organization_by_hand_yields_to_every_claim(self, world: World, kind: str) -> None:
        world.place("sub", SUB)
        world.mapping("a", kind)
        assert world.places == {"E-a": "claim"}


class TestRoles:  # R1
    def test_the_highest_of_groups_and_user(self, world: World) -> None:
        world.about |= {"idp_roles": ("Guest",), "manual_roles": ("Admin",)}
        assert world.outcome.roles == ("Guest",)
        world.groups["admins"] = Group("admins", 1, ("Admin", "Stranger"))
        assert world.outcome.roles == ("Admin",)

    def test_the_union_highest_first(self, world: World) -> None:
        world.union = True
        world.groups["admins"] = Group("admins", 1, ("Admin",))
        world.about["idp_roles"] = ("Guest", "Stranger")
        assert world.outcome.roles == ("Admin", "Guest")

    def test_what_hands_set_else_the_default(self, world: World) -> None:
        world.about["idp_roles"] = ("Stranger",)  # P2
        assert world.outcome.roles == ("User",)
        world.about["manual_roles"] = ("Guest",)
        assert world.outcome.roles == ("Guest",)

    @pytest.mark.parametrize(
        ("idp", "by_hand", "highest", "union"),
        [
            ((), (), ("User",), ("User",)),
            (("Guest",), (), ("User",), ("User", "Guest")),
            (("Admin",), (), ("Admin",), ("Admin", "User")),
            ((), ("Guest",), ("User",), ("User", "Guest")),
            ((), ("Admin",), ("Admin",), ("Admin", "User")),
            (("Guest",), ("Admin",), ("User",), ("User", "Guest")),
        ],
    )
    def test_what_the_portal_gives_a_group_counts_beside_them(
        self, world: World, idp: tuple, by_hand: tuple, highest: tuple, union: tuple
    ) -> None:  # R1, R6
        world.about |= {"idp_roles": idp, "manual_roles": by_hand}
        world.gives("User")
        assert world.outcome.roles == highest
        world.union = True
        assert world.outcome.roles == union

    def test_a_mapping_that_is_not_approved_gives_none(self, world: World) -> None:  # R6
        for columns in ({"status": "pending"}, {"status": "rejected"}, {"target_deleted": True}):
            world.gives("Admin", **columns)
            assert world.outcome.roles == ("User",), columns


class TestFactsFromTheDatabase:
    @pytest.mark.parametrize(
        ("times", "on", "spans"),
        [
            ([0, 0, 4, 4], True, [(-1, None)]),
            ([1, 4, 4], True, [(1, None)]),
            ([4, 4], True, [(-1, None)]),
            ([1, 2, 2, 3], False, [(1, 3)]),
            ([1, 2, 3], True, [(1, 2), (3, None)]),
        ],
    )
    def test_what_went_off_and_on_at_one_instant_was_never_off(
        self, times: list[int], on: bool, spans: list[tuple[int, int | None]]
    ) -> None:  # M2
        assert oracle.spans_of(times, on=on, ever=-1) == tuple(Span(*each) for each in spans)

    """An exported state as it is today; Ada and Eve are in every group."""

    @pytest.fixture
    def document(self) -> dict[str, Any]:
        roles = [
            {"key": "Admin", "admin": True, "default": False},
            {"key": "User", "admin": False, "default": True},
            {"key": "Guest", "admin": False, "default": False},
        ]
        kinds = {kind: {"on": True, "switched_at": []} for kind in KINDS}
        document = {
            "organization": {"role_policy": "highest", "roles": roles, "kinds": kinds, "last_admin": None},
            "people": [self.person("ada"), self.person("eve")],
            "entities": [],
            "groups": [],
            "mappings": [],
            "decisions": [],
        }
        self.map(document, "a", added="1")
        self.map(document, "b", added="2")
        return document

    def person(self, name: str) -> dict[str, Any]:
        facts = {"active": True, "deactivated_at": [], "is_owner": False, "placement": None, "by_hand": []}
        return {"id": name, "deleted": False, "facts": facts | {"idp_roles": None, "manual_roles": None}}

    def map(self, document: dict[str, Any], name: str, added: str) -> None:
        members = [{"user": user, "added_at": added} for user in ("ada", "eve")]
        group = {"id": f"G-{name}", "deleted_at": None, "roles": ["Guest"], "members": members}
        mapping = {"id": name, "group": f"G-{name}", "kind": POOL, "entity": f"E-{name}", "status": "approved"}
        document["groups"].append(group)
        document["mappings"].append(mapping | {"role": "", "switched_at": ["1"]})
        document["entities"].append({"id": f"E-{name}", "kind": POOL, "deleted_at": None})

    def ada(self, document: dict[str, Any]) -> dict[str, Any]:
        return oracle.expected(document)["people"]["ada"]

    def test_says_what_an_exported_state_must_say(self, document: dict[str, Any]) -> None:
        places = {TEAM: {}, POOL: {"E-a": "claim"}, SUB: {}}
        assert self.ada(document) == {"roles": ["Guest"], "places": places, "conflicts": {"b": {"a"}}}

    def test_a_mapping_that_fell_back_holds(self, document: dict[str, Any]) -> None:
        document["mappings"][0] |= {"status": "pending", "switched_at": ["1", "5"]}
        assert self.ada(document)["places"][POOL] == {"E-a": "held"}

    @pytest.mark.parametrize(("times", "pools"), [(["5"], {"E-a": "held"}), (["0", "0"], {})], ids=["off", "never on"])
    def test_a_kind_that_is_off_holds_what_it_had(self, document: dict, times: list[str], pools: dict) -> None:
        document["organization"]["kinds"][POOL] = {"on": False, "switched_at": times}
        assert self.ada(document)["places"][POOL] == pools

    @pytest.mark.parametrize(("table", "left"), [("groups", {"E-b": "claim"}), ("entities", {"E-b": "claim"})])
    def test_what_is_deleted_is_no_fact(self, document: dict, table: str, left: dict[str, str]) -> None:
        document[table][0]["deleted_at"] = 3
        assert self.ada(document)["places"][POOL] == left

    def test_a_removal_names_the_claim_of_whatever_owns_the_entity(self, document: dict[str, Any]) -> None:
        removal = {"entity": "E-a", "placed": False, "at": "5", "change": "c"}
        document["people"][0]["facts"]["by_hand"] = [removal]
        assert self.ada(document)["places"][POOL] == {"E-b": "claim"}

    def test_decisions_count_for_whom_they_were_made(self, document: dict[str, Any]) -> None:
        document["decisions"] = [{"id": 1, "user": "ada", "winner": "b", "loser": "a", "at": "5", "undone_by": None}]
        people = oracle.expected(document)["people"]
        assert people["ada"]["places"][POOL] == {"E-b": "claim"}
        assert people["eve"]["places"][POOL] == {"E-a": "claim"}
        document["decisions"][0]["undone_by"] = "a change"
        assert self.ada(document)["places"][POOL] == {"E-a": "claim"}

    def test_whom_scim_deleted_is_not_in_it(self, document: dict[str, Any]) -> None:  # U5
        document["people"][1]["deleted"] = True
        assert set(oracle.expected(document)["people"]) == {"ada"}

    @pytest.mark.parametrize(("policy", "roles"), [("highest", ["Admin"]), ("union", ["Admin", "Guest"])])
    def test_the_last_admin_keeps_the_role(self, document: dict, policy: str, roles: list[str]) -> None:  # R5
        document["organization"] |= {"last_admin": "ada", "role_policy": policy}
        assert self.ada(document)["roles"] == roles

    @pytest.mark.parametrize(
        ("facts", "stands"), [({}, False), ({"active": False}, True), ({"is_owner": True}, True)], ids=str
    )
    def test_until_another_active_admin_exists(self, document: dict, facts: dict, stands: bool) -> None:  # R5
        document["organization"]["last_admin"] = "ada"
        document["people"][1]["facts"] |= {"idp_roles": ["Admin"]} | facts
        assert self.ada(document)["roles"] == (["Admin"] if stands else ["Guest"])
        assert oracle.expected(document)["last_admin"] == ("ada" if stands else None)

    def test_whoever_was_admin_becomes_the_last_one(self, document: dict[str, Any]) -> None:  # R5
        assert oracle.expected(document, {"ada", "eve"})["last_admin"] == "eve"
        assert oracle.expected(document, {"ada"})["people"]["ada"]["roles"] == ["Admin"]

    def test_until_she_is_deactivated(self, document: dict[str, Any]) -> None:  # R5
        document["organization"]["last_admin"] = "ada"
        document["people"][0]["facts"]["active"] = False
        assert self.ada(document)["roles"] == ["Guest"]


# --- Whatever the facts are -------------------------------------------------------------------------------------------

times = st.integers(1, 12).map(lambda number: number * 10)
"""Multiples of ten, so that there are instants between any two at which nothing happens."""


@st.composite
def spans(draw: st.DrawFn, most: int) -> tuple[Span, ...]:
    ends = sorted(draw(st.sets(times, max_size=most)))
    ends = ends if draw(st.booleans()) else [0, *ends]
    return tuple(Span(*ends[at : at + 2]) for at in range(0, len(ends), 2))


@st.composite
def some_facts(draw: st.DrawFn) -> Facts:
    """About somebody in up to six groups, with a mapping or two each, in an org of which anything may be true."""
    kinds = {kind: ALWAYS if draw(st.integers(0, 2)) else draw(spans(3)) for kind in KINDS}
    entities = {"hand-team": TEAM, "hand-pool": POOL, "hand-sub": SUB}
    groups, mappings = [], []
    ids = iter(draw(st.permutations([f"m{number}" for number in range(12)])))
    for number in range(draw(st.integers(1, 6))):
        groups.append(Group(f"g{number}", draw(times), ("Guest",) if draw(st.booleans()) else ()))
        for kind in draw(st.sampled_from([[TEAM], [POOL], [SUB], [POOL], [SUB], [TEAM, POOL], [TEAM, TEAM]])):
            name = next(ids)
            when = ALWAYS if draw(st.booleans()) else draw(spans(4))
            status = draw(st.sampled_from(["approved"] * 9 + ["rejected"]))
            mappings.append(Mapping(name, f"g{number}", f"E-{name}", kind, when, status))
            entities[f"E-{name}"] = kind
    names = [mapping.id for mapping in mappings]

    decisions = []
    for number in range(draw(st.integers(0, 6))):
        winner, loser = draw(st.sampled_from(names)), draw(st.sampled_from(names))
        if winner != loser:
            decisions.append(Decision(number, draw(times), winner, loser, undone=draw(st.integers(0, 4)) == 0))
    hands = []
    for entity in sorted(draw(st.sets(st.sampled_from(sorted(entities)), max_size=2))):
        placed = entity.startswith("hand") or draw(st.booleans())
        claim = None if placed else entity.removeprefix("E-")
        hands.append(Hand(entity, placed, draw(times), f"change-{len(hands)}", claim))
    return Facts(
        world=oracle.World(ROLES, draw(st.booleans()), kinds, entities, tuple(mappings)),
        groups=tuple(groups),
        hands=tuple(hands),
        decisions=tuple(decisions),
        placement=draw(st.none() | st.sampled_from(sorted(entities))),
        active=bool(draw(st.integers(0, 7))),
        deactivated_at=tuple(sorted(draw(st.lists(times, max_size=2)))) if draw(st.integers(0, 3)) == 0 else (),
    )


def with_spans(facts: Facts, mapping: Mapping, changed: tuple[Span, ...]) -> Facts:
    mappings = [one._replace(spans=changed) if one.id == mapping.id else one for one in facts.world.mappings]
    return facts._replace(world=facts.world._replace(mappings=tuple(mappings)))


def with_kinds(facts: Facts, changed: dict[str, tuple[Span, ...]]) -> Facts:
    return facts._replace(world=facts.world._replace(kinds=facts.world.kinds | changed))


def is_open(when: tuple[Span, ...]) -> bool:
    return bool(when) and when[-1].ended_at is None


def closed(when: tuple[Span, ...], at: int) -> tuple[Span, ...]:
    return (*when[:-1], when[-1]._replace(ended_at=at))


def interrupted(when: tuple[Span, ...], at: int) -> tuple[Span, ...]:
    """With a gap, if a span holds the instant, in which nothing else happens."""
    found: list[Span] = []
    for span in when:
        if span.began_at < at and (span.ended_at is None or at < span.ended_at):
            found += [Span(span.began_at, at), Span(at + 3, span.ended_at)]
        else:
            found.append(span)
    return tuple(found)


def where(found: Outcome) -> set[str]:
    return set(found.places)


def by_mappings(found: Outcome) -> set[str]:
    return {entity for entity, place in found.places.items() if place.mapping}


properties = settings(max_examples=int(os.environ.get("ORACLE_EXAMPLES", settings().max_examples // 2)))


class TestWhateverTheFacts:
    @properties
    @given(some_facts())
    def test_keep_current_moves_nobody_and_closes_its_card_alone(self, facts: Facts) -> None:  # C3
        before = outcome(facts)
        for incoming in before.conflicts:
            after = outcome(keeping(facts, incoming, NOW))
            assert after.places == before.places
            assert after.conflicts == {card: of for card, of in before.conflicts.items() if card != incoming}

    @properties
    @given(some_facts())
    def test_after_use_incoming_she_is_there_and_its_card_is_closed(self, facts: Facts) -> None:  # C3
        entity = {mapping.id: mapping.entity for mapping in facts.world.mappings}
        for incoming in outcome(facts).conflicts:
            after = outcome(using(facts, incoming, NOW))
            assert after.places[entity[incoming]].source == "claim"
            assert incoming not in after.conflicts
            assert {incoming} not in after.conflicts.values()  # beside others it may be named on one

    @properties
    @given(some_facts(), st.data())
    def test_one_answer_after_the_other_does_what_it_says(self, facts: Facts, data: st.DataObject) -> None:  # C3
        entity = {mapping.id: mapping.entity for mapping in facts.world.mappings}
        for step in range(5):
            before = outcome(facts)
            if not before.conflicts:
                break
            incoming = data.draw(st.sampled_from(sorted(before.conflicts)))
            if data.draw(st.booleans()):
                facts = using(facts, incoming, NOW + step)
                assert entity[incoming] in where(outcome(facts))
            else:
                facts = keeping(facts, incoming, NOW + step)
                assert outcome(facts).places == before.places

    @properties
    @given(some_facts(), st.data())
    def test_a_fall_back_moves_nobody_and_mended_it_never_was(self, facts: Facts, data: st.DataObject) -> None:  # M2
        approved = [mapping for mapping in facts.world.mappings if is_open(mapping.spans)]
        assume(facts.active and approved)
        mapping = data.draw(st.sampled_from(approved))
        before = outcome(facts)
        away = with_spans(facts, mapping, closed(mapping.spans, NOW))
        assert where(outcome(away)) == where(before)
        assert outcome(away).conflicts == {c: of for c, of in before.conflicts.items() if c != mapping.id}
        mended = with_spans(facts, mapping, (*closed(mapping.spans, NOW), Span(NOW + 1)))
        assert outcome(mended) == before

    @properties
    @given(some_facts(), st.sets(st.sampled_from(KINDS), min_size=1))
    def test_kinds_off_move_nobody_and_on_again_they_never_were(self, facts: Facts, names: set[str]) -> None:  # M2, M8
        names = {kind for kind in names if is_open(facts.world.kinds[kind])}
        assume(facts.active and names)
        before = outcome(facts)
        ended = {kind: closed(facts.world.kinds[kind], NOW) for kind in names}
        away = outcome(with_kinds(facts, ended))
        assert by_mappings(away) == by_mappings(before)
        if "attribute" not in {place.source for place in before.places.values()}:  # it has no effect now (U10)
            assert where(away) == where(before)
        mended = {kind: (*when, Span(NOW + 1)) for kind, when in ended.items()}
        assert outcome(with_kinds(facts, mended)) == before

    @properties
    @given(some_facts(), st.integers(0, 12), st.data())
    def test_a_gap_in_which_nothing_happened_is_as_none(
        self, facts: Facts, ten: int, data: st.DataObject
    ) -> None:  # M2
        at = ten * 10 + 3
        if data.draw(st.booleans()):
            mapping = data.draw(st.sampled_from(facts.world.mappings))
            changed = with_spans(facts, mapping, interrupted(mapping.spans, at))
        else:
            changed = with_kinds(facts, {kind: interrupted(when, at) for kind, when in facts.world.kinds.items()})
        assume(changed != facts)
        assert outcome(changed) == outcome(facts)

    @properties
    @given(some_facts(), st.data())
    def test_an_undone_decision_was_never_made(self, facts: Facts, data: st.DataObject) -> None:  # C3
        before = outcome(facts)
        for incoming in before.conflicts:
            for answer in (using, keeping):
                made = answer(facts, incoming, NOW).decisions[len(facts.decisions) :]
                undone = tuple(decision._replace(undone=True) for decision in made)
                assert outcome(facts._replace(decisions=facts.decisions + undone)) == before
        if facts.decisions:
            one = data.draw(st.sampled_from(facts.decisions))
            rest = tuple(decision for decision in facts.decisions if decision != one)
            for column in ("undone", "ended"):
                marked = facts._replace(decisions=(*rest, one._replace(**{column: True})))
                assert outcome(marked) == outcome(facts._replace(decisions=rest))

    @properties
    @given(some_facts(), st.randoms(use_true_random=False))
    def test_the_order_of_the_facts_is_all_the_same(self, facts: Facts, random: Any) -> None:  # C4
        def shuffled(some: Any) -> Any:
            return type(some)(random.sample(list(some), len(some)))

        world = facts.world._replace(
            mappings=shuffled([one._replace(spans=shuffled(one.spans)) for one in facts.world.mappings]),
            kinds={kind: shuffled(when) for kind, when in facts.world.kinds.items()},
            entities=dict(shuffled(list(facts.world.entities.items()))),
        )
        other = facts._replace(
            world=world._replace(mappings=tuple(world.mappings)),
            groups=shuffled(facts.groups),
            hands=shuffled(facts.hands),
            decisions=shuffled(facts.decisions),
        )
        assert outcome(other) == outcome(facts)

    @properties
    @given(some_facts())
    def test_places_and_cards_are_what_they_may_be(self, facts: Facts) -> None:  # R2, U4, C1, C3, M2
        found = outcome(facts)
        mappings = {mapping.id: mapping for mapping in facts.world.mappings}
        kinds = [place.kind for place in found.places.values()]
        assert kinds.count(POOL) <= 1
        assert kinds.count(SUB) <= 1
        assert SUB not in kinds or len(kinds) == 1
        assert facts.active or not found.conflicts
        there = {place.mapping for place in found.places.values()}
        for entity, place in found.places.items():
            assert place.mapping is None or mappings[place.mapping].entity == entity
            claims = place.mapping and self.claims(facts, mappings[place.mapping])
            assert place.source in (["claim"] if claims else ["held"] if place.mapping else ["hand", "attribute"])
        for incoming, holders in found.conflicts.items():
            assert self.claims(facts, mappings[incoming])
            assert incoming not in there
            assert holders
            assert holders <= there

    @properties
    @given(some_facts(), st.sampled_from(KINDS))
    def test_a_new_claim_takes_nothing_from_a_claim(self, facts: Facts, kind: str) -> None:  # C2
        assume(facts.active)  # of somebody inactive it is not known what was there before their held places ended
        before = outcome(facts)
        new = Mapping("new", "new", "E-new", kind, (Span(NOW),))
        world = facts.world
        world = world._replace(mappings=(*world.mappings, new), entities=world.entities | {"E-new": kind})
        after = outcome(facts._replace(world=world, groups=(*facts.groups, Group("new", 1))))
        assert {e for e, place in before.places.items() if place.source == "claim"} <= where(after)
        assert set(before.conflicts) <= set(after.conflicts)

    @properties
    @given(some_facts(), st.sampled_from(KINDS))
    def test_who_is_added_while_a_kind_is_off_takes_nothing_when_it_is_on(self, facts: Facts, kind: str) -> None:  # M2
        assume(facts.active and is_open(facts.world.kinds[kind]))
        before = outcome(facts)
        new = Mapping("a new one", "new", "E-new", kind, ALWAYS)  # before all others by its id
        world = facts.world._replace(
            mappings=(*facts.world.mappings, new),
            entities=facts.world.entities | {"E-new": kind},
            kinds=facts.world.kinds | {kind: (*closed(facts.world.kinds[kind], NOW), Span(NOW + 2))},
        )
        after = outcome(facts._replace(world=world, groups=(*facts.groups, Group("new", NOW + 1))))
        assert {entity for entity, place in before.places.items() if place.source == "claim"} <= where(after)

    @properties
    @given(some_facts())
    def test_activation_brings_back_what_deactivation_left(self, facts: Facts) -> None:  # U4
        active = facts._replace(active=True)
        gone = active._replace(active=False, deactivated_at=(*facts.deactivated_at, NOW))
        away = outcome(gone)
        assert outcome(gone._replace(active=True)).places == away.places
        claims = {entity for entity, place in outcome(active).places.items() if place.source == "claim"}
        assert claims <= where(away)

    @properties
    @given(some_facts(), st.data())
    def test_put_back_she_is_where_she_was(self, facts: Facts, data: st.DataObject) -> None:  # R4, C4
        there = sorted(place.mapping for place in outcome(facts).places.values() if place.mapping)
        assume(there)
        name = data.draw(st.sampled_from(there))
        hands = tuple(hand for hand in facts.hands if hand.entity != f"E-{name}")
        removed = facts._replace(hands=(*hands, Hand(f"E-{name}", False, NOW, "removal", name)))
        assert f"E-{name}" not in where(outcome(removed))
        assert outcome(facts._replace(hands=hands)).places == outcome(facts).places

    def claims(self, facts: Facts, mapping: Mapping) -> bool:
        return mapping.status != "rejected" and is_open(mapping.spans) and is_open(facts.world.kinds[mapping.kind])
