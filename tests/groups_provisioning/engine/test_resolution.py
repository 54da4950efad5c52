"""Roles, places and conflicts of one person, from facts (SPEC section 6)."""

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groups_provisioning.engine.resolution import (
    POOL,
    SUB,
    TEAM,
    Decision,
    Effects,
    Group,
    Hand,
    Person,
    Place,
    Question,
    Span,
    Tie,
    World,
    claims_of,
    competes,
    decided_by,
    play,
    resolve,
)
from orgs.catalogue import Catalogue
from orgs.models import RolePolicy

HIGHEST = Catalogue(("Admin", "User", "Guest"), default="User", admin="Admin", policy=RolePolicy.HIGHEST)
UNION = Catalogue(("manager", "billing", "read", "qa"), default="qa", admin="manager", policy=RolePolicy.UNION)


def tie(kind: str, entity: str, *spans: Span, approved: int | None = 0, fell_back: int | None = None) -> Tie:
    """A mapping; its id is that of its entity with an m before it."""
    return Tie(f"m{entity}", entity, kind, spans or (() if approved is None else ((approved, fell_back),)))


def world(catalogue: Catalogue = HIGHEST, **groups: Tie | list[Tie]) -> World:
    """Groups by their names, each with its mappings."""
    ties = {name: [each] if isinstance(each, Tie) else each for name, each in groups.items()}
    return World(catalogue, {name: Group((), each) for name, each in ties.items()})


def places(effects: Effects) -> dict[str, str]:
    return {entity: place.source for entity, place in effects.places.items()}


class TestRoles:  # R1, R6
    @pytest.mark.parametrize(
        ("catalogue", "idp", "groups", "by_hand", "expected"),
        [
            (HIGHEST, [], [], [], ["User"]),
            (HIGHEST, [], [], ["Guest"], ["Guest"]),
            (HIGHEST, ["Guest"], [], ["Admin"], ["Guest"]),
            (HIGHEST, ["Guest"], [["User"], ["Admin"]], [], ["Admin"]),
            (HIGHEST, ["janitor"], [], ["Guest"], ["Guest"]),
            (UNION, ["read"], [["billing"], ["read"]], ["manager"], ["billing", "read"]),
            (UNION, [], [], [], ["qa"]),
        ],
    )
    def test_are_the_idp_s_else_those_set_by_hand_else_the_default(
        self, catalogue: Catalogue, idp: Any, groups: Any, by_hand: Any, expected: Any
    ) -> None:
        person = Person(idp_roles=idp, manual_roles=by_hand, groups=[(str(n), 1) for n in range(len(groups))])
        facts = World(catalogue, {str(n): Group(roles, ()) for n, roles in enumerate(groups)})
        assert resolve(person, facts).roles == expected

    @pytest.mark.parametrize(
        ("catalogue", "idp", "given", "by_hand", "expected"),
        [
            (HIGHEST, [], ["Guest"], [], ["Guest"]),
            (HIGHEST, [], ["Guest"], ["Admin"], ["Admin"]),
            (HIGHEST, [], ["Admin"], ["Guest"], ["Admin"]),
            (HIGHEST, ["Guest"], ["User"], ["Admin"], ["User"]),
            (HIGHEST, ["janitor"], ["Guest"], ["User"], ["User"]),
            (HIGHEST, [], ["janitor"], [], ["User"]),
            (UNION, ["read"], ["billing", "qa"], ["manager"], ["billing", "read", "qa"]),
            (UNION, [], ["billing"], ["manager"], ["manager", "billing"]),
        ],
    )
    def test_of_groups_in_the_portal_count_beside_the_idp_s_or_those_set_by_hand(
        self, catalogue: Catalogue, idp: Any, given: Any, by_hand: Any, expected: Any
    ) -> None:  # R6
        person = Person(idp_roles=idp, manual_roles=by_hand, groups=[("all", 1), ("gone", 1)])
        facts = World(catalogue, {"all": Group((), (), {f"m{role}": role for role in given})})
        assert resolve(person, facts).roles == expected


