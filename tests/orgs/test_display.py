"""How pages look in a browser: theme and rows, which its cookies keep."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from orgs.models import Organization
from tests.conftest import signed_in
from tests.factories import OwnerFactory, StaffFactory

PAGE = re.compile(r"<html[^>]*>")


@pytest.fixture
def browser(org: Organization) -> Client:
    return signed_in(OwnerFactory.create(org=org))


def root(browser: Client, address: str = "/people/") -> str:
    (found,) = PAGE.findall(browser.get(address).content.decode())
    return str(found)


class TestTheTheme:
    def test_is_the_systems_until_one_is_chosen(self, browser: Client) -> None:
        assert root(browser) == '<html lang="en">'
        assert 'name="color-scheme" content="light dark"' in browser.get("/people/").content.decode()

    def test_is_sent_with_each_page_from_then_on(self, browser: Client) -> None:
        browser.post("/display/", {"theme": "dark"})
        assert root(browser) == '<html lang="en" data-theme="dark">'
        assert 'name="color-scheme" content="dark"' in browser.get("/people/").content.decode()
        browser.post("/display/", {"theme": "light"})
        assert root(browser) == '<html lang="en" data-theme="light">'
        browser.post("/display/", {"theme": "system"})
        assert root(browser) == '<html lang="en">'

    def test_stays_on_pages_for_which_nobody_is_signed_in(self, browser: Client) -> None:
        browser.post("/display/", {"theme": "dark"})
        browser.post("/sign-out/")
        for address in ("/sign-in/", "/forgotten-password/", "/there/is/no/such/page/"):
            assert 'data-theme="dark"' in root(browser, address), address

    def test_is_one_of_those_that_there_are(self, browser: Client) -> None:
        browser.post("/display/", {"theme": "neon"})
        assert "theme" not in browser.cookies
        browser.cookies["theme"] = 'neon" onload="alert(1)'
        assert root(browser) == '<html lang="en">'

    def test_is_chosen_by_support_that_views_an_organization(self, org: Organization) -> None:  # N4
        support = signed_in(StaffFactory.create())
        support.post(reverse("admin:view_as", args=[org.id]))
        support.post("/display/", {"theme": "dark"})
        assert 'class="viewing"' in support.get("/people/").content.decode()
        assert 'data-theme="dark"' in root(support)


class TestTheRows:
    def test_are_chosen_beside_the_theme(self, browser: Client) -> None:
        browser.post("/display/", {"theme": "dark"})
        browser.post("/display/", {"rows": "compact"})
        assert root(browser) == '<html lang="en" data-theme="dark" data-rows="compact">'
        browser.post("/display/", {"rows": "comfortable"})
        assert root(browser) == '<html lang="en" data-theme="dark">'


class TestChoosing:
    def test_leads_back_to_the_page_where_it_was_done(self, browser: Client) -> None:
        chosen = {"theme": "dark", "next": "/people/?q=ada&sort=-name"}
        assert browser.post("/display/", chosen).headers["Location"] == "/people/?q=ada&sort=-name"
        assert browser.post("/display/", chosen | {"next": "//evil.example/"}).headers["Location"] == "/account/"

    def test_leaves_the_page_where_it_is_with_scripting(self, browser: Client) -> None:
        assert browser.post("/display/", {"theme": "dark"}, headers={"HX-Request": "true"}).status_code == 204

    def test_is_kept_by_a_cookie_that_scripts_cannot_read(self, browser: Client) -> None:
        cookie = browser.post("/display/", {"theme": "dark"}).cookies["theme"]
        assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", 365 * 24 * 3600)
