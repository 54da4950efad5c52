"""From nothing to a person who is out at once: single sign-on by the org's admin alone, then SCIM, then a person."""

import re
import socket
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, BrowserContext, Page, expect

from orgs.models import Organization, Session, User
from sso.models import Connection
from tests.browser.conftest import sign_in, uncomplaining
from tests.conftest import Idp
from tests.sso.counterparts.conftest import node  # noqa: F401 - a fixture
from tests.sso.counterparts.running import running
from tests.sso.servers import LOCAL


@contextmanager
def provider(script: tuple[str, str], org: Organization, url: str) -> Iterator[str]:
    """The issuer, once it is there; it knows the addresses of the org's connection."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = str(listening.getsockname()[1])
    connection = Connection.objects.get(org=org)
    redirect, logout = (url + reverse(f"sso-{name}", args=[connection.id]) for name in ("callback", "logout"))
    with running(*script, port, redirect, logout) as said:
        assert said == "ready"
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def people(browser: Browser, browser_context_args: dict[str, Any]) -> Generator[BrowserContext]:
    """The browser of somebody else."""
    context = browser.new_context(**browser_context_args)
    yield without_fonts(context)
    context.close()


def without_fonts(context: BrowserContext) -> BrowserContext:
    """The provider's own pages would have some from elsewhere."""
    context.route(re.compile("//fonts"), lambda route: route.fulfill(body=""))
    return context


def is_at_the_provider(page: Page, name: str) -> None:
    page.get_by_placeholder("Enter any login").fill(name)
    page.get_by_placeholder("and password").fill("any")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()


def test_from_nothing_to_a_person_who_is_out_at_once(
    page: Page,
    owner: User,
    org: Organization,
    people: BrowserContext,
    node: Callable[[str], tuple[str, str]],  # noqa: F811
    live_server: Any,
    settings: Any,
) -> None:  # O1, L3, L4, L7, U4
    settings.IDP_NETWORKS = LOCAL
    Organization.objects.update(sso_configured=False)
    sign_in(without_fonts(page.context), owner, live_server.url)
    page.goto("/settings/scim/")
    page.get_by_role("link", name="single sign-on").first.click()
    page.get_by_role("link", name="Set up single sign-on").click()
    page.get_by_label("Keycloak").check()
    page.get_by_role("button", name="Continue").click()
    with provider(node("oidc_provider.mjs"), org, live_server.url) as issuer:
        page.get_by_label("Issuer").fill(issuer)
        page.get_by_label("Client ID").fill("muster")
        page.locator("[name=client_secret]").fill("s" * 40)
        page.get_by_role("button", name="Save the draft").click()
        page.get_by_role("link", name="Test this configuration").click()
        is_at_the_provider(page, "anybody")
        expect(page.get_by_text("anybody@northwind.example").first).to_be_visible()
        page.get_by_role("link", name="Activate").click()
        page.get_by_role("button", name="Activate").click()
        expect(page.get_by_text("Active connection")).to_be_visible()

        page.goto("/settings/scim/tokens/new/")
        page.get_by_label("Name").fill("Provisioning")
        page.get_by_label("Identity provider").select_option("other")
        page.get_by_role("button", name="Create").click()
        scim = Idp(page.locator("#secret").input_value())
        kim = scim.post("/Users", {"userName": "kim@northwind.example"}).json()["id"]

        hers = people.new_page()
        with uncomplaining(hers):
            hers.goto(f"/sign-in/{org.slug}/")
            hers.get_by_role("link", name="Continue with single sign-on").click()
            is_at_the_provider(hers, "kim")
            expect(hers.get_by_role("heading", name="Your account")).to_be_visible()
            assert Session.objects.get(user=kim).provider_session != ""
            hers.goto(f"{issuer}/session/end")
            hers.get_by_role("button", name="Yes, sign me out").click()
            expect(hers).to_have_url(f"{issuer}/session/end/success")
            hers.goto("/account/")
            expect(hers).to_have_url(f"{live_server.url}/sign-in/?next=/account/")

            hers.goto(f"/sign-in/{org.slug}/")
            hers.get_by_role("link", name="Continue with single sign-on").click()
            is_at_the_provider(hers, "kim")
            expect(hers.get_by_role("heading", name="Your account")).to_be_visible()
            scim.patch(f"/Users/{kim}", {"op": "replace", "value": {"active": False}})
            hers.reload()
            expect(hers).to_have_url(f"{live_server.url}/sign-in/?next=/account/")
            assert not Session.objects.filter(user=kim).exists()
            hers.goto(f"/sign-in/{org.slug}/")
            hers.get_by_role("link", name="Continue with single sign-on").click()
            expect(hers.get_by_role("heading", name="You are not signed in")).to_be_visible()