class TestTeams:
    def test_add_up(self) -> None:  # R2
        facts = world(eng=tie(TEAM, "Platform"), all=tie(TEAM, "Everybody"))
        assert places(resolve(Person(groups=[("eng", 1), ("all", 2)]), facts)) == {
            "Platform": "claim",
            "Everybody": "claim",
        }

    def test_by_hand_stay_beside_those_of_groups(self) -> None:  # R3
        person = Person(groups=[("eng", 1)], hands=[Hand("Chess", TEAM, True)])
        assert places(resolve(person, world(eng=tie(TEAM, "Platform")))) == {"Platform": "claim", "Chess": "hand"}

    def test_that_a_hand_took_somebody_out_of_are_left(self) -> None:  # R4
        person = Person(groups=[("eng", 1)], hands=[Hand("Platform", TEAM, False)])
        assert places(resolve(person, world(eng=tie(TEAM, "Platform")))) == {}

    def test_of_a_mapping_that_waits_place_nobody(self) -> None:  # M2
        facts = world(eng=tie(TEAM, "Platform", approved=None))
        assert places(resolve(Person(groups=[("eng", 1)]), facts)) == {}


class TestTheConcurrencyGroup:
    def test_is_the_claimed_one_before_held_attribute_and_hand(self) -> None:  # R3, U10
        held = tie(POOL, "Held", fell_back=9)
        claimed = tie(POOL, "Claimed")
        person = Person(groups=[("a", 1)], attribute="Attribute", hands=[Hand("Hand", POOL, True)])
        assert places(resolve(person, world(a=[claimed, held]))) == {"Claimed": "claim"}
        assert places(resolve(person, world(a=[held]))) == {"Held": "held"}
        assert places(resolve(person, world(a=[]))) == {"Attribute": "attribute"}
        person.attribute = None
        assert places(resolve(person, world(a=[]))) == {"Hand": "hand"}

    def test_by_hand_is_the_latest(self) -> None:
        person = Person(hands=[Hand("First", POOL, True), Hand("Second", POOL, True)])
        assert places(resolve(person, world())) == {"Second": "hand"}

    def test_of_the_attribute_needs_the_kind(self) -> None:  # U10
        facts = world()
        facts.kinds = {POOL: ()}
        assert places(resolve(Person(attribute="Attribute"), facts)) == {}

    def test_by_hand_may_be_the_attribute_s_too(self) -> None:
        person = Person(attribute="Gold", hands=[Hand("Gold", POOL, True)])
        assert places(resolve(person, world())) == {"Gold": "attribute"}


class TestASubOrganization:
    def test_takes_its_people_out_of_the_root_without_forgetting(self) -> None:  # R2
        person = Person(groups=[("emea", 1)], attribute="Gold", hands=[Hand("Chess", TEAM, True)])
        facts = world(emea=tie(SUB, "EMEA"))
        assert places(resolve(person, facts)) == {"EMEA": "claim"}
        person.groups = []
        assert places(resolve(person, facts)) == {"Chess": "hand", "Gold": "attribute"}

    def test_by_hand_yields_to_what_competes(self) -> None:  # R4
        person = Person(hands=[Hand("EMEA", SUB, True)])
        facts = world(eng=tie(TEAM, "Platform"), apac=tie(SUB, "APAC"))
        assert places(resolve(person, facts)) == {"EMEA": "hand"}
        person.groups = [("eng", 1)]
        assert places(resolve(person, facts)) == {"Platform": "claim"}
        person.groups = [("apac", 1)]
        assert places(resolve(person, facts)) == {"APAC": "claim"}


