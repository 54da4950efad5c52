"""History as OCSF events: every verb and every slot has its class and activity, and each event what they require."""

from datetime import UTC, datetime
from typing import Any

import pytest

from api.ocsf import ACCESS, ACCOUNT, ACTIVITIES, CLASSES, ENTITY, GROUP, OTHER_ID, SHAPES, events
from orgs import change_details
from orgs.change_details import VERBS
from tests.orgs.golden import ADA, EXAMPLES, PLATFORM, Example

ORG = "00000000-0000-7000-8000-000000000001"
CHANGE = "00000000-0000-7000-8000-000000000002"
BY = {"kind": "token", "id": "00000000-0000-7000-8000-000000000003", "name": "Okta"}
AT = datetime(2026, 11, 28, 23, 10, 0, 123456, tzinfo=UTC)
REQUIRED = {
    ACCOUNT: {"user": {"uid"}},
    ENTITY: {"entity": set()},
    ACCESS: {"user": {"uid"}, "privileges": set()},
    GROUP: {"group": {"uid"}},
}
"""What the schema requires of each class, and what it has to be known by (of an entity, its uid or its name)."""


def effect(slot: str, was: Any, now: Any) -> dict[str, Any]:
    return {"person": ADA, "slot": slot, "was": was, "now": now, "message": f"{slot} of Ada Brandt"}


