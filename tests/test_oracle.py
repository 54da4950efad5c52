"""The oracle, by hand: small states, and what SPEC sections 5 and 6 say of them. Times are plain numbers."""

from typing import Any

import pytest

from tests import oracle
from tests.oracle import POOL, SUB, TEAM

NOBODY = {TEAM: {}, POOL: {}, SUB: {}}


class World:
    """A state of which only what matters is told. Ids are names; Ada is in every group."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {
            "organization": {
                "role_policy": "highest",
                "roles": [_role("Admin", admin=True), _role("User", default=True), _role("Guest")],
                "kinds": {kind: {"on": True, "off_at": None} for kind in (TEAM, POOL, SUB)},
                "last_admin": None,
            },
            "people": [],
            "entities": [],
            "groups": [],
            "mappings": [],
            "decisions": [],
        }
        self.ada = self.person("ada")

    def person(self, name: str, **facts: Any) -> dict[str, Any]:
        told = {"active": True, "active_since": None, "is_owner": False, "placement": None, "by_hand": []}
        told |= {"idp_roles": None, "manual_roles": None}
        self.state["people"].append({"id": name, "deleted": False, "facts": told | facts})
        return self.state["people"][-1]["facts"]

    def entity(self, name: str, kind: str, deleted_at: int | None = None) -> None:
        self.state["entities"].append({"id": name, "kind": kind, "deleted_at": deleted_at})

    def group(
        self, name: str, added: int = 1, roles: list[str] | None = None, members: tuple[str, ...] = ("ada",)
    ) -> Any:
        told = {"id": name, "deleted_at": None, "roles": roles or []}
        told["members"] = [{"user": user, "added_at": added} for user in members]
        self.state["groups"].append(told)
        return told

    def mapping(self, name: str, kind: str, *, added: int = 1, entity: str = "", **columns: Any) -> dict[str, Any]:
        """A mapping of a group of its own, `G-name`, to an entity of its own, `E-name`."""
        group = self.group(f"G-{name}", added)
        if not entity:
            self.entity(f"E-{name}", kind)
        told = {"id": name, "group": group["id"], "kind": kind, "entity": entity or f"E-{name}", "status": "approved"}
        told |= {"approved_at": 0, "fell_back_at": None} | columns
        self.state["mappings"].append(told)
        return told

    def hand(self, entity: str, at: int = 1, *, placed: bool = True) -> None:
        self.ada["by_hand"].append({"entity": entity, "placed": placed, "at": at, "change": f"change {at}"})

    def decide(self, winner: str, loser: str, at: int) -> dict[str, Any]:
        number = len(self.state["decisions"])
        told = {"id": number, "user": "ada", "winner": winner, "loser": loser, "at": at, "undone_by": None}
        self.state["decisions"].append(told)
        return told

    def holds(self) -> set[str]:
        """The mappings that hold or are held; their entities are named after them."""
        return {entity.removeprefix("E-") for of_kind in self.places().values() for entity in of_kind}

    def places(self) -> dict[str, dict[str, str]]:
        return oracle.expected(self.state)["people"]["ada"]["places"]

    def conflicts(self) -> dict[str, set[str]]:
        return oracle.expected(self.state)["people"]["ada"]["conflicts"]

    def roles(self, name: str = "ada") -> list[str]:
        return oracle.expected(self.state)["people"][name]["roles"]


def _role(key: str, *, admin: bool = False, default: bool = False) -> dict[str, Any]:
    return {"key": key, "admin": admin, "default": default}


@pytest.fixture
def world() -> World:
    return World()


class TestWhoHolds:  # C1, C2
    def test_whoever_was_added_first(self, world: World) -> None:
        world.mapping("a", POOL, added=2)
        world.mapping("b", POOL, added=1)
        assert world.holds() == {"b"}
        assert world.conflicts() == {"a": {"b"}}

    def test_a_claim_begins_no_sooner_than_its_mapping_was_approved(self, world: World) -> None:
        world.mapping("a", POOL, added=1, approved_at=5)
        world.mapping("b", POOL, added=3, approved_at=4)
        assert world.holds() == {"b"}

    def test_a_tie_goes_by_the_id_of_the_mapping(self, world: World) -> None:
        world.mapping("b", POOL)
        world.mapping("a", POOL)
        assert world.holds() == {"a"}

    def test_teams_add_up(self, world: World) -> None:
        world.mapping("a", TEAM)
        world.mapping("b", TEAM)
        assert world.places() == NOBODY | {TEAM: {"E-a": "claim", "E-b": "claim"}}
        assert world.conflicts() == {}

    def test_a_sub_organization_is_kept_out_by_all_that_holds(self, world: World) -> None:
        world.mapping("team", TEAM, added=1)
        world.mapping("pool", POOL, added=1)
        world.mapping("sub", SUB, added=2)
        assert world.holds() == {"team", "pool"}
        assert world.conflicts() == {"sub": {"team", "pool"}}

    def test_a_sub_organization_keeps_out_teams_and_pools(self, world: World) -> None:
        world.mapping("team", TEAM, added=2)
        world.mapping("pool", POOL, added=2)
        world.mapping("sub", SUB, added=1)
        assert world.places() == NOBODY | {SUB: {"E-sub": "claim"}}
        assert world.conflicts() == {"team": {"sub"}, "pool": {"sub"}}

    def test_when_the_holder_leaves_the_earliest_comes_in(self, world: World) -> None:
        world.mapping("a", POOL, added=1, status="rejected")
        world.mapping("b", POOL, added=3)
        world.mapping("c", POOL, added=2)
        assert world.holds() == {"c"}
        assert world.conflicts() == {"b": {"c"}}


class TestDecisions:  # C2, C3
    def test_use_incoming(self, world: World) -> None:
        world.mapping("a", POOL, added=1)
        world.mapping("b", POOL, added=2)
        world.decide("b", "a", 3)
        assert world.holds() == {"b"}
        assert world.conflicts() == {}

    def test_keep_current(self, world: World) -> None:
        world.mapping("a", POOL, added=1)
        world.mapping("b", POOL, added=2)
        world.decide("a", "b", 3)
        assert world.holds() == {"a"}
        assert world.conflicts() == {}

    def test_undone_it_is_asked_again(self, world: World) -> None:
        world.mapping("a", POOL, added=1)
        world.mapping("b", POOL, added=2)
        world.decide("b", "a", 3)["undone_by"] = "a change"
        assert world.holds() == {"a"}
        assert world.conflicts() == {"b": {"a"}}

    def test_the_latest_of_a_pair_stands(self, world: World) -> None:
        world.mapping("a", POOL, added=1)
        world.mapping("b", POOL, added=2)
        world.decide("b", "a", 3)
        world.decide("a", "b", 4)
        assert world.holds() == {"a"}
        assert world.conflicts() == {}

    def test_is_remembered_for_a_claim_that_begins_later(self, world: World) -> None:
        world.mapping("a", POOL, added=1)
        world.mapping("b", POOL, added=7)
        world.decide("b", "a", 3)
        assert world.holds() == {"b"}

    def test_over_one_of_two_holders_does_not_suffice(self, world: World) -> None:
        world.mapping("team", TEAM, added=1)
        world.mapping("pool", POOL, added=1)
        world.mapping("sub", SUB, added=2)
        world.decide("sub", "team", 3)
        assert world.holds() == {"team", "pool"}
        assert world.conflicts() == {"sub": {"team", "pool"}}

    def test_over_both_holders_lets_it_in(self, world: World) -> None:
        world.mapping("team", TEAM, added=1)
        world.mapping("pool", POOL, added=1)
        world.mapping("sub", SUB, added=2)
        world.decide("sub", "team", 3)
        world.decide("sub", "pool", 4)
        assert world.holds() == {"sub"}
        assert world.conflicts() == {}

    def test_of_three_in_a_cycle_the_last_one_counts(self, world: World) -> None:
        for number, name in enumerate("abc"):
            world.mapping(name, POOL, added=number)
        world.decide("b", "a", 10)  # takes the place of a
        world.decide("c", "b", 11)  # takes that of b; a may not return, since c holds
        world.decide("a", "c", 12)  # takes that of c; that b goes before a had its effect when it was said
        assert world.holds() == {"a"}
        assert world.conflicts() == {}

    def test_whoever_was_kept_out_comes_in_when_what_kept_them_out_leaves(self, world: World) -> None:
        world.mapping("sub", SUB, added=1)
        world.mapping("pool", POOL, added=2)
        world.mapping("team", TEAM, added=3)
        world.decide("pool", "sub", 4)
        assert world.holds() == {"pool", "team"}
        assert world.conflicts() == {"sub": {"pool", "team"}}  # between sub and team nothing is decided

    def test_the_loser_returns_when_the_winner_is_gone(self, world: World) -> None:
        world.mapping("a", POOL, added=1)
        world.mapping("b", POOL, added=2, status="pending")
        world.decide("b", "a", 3)
        assert world.holds() == {"a"}

    def test_count_for_the_person_alone_whom_they_were_made_for(self, world: World) -> None:
        world.mapping("a", POOL, added=1)
        world.mapping("b", POOL, added=2)
        world.decide("b", "a", 3)["user"] = "eve"
        assert world.holds() == {"a"}

    def test_nothing_is_asked_about_somebody_inactive(self, world: World) -> None:
        world.mapping("a", POOL, added=1)
        world.mapping("b", POOL, added=2)
        world.ada["active"] = False
        assert world.holds() == {"a"}  # U4
        assert world.conflicts() == {}


class TestNoClaim:
    @pytest.mark.parametrize("status", ["pending", "rejected"])
    def test_while_it_is_not_approved(self, world: World, status: str) -> None:
        world.mapping("a", POOL, status=status)
        assert world.holds() == set()

    def test_once_the_entity_is_deleted(self, world: World) -> None:
        world.entity("E-a", POOL, deleted_at=3)
        world.mapping("a", POOL, entity="E-a")
        assert world.holds() == set()

    def test_once_the_group_is_deleted(self, world: World) -> None:
        world.mapping("a", POOL)
        world.state["groups"][0]["deleted_at"] = 3
        assert world.holds() == set()

    def test_once_she_was_taken_out_by_hand(self, world: World) -> None:  # R4
        world.mapping("a", POOL, added=1)
        world.mapping("b", POOL, added=2)
        world.hand("E-a", placed=False)
        assert world.holds() == {"b"}
        assert world.conflicts() == {}

    def test_of_somebody_whom_scim_deleted(self, world: World) -> None:  # U5
        world.mapping("a", POOL)
        world.state["people"][0]["deleted"] = True
        assert oracle.expected(world.state)["people"] == {}


class TestHeld:  # M2, M8
    def test_after_a_fall_back(self, world: World) -> None:
        world.mapping("a", TEAM, added=1, status="pending", fell_back_at=5)
        assert world.places() == NOBODY | {TEAM: {"E-a": "held"}}

    @pytest.mark.parametrize("late", [{"added": 6}, {"added": 1, "approved_at": 6}], ids=["joined", "approved"])
    def test_not_what_began_after_the_fall_back(self, world: World, late: dict[str, int]) -> None:
        world.mapping("a", TEAM, status="pending", fell_back_at=5, **late)
        assert world.holds() == set()

    def test_not_what_was_never_approved(self, world: World) -> None:
        world.mapping("a", TEAM, status="pending", approved_at=None)
        assert world.holds() == set()

    def test_while_the_kind_is_off(self, world: World) -> None:
        world.mapping("a", TEAM, added=1)
        world.mapping("b", TEAM, added=6)
        world.state["organization"]["kinds"][TEAM] = {"on": False, "off_at": 5}
        assert world.places() == NOBODY | {TEAM: {"E-a": "held"}}

    def test_nobody_where_the_kind_was_never_on(self, world: World) -> None:
        world.mapping("a", TEAM)
        world.state["organization"]["kinds"][TEAM] = {"on": False, "off_at": None}
        assert world.holds() == set()

    @pytest.mark.parametrize("facts", [{"active": False}, {"active_since": 6}], ids=["inactive", "active again"])
    def test_until_she_is_deactivated(self, world: World, facts: dict[str, Any]) -> None:
        world.mapping("a", TEAM, added=1, status="pending", fell_back_at=5)
        world.ada |= facts
        assert world.holds() == set()

    def test_until_something_approved_claims_the_slot(self, world: World) -> None:
        world.mapping("a", POOL, added=1, status="pending", fell_back_at=5)
        world.mapping("b", POOL, added=6)
        assert world.places() == NOBODY | {POOL: {"E-b": "claim"}}
        assert world.conflicts() == {}

    def test_gives_way_to_a_claim_of_another_kind(self, world: World) -> None:
        world.mapping("held", SUB, added=1, status="pending", fell_back_at=5)
        world.mapping("team", TEAM, added=2)
        assert world.holds() == {"team"}

    def test_stays_while_a_claim_of_another_kind_is_kept_out(self, world: World) -> None:
        world.mapping("held", TEAM, added=1, status="pending", fell_back_at=5)
        world.mapping("pool", POOL, added=2)
        world.mapping("sub", SUB, added=3)
        assert world.holds() == {"held", "pool"}

    def test_of_two_whoever_held_when_both_were_claims(self, world: World) -> None:
        world.mapping("a", POOL, added=1)
        world.mapping("b", POOL, added=2)
        world.decide("b", "a", 3)
        world.state["organization"]["kinds"][POOL] = {"on": False, "off_at": 5}
        assert world.places() == NOBODY | {POOL: {"E-b": "held"}}
        assert world.conflicts() == {}


class TestPlacesWithoutAClaim:  # R2-R4, U10
    @pytest.fixture
    def pools(self, world: World) -> World:
        for name in ("of the attribute", "by hand", "by hand later"):
            world.entity(name, POOL)
        return world

    def test_a_claim_goes_before_the_attribute_and_that_before_hands(self, pools: World) -> None:
        pools.hand("by hand")
        assert pools.places()[POOL] == {"by hand": "hand"}
        pools.ada["placement"] = "of the attribute"
        assert pools.places()[POOL] == {"of the attribute": "attribute"}
        pools.mapping("a", POOL)
        assert pools.places()[POOL] == {"E-a": "claim"}

    def test_what_is_held_goes_before_the_attribute(self, pools: World) -> None:
        pools.ada["placement"] = "of the attribute"
        pools.mapping("a", POOL, status="pending", fell_back_at=5)
        assert pools.places()[POOL] == {"E-a": "held"}

    def test_the_attribute_has_no_effect_where_pools_are_off(self, pools: World) -> None:
        pools.ada["placement"] = "of the attribute"
        pools.state["organization"]["kinds"][POOL] = {"on": False, "off_at": 5}
        assert pools.places() == NOBODY

    def test_a_removal_by_hand_outranks_the_attribute(self, pools: World) -> None:
        pools.ada["placement"] = "of the attribute"
        pools.hand("of the attribute", placed=False)
        assert pools.places() == NOBODY

    def test_hands_count_where_the_kind_is_off_and_the_last_one_wins(self, pools: World) -> None:
        pools.hand("by hand later", at=9)
        pools.hand("by hand", at=4)
        pools.state["organization"]["kinds"][POOL] = {"on": False, "off_at": 5}
        assert pools.places()[POOL] == {"by hand later": "hand"}

    def test_a_team_by_hand_keeps_her_beside_her_groups(self, world: World) -> None:
        world.mapping("a", TEAM)
        world.entity("book club", TEAM)
        world.hand("book club")
        assert world.places()[TEAM] == {"E-a": "claim", "book club": "hand"}

    def test_what_was_placed_by_hand_is_gone_with_its_entity(self, world: World) -> None:
        world.entity("book club", TEAM, deleted_at=5)
        world.hand("book club")
        assert world.places() == NOBODY

    def test_nothing_counts_beside_a_sub_organization(self, pools: World) -> None:
        pools.entity("sub", SUB)
        pools.entity("book club", TEAM)
        for name in ("sub", "book club", "by hand"):
            pools.hand(name)
        pools.ada["placement"] = "of the attribute"
        assert pools.places() == NOBODY | {SUB: {"sub": "hand"}}

    @pytest.mark.parametrize("kind", [TEAM, POOL, SUB])
    def test_a_sub_organization_by_hand_yields_to_every_claim(self, world: World, kind: str) -> None:
        world.entity("sub", SUB)
        world.hand("sub")
        world.mapping("a", kind)
        assert world.places() == NOBODY | {kind: {"E-a": "claim"}}


class TestRoles:  # R1, R5
    def test_the_highest_of_groups_and_user(self, world: World) -> None:
        world.ada |= {"idp_roles": ["Guest"], "manual_roles": ["Admin"]}
        assert world.roles() == ["Guest"]
        world.group("admins", roles=("Admin", "Stranger"))
        assert world.roles() == ["Admin"]

    def test_the_union_highest_first(self, world: World) -> None:
        world.state["organization"]["role_policy"] = "union"
        world.group("admins", roles=("Admin",))
        world.ada["idp_roles"] = ["Guest", "Stranger"]
        assert world.roles() == ["Admin", "Guest"]

    def test_what_hands_set_else_the_default(self, world: World) -> None:
        world.ada["idp_roles"] = ["Stranger"]  # P2
        assert world.roles() == ["User"]
        world.ada["manual_roles"] = ["Guest"]
        assert world.roles() == ["Guest"]

    def test_a_deleted_group_gives_none(self, world: World) -> None:
        world.group("admins", roles=("Admin",))["deleted_at"] = 3
        assert world.roles() == ["User"]

    def test_the_last_admin_keeps_the_role(self, world: World) -> None:
        world.state["organization"]["last_admin"] = "ada"
        world.ada["idp_roles"] = ["Guest"]
        assert world.roles() == ["Admin"]
        world.state["organization"]["role_policy"] = "union"
        assert world.roles() == ["Admin", "Guest"]

    @pytest.mark.parametrize(
        ("facts", "stands"), [({}, False), ({"active": False}, True), ({"is_owner": True}, True)], ids=str
    )
    def test_until_another_active_admin_exists(self, world: World, facts: dict[str, Any], stands: bool) -> None:
        world.state["organization"]["last_admin"] = "ada"
        world.person("eve", idp_roles=["Admin"], **facts)
        assert world.roles() == (["Admin"] if stands else ["User"])
        assert oracle.expected(world.state)["last_admin"] == ("ada" if stands else None)

    def test_whoever_was_admin_becomes_the_last_one(self, world: World) -> None:
        world.person("eve")
        assert oracle.expected(world.state, {"ada", "eve"})["last_admin"] == "eve"
        assert oracle.expected(world.state, {"ada"})["people"]["ada"]["roles"] == ["Admin"]

    def test_until_she_is_deactivated(self, world: World) -> None:
        world.state["organization"]["last_admin"] = "ada"
        world.ada["active"] = False
        assert world.roles() == ["User"]
