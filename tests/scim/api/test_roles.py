"""The roles of a user who is in no group (SPEC P2, R1, R5)."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from orgs.models import Change, LedgerEntry, Organization, User
from tests.conftest import Idp
from tests.factories import OrganizationFactory, UserFactory, issue_token

LAMBDATEST = "urn:ietf:params:scim:schemas:extension:LambdaTest:2.0:User"
TESTOMAT = "urn:ietf:params:scim:schemas:extension:testomat:2.0:User"


def idp_of(dialect: str) -> Idp:
    return Idp(issue_token(OrganizationFactory.create(dialect=dialect)).secret)


@pytest.fixture
def lambdatest(db: None) -> Idp:
    return idp_of("lambdatest")


@pytest.fixture
def testomat(db: None) -> Idp:
    return idp_of("testomat")


def create(idp: Idp, **extension: Any) -> User:
    urn = LAMBDATEST if "OrganizationRole" in extension else TESTOMAT
    answer = idp.post(
        "/Users", {"userName": f"ada{User.objects.count()}@corp.example"} | ({urn: extension} if extension else {})
    )
    assert answer.status_code == 201
    return User.objects.get(id=answer.json()["id"])


def replace(role: str) -> dict[str, str]:
    return {"op": "replace", "path": f"{LAMBDATEST}:OrganizationRole", "value": role}


def roles(user: User) -> list[str]:
    user.refresh_from_db()
    return type(user.standing).objects.get(user=user).roles


class TestTheHighestRole:
    def test_is_what_the_idp_wrote(self, lambdatest: Idp) -> None:  # R1
        assert roles(create(lambdatest, OrganizationRole="Guest")) == ["Guest"]

    def test_is_the_default_where_nobody_said_anything(self, lambdatest: Idp) -> None:  # R1
        assert roles(create(lambdatest)) == ["User"]

    def test_goes_down_as_well_as_up(self, lambdatest: Idp) -> None:  # R1
        user = create(lambdatest, OrganizationRole="User")
        for role in ("Admin", "Guest"):
            lambdatest.patch(f"/Users/{user.id}", replace(role))
            UserFactory.create(org=user.org, roles=["Admin"])
            assert roles(user) == [role]

    def test_outside_the_profile_is_400_naming_the_allowed_ones(self, lambdatest: Idp) -> None:  # P2
        body = {"userName": "ada@corp.example", LAMBDATEST: {"OrganizationRole": "Emperor"}}
        answer = lambdatest.post("/Users", body)
        assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidValue")
        for word in ("Emperor", "Admin", "User", "Guest"):
            assert word in answer.json()["detail"]

    def test_set_by_hand_counts_until_the_idp_says_otherwise(self, lambdatest: Idp) -> None:  # R1
        user = create(lambdatest)
        User.objects.filter(id=user.id).update(manual_roles=["Guest"])
        lambdatest.patch(f"/Users/{user.id}", {"op": "replace", "path": "displayName", "value": "x"})
        assert roles(user) == ["Guest"]
        lambdatest.patch(f"/Users/{user.id}", {"op": "add", "path": f"{LAMBDATEST}:OrganizationRole", "value": "User"})
        assert roles(user) == ["User"]


class TestTheUnionOfRoles:
    def test_is_all_that_the_idp_wrote(self, testomat: Idp) -> None:  # R1
        assert roles(create(testomat, testomat_roles=["read", "billing"])) == ["billing", "read"]

    def test_is_shown_in_the_idp_s_order(self, testomat: Idp) -> None:  # R1
        user = create(testomat, testomat_roles=["read", "billing"])
        assert testomat.get(f"/Users/{user.id}").json()[TESTOMAT]["testomat_roles"] == ["read", "billing"]


class TestWhatIsShown:
    def test_is_the_effective_role_where_the_idp_wrote_none(
        self, lambdatest: Idp, testomat: Idp, idp: Idp
    ) -> None:  # R1
        shown = lambdatest.get(f"/Users/{create(lambdatest).id}").json()
        assert shown[LAMBDATEST] == {"OrganizationRole": "User"}
        assert LAMBDATEST in shown["schemas"]
        assert testomat.get(f"/Users/{create(testomat).id}").json()[TESTOMAT] == {"testomat_roles": ["qa"]}
        assert idp.get(f"/Users/{create(idp).id}").json()["roles"] == [{"value": "Member"}]

    def test_is_the_effective_role_again_when_the_idp_s_is_removed(self, lambdatest: Idp) -> None:  # R1
        user = create(lambdatest, OrganizationRole="Guest")
        answer = lambdatest.patch(f"/Users/{user.id}", {"op": "remove", "path": f"{LAMBDATEST}:OrganizationRole"})
        assert answer.json()[LAMBDATEST] == {"OrganizationRole": "User"}
        assert roles(user) == ["User"]

    def test_is_no_core_role_after_they_were_removed(self, idp: Idp) -> None:  # RFC 7644 §3.5.2.2
        user_id = idp.post("/Users", {"userName": "ada", "roles": [{"value": "Admin"}]}).json()["id"]
        assert "roles" not in idp.patch(f"/Users/{user_id}", {"op": "remove", "path": "roles"}).json()

    def test_keeps_core_roles_that_name_no_role(self, idp: Idp) -> None:  # P2
        created = idp.post("/Users", {"userName": "ada", "roles": [{"value": "Poet"}]}).json()
        assert created["roles"] == [{"value": "Poet"}]
        assert roles(User.objects.get(id=created["id"])) == ["Member"]


class TestAnEcho:
    def test_in_a_put_writes_nothing(self, lambdatest: Idp) -> None:  # R1, S4
        user = create(lambdatest)
        seen = lambdatest.get(f"/Users/{user.id}").json()
        assert lambdatest.put(f"/Users/{user.id}", seen).status_code == 200
        user.refresh_from_db()
        assert user.idp_roles is None

    def test_of_the_role_of_a_moment_ago_writes_nothing(self, lambdatest: Idp) -> None:  # R1
        user = create(lambdatest)
        seen = lambdatest.get(f"/Users/{user.id}").json()
        User.objects.filter(id=user.id).update(manual_roles=["Guest"])
        lambdatest.patch(f"/Users/{user.id}", {"op": "replace", "path": "displayName", "value": "x"})
        assert roles(user) == ["Guest"]
        lambdatest.put(f"/Users/{user.id}", seen)
        assert roles(user) == ["Guest"]

    def test_of_a_role_of_long_ago_is_a_wish(self, lambdatest: Idp) -> None:  # R1
        user = create(lambdatest)
        seen = lambdatest.get(f"/Users/{user.id}").json()
        User.objects.filter(id=user.id).update(manual_roles=["Guest"])
        lambdatest.patch(f"/Users/{user.id}", {"op": "replace", "path": "displayName", "value": "x"})
        Change.objects.update(at=timezone.now() - timedelta(minutes=6))
        lambdatest.put(f"/Users/{user.id}", seen)
        assert roles(user) == ["User"]

    def test_in_a_patch_is_a_wish(self, lambdatest: Idp) -> None:  # R1
        user = create(lambdatest)
        lambdatest.patch(f"/Users/{user.id}", replace("User"))
        user.refresh_from_db()
        assert user.idp_roles == ["User"]

    def test_of_a_role_that_the_idp_wrote_stays_written(self, lambdatest: Idp) -> None:  # R1
        user = create(lambdatest, OrganizationRole="Guest")
        lambdatest.put(f"/Users/{user.id}", lambdatest.get(f"/Users/{user.id}").json())
        user.refresh_from_db()
        assert user.idp_roles == ["Guest"]


class TestTheLastAdmin:
    DEMOTE = replace("Guest")

    def test_keeps_the_role_with_its_cause(self, lambdatest: Idp) -> None:  # R5
        ada = create(lambdatest, OrganizationRole="Admin")
        assert lambdatest.patch(f"/Users/{ada.id}", self.DEMOTE).status_code == 200
        assert roles(ada) == ["Admin"]
        assert ada.idp_roles == ["Guest"]
        assert LedgerEntry.objects.get(user=ada, slot="last_admin").now == "kept"

    def test_loses_it_as_soon_as_there_is_another(self, lambdatest: Idp) -> None:  # R5
        ada = create(lambdatest, OrganizationRole="Admin")
        lambdatest.patch(f"/Users/{ada.id}", self.DEMOTE)
        grace = create(lambdatest, OrganizationRole="Admin")
        assert (roles(ada), roles(grace)) == (["Guest"], ["Admin"])

    def test_is_not_the_owner(self, lambdatest: Idp) -> None:  # O8, R5
        ada = create(lambdatest, OrganizationRole="Admin")
        owner = UserFactory.create(org=ada.org, is_owner=True, scim_managed=False, roles=["Admin"])
        lambdatest.patch(f"/Users/{ada.id}", self.DEMOTE)
        assert roles(ada) == ["Admin"]
        assert roles(owner) == ["Admin"]

    def test_is_not_one_who_is_deactivated(self, lambdatest: Idp) -> None:  # R5
        ada, grace = create(lambdatest, OrganizationRole="Admin"), create(lambdatest, OrganizationRole="Admin")
        lambdatest.patch(f"/Users/{grace.id}", {"op": "replace", "path": "active", "value": False})
        lambdatest.patch(f"/Users/{ada.id}", self.DEMOTE)
        assert roles(ada) == ["Admin"]
        lambdatest.patch(f"/Users/{grace.id}", {"op": "replace", "path": "active", "value": True})
        assert roles(ada) == ["Guest"]

    @pytest.mark.parametrize("end", ["deactivate", "delete"])
    def test_can_be_ended_and_support_is_told(self, lambdatest: Idp, end: str) -> None:  # R5
        ada = create(lambdatest, OrganizationRole="Admin")
        if end == "delete":
            lambdatest.delete(f"/Users/{ada.id}")
        else:
            lambdatest.patch(f"/Users/{ada.id}", {"op": "replace", "path": "active", "value": False})
        ada.refresh_from_db()
        assert not ada.active
        assert LedgerEntry.objects.get(user=ada, slot="last_admin").now == "gone"

    def test_keeps_the_admin_role_beside_the_others(self, testomat: Idp) -> None:  # R5
        ada = create(testomat, testomat_roles=["manager", "read"])
        testomat.patch(f"/Users/{ada.id}", {"op": "replace", "path": f"{TESTOMAT}:testomat_roles", "value": ["qa"]})
        assert roles(ada) == ["manager", "qa"]


def test_the_roles_of_another_org_s_people_do_not_count(lambdatest: Idp, org: Organization) -> None:  # O7, R5
    ada = create(lambdatest, OrganizationRole="Admin")
    UserFactory.create(roles=["Admin"])
    lambdatest.patch(f"/Users/{ada.id}", TestTheLastAdmin.DEMOTE)
    assert roles(ada) == ["Admin"]


class TestAnExtension:
    def test_that_a_put_echoes_changes_nothing(self, lambdatest: Idp) -> None:  # P1, R1
        created = lambdatest.post("/Users", {"userName": "ada@corp.example"})
        answer = lambdatest.put(f"/Users/{created.json()['id']}", created.json())
        assert answer["ETag"] == created["ETag"]
        assert answer.json() == created.json()

    def test_is_filtered_by_the_elements_of_its_array(self, testomat: Idp) -> None:
        create(testomat, testomat_roles=["billing", "read"])
        for value, total in (("READ", 1), ("qa", 0)):
            found = testomat.get(f'/Users?filter={TESTOMAT}:testomat_roles[value eq "{value}"]')
            assert found.json()["totalResults"] == total