class TestHeld:  # M2, M8
    FELL_BACK = world(eng=tie(TEAM, "Platform", approved=5, fell_back=20))

    @pytest.mark.parametrize(
        ("person", "held"),
        [
            (Person(groups=[("eng", 10)]), True),
            (Person(groups=[("eng", 20)]), False),  # not in before
            (Person(groups=[("eng", 10)], active=False, deactivated_at=[22]), False),
            (Person(groups=[("eng", 10)], deactivated_at=[12]), True),
            (Person(groups=[("eng", 10)], deactivated_at=[20]), False),  # deactivation ended it
            (Person(groups=[]), False),
            (Person(groups=[("eng", 10)], hands=[Hand("Platform", TEAM, False)]), False),
        ],
    )
    def test_are_those_who_were_in_and_stayed(self, person: Person, held: bool) -> None:
        assert places(resolve(person, self.FELL_BACK)) == ({"Platform": "held"} if held else {})

    def test_are_those_of_a_kind_that_was_switched_off(self) -> None:
        facts = world(eng=tie(TEAM, "Platform", approved=5))
        facts = replace(facts, kinds={TEAM: [(0, 20)]})
        assert places(resolve(Person(groups=[("eng", 10)]), facts)) == {"Platform": "held"}
        assert places(resolve(Person(groups=[("eng", 30)]), facts)) == {}
        facts = replace(facts, kinds={TEAM: []})
        assert places(resolve(Person(groups=[("eng", 10)]), facts)) == {}

    def test_yield_to_what_begins_later_in_their_slot(self) -> None:
        person = Person(groups=[("old", 1), ("new", 21)])
        facts = world(old=tie(POOL, "Gold", fell_back=20), new=tie(POOL, "Silver"))
        assert places(resolve(person, facts)) == {"Silver": "claim"}
        person.groups = [("old", 1)]
        assert places(resolve(person, facts)) == {"Gold": "held"}  # C4

    def test_keep_out_what_they_kept_out_before(self) -> None:
        person = Person(groups=[("old", 1), ("new", 2)])
        facts = world(old=tie(POOL, "Gold", fell_back=20), new=tie(POOL, "Silver"))
        effects = resolve(person, facts)
        assert (places(effects), effects.conflicts) == ({"Gold": "held"}, {"mSilver": Question(2, ("mGold",))})
        person.decisions = [Decision("mSilver", "mGold", 30)]
        assert places(resolve(person, facts)) == {"Silver": "claim"}

    def test_of_a_sub_organization_are_not_taken_by_a_team(self) -> None:
        facts = world(emea=tie(SUB, "EMEA", fell_back=20), eng=tie(TEAM, "Platform"))
        for added in (2, 30):
            person = Person(groups=[("emea", 1), ("eng", added)], decisions=[Decision("mEMEA", "mPlatform", 35)])
            effects = resolve(person, facts)
            assert (places(effects), effects.conflicts) == ({"EMEA": "held"}, {})

    def test_of_a_team_give_way_to_a_later_sub_organization(self) -> None:
        facts = world(eng=tie(TEAM, "Platform", fell_back=20), emea=tie(SUB, "EMEA"))
        assert places(resolve(Person(groups=[("eng", 1), ("emea", 2)]), facts)) == {"Platform": "held"}
        assert places(resolve(Person(groups=[("eng", 1), ("emea", 30)]), facts)) == {"EMEA": "claim"}

    def test_go_before_places_by_hand(self) -> None:
        person = Person(groups=[("eng", 1)], hands=[Hand("EMEA", SUB, True)])
        assert places(resolve(person, world(eng=tie(TEAM, "Platform", fell_back=20)))) == {"Platform": "held"}

    def test_are_claims_again_where_they_stand_once_the_mapping_is_approved_again(self) -> None:
        facts = world(old=tie(POOL, "Gold", (0, 20), (30, None)), new=tie(POOL, "Silver"))
        effects = resolve(Person(groups=[("old", 1), ("new", 2)]), facts)
        assert (places(effects), effects.conflicts) == ({"Gold": "claim"}, {"mSilver": Question(2, ("mGold",))})

    def test_once_they_gave_way_stay_out_when_the_mapping_is_approved_again(self) -> None:
        facts = world(old=tie(POOL, "Gold", (0, 20), (30, None)), new=tie(POOL, "Silver"))
        effects = resolve(Person(groups=[("old", 1), ("new", 25)]), facts)
        assert (places(effects), effects.conflicts) == ({"Silver": "claim"}, {"mGold": Question(1, ("mSilver",))})

    def test_who_was_kept_out_takes_nothing_when_both_mappings_are_approved_again(self) -> None:
        facts = world(old=tie(POOL, "Gold", (0, 20), (40, None)), new=tie(POOL, "Silver", (0, 10), (30, None)))
        assert places(resolve(Person(groups=[("old", 1), ("new", 2)]), facts)) == {"Gold": "claim"}

    def test_nobody_is_moved_by_a_mapping_that_waits(self) -> None:
        """Gold holds; Silver, which was decided against, has fallen back."""
        facts = world(gold=tie(POOL, "Gold"), silver=tie(POOL, "Silver", fell_back=20))
        person = Person(groups=[("gold", 1), ("silver", 2)], decisions=[Decision("mGold", "mSilver", 3)])
        assert places(resolve(person, facts)) == {"Gold": "claim"}

    def test_are_those_of_somebody_who_was_away_when_the_mapping_fell_back(self) -> None:
        facts = world(old=tie(POOL, "Gold", fell_back=20), new=tie(POOL, "Silver"))
        away = Person(groups=[("old", 1), ("new", 2)], active=False, deactivated_at=[15])
        assert places(resolve(away, facts)) == {"Gold": "held"}
        assert places(resolve(replace(away, active=True), facts)) == {"Gold": "held"}

    def test_deactivation_long_after_an_interruption_was_mended_moves_nobody(self) -> None:
        facts = world(old=tie(POOL, "Gold", (0, 20), (30, None)), new=tie(POOL, "Silver"))
        person = Person(groups=[("old", 1), ("new", 2)], deactivated_at=[40])
        assert places(resolve(person, facts)) == {"Gold": "claim"}


