"""An IdP sends an extension (SPEC P3), and support describes it then: what is stored has any shape (S2)."""

from typing import Any

import pytest

from orgs.models import Organization, SchemaProfile
from tests.conftest import Idp

USER = "urn:ietf:params:scim:schemas:extension:LambdaTest:2.0:User"
ALIAS = "urn:ietf:params:scim:schemas:extension:TestMu AI:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:extension:LambdaTest:2.0:Group"


def describe(org: Organization) -> None:
    """As if the profile had the extensions from now on."""
    org.profile = SchemaProfile.objects.get(key="lambdatest")
    org.save()


@pytest.mark.parametrize(
    "stored",
    [["x"], "x", 5, {"OrganizationRole": ["Admin"]}, {"LambdatestGroup": ["Pool"]}, {"LambdatestGroup": {"a": 1}}],
)
def test_that_of_a_user_is_shown_and_replaced(idp: Idp, org: Organization, stored: Any) -> None:
    path = f"/Users/{idp.post('/Users', {'userName': 'ada@corp.example', USER: stored}).json()['id']}"
    describe(org)
    assert idp.get("/Users?sortBy=LambdatestGroup").json()["totalResults"] == 1
    assert idp.patch(path, {"op": "replace", "path": "title", "value": "x"}).status_code == 200
    role = {"op": "replace", "path": f"{USER}:OrganizationRole", "value": "Guest"}
    assert idp.patch(path, role).json()[USER]["OrganizationRole"] == "Guest"
    assert idp.put(path, {"active": False}).json()["active"] is False


@pytest.mark.parametrize("stored", [["x"], "x", {"LambdatestRoles": "Admin"}, {"LambdatestRoles": [["x"], {"a": 1}]}])
def test_that_of_a_group_is_kept_and_added_to(idp: Idp, org: Organization, stored: Any) -> None:
    path = f"/Groups/{idp.post('/Groups', {'displayName': 'Staff', GROUP: stored}).json()['id']}"
    describe(org)
    assert idp.put(path, {"displayName": "People"}).status_code == 200
    role = {"op": "add", "path": f"{GROUP}:LambdatestRoles", "value": ["Guest"]}
    assert "Guest" in idp.patch(path, role).json()[GROUP]["LambdatestRoles"]


def test_that_came_under_an_alias_is_one_with_what_is_written_now(idp: Idp, org: Organization) -> None:  # P1
    body = {"userName": "ada@corp.example", ALIAS.upper(): {"OrganizationRole": "Admin"}}
    path = f"/Users/{idp.post('/Users', body).json()['id']}"
    describe(org)
    role = {"op": "replace", "path": f"{ALIAS}:OrganizationRole", "value": "Guest"}
    for user in (idp.patch(path, role).json(), idp.get(path).json()):
        assert user["schemas"] == ["urn:ietf:params:scim:schemas:core:2.0:User", ALIAS]
        assert user[ALIAS] == {"OrganizationRole": "Guest"}
        assert ALIAS.upper() not in user
