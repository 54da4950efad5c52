"""Organizations, over HTTP."""

from datetime import timedelta
from typing import Any

import pytest

from orgs import deletions
from orgs.db.keys import uuid7
from orgs.models import Change, Mail, Organization, Plan, User
from tests.api.commands.scene import TOKEN, Scene
from tests.api.consumer import Consumer, key_of
from tests.api.program import Program, contents, problem
from tests.conftest import Idp


class TestFromNothingToTheFirstWrite:
    def test_and_to_nothing_again(self, db: None, monkeypatch: pytest.MonkeyPatch) -> None:  # E2, U13
        operator = Program(None)
        wished = {
            "name": "Acme",
            "owner": "ada@acme.example",
            "plan": "enterprise",
            "sso_configured": True,
            "profile": "standard",
            "features": {"user_provisioning": True, "group_provisioning": True, "teams": True},
        }
        before = contents()
        would = operator.preview("POST", "/organizations", wished).json()["changes"]
        assert contents() == before
        made = operator("POST", "/organizations", wished)
        assert made.status_code == 201, made.content
        state = made.json()
        org, at = Organization.objects.get(), f"/organizations/{state['id']}"
        assert [each["verb"] for each in would] == list(Change.objects.order_by("id").values_list("verb", flat=True))
        assert made["Location"] == f"/api/v1{at}"
        assert (state["slug"], state["features"]["group_provisioning"]) == ("acme", True)
        assert state["owner"] == {"id": str(User.objects.get().id), "email": "ada@acme.example"}
        assert list(Mail.objects.values_list("address", flat=True)) == ["ada@acme.example"]
        again = operator("POST", "/organizations", wished)
        assert problem(again) == (409, "organization-exists")
        assert again.json()["organization"] == state["id"]

        token = operator("POST", f"{at}/tokens", TOKEN | {"networks": []})
        assert (token.status_code, token["Cache-Control"]) == (201, "no-store")
        assert token.json()["base_url"].endswith("/api/scim?aadOptscim062020")
        assert token["Location"] == f"/api/v1{at}/tokens/{token.json()['id']}"
        assert token.json()["secret"] not in operator("GET", f"{at}/tokens").content.decode()
        idp = Idp(token.json()["secret"])
        assert idp.post("/Users", {"userName": "bo@acme.example"}).status_code == 201
        feed = Consumer(org, key_of().secret)
        feed.poll()
        assert "bo@acme.example" in {state.get("user_name") for state in feed.states().values()}

        assert (
            problem(operator("DELETE", at)) == problem(operator("DELETE", at, confirm="acm")) == (400, "invalid-value")
        )
        assert operator.preview("DELETE", at).json()["deletes"] == {"people": 2, "groups": 0, "entities": 0}
        deleted = operator("DELETE", at, confirm="acme")
        assert (deleted.status_code, deleted.json()["finished_at"]) == (202, None)
        assert idp.get("/Users").status_code == 401
        assert operator("GET", f"{at}/tokens").status_code == 404
        monkeypatch.setattr(deletions, "GRACE", timedelta())
        while deletions.advance(seconds=60):
            pass
        progress = operator("GET", deleted["Location"].removeprefix("/api/v1")).json()
        assert (progress["done"], progress["organization"]) == (progress["stages"], None)
        assert operator("GET", "/deletions").json()["items"] == [progress]
        assert not Organization.objects.exists()

    def test_an_org_without_a_choice_has_what_the_command_gives_it(self, db: None) -> None:
        wished = {"name": "Acme", "owner": "ada@acme.example", "mails_owner": False}
        assert Program(None)("POST", "/organizations", wished).status_code == 201
        org = Organization.objects.get()
        assert (org.profile.key, org.plan, org.user_provisioning) == ("standard", Plan.FREE, False)
        assert not Mail.objects.exists()

    @pytest.mark.parametrize(
        ("changes", "name"),
        [
            ({"owner": "ada"}, "owner"),
            ({"name": " "}, "name"),
            ({"slug": "a b"}, "slug"),
            ({"profile": "none"}, "profile"),
            ({"features": {"team": True}}, "features.team"),
            ({"plan": "gold"}, "plan"),
        ],
    )
    def test_what_is_wrong_is_named(self, db: None, changes: dict[str, Any], name: str) -> None:
        told = Program(None)("POST", "/organizations", {"name": "Acme", "owner": "ada@acme.example"} | changes)
        assert problem(told) == (400, "invalid-value")
        assert set(told.json()["errors"]) == {name}
        assert not Organization.objects.exists()

    def test_is_for_the_operator(self, org: Organization) -> None:
        for method, path in (("POST", "/organizations"), ("GET", "/deletions"), ("GET", f"/deletions/{uuid7()}")):
            assert problem(Program(org)(method, path, {})) == (403, "operator-only")


class TestAnOrgsOwnKey:
    def test_switches_groups_as_its_admins_do(self, scene: Scene) -> None:  # O2, O3
        program = Program(scene.org)
        for on in (False, True):
            told = program("PATCH", scene.at, {"features": {"group_provisioning": on}}).json()
            assert told["features"]["group_provisioning"] is on
        assert program("PATCH", scene.at, {}).status_code == 200
        assert problem(program("PATCH", scene.at, {"features": {"teams": True}})) == (403, "operator-only")
