"""Bulk: each operation by itself."""

from typing import Any

from groups_provisioning.models import GroupMember, PushedGroup
from orgs.models import User
from tests.conftest import Idp
from tests.factories import UserFactory

BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"


def send(idp: Idp, *operations: Any, **envelope: Any) -> list[dict[str, Any]]:
    answer = idp.post("/Bulk", {"schemas": [BULK], "Operations": list(operations)} | envelope)
    assert answer.status_code == 200
    return answer.json()["Operations"]


def create(name: str, bulk_id: str = "1") -> dict[str, Any]:
    return {"method": "POST", "path": "/Users", "bulkId": bulk_id, "data": {"userName": name}}


def test_every_operation_has_its_own_status(idp: Idp) -> None:  # S7
    first, second, third = send(idp, create("ada", "1"), create("ADA", "2"), create("grace", "3"))
    assert [first["status"], second["status"], third["status"]] == ["201", "409", "201"]
    assert second["response"]["scimType"] == "uniqueness"
    assert first["location"].endswith(str(User.objects.get(user_name="ada").id))
    assert set(User.objects.values_list("user_name", flat=True)) == {"ada", "grace"}


def test_stops_after_as_many_errors_as_were_allowed(idp: Idp) -> None:
    results = send(idp, create("", "1"), create("ada", "2"), failOnErrors=1)
    assert [result["status"] for result in results] == ["400"]
    assert not User.objects.exists()


def test_changes_and_deletes(idp: Idp) -> None:
    user_id = send(idp, create("ada"))[0]["location"].rsplit("/", 1)[1]
    patch = {"Operations": [{"op": "replace", "path": "displayName", "value": "Ada"}]}
    changed, deleted = send(
        idp,
        {"method": "PATCH", "path": f"/Users/{user_id}", "data": patch},
        {"method": "DELETE", "path": f"/Users/{user_id}"},
    )
    assert [changed["status"], deleted["status"]] == ["200", "204"]
    user = User.objects.get(id=user_id)
    assert user.display_name == "Ada"
    assert user.deleted_at is not None


def test_a_reference_means_the_user_of_that_operation(idp: Idp) -> None:
    patch = {"Operations": [{"op": "replace", "path": "displayName", "value": "Ada"}]}
    results = send(idp, {"method": "PATCH", "path": "/Users/bulkId:a", "data": patch}, create("ada", "a"))
    assert [result["status"] for result in results] == ["200", "201"]
    assert User.objects.get().display_name == "Ada"


def test_a_reference_in_the_path_of_a_patch_means_that_user_too(idp: Idp) -> None:  # S7
    group = {"displayName": "Platform", "members": [{"value": "bulkId:u"}]}
    patch = {"Operations": [{"op": "remove", "path": 'members[value eq "bulkId:u"]'}]}
    results = send(
        idp,
        create("ada", "u"),
        {"method": "POST", "path": "/Groups", "bulkId": "g", "data": group},
        {"method": "PATCH", "path": "/Groups/bulkId:g", "data": patch},
    )
    assert [result["status"] for result in results] == ["201", "201", "200"]
    assert not GroupMember.objects.exists()
    patch = {"Operations": [{"op": "remove", "path": 'members[value eq "bulkId:nobody"]'}]}
    group_id = PushedGroup.objects.get().id
    (refused,) = send(idp, {"method": "PATCH", "path": f"/Groups/{group_id}", "data": patch})
    assert (refused["status"], refused["response"]["scimType"]) == ("400", "invalidValue")


def test_an_old_version_is_412(idp: Idp) -> None:
    user_id = send(idp, create("ada"))[0]["location"].rsplit("/", 1)[1]
    gone = {"method": "DELETE", "path": f"/Users/{user_id}", "version": 'W/"99"'}
    assert send(idp, gone)[0]["status"] == "412"
    assert User.objects.get().deleted_at is None


def test_a_user_of_another_org_does_not_exist(idp: Idp) -> None:  # O7
    stranger = UserFactory.create()
    assert send(idp, {"method": "DELETE", "path": f"/Users/{stranger.id}"})[0]["status"] == "404"


def test_too_many_operations_are_413(idp: Idp, settings) -> None:
    settings.SCIM_MAX_OPERATIONS = 1
    assert idp.post("/Bulk", {"Operations": [create("a", "1"), create("b", "2")]}).status_code == 413
