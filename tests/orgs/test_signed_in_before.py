"""The menu of a session: the orgs that this browser has signed in to (SPEC L1)."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from groups_provisioning.actions import account_switches
from orgs import deletions
from orgs.models import Organization, User
from orgs.web import signed_in_before
from tests.conftest import signed_in
from tests.factories import OrganizationFactory, OwnerFactory, StaffFactory, UserFactory
from tests.groups_provisioning.world import by_command
from tests.page_text import text_at_first

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
COOKIE = "signed-in-before"


def account(name: str, **options: Any) -> User:
    """An admin of an org of this name, with a password."""
    org = OrganizationFactory.create(name=name, slug=name.lower())
    user = UserFactory.create(org=org, user_name=f"ada@{org.slug}.example", roles=["Admin"], **options)
    user.set_password(PASSWORD)
    user.save()
    return user


def sign_in(browser: Client, user: User) -> HttpResponse:
    assert user.org
    answer = browser.post(f"/sign-in/{user.org.slug}/", {"username": user.user_name, "password": PASSWORD})
    assert answer.status_code == 302, text_at_first(answer)
    return answer


def menu(browser: Client) -> dict[str, str]:
    """What the account page offers: address by name."""
    page = browser.get("/account/").text
    found = re.findall(r'<li><a class="nav__link" href="([^"]+)">([^<]+)</a></li>', page)
    assert len(found) == 2 * len(set(found)), "at the side, and above the page"
    return {name: address for address, name in found}


@pytest.fixture
def acme(db: None) -> User:
    return account("Acme")


@pytest.fixture
def blue(db: None) -> User:
    return account("Blue")


@pytest.fixture
def browser(acme: User, blue: User) -> Client:
    """Signed in to Blue, after Acme."""
    found = Client()
    sign_in(found, acme)
    sign_in(found, blue)
    return found


class TestTheMenu:
    def test_has_the_other_orgs_that_this_browser_signed_in_to(self, browser: Client, acme: User) -> None:
        assert menu(browser) == {"Acme": "/sign-in/acme/?switch=1"}
        account("Cyan")  # where nobody has signed in
        sign_in(browser, acme)
        assert menu(browser) == {"Blue": "/sign-in/blue/?switch=1"}

    def test_is_none_where_there_is_one_org(self, acme: User) -> None:
        browser = Client()
        sign_in(browser, acme)
        assert "Switch organization" not in browser.get("/account/").text

    def test_leads_to_the_password_with_the_address_filled_in(self, browser: Client, acme: User, blue: User) -> None:
        page = browser.get(menu(browser)["Acme"])
        assert 'value="ada@acme.example"' in page.text
        assert 'name="password"' in page.text
        assert browser.session["_auth_user_id"] == str(blue.pk)  # until the password is right
        sign_in(browser, acme)
        assert browser.session["_auth_user_id"] == str(acme.pk)

    def test_leads_through_the_identity_provider_where_there_is_one(self, browser: Client, acme: User) -> None:  # L6
        connection = acme.pk
        Organization.objects.filter(pk=acme.org_id).update(sso_connection=connection)
        assert menu(browser) == {"Acme": f"/sso/{connection}/start"}
        assert "ada@acme.example" not in browser.get("/sign-in/acme/?switch=1").text
        User.objects.filter(pk=acme.pk).update(is_owner=True)
        assert menu(browser) == {"Acme": "/sign-in/acme/?switch=1"}
        assert 'value="ada@acme.example"' in browser.get("/sign-in/acme/?switch=1").text

    def test_names_an_org_once_for_the_account_that_signed_in_last(self, browser: Client, acme: User) -> None:
        owner = OwnerFactory.create(org=acme.org, user_name="boss@acme.example")
        owner.set_password(PASSWORD)
        owner.save()
        blue = User.objects.get(user_name="ada@blue.example")
        sign_in(browser, owner)
        sign_in(browser, blue)
        assert list(menu(browser)) == ["Acme"]
        assert 'value="boss@acme.example"' in browser.get("/sign-in/acme/?switch=1").text

    def test_keeps_eight(self, acme: User) -> None:
        browser = Client()
        sign_in(browser, acme)
        for number in range(9):
            sign_in(browser, account(f"Org{number}"))
        assert sorted(menu(browser)) == [f"Org{number}" for number in range(1, 8)]

    def test_costs_one_query_and_only_who_has_one(
        self, browser: Client, blue: User, django_assert_num_queries: Callable[..., Any]
    ) -> None:
        for visitor, queries in ((signed_in(blue), 0), (browser, 1)):
            request = visitor.get("/account/").wsgi_request
            assert request.user == blue
            with django_assert_num_queries(queries):
                signed_in_before.other_orgs(request)


class TestWhoIsGone:
    @pytest.mark.parametrize("gone", ["deactivated", "deleted", "org", "org closed"])
    def test_is_not_in_it(self, browser: Client, acme: User, gone: str) -> None:
        assert menu(browser)
        assert acme.org
        if gone == "deactivated":
            account_switches.deactivate(org=acme.org, user_id=acme.id, cause=by_command())
        elif gone == "deleted":
            User.objects.filter(pk=acme.pk).update(deleted_at=acme.created_at, active=False, login_email=None)
        else:
            deletions.begin(org=acme.org, cause=by_command())
            while gone == "org" and deletions.advance(seconds=60):
                pass
        assert menu(browser) == {}
        answer = browser.get("/sign-in/acme/?switch=1")
        assert "ada@acme.example" not in answer.text
        assert answer.status_code == (200 if gone in ("deactivated", "deleted") else 404)

    def test_cannot_sign_in_by_it(self, browser: Client, acme: User) -> None:
        address = menu(browser)["Acme"]
        browser.get(address)
        assert acme.org
        account_switches.deactivate(org=acme.org, user_id=acme.id, cause=by_command())
        answer = browser.post(address, {"username": acme.user_name, "password": PASSWORD})
        assert "do not match an active account" in text_at_first(answer)


class TestTheCookie:
    def test_is_for_that_browser_and_signs_nobody_in(self, browser: Client, acme: User, blue: User) -> None:
        cookie = browser.cookies[COOKIE]
        assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
        assert "acme" not in cookie.value
        second = signed_in(blue)
        assert menu(second) == {}
        thief = Client()
        thief.cookies[COOKIE] = cookie.value
        assert thief.get("/account/").headers["Location"].startswith("/sign-in/")
        assert "ada@acme.example" not in thief.get("/sign-in/acme/?switch=1").text

    @pytest.mark.parametrize("forged", ["{id}", "{id}:x:y", "", ":", "x" * 5000])
    def test_that_is_forged_names_nothing(self, acme: User, blue: User, forged: str) -> None:
        browser = signed_in(blue)
        browser.cookies[COOKIE] = forged.format(id=acme.pk)
        assert menu(browser) == {}
        assert "ada@acme.example" not in browser.get("/sign-in/acme/?switch=1").text

    def test_goes_with_signing_out(self, browser: Client, blue: User) -> None:
        browser.post("/sign-out/")
        assert browser.cookies[COOKIE].value == ""
        sign_in(browser, blue)
        assert menu(browser) == {}

    def test_stays_where_somebody_signs_in_again(self, browser: Client) -> None:
        browser.post("/sign-out/", {"next": "/settings/setup-links/new/"})
        assert browser.cookies[COOKIE].value

    def test_is_not_for_support(self, browser: Client, acme: User) -> None:
        before = browser.cookies[COOKIE].value
        browser.force_login(StaffFactory.create())
        assert sorted(place.org.name for place in signed_in_before.other_orgs(_request(browser))) == ["Acme", "Blue"]
        assert browser.cookies[COOKIE].value == before


def _request(browser: Client) -> Any:
    return browser.get("/account/").wsgi_request
