"""Verified domains (SPEC O6)."""

import pytest
from django.utils import timezone

from orgs import domains
from orgs.history import Cause
from orgs.models import Door, Organization
from tests.conftest import Idp
from tests.factories import OrganizationFactory, UserFactory, issue_token


def verify(org: Organization, *names: str) -> None:
    domains.keep(org=org, names=names, cause=Cause(Door.COMMAND, timezone.now()))


def rename(name: str, **also: object) -> dict[str, object]:
    return {"op": "replace", "value": {"userName": name, **also}}


@pytest.fixture
def acme(org: Organization) -> Organization:
    verify(org, "acme.example", "ACME.test")
    return org


class TestAnOrgThatListsDomains:
    @pytest.mark.parametrize("name", ["ada@acme.example", "ADA@Acme.Test", "ada"])
    def test_takes_addresses_in_them_and_plain_names(self, acme: Organization, idp: Idp, name: str) -> None:
        assert idp.post("/Users", {"userName": name}).status_code == 201

    def test_refuses_another_domain_on_create(self, acme: Organization, idp: Idp) -> None:
        answer = idp.post("/Users", {"userName": "ada@elsewhere.example"})
        assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidValue")
        assert "acme.example" in answer.json()["detail"]

    def test_refuses_another_domain_on_adoption(self, acme: Organization, idp: Idp) -> None:
        invited = UserFactory.create(org=acme, user_name="ada@elsewhere.example", scim_managed=False)
        assert idp.post("/Users", {"userName": "ada@elsewhere.example"}).status_code == 400
        assert idp.patch(f"/Users/{invited.id}", rename("ada@elsewhere.example", title="x")).status_code == 400

    def test_refuses_another_domain_on_rename(self, acme: Organization, idp: Idp) -> None:
        user = UserFactory.create(org=acme, user_name="ada@acme.example")
        assert idp.patch(f"/Users/{user.id}", rename("ada@elsewhere.example")).status_code == 400
        user.refresh_from_db()
        assert user.user_name == "ada@acme.example"

    def test_leaves_alone_who_had_another_domain_before(self, acme: Organization, idp: Idp) -> None:
        user = UserFactory.create(org=acme, user_name="ada@elsewhere.example")
        assert idp.patch(f"/Users/{user.id}", rename("ada@elsewhere.example", title="x")).status_code == 200

    def test_deactivates_though_the_new_domain_is_another(self, acme: Organization, idp: Idp) -> None:  # U4
        user = UserFactory.create(org=acme, user_name="ada@acme.example")
        assert idp.patch(f"/Users/{user.id}", rename("ada@elsewhere.example", active=False)).status_code == 200
        user.refresh_from_db()
        assert (user.user_name, user.active) == ("ada@acme.example", False)


class TestADomainOfSeveralOrgs:
    def test_is_each_one_s_own(self, acme: Organization, idp: Idp) -> None:
        sandbox = OrganizationFactory.create()
        verify(sandbox, "acme.example")
        assert idp.post("/Users", {"userName": "ada@acme.example"}).status_code == 201
        assert Idp(issue_token(sandbox).secret).post("/Users", {"userName": "ada@acme.example"}).status_code == 201
        verify(acme)
        assert [domain.name for domain in sandbox.verified_domains.all()] == ["acme.example"]

    def test_restricts_nobody_else(self, acme: Organization) -> None:
        stranger = Idp(issue_token(OrganizationFactory.create()).secret)
        assert stranger.post("/Users", {"userName": "ada@acme.example"}).status_code == 201