def item(verb: str = "user.changed", detail: Any = None, *effects: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A native item."""
    stored = {"user": ADA} if detail is None else detail
    change = {"id": CHANGE, "at": AT, "verb": verb, "door": "scim", "by": BY, "request_id": None, "message": "Done"}
    about = {"kind": "change", "position": 1_795_908_271_631_203, "organization": ORG, "effects": list(effects)}
    names = {ADA: "ada@corp.example", PLATFORM: "Platform"}
    return about | {"change": change | {"detail": stored}, "names": names} | more


def kinds(told: list[dict[str, Any]]) -> list[tuple[int, int]]:
    return [(event["class_uid"], event["activity_id"]) for event in told]


def test_no_verb_is_left_out() -> None:  # E4
    assert SHAPES.keys() == VERBS.keys()


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_a_change_is_an_event_of_its_class(example: Example) -> None:  # E4
    """In every shape that was ever stored."""
    detail = change_details.read(example.verb, example.detail)
    assert detail
    (event,) = events(item(example.verb, example.detail))
    class_uid, activity = event["class_uid"], event["activity_name"]
    activity_id = ({"Other": OTHER_ID} | ACTIVITIES[class_uid])[activity]
    assert (event["category_uid"], event["class_name"], event["activity_id"]) == (3, CLASSES[class_uid], activity_id)
    assert (event["type_uid"], event["type_name"]) == (
        class_uid * 100 + activity_id,
        f"{CLASSES[class_uid]}: {activity}",
    )
    for name, keys in REQUIRED[class_uid].items():
        assert keys <= set(event[name])
    if class_uid == ENTITY:
        assert any(event["entity"].get(name) and isinstance(event["entity"][name], str) for name in ("uid", "name"))
    assert event["message"] == "Done"
    assert event["unmapped"] == {"detail": example.detail, "door": "scim", "request_id": None}


def test_an_event_says_when_where_by_whom_and_which() -> None:  # E4
    event = events(item())[0]
    assert event["time"] == 1795907400123
    assert (event["severity_id"], event["status_id"]) == (1, 1)
    assert event["actor"] == {"app_name": "Okta", "app_uid": BY["id"]}
    assert event["user"] == {"uid": ADA, "type_id": 1, "type": "User", "name": "ada@corp.example"}
    assert event["metadata"] == {
        "version": "1.5.0",
        "product": {"name": "Muster", "vendor_name": "Muster"},
        "log_name": "history",
        "uid": "1795908271631203.0",
        "correlation_uid": CHANGE,
        "event_code": "user.changed",
        "tenant_uid": ORG,
    }


@pytest.mark.parametrize(
    ("by", "actor"),
    [
        ({"kind": "person", "id": ADA, "name": "Ada Brandt"}, {"user": {"uid": ADA, "name": "ada@corp.example"}}),
        ({"kind": "support", "id": None, "name": "Support"}, {"app_name": "Support"}),
        ({"kind": "nobody", "id": None, "name": "Muster itself"}, {"app_name": "Muster itself"}),
    ],
    ids=["person", "support", "nobody"],
)
def test_the_actor_is_a_user_or_a_program(by: dict[str, Any], actor: dict[str, Any]) -> None:
    told = item()
    told["change"]["by"] = by
    found = events(told)[0]["actor"]
    found.get("user", {}).pop("type", None)
    found.get("user", {}).pop("type_id", None)
    assert found == actor


@pytest.mark.parametrize(
    ("slot", "was", "now", "expected"),
    [
        ("account", None, "active", [(ACCOUNT, 1)]),
        ("account", None, "inactive", [(ACCOUNT, 1)]),
        ("account", "inactive", "active", [(ACCOUNT, 2)]),
        ("account", "active", "inactive", [(ACCOUNT, 5)]),
        ("account", "active", "deleted", [(ACCOUNT, 6)]),
        ("account", "deleted", "erased", [(ACCOUNT, 6)]),
        ("account", "active", "invited", [(ACCOUNT, OTHER_ID)]),
        ("idp_active", True, False, [(ACCOUNT, OTHER_ID)]),
        ("roles", None, ["Member"], [(ACCESS, 1)]),
        ("roles", ["Admin"], ["Member"], [(ACCESS, 2), (ACCESS, 1)]),
        ("roles", ["Admin"], [], [(ACCESS, 2)]),
        ("roles", None, [], [(ACCESS, OTHER_ID)]),
        ("team", None, PLATFORM, [(GROUP, 3)]),
        ("team", PLATFORM, None, [(GROUP, 4)]),
        ("concurrency_group", PLATFORM, CHANGE, [(GROUP, 4), (GROUP, 3)]),
        ("sub_organization", PLATFORM, None, [(GROUP, 4)]),
        ("conflict", None, {"incoming": CHANGE, "holders": []}, [(ACCOUNT, OTHER_ID)]),
        ("last_admin", None, "kept", [(ACCOUNT, OTHER_ID)]),
        ("refused", "userName", "bo@corp.example", [(ACCOUNT, OTHER_ID)]),
        ("skipped", None, CHANGE, [(GROUP, 3)]),
        ("a slot of later", 1, 2, [(ACCOUNT, OTHER_ID)]),
    ],
)
def test_an_effect_is_an_event_of_its_class(  # E4
    slot: str, was: Any, now: Any, expected: list[tuple[int, int]]
) -> None:
    told = events(item("mapping.approved", {"mappings": [], "marked": 0}, effect(slot, was, now), kind="effects"))
    assert kinds(told) == expected
    for event in told:
        assert (event["user"]["uid"], event["unmapped"]) == (ADA, {"slot": slot, "was": was, "now": now})
        assert REQUIRED[event["class_uid"]].keys() <= event.keys()
        assert event["message"] == f"{slot} of Ada Brandt"
        assert event["status_id"] == (2 if slot in ("refused", "skipped") else 1)
    assert len({event["metadata"]["uid"] for event in told}) == len(told)


def test_roles_that_were_lost_and_gained_are_told_apart() -> None:
    told = events(item("user.changed", None, effect("roles", ["qa", "read"], ["billing", "read"])))
    assert [event.get("privileges") for event in told] == [None, ["qa"], ["billing"]]


def test_an_effect_that_says_what_its_change_says_is_told_once() -> None:
    """A team that has another name by now is the same one."""
    detail = {"user": ADA, "entity": PLATFORM, "kind": "team", "name": "Platform of before"}
    placed = events(item("user.placed", detail, effect("team", None, PLATFORM)))
    assert kinds(placed) == [(GROUP, 3)]
    moved = events(item("user.placed", detail, effect("team", CHANGE, PLATFORM)))
    assert kinds(moved) == [(GROUP, 3), (GROUP, 4)]
    created = events(item("user.created", None, effect("account", None, "active"), effect("roles", None, ["qa"])))
    assert kinds(created) == [(ACCOUNT, 1), (ACCESS, 1)]


def test_a_verb_of_a_newer_release_is_told_as_something_else() -> None:
    (event,) = events(item("planet.moved", {}))
    assert (event["type_uid"], event["entity"]["type"]) == (300499, "planet.moved")


def test_an_organization_is_the_entity_of_its_own_changes() -> None:
    (event,) = events(item("org.founded", {"name": "Northwind", "profile": "standard"}))
    assert event["entity"] == {"type_id": 4, "type": "Organization", "uid": ORG, "org": {"uid": ORG}}


def test_who_was_erased_has_an_id_alone() -> None:  # U5
    (event,) = events(item("user.erased", None, names={}))
    assert event["user"] == {"uid": ADA, "type_id": 1, "type": "User"}
