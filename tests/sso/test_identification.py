"""Who it is that a provider names."""

from typing import Any

import pytest
from django.utils import timezone

from orgs.models import Organization
from sso import identification
from sso.refusals import Reason, Refused
from tests.factories import OrganizationFactory, OwnerFactory, StaffFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def org() -> Organization:
    org = OrganizationFactory.create()
    org.verified_domains.create(name="acme.example", verified_at=timezone.now())
    return org


def refusal(call: Any) -> Reason:
    with pytest.raises(Refused) as refused:
        call()
    return refused.value.reason


class TestTheUserName:
    def test_is_the_usual_claim_or_the_one_that_was_chosen(self, org: Organization) -> None:  # L4
        claims = {"preferred_username": "ada@acme.example", "upn": "a1"}
        assert identification.user_name(org, claims, claim="") == "ada@acme.example"
        assert identification.user_name(org, claims, claim="upn") == "a1"

    @pytest.mark.parametrize("value", [None, "", 7, ["ada"], "a\0da", "x" * 256])
    def test_is_a_text(self, org: Organization, value: object) -> None:
        assert refusal(lambda: identification.user_name(org, {"upn": value}, claim="upn")) == Reason.NO_NAME

    @pytest.mark.parametrize("email", ["ada@acme.example", "Ada@ACME.example"])
    def test_is_an_address_that_is_verified_in_both_ways(self, org: Organization, email: str) -> None:  # L4
        claims = {"email": email, "email_verified": True}
        assert identification.user_name(org, claims, claim="email") == email

    @pytest.mark.parametrize(
        "claims",
        [
            {"email": "ada@acme.example"},
            {"email": "ada@acme.example", "email_verified": False},
            {"email": "ada@acme.example", "email_verified": "true"},
            {"email": "ada@other.example", "email_verified": True},
            {"email": "ada@sub.acme.example", "email_verified": True},
            {"email": "ada", "email_verified": True},
        ],
    )
    def test_is_no_other_address(self, org: Organization, claims: dict[str, Any]) -> None:  # L4
        name = lambda: identification.user_name(org, claims, claim="email")  # noqa: E731
        assert refusal(name) == Reason.EMAIL_NOT_VERIFIED

    def test_is_never_an_address_unless_that_was_chosen(self, org: Organization) -> None:  # L4
        claims = {"email": "ada@acme.example", "email_verified": True}
        assert refusal(lambda: identification.user_name(org, claims, claim="")) == Reason.NO_NAME


class TestThePerson:
    def test_is_found_in_any_case_of_letters(self, org: Organization) -> None:  # L4
        ada = UserFactory.create(org=org, user_name="Ada@acme.example")
        assert identification.person(org, "ADA@acme.example") == ada

    def test_is_of_this_org(self, org: Organization) -> None:  # L4
        UserFactory.create(user_name="ada")
        assert refusal(lambda: identification.person(org, "ada")) == Reason.NOBODY

    def test_is_not_found_by_an_address(self, org: Organization) -> None:  # L4
        UserFactory.create(org=org, user_name="ada", attributes={"emails": [{"value": "ada@acme.example"}]})
        assert refusal(lambda: identification.person(org, "ada@acme.example")) == Reason.NOBODY

    def test_is_neither_the_owner_nor_support(self, org: Organization) -> None:  # L4
        owner = OwnerFactory.create(org=org)
        staff = StaffFactory.create()
        for somebody in (owner, staff):
            assert refusal(lambda name=somebody.user_name: identification.person(org, name)) == Reason.NOBODY

    def test_is_found_beside_an_owner_of_the_same_name(self, org: Organization) -> None:  # O8
        owner = OwnerFactory.create(org=org)
        ada = UserFactory.create(org=org, user_name=owner.user_name)
        assert identification.person(org, owner.user_name) == ada

    def test_is_active(self, org: Organization) -> None:  # L4
        UserFactory.create(org=org, user_name="ada", active=False)
        assert refusal(lambda: identification.person(org, "ada")) == Reason.DEACTIVATED

    def test_is_not_deleted(self, org: Organization) -> None:  # L4
        UserFactory.create(org=org, user_name="ada", active=False, login_email=None, deleted_at=timezone.now())
        assert refusal(lambda: identification.person(org, "ada")) == Reason.NOBODY
