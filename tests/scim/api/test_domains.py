"""Verified domains (SPEC O6)."""

import pytest
from django.utils import timezone

from orgs import domains
from orgs.history import Cause
from orgs.models import Door, Organization, User
from tests.conftest import Idp
from tests.factories import OrganizationFactory, UserFactory


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


class TestADomainOfAnotherOrg:
    @pytest.fixture(autouse=True)
    def _owner(self, db: None) -> None:
        verify(OrganizationFactory.create(name="Globex"), "globex.example")

    def test_is_refused_in_the_same_words_as_an_address_that_is_held(self, idp: Idp) -> None:
        UserFactory.create(user_name="ada@held.example")
        verified = idp.post("/Users", {"userName": "ada@globex.example"})
        held = idp.post("/Users", {"userName": "ada@held.example"})
        assert verified.status_code == held.status_code == 400
        assert verified.json() == held.json()
        assert "Globex" not in verified.content.decode()

    def test_cannot_be_verified_twice(self, org: Organization) -> None:
        with pytest.raises(domains.DomainTaken):
            verify(org, "globex.example")

    def test_is_not_told_to_those_who_keep_asking(self, idp: Idp, settings) -> None:
        settings.SCIM_PROBES_PER_MINUTE = 2
        statuses = [idp.post("/Users", {"userName": f"p{n}@globex.example"}).status_code for n in range(3)]
        assert statuses == [400, 400, 429]
        assert idp.post("/Users", {"userName": "ada"}).status_code == 201
        assert User.objects.filter(user_name__contains="globex").count() == 0