class TestConflicts:
    GOLD_AND_SILVER = world(gold=tie(POOL, "Gold"), silver=tie(POOL, "Silver"), bronze=tie(POOL, "Bronze"))

    def test_the_place_that_somebody_has_is_kept_and_it_is_asked(self) -> None:  # C2, C3
        effects = resolve(Person(groups=[("silver", 1), ("gold", 2)]), self.GOLD_AND_SILVER)
        assert effects.places == {"Silver": Place(POOL, "claim", "mSilver")}
        assert effects.conflicts == {"mGold": Question(2, ("mSilver",))}

    def test_at_one_instant_the_lower_mapping_comes_first(self) -> None:  # C2
        effects = resolve(Person(groups=[("silver", 1), ("gold", 1)]), self.GOLD_AND_SILVER)
        assert places(effects) == {"Gold": "claim"}

    def test_a_claim_begins_when_its_mapping_is_approved(self) -> None:  # C2
        facts = world(gold=tie(POOL, "Gold", approved=5), silver=tie(POOL, "Silver"))
        assert places(resolve(Person(groups=[("gold", 1), ("silver", 2)]), facts)) == {"Silver": "claim"}

    def test_what_is_decided_is_not_asked_again(self) -> None:  # C3
        person = Person(groups=[("silver", 1), ("gold", 2)], decisions=[Decision("mSilver", "mGold", 3)])
        effects = resolve(person, self.GOLD_AND_SILVER)
        assert (places(effects), effects.conflicts) == ({"Silver": "claim"}, {})
        person.decisions = [Decision("mGold", "mSilver", 3)]
        effects = resolve(person, self.GOLD_AND_SILVER)
        assert (places(effects), effects.conflicts) == ({"Gold": "claim"}, {})

    def test_the_latest_decision_of_a_pair_stands(self) -> None:
        decisions = [Decision("mGold", "mSilver", 3), Decision("mSilver", "mGold", 4)]
        effects = resolve(Person(groups=[("gold", 1), ("silver", 2)], decisions=decisions), self.GOLD_AND_SILVER)
        assert places(effects) == {"Silver": "claim"}

    def test_a_claim_that_comes_back_later_takes_what_was_decided_for_it(self) -> None:  # C2
        person = Person(groups=[("silver", 1), ("gold", 9)], decisions=[Decision("mGold", "mSilver", 3)])
        assert places(resolve(person, self.GOLD_AND_SILVER)) == {"Gold": "claim"}

    def test_of_three_the_earliest_kept_out_comes_in_when_the_holder_leaves(self) -> None:
        person = Person(groups=[("silver", 1), ("gold", 2), ("bronze", 3)])
        effects = resolve(person, self.GOLD_AND_SILVER)
        assert set(effects.conflicts) == {"mGold", "mBronze"}
        person.groups = person.groups[1:]
        effects = resolve(person, self.GOLD_AND_SILVER)
        assert places(effects) == {"Gold": "claim"}
        assert effects.conflicts == {"mBronze": Question(3, ("mGold",))}

    def test_a_cycle_of_decisions_ends_with_the_last_that_was_played(self) -> None:
        person = Person(
            groups=[("gold", 1), ("silver", 2), ("bronze", 3)],
            decisions=[
                Decision("mSilver", "mGold", 10),
                Decision("mBronze", "mSilver", 11),
                Decision("mGold", "mBronze", 12),
            ],
        )
        effects = resolve(person, self.GOLD_AND_SILVER)
        assert (places(effects), effects.conflicts) == ({"Gold": "claim"}, {})

    def test_a_sub_organization_must_be_decided_over_each_team(self) -> None:  # C1, C2
        facts = world(a=tie(TEAM, "A"), b=tie(TEAM, "B"), s=tie(SUB, "S"))
        person = Person(groups=[("a", 1), ("b", 2), ("s", 3)], decisions=[Decision("mS", "mA", 9)])
        effects = resolve(person, facts)
        assert places(effects) == {"A": "claim", "B": "claim"}
        assert effects.conflicts == {"mS": Question(3, ("mA", "mB"))}
        person.decisions = [Decision("mS", "mA", 9), Decision("mS", "mB", 9)]
        effects = resolve(person, facts)
        assert (places(effects), effects.conflicts) == ({"S": "claim"}, {})

    def test_those_kept_out_by_a_sub_organization_come_in_when_it_goes(self) -> None:
        facts = world(a=tie(TEAM, "A"), p=tie(POOL, "P"), s=tie(SUB, "S"))
        person = Person(groups=[("s", 1), ("a", 2), ("p", 3)])
        effects = resolve(person, facts)
        assert places(effects) == {"S": "claim"}
        assert set(effects.conflicts) == {"mA", "mP"}
        person.groups = [("a", 2), ("p", 3)]
        assert places(resolve(person, facts)) == {"A": "claim", "P": "claim"}

    def test_nobody_inactive_is_asked(self) -> None:  # C3
        effects = resolve(Person(active=False, groups=[("silver", 1), ("gold", 2)]), self.GOLD_AND_SILVER)
        assert (places(effects), effects.conflicts) == ({"Silver": "claim"}, {})

    def test_one_who_was_deleted_has_nothing(self) -> None:
        effects = resolve(Person(active=False, deleted=True, groups=[("gold", 2)]), self.GOLD_AND_SILVER)
        assert (effects.places, effects.conflicts) == ({}, {})


