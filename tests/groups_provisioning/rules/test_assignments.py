"""What wishes make of mappings, as hypothesis draws both (SPEC M1, M2, M7, M8)."""

from collections import Counter
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groups_provisioning.choices import EXCLUSIVE, ROLE
from groups_provisioning.rules import assignments
from groups_provisioning.rules.assignments import (
    REFUSALS,
    AlreadyRejected,
    Approve,
    Assignment,
    EntityOwned,
    Group,
    Map,
    NotPending,
    Place,
    Reject,
    Retarget,
    RoleGiven,
    State,
    UnknownGroup,
    UnknownMapping,
    Wish,
    assign,
    assign_all,
    sought,
)
from orgs.catalogue import UnknownRole
from orgs.choices import EntityKind
from orgs.db.keys import fold, uuid7
from orgs.entity_names import DEFAULT_GROUP, LONGEST, KindOff, NameTaken, UnknownEntity

TEAM, POOL, SUB = EntityKind.TEAM, EntityKind.CONCURRENCY_GROUP, EntityKind.SUB_ORGANIZATION
NAMES = ["Gold", " Gold", "GOLD ", "Straße", "STRASSE", DEFAULT_GROUP, " ", "x" * (LONGEST + 1)]
IDS = [uuid7() for _ in range(8)]
GROUPS, ENTITIES, MAPPINGS = IDS[:3], IDS[3:6], [uuid7() for _ in range(9)]

kinds = st.sampled_from(EntityKind.values)
names = st.sampled_from(NAMES)
ROLES = ["Admin", "Member"]
roles = st.sampled_from([*ROLES, "Gone"])
named_targets = st.sampled_from(ENTITIES) | names | roles
targets = st.none() | named_targets
mapping_ids = st.sampled_from([*MAPPINGS, uuid7()])
wishes: st.SearchStrategy[Wish] = (
    st.builds(Approve, mapping_ids, targets)
    | st.builds(Retarget, mapping_ids, named_targets)
    | st.builds(Map, st.sampled_from([*GROUPS, uuid7()]), kinds | st.just(ROLE), targets)
)


def state_of(*groups: Group, kinds: Any = frozenset(EntityKind.values), places: Any = ()) -> State:
    """The state of an org with these groups; every live entity is known."""
    found = [*places, *(each.place for group in groups for each in group.assignments if each.place)]
    return State(
        kinds,
        {each.id: group.id for group in groups for each in group.assignments if each.id},
        {group.id: group for group in groups},
        {place.id: place for place in found if place.id},
        {(place.kind, fold(place.name)): place for place in found if place.id},
        ROLES,
    )


@st.composite
def states(draw: st.DrawFn) -> State:
    """Groups whose mappings wait, are approved, fell back or lost their target, as M1 allows."""
    places = [Place(draw(kinds), f" {name}".strip(), id_) for name, id_ in zip(NAMES[::2], ENTITIES, strict=False)]
    groups = [Group(id_, draw(names)) for id_ in GROUPS]
    state = state_of(*groups, places=places)
    for id_ in MAPPINGS:
        group, kind = draw(st.sampled_from(groups)), draw(kinds | st.just(ROLE))
        if kind == ROLE:
            try:
                mapping = assign(state, Map(group.id, ROLE, draw(st.sampled_from(ROLES)))).mapping
            except REFUSALS:
                continue
            mapping.id = mapping.id or id_
            if draw(st.booleans()):
                mapping.is_synced = False
                if mapping.place and draw(st.booleans()):  # whether the role is back by now or not
                    lost = draw(st.sampled_from([mapping.place.name, "Gone"]))
                    if all(each.lost_role != lost for each in group.assignments):
                        mapping.place, mapping.is_lost, mapping.lost_role = None, True, lost
        elif draw(st.booleans()):
            free = [place for place in places if place.owner is None]
            wish = Map(group.id, kind, draw(st.sampled_from(free)).id if free else None)
            try:
                mapping = assign(state, wish).mapping
            except REFUSALS:
                continue
            assert mapping.place
            mapping.id, mapping.place.id = mapping.id or id_, mapping.place.id or uuid7()
            state.by_id[mapping.place.id] = mapping.place
            match draw(st.sampled_from(["approved", "fell back", "lost"])):
                case "fell back":
                    mapping.is_synced = False
                case "lost":
                    del state.by_id[mapping.place.id], state.by_name[mapping.place.kind, fold(mapping.place.name)]
                    places = [place for place in places if place is not mapping.place]
                    mapping.place, mapping.is_synced, mapping.is_lost = None, False, True
        elif all(each.kind != kind for each in group.assignments):  # as rules ask
            group.assignments.append(Assignment(group, kind, id_))
    drawn = state_of(*groups, kinds=draw(st.frozensets(kinds, min_size=2)), places=places)
    gone = draw(st.none() | st.sampled_from(GROUPS))
    drawn.groups = {id_: group for id_, group in drawn.groups.items() if id_ != gone}
    return drawn


