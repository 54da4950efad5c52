"""An org's exported state and its halves, and what its effects should be and are not."""

import json
from typing import Any

from groups_provisioning.engine import export, reconcile
from orgs.history import Effect
from orgs.models import EntityKind, Organization, User


def exported(org: Organization) -> dict[str, Any]:
    return json.loads("".join(export.text(org)))


def drift(org: Organization) -> list[Effect]:
    """What would differ if everybody were settled now; people who are marked are left out."""
    everybody = User.objects.for_org(org).values_list("id", flat=True)
    return [effect for each in reconcile.drift_among(org, list(everybody)) for effect in each.effects]


def effects_of(state: dict[str, Any]) -> dict[str, Any]:
    """The effects in an exported state, in the oracle's form."""
    people: dict[str, Any] = {}
    for person in state["people"]:
        if person["deleted"]:
            assert person["places"] == []
            continue
        places: dict[str, dict[str, str]] = {kind: {} for kind in EntityKind.values}
        for place in person["places"]:
            places[place["kind"]][place["entity"]] = place["source"]
        people[person["id"]] = {"roles": person["roles"], "places": places, "conflicts": {}}
    for conflict in state["conflicts"]:
        people[conflict["user"]]["conflicts"][conflict["incoming"]] = set(conflict["holders"])
    return {"people": people, "last_admin": state["organization"]["last_admin"]}


def facts_of(state: dict[str, Any]) -> dict[str, Any]:
    """An exported state without its effects."""
    people = [{**person, "roles": None, "places": None} for person in state["people"]]
    return {**state, "people": people, "conflicts": None}