KINDS = st.sampled_from((TEAM, POOL, SUB))
ENTITIES = [(kind, f"{kind}-{n}") for kind in (TEAM, POOL, SUB) for n in range(2)]
NOW = 100
"""After everything that is drawn."""


@st.composite
def spans_of_time(draw: st.DrawFn, least: int = 0) -> list[Span]:
    edges: list[int | None] = sorted(draw(st.sets(st.integers(least, 12), max_size=5)))  # type: ignore[type-var]
    if len(edges) % 2:
        edges.append(None)
    return list(zip(edges[::2], edges[1::2], strict=True))  # type: ignore[arg-type]


@st.composite
def situations(draw: st.DrawFn) -> tuple[Person, World]:
    """Somebody in up to six groups, each mapped to an entity of its own."""
    times = st.integers(1, 12)
    groups = {
        entity: Group(
            draw(st.lists(st.sampled_from(HIGHEST.keys), max_size=1)),
            [Tie(f"m{entity}", entity, kind, draw(st.just([(0, None)]) | spans_of_time()))],
        )
        for kind, entity in ENTITIES
    }
    entities = st.sampled_from(ENTITIES)
    pairs = st.tuples(entities, entities, times).filter(lambda pair: pair[0] != pair[1])
    person = Person(
        active=draw(st.booleans()),
        deactivated_at=sorted(draw(st.sets(times, max_size=3))),
        groups=draw(st.lists(st.tuples(st.sampled_from(list(groups)), times), unique_by=lambda each: each[0])),
        hands=[
            Hand(entity, kind, placed)
            for (kind, entity), placed in draw(
                st.lists(st.tuples(entities, st.booleans()), max_size=3, unique_by=lambda each: each[0])
            )
        ],
        decisions=sorted(
            (Decision(f"m{winner}", f"m{loser}", at) for (_, winner), (_, loser), at in draw(st.lists(pairs))),
            key=lambda decision: decision.at,
        ),
        attribute=draw(st.none() | st.just(f"{POOL}-0")),
    )
    facts = World(HIGHEST, groups, {kind: draw(st.just([(0, None)]) | spans_of_time()) for kind in (TEAM, POOL, SUB)})
    return person, facts


def decided(person: Person, facts: World, incoming: str, *, use_incoming: bool) -> Person:
    """The person after a card was decided."""
    pairs = decided_by(play(claims_of(person, facts), person), incoming, use_incoming=use_incoming)
    return replace(person, decisions=[*person.decisions, *(Decision(winner, loser, NOW) for winner, loser in pairs)])


@given(situations())
def test_keep_current_moves_nobody_and_closes_the_card(situation: tuple[Person, World]) -> None:  # C3
    person, facts = situation
    effects = resolve(person, facts)
    for incoming in effects.conflicts:
        after = resolve(decided(person, facts, incoming, use_incoming=False), facts)
        assert after.places == effects.places
        assert after.conflicts == {each: card for each, card in effects.conflicts.items() if each != incoming}