def picture(state: State) -> Any:
    """All that a state says, to be compared."""
    return {
        "groups": {
            id_: [
                (each.id, each.kind, each.place and each.place.name, each.is_synced, each.is_lost)
                for each in group.assignments
            ]
            for id_, group in state.groups.items()
        },
        "owners": {name: place.owner and place.owner.group.id for name, place in state.by_name.items()},
    }


def outcome(state: State, wish: Wish) -> Any:
    """What becomes of a wish, in comparable terms."""
    try:
        steps = assign(state, wish)
    except REFUSALS as refusal:
        return type(refusal)
    assert steps.mapping.place
    closes = steps.closes and steps.closes.id
    return steps.mapping.group.id, steps.mapping.place.kind, steps.mapping.place.name, closes, steps.is_news


class TestAnyWish:
    @given(states(), st.lists(wishes, max_size=6))
    def test_keeps_what_a_group_and_an_entity_can_have(self, state: State, asked: list[Wish]) -> None:  # M1
        for wish in asked:
            outcome(state, wish)
        for group in state.groups.values():
            for each in group.assignments:
                assert not each.place or each.place.owner is each
                assert each.place or not each.is_synced
            count = Counter(each.kind for each in group.assignments)
            assert all(count[kind] <= 1 for kind in EXCLUSIVE)
            placed = {each.kind for each in group.assignments if each.place}
            assert SUB not in placed or placed - {ROLE} == {SUB}
            given = [each.role for each in group.assignments if each.kind == ROLE]
            assert len(given) == len(set(given))  # R6
        owned = [id(each.place) for group in state.groups.values() for each in group.assignments if each.place]
        assert len(owned) == len(set(owned))

    @given(states(), wishes)
    def test_that_is_refused_or_no_news_changes_nothing(self, state: State, wish: Wish) -> None:
        before = picture(state)
        found = outcome(state, wish)
        if isinstance(found, type) or not found[-1]:
            assert picture(state) == before
        else:
            assert picture(state) != before

    @given(states(), wishes)
    def test_that_is_done_is_for_a_kind_that_is_on_or_so_already(self, state: State, wish: Wish) -> None:  # M8
        found = outcome(state, wish)
        if not isinstance(found, type) and found[-1]:
            assert found[1] in state.kinds or (found[1] == ROLE and found[2] in ROLES)

    @given(states(), wishes)
    def test_depends_on_no_entity_but_the_one_that_is_sought(self, state: State, wish: Wish) -> None:  # M9
        other = deepcopy(state)
        key = sought(other, wish)
        other.by_id = {id_: place for id_, place in other.by_id.items() if id_ == key}
        other.by_name = {name: place for name, place in other.by_name.items() if name == key}
        assert outcome(other, wish) == outcome(state, wish)


class TestSeveralAtOnce:
    @given(states(), st.lists(wishes, max_size=6, unique=True))
    def test_are_as_if_one_came_after_the_other(self, state: State, asked: list[Wish]) -> None:  # M9
        other = deepcopy(state)
        done, refused = assign_all(state, asked)
        for wish in asked:
            found = outcome(other, wish)
            if wish in refused:
                assert found is type(refused[wish])
            else:
                assert found[-1] == done[wish].is_news
            # What a command writes meanwhile.
            for place in other.by_name.values():
                if place.id is None:
                    place.id = uuid7()
                    other.by_id[place.id] = place
        assert picture(state)["owners"] == picture(other)["owners"]

    def test_of_one_name_go_to_the_first(self) -> None:  # M1
        groups = [Group(id_, name) for id_, name in zip(GROUPS, ("Gold", " Gold", "GOLD "), strict=True)]
        for group, id_ in zip(groups, MAPPINGS, strict=False):
            group.assignments.append(Assignment(group, TEAM, id_))
        done, refused = assign_all(state_of(*groups), [Approve(id_) for id_ in [*MAPPINGS[:3], MAPPINGS[0]]])
        assert [wish.mapping_id for wish in done] == MAPPINGS[:1]
        assert [(type(each), each.args) for each in refused.values()] == [(EntityOwned, ("Gold",))] * 2


