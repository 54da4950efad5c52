"""What every answer has, whatever was asked (SPEC S10)."""

import pytest

from orgs.models import Organization, User
from tests.conftest import Idp
from tests.factories import UserFactory

GROUP = {"displayName": "Staff"}


def created(idp: Idp, kind: str) -> str:
    return str(idp.post(f"/{kind}", {"userName": "ada"} if kind == "Users" else GROUP).json()["id"])


class TestHeaders:
    @pytest.mark.parametrize("kind", ["Users", "Groups"])
    def test_one_resource_comes_with_its_location(self, idp: Idp, kind: str) -> None:  # S10
        path = f"/{kind}/{created(idp, kind)}"
        name = {"displayName": "B", "userName": "ada"}
        operation = {"op": "replace", "value": {"displayName": "C"}}
        for answer in (
            idp.get(path),
            idp.put(path, name),
            idp.patch(path, operation),
            idp.get(f"{path}?attributes=id"),
        ):
            assert answer.status_code == 200
            assert answer["Location"] == f"http://localhost:8000/api/scim{path}"

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/Users"),
            ("GET", "/Schemas"),
            ("GET", "/Users/nobody"),
            ("GET", "/nowhere"),
            ("POST", "/Users"),
            ("POST", "/Bulk"),
            ("OPTIONS", "/Users"),
        ],
    )
    def test_answers_are_neither_kept_nor_guessed_at(self, idp: Idp, method: str, path: str) -> None:  # S10
        for asking in (idp, Idp("wrong")):
            answer = asking(method, path, {})
            assert answer["Cache-Control"] == "no-store"
            assert answer["X-Content-Type-Options"] == "nosniff"

    def test_nor_is_an_answer_without_a_body(self, idp: Idp) -> None:
        path = f"/Users/{created(idp, 'Users')}"
        unchanged = idp.get(path, if_none_match=idp.get(path)["ETag"])
        gone = idp.delete(path)
        assert [unchanged.status_code, gone.status_code] == [304, 204]
        assert unchanged["Cache-Control"] == gone["Cache-Control"] == "no-store"


class TestMembers:
    def test_of_an_empty_group_are_an_empty_list(self, idp: Idp, org: Organization) -> None:  # S10
        ada = UserFactory.create(org=org)
        group = idp.post("/Groups", GROUP)
        path = f"/Groups/{group.json()['id']}"
        member = {"value": str(ada.id)}
        assert group.json()["members"] == []
        assert len(idp.patch(path, {"op": "add", "path": "members", "value": [member]}).json()["members"]) == 1
        for answer in (idp.patch(path, {"op": "remove", "path": "members"}), idp.get(path), idp.put(path, GROUP)):
            assert answer.json()["members"] == []
        (listed,) = idp.get("/Groups").json()["Resources"]
        assert listed["members"] == []

    @pytest.mark.parametrize(
        ("query", "shown"),
        [
            ("attributes=members", True),
            ("attributes=members.value", True),
            ("excludedAttributes=members.display", True),
            ("excludedAttributes=members", False),
            ("attributes=displayName", False),
        ],
    )
    def test_that_were_left_out_are_left_out(self, idp: Idp, query: str, shown: bool) -> None:
        answer = idp.get(f"/Groups/{created(idp, 'Groups')}?{query}").json()
        assert ("members" in answer) is shown

    def test_no_list_of_a_user_is_shown_empty(self, idp: Idp) -> None:
        user = idp.get(f"/Users/{created(idp, 'Users')}").json()
        assert [] not in user.values()

    def test_carry_their_names(self, idp: Idp, org: Organization) -> None:  # S10
        named = {"userName": "bob", "name": {"givenName": "Bob", "familyName": "Ray"}}
        bodies = ({"userName": "ada", "displayName": "Ada L"}, named, {"userName": "nameless"})
        ada, bob, nameless = (idp.post("/Users", body).json()["id"] for body in bodies)
        inner = created(idp, "Groups")
        members = [{"value": id_, "display": "nonsense"} for id_ in (ada, bob, nameless, inner)]
        group = idp.post("/Groups", {"displayName": "Outer", "members": members}).json()
        names = {member["value"]: member.get("display") for member in group["members"]}
        assert names == {ada: "Ada L", bob: "Bob Ray", nameless: None, inner: "Staff"}
        for name in ("ada l", "BOB ray", "staff"):
            found = idp.get(f'/Groups?filter=members[display eq "{name}"]').json()
            assert [hit["id"] for hit in found["Resources"]] == [group["id"]]
        User.objects.filter(id=ada).update(display_name="Ada King")
        assert "Ada King" in idp.get(f"/Groups/{group['id']}").content.decode()