@given(situations())
def test_after_use_incoming_the_person_is_there(situation: tuple[Person, World]) -> None:  # C3
    person, facts = situation
    for incoming in resolve(person, facts).conflicts:
        after = resolve(decided(person, facts, incoming, use_incoming=True), facts)
        assert incoming in {place.mapping for place in after.places.values() if place.source == "claim"}
        assert incoming not in after.conflicts


@given(situations(), st.sampled_from(ENTITIES))
def test_falling_back_and_being_approved_again_moves_nobody(
    situation: tuple[Person, World], which: tuple[str, str]
) -> None:  # M2
    person, facts = situation
    ((tie,), entity) = facts.groups[which[1]].ties, which[1]
    if not tie.approved or tie.approved[-1][1] is not None:
        return
    fallen = [*tie.approved[:-1], (tie.approved[-1][0], NOW)]
    before = resolve(person, facts)
    for spans in (fallen, [*fallen, (NOW + 1, None)]):
        group = facts.groups[entity]._replace(ties=[tie._replace(approved=spans)])
        after = resolve(person, replace(facts, groups={**facts.groups, entity: group}))
        assert after.places.keys() == before.places.keys()
        if spans is not fallen:
            assert after == before


@given(situations(), KINDS)
def test_a_kind_that_goes_off_and_on_moves_nobody(situation: tuple[Person, World], kind: str) -> None:  # M2, M8
    person, facts = situation
    person.attribute = None  # it is without effect while concurrency groups are off (U10)
    on = facts.kinds[kind]
    if not on or on[-1][1] is not None:
        return
    off = [*on[:-1], (on[-1][0], NOW)]
    before = resolve(person, facts)
    assert resolve(person, replace(facts, kinds={**facts.kinds, kind: off})).places.keys() == before.places.keys()
    assert resolve(person, replace(facts, kinds={**facts.kinds, kind: [*off, (NOW + 1, None)]})) == before


@given(situations())
def test_a_held_place_is_never_the_incoming_one(situation: tuple[Person, World]) -> None:  # C3
    person, facts = situation
    claiming = {claim.mapping for claim in claims_of(person, facts) if claim.spans[-1][1] is None}
    assert set(resolve(person, facts).conflicts) <= claiming


@given(situations())
def test_nobody_is_in_two_places_of_an_exclusive_kind(situation: tuple[Person, World]) -> None:  # R2
    kinds = [place.kind for place in resolve(*situation).places.values()]
    assert kinds.count(POOL) <= 1
    assert kinds.count(SUB) <= 1
    assert SUB not in kinds or kinds == [SUB]


@given(situations(), st.randoms(use_true_random=False))
def test_the_order_in_which_facts_come_does_not_matter(  # C4
    situation: tuple[Person, World], shuffle: random.Random
) -> None:
    person, facts = situation
    once = resolve(person, facts)
    person.groups = shuffle.sample(list(person.groups), len(person.groups))
    facts.groups = dict(shuffle.sample(list(facts.groups.items()), len(facts.groups)))
    assert resolve(person, facts) == once


@given(situations())
def test_a_mapping_that_was_never_approved_changes_nothing(situation: tuple[Person, World]) -> None:  # M2
    person, facts = situation
    without = {
        name: Group(group.roles, [each for each in group.ties if each.approved]) for name, group in facts.groups.items()
    }
    assert resolve(person, facts) == resolve(person, replace(facts, groups=without))


@given(situations())
def test_what_hands_did_changes_no_claim_that_holds_but_by_taking_out(situation: tuple[Person, World]) -> None:  # R4
    person, facts = situation
    with_hands = resolve(person, facts)
    person.hands = [hand for hand in person.hands if not hand.placed]
    without = resolve(person, facts)
    claimed = {entity for entity, place in without.places.items() if place.source == "claim"}
    assert claimed == {entity for entity, place in with_hands.places.items() if place.source == "claim"}
    assert with_hands.conflicts == without.conflicts


@given(situations())
def test_what_holds_does_not_compete_and_what_is_kept_out_does(situation: tuple[Person, World]) -> None:  # C2
    person, facts = situation
    claims = claims_of(person, facts)
    played = play(claims, person)
    present = [claim for claim in claims if claim.spans[-1][1] is None]
    assert sorted(played.holding + played.kept_out) == sorted(present)
    standing = [*played.holding, *played.held]
    assert not any(competes(one, other) for one in standing for other in standing)
    assert all(played.against(claim) for claim in played.kept_out)
