"""Why somebody has each role and place, and why not, by ids (SPEC E2)."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from groups_provisioning.actions import account_switches, conflict_decisions, manual_changes
from groups_provisioning.actions.conflict_decisions import Card
from groups_provisioning.models import Conflict
from orgs.models import Change, Entity, Organization, User
from tests.api.test_resources import Here
from tests.conftest import Idp
from tests.groups_provisioning import world
from tests.groups_provisioning.world import (
    POOL,
    SUB,
    TEAM,
    by_admin,
    entity,
    give,
    map_to,
    push,
    push_user,
    settle_marked,
)

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def here(org: Organization) -> Here:
    return Here(org)


@pytest.fixture
def ada(idp: Idp) -> str:
    return push_user(idp, "Ada Brandt")


def explained(here: Here, ada: str, **asked: Any) -> Any:
    return here.get(f"/people/{ada}/explanation", **asked)


class TestWhy:
    def test_names_the_group_its_mapping_and_the_rule(  # E2
        self, org: Organization, idp: Idp, here: Here, ada: str
    ) -> None:
        world.rule(org, "eng-")
        group = push(idp, "eng-core", ada)
        mapping = world.only(group)
        settle_marked(org)
        told = explained(here, ada)
        assert (told["person"], told["settled"], told["not_placed"]) == (ada, True, [])
        (place,) = told["places"]
        through = place["through"]
        assert {name: place[name] for name in ("entity", "kind", "source", "hand", "also", "counts")} == {
            "entity": str(mapping.entity_id),
            "kind": "team",
            "source": "claim",
            "hand": None,
            "also": [],
            "counts": True,
        }
        assert {name: through[name] for name in ("group", "mapping", "status", "rule")} == {
            "group": str(group.id),
            "mapping": str(mapping.id),
            "status": "auto_approved",
            "rule": {"pattern_type": "prefix", "pattern": "eng-"},
        }
        assert through["since"] == through["member_since"]
        assert told["groups"] == [
            {"group": str(group.id), "since": through["since"], "mappings": [str(mapping.id)]},
        ]

    def test_names_what_gives_roles(self, org: Organization, idp: Idp, here: Here, ada: str) -> None:  # R1, R6
        assert explained(here, ada)["roles"] == {
            "effective": ["Member"],
            "sources": [
                {
                    "source": "default",
                    "roles": ["Member"],
                    "counts": ["Member"],
                    "unknown": [],
                    "group": None,
                    "through": None,
                }
            ],
        }
        group = push(idp, "Bosses", ada)
        mapping = give(group, "Admin")
        manual_changes.set_roles(org=org, user_id=User.objects.get(id=ada).id, roles=["Member"], cause=by_admin())
        settle_marked(org)
        roles = explained(here, ada)["roles"]
        assert roles["effective"] == ["Admin"]
        by_source = {each["source"]: each for each in roles["sources"]}
        assert by_source["mapping"]["through"]["mapping"] == str(mapping.id)
        assert by_source["mapping"]["group"] == str(group.id)
        assert (by_source["mapping"]["counts"], by_source["hand"]["counts"]) == (["Admin"], [])

    def test_names_conflicts_and_who_decided_them(self, org: Organization, idp: Idp, here: Here, ada: str) -> None:
        first, second = (map_to(push(idp, name, ada), POOL) for name in ("Batch", "Night"))  # C3
        settle_marked(org)
        told = explained(here, ada)
        (place,), (other,) = told["places"], told["not_placed"]
        assert [each["through"]["mapping"] for each in place["kept_out"]] == [str(second.id)]
        (obstacle,) = other["obstacles"]
        assert (other["entity"], obstacle["reason"], obstacle["open"]) == (str(second.entity_id), "kept_out", True)
        assert obstacle["through"]["mapping"] == str(second.id)
        assert [(each["through"]["mapping"], each["decision"]) for each in obstacle["holders"]] == [
            (str(first.id), None)
        ]
        card = Card.of(Conflict.objects.get())
        conflict_decisions.decide(org=org, cards=[card], use_incoming=True, cause=by_admin())
        ((kept_out,),) = (each["kept_out"] for each in explained(here, ada)["places"])
        assert (kept_out["decision"]["winner"], kept_out["decision"]["loser"]) == (str(second.id), str(first.id))

    def test_names_what_was_done_by_hand(self, org: Organization, idp: Idp, here: Here, ada: str) -> None:  # R4
        map_to(push(idp, "Platform", ada), TEAM)
        settle_marked(org)
        platform, crew = Entity.objects.get(name="Platform"), entity(org, "Crew")
        user = User.objects.get(id=ada)
        manual_changes.place(org=org, user_id=user.id, entity_id=crew.id, cause=by_admin())
        manual_changes.take_out(org=org, user_id=user.id, entity_id=platform.id, cause=by_admin())
        told = explained(here, ada)
        (place,), (other,) = told["places"], told["not_placed"]
        assert (place["entity"], place["source"], place["hand"]["placed"]) == (str(crew.id), "hand", True)
        change = Change.objects.get(id=place["hand"]["change"]["id"])
        assert place["hand"]["change"] | {"at": None} == {
            "id": str(change.id),
            "verb": change.verb,
            "at": None,
            "door": "page",
        }
        (obstacle,) = other["obstacles"]
        assert (other["entity"], obstacle["reason"], obstacle["hand"]["placed"]) == (
            str(platform.id),
            "taken_out",
            False,
        )

    def test_of_somebody_inactive_says_what_they_would_have(
        self, org: Organization, idp: Idp, here: Here, ada: str
    ) -> None:
        map_to(push(idp, "Platform", ada), TEAM)  # U4, U12
        settle_marked(org)
        user = User.objects.get(id=ada)
        account_switches.deactivate(org=org, user_id=user.id, cause=by_admin())
        told = explained(here, ada)
        account = told["account"]
        assert (account["active"], account["idp_active"], account["ended_by_idp"]) == (False, True, None)
        assert account["ended_by"]["door"] == "page"
        assert [each["counts"] for each in told["places"]] == [False]
        assert [each["obstacles"][0]["reason"] for each in told["not_placed"]] == ["person_inactive"]


class TestWhyNot:
    def test_is_told_of_any_entity(self, org: Organization, idp: Idp, here: Here, ada: str) -> None:  # E2
        owned = map_to(push(idp, "Platform"), TEAM)
        crew, lab = entity(org, "Crew"), entity(org, "Lab", SUB)
        map_to(push(idp, "Lab people", ada), SUB, lab.id)
        settle_marked(org)

        def why(entity_id: Any) -> Any:
            told = explained(here, ada, entity=entity_id)
            return told["places"], [each for other in told["not_placed"] for each in other["obstacles"]]

        places, (obstacle,) = why(owned.entity_id)
        assert (places, obstacle["reason"], obstacle["owner"]) == ([], "not_mapped", str(owned.id))
        _, (obstacle,) = why(crew.id)
        assert (obstacle["reason"], obstacle["owner"]) == ("not_mapped", None)
        (place,), obstacles = why(lab.id)
        assert (place["entity"], obstacles) == (str(lab.id), [])
        assert here.ask(f"/people/{ada}/explanation", entity=ada).status_code == 404

    def test_is_what_else_holds_where_places_exclude_each_other(
        self, org: Organization, idp: Idp, here: Here, ada: str
    ) -> None:
        crew, lab = entity(org, "Crew"), entity(org, "Lab", SUB)  # R2
        user = User.objects.get(id=ada)
        manual_changes.place(org=org, user_id=user.id, entity_id=crew.id, cause=by_admin())
        map_to(push(idp, "Lab people", ada), SUB, lab.id)
        settle_marked(org)
        (other,) = explained(here, ada)["not_placed"]
        (obstacle,) = other["obstacles"]
        assert (other["entity"], obstacle["reason"], obstacle["place"]) == (
            str(crew.id),
            "in_sub_organization",
            str(lab.id),
        )


class TestAsOf:
    def test_tells_what_was_then(self, org: Organization, idp: Idp, here: Here, ada: str) -> None:  # T3
        group = push(idp, "Platform", ada)
        mapping = map_to(group, TEAM)
        settle_marked(org)
        then = timezone.now().isoformat()
        told = explained(here, ada)
        idp.patch(f"/Groups/{group.id}", {"op": "remove", "path": "members"})
        idp.patch(f"/Users/{ada}", {"op": "replace", "value": {"active": False}})
        settle_marked(org)
        assert explained(here, ada)["places"] == []
        assert explained(here, ada, at=then) == told
        assert here.get(f"/groups/{group.id}/members")["items"] == []
        (member,) = here.get(f"/groups/{group.id}/members", at=then)["items"]
        assert member["person"] == ada
        (obstacle,) = explained(here, ada, at=timezone.now().isoformat(), entity=mapping.entity_id)["not_placed"][0][
            "obstacles"
        ]
        assert (obstacle["reason"], obstacle["owner"]) == ("not_mapped", str(mapping.id))

    def test_is_not_settled_while_the_ledger_says_something_else(self, idp: Idp, here: Here, ada: str) -> None:  # T3
        map_to(push(idp, "Platform", ada), TEAM)
        told = explained(here, ada, at=timezone.now().isoformat())
        assert (len(told["places"]), told["settled"]) == (1, False)

    def test_refuses_moments_that_nobody_knows(self, org: Organization, idp: Idp, here: Here, ada: str) -> None:  # T3
        group = push(idp, "Platform", ada)
        for path in (f"/people/{ada}/explanation", f"/groups/{group.id}/members"):
            for at in ("2020-01-01T00:00:00Z", "2090-01-01T00:00:00Z", "then"):
                answer = here.ask(path, at=at)
                assert (answer.status_code, list(answer.json()["errors"])) == (400, ["at"])
        begin = (org.created_at + timedelta(microseconds=1)).isoformat()
        assert here.ask(f"/people/{ada}/explanation", at=begin).status_code == 404

    def test_pages_of_members_are_of_one_moment(self, idp: Idp, here: Here) -> None:  # T3
        people = [push_user(idp, name) for name in ("Bo", "Cy", "Di")]
        group = push(idp, "Platform", *people)
        then = timezone.now().isoformat()
        first = here.get(f"/groups/{group.id}/members", limit=2, at=then)
        idp.put(f"/Groups/{group.id}", {"displayName": "Platform", "members": []})
        rest = here.get(f"/groups/{group.id}/members", limit=2, at=then, after=first["next"])
        assert {each["person"] for each in first["items"] + rest["items"]} == set(people)
        assert here.ask(f"/groups/{group.id}/members", limit=2, after=first["next"]).status_code == 400