class TestOneWish:
    @pytest.fixture
    def group(self) -> Group:
        return Group(GROUPS[0], "Gold")

    @pytest.fixture
    def approved(self, group: Group) -> Assignment:
        return self.add(group, Place(TEAM, "Gold", ENTITIES[0]), True)

    def add(self, group: Group, place: Place | None, is_synced: bool = False) -> Assignment:
        mapping = Assignment(group, TEAM, MAPPINGS[len(group.assignments)], place, is_synced)
        group.assignments.append(mapping)
        if place:
            place.owner = mapping
        return mapping

    def test_of_approving_is_for_the_groups_name(self, group: Group) -> None:  # M2
        waiting = self.add(group, None)
        steps = assign(state_of(group), Approve(MAPPINGS[0]))
        assert steps.mapping is waiting
        assert (waiting.place.id, waiting.place.name, waiting.is_synced) == (None, "Gold", True)

    def test_of_approving_what_fell_back_is_for_what_it_had(self, group: Group) -> None:  # M6
        place = Place(TEAM, "Silver", ENTITIES[0])
        waiting = self.add(group, place)
        assert assign(state_of(group), Approve(MAPPINGS[0])).mapping is waiting
        assert waiting.place is place

    def test_of_another_target_ends_the_old_mapping(self, group: Group, approved: Assignment) -> None:  # C3
        crew = Place(TEAM, "Crew", ENTITIES[1])
        steps = assign(state_of(group, places=[crew]), Retarget(MAPPINGS[0], crew.id))
        assert (steps.closes, steps.mapping.place, group.assignments) == (approved, crew, [steps.mapping])

    def test_of_a_lost_target_begins_anew(self, group: Group) -> None:  # M7
        lost = self.add(group, None)
        lost.is_lost = True
        steps = assign(state_of(group), Approve(MAPPINGS[0], "Silver"))
        assert (steps.closes, steps.mapping.place.name) == (lost, "Silver")

    def test_of_approving_the_approved_for_another_target_is_refused(self, group: Group, approved: Any) -> None:
        state = state_of(group, kinds=frozenset())
        assert not assign(state, Approve(MAPPINGS[0])).is_news
        assert not assign(state, Approve(MAPPINGS[0], ENTITIES[0])).is_news
        with pytest.raises(NotPending):
            assign(state, Approve(MAPPINGS[0], "Silver"))

    def test_of_mapping_to_what_it_is_mapped_to_is_no_news(self, group: Group, approved: Assignment) -> None:
        state = state_of(group)
        for target in (None, ENTITIES[0]):
            steps = assign(state, Map(group.id, TEAM, target))
            assert (steps.mapping, steps.is_news) == (approved, False)
        with pytest.raises(NameTaken):
            assign(state, Map(group.id, TEAM, "gold"))

    def test_of_several_roles_is_done_beside_each_other(self, group: Group, approved: Assignment) -> None:  # R6
        approved.place.kind = approved.kind = SUB
        state = state_of(group, kinds=frozenset())
        steps = [assign(state, Map(group.id, ROLE, role)) for role in (*ROLES, ROLES[0])]
        assert [each.is_news for each in steps] == [True, True, False]
        assert [each.place.name for each in group.assignments] == ["Gold", *ROLES]

    def test_of_a_role_that_waits_approves_it(self, group: Group) -> None:  # R6, M2
        waiting = self.add(group, Place(ROLE, "Admin"))
        waiting.kind = ROLE
        assert assign(state_of(group), Approve(MAPPINGS[0])).mapping is waiting
        assert waiting.is_synced

    def test_of_another_role_ends_the_old_mapping(self, group: Group) -> None:  # R6
        state = state_of(group)
        first = assign(state, Map(group.id, ROLE, "Admin")).mapping
        first.id, state.group_of = MAPPINGS[0], {MAPPINGS[0]: group.id}
        steps = assign(state, Retarget(MAPPINGS[0], "Member"))
        assert (steps.closes, [each.place.name for each in group.assignments]) == (first, ["Member"])

    def test_of_a_role_that_was_lost_needs_one_that_is_there(self, group: Group) -> None:  # R6, M7
        lost = self.add(group, None)
        lost.kind, lost.is_lost, lost.lost_role = ROLE, True, "Gone"
        for target in (None, "Gone"):
            with pytest.raises(UnknownRole):
                assign(state_of(group), Approve(MAPPINGS[0], target))
        assert assign(state_of(group), Approve(MAPPINGS[0], "Admin")).closes is lost

    def test_of_a_role_that_was_lost_and_is_back_needs_no_other(self, group: Group) -> None:  # R6, M7
        lost = self.add(group, None)
        lost.kind, lost.is_lost, lost.lost_role = ROLE, True, "Member"
        steps = assign(state_of(group), Approve(MAPPINGS[0]))
        assert (steps.closes, steps.mapping.place and steps.mapping.place.name) == (lost, "Member")

    def test_of_a_role_that_is_back_is_for_the_mapping_that_lost_it(self, group: Group) -> None:  # R6, M7
        given = assign(state_of(group), Map(group.id, ROLE, "Member")).mapping
        given.id = MAPPINGS[0]
        for id_, role in zip(MAPPINGS[1:], ("Gone", "Admin"), strict=False):
            group.assignments.append(Assignment(group, ROLE, id_, is_lost=True, lost_role=role))
        for wish in (Retarget(MAPPINGS[0], "Admin"), Approve(MAPPINGS[1], "Admin")):
            with pytest.raises(RoleGiven, match="Admin"):
                assign(state_of(group), wish)
        lost = group.assignments[2]
        assert assign(state_of(group), Map(group.id, ROLE, "Admin")).closes is lost

    def test_of_a_role_that_another_mapping_gives_is_refused(self, group: Group) -> None:  # R6
        state = state_of(group)
        for number, role in enumerate(ROLES):
            assign(state, Map(group.id, ROLE, role)).mapping.id = MAPPINGS[number]
        state.group_of = dict.fromkeys(MAPPINGS, group.id)
        with pytest.raises(RoleGiven, match="Member"):
            assign(state, Retarget(MAPPINGS[0], "Member"))

    @pytest.mark.parametrize(
        ("wish", "refusal"),
        [
            (Approve(MAPPINGS[5]), UnknownMapping),
            (Approve(MAPPINGS[6]), UnknownGroup),
            (Approve(MAPPINGS[7]), AlreadyRejected),
            (Map(GROUPS[1], TEAM), UnknownGroup),
            (Map(GROUPS[0], SUB), KindOff),
            (Map(GROUPS[0], POOL, ENTITIES[0]), UnknownEntity),
            (Map(GROUPS[0], TEAM, ENTITIES[2]), UnknownEntity),
        ],
    )
    def test_of_what_is_not_there_is_refused(
        self, group: Group, approved: Assignment, wish: Wish, refusal: type[Exception]
    ) -> None:  # O7, M8
        state = state_of(group, kinds={TEAM, POOL})
        state.group_of = {**state.group_of, MAPPINGS[6]: GROUPS[2], MAPPINGS[7]: group.id}
        with pytest.raises(refusal):
            assign(state, wish)


class TestRejecting:
    @given(states(), st.lists(st.sampled_from(MAPPINGS)))
    def test_ends_those_that_are_live_and_frees_what_they_owned(self, state: State, ids: Any) -> None:  # M2
        asked = [Reject(id_) for id_ in ids if id_ in state.group_of]
        live = {each.id for group in state.groups.values() for each in group.assignments}
        ended = assignments.reject(state, asked)
        assert sorted(each.id for each in ended) == sorted({wish.mapping_id for wish in asked} & live)
        assert not any(each in each.group.assignments for each in ended)
        assert not any(place.owner in ended for place in state.by_name.values() if place.owner)
        assert assignments.reject(state, asked) == []

    def test_of_an_unknown_one_is_refused(self) -> None:  # O7
        with pytest.raises(UnknownMapping):
            assignments.reject(state_of(Group(GROUPS[0], "Gold")), [Reject(MAPPINGS[0])])
