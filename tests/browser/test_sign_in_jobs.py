"""Signing in through an identity provider on another site, under the content security policy."""

import time
from collections.abc import Generator
from html import escape
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from orgs.history import Cause
from orgs.models import Door, Organization, Session, User
from sso import connections
from sso.connections import Facts
from sso.models import Revision
from tests.factories import UserFactory
from tests.sso.oidc.issuer import CLIENT, SECRET
from tests.sso.open_id_provider import OpenIdProvider
from tests.sso.saml.identity_provider import ADA
from tests.sso.saml_provider import SamlProvider, asked, keep_our_key, saml_facts
from tests.sso.servers import LOCAL, answer, serving


@pytest.fixture
def provider(settings: Any) -> Generator[OpenIdProvider]:
    """At 127.0.0.1, which is another site than localhost."""
    settings.IDP_NETWORKS = LOCAL
    with serving() as server:
        provider = OpenIdProvider(server, time.time(), site="http://127.0.0.1")
        provider.claims = {"sub": "1", "preferred_username": "kim@northwind.example"}
        yield provider


@pytest.fixture
def kim(org: Organization, provider: OpenIdProvider) -> User:
    org.verified_domains.create(name="northwind.example", verified_at=timezone.now())
    cause = Cause(Door.COMMAND, timezone.now())
    made = connections.draft(org=org, facts=Facts(provider.issuer, CLIENT, SECRET), cause=cause)
    Revision.objects.filter(id=made.id).update(tested_at=timezone.now())
    connections.activate(org=org, revision_id=made.id, cause=cause)
    return UserFactory.create(org=org, user_name="kim@northwind.example", roles=["Admin"])


def test_by_address_to_the_provider_and_back(page: Page, kim: User, provider: OpenIdProvider, live_server: Any) -> None:
    assert live_server.url.startswith("http://localhost:")
    page.goto("/settings/scim/")
    page.get_by_label("E-mail address").fill("kim@northwind.example")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Continue with single sign-on").click()
    expect(page).to_have_title("Provider")
    assert page.url.startswith(provider.issuer)
    page.get_by_role("link", name="Yes, it is me").click()
    expect(page.get_by_role("heading", name="SCIM provisioning")).to_be_visible()
    assert Session.objects.get(user=kim).connection is not None
    assert "muster_journey" not in [cookie.get("name") for cookie in page.context.cookies()]


def test_the_way_back_of_another_browser_leads_nowhere(page: Page, kim: User, provider: OpenIdProvider) -> None:
    page.goto(f"/sign-in/{kim.org.slug if kim.org else ''}/")
    page.get_by_role("link", name="Continue with single sign-on").click()
    expect(page).to_have_title("Provider")
    page.context.clear_cookies()
    page.get_by_role("link", name="Yes, it is me").click()
    expect(page.get_by_role("heading", name="You are not signed in")).to_be_visible()
    page.get_by_role("link", name="Try again").click()
    page.get_by_role("link", name="Yes, it is me").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()


@pytest.fixture
def ada(org: Organization, settings: Any) -> Generator[User]:
    """Of an org whose SAML identity provider is at 127.0.0.1; its page posts to ours."""
    settings.IDP_NETWORKS = LOCAL

    def page(request: bytes) -> list[bytes]:
        url = f"http://127.0.0.1{request.decode().split(' ')[1]}"
        if "SAMLRequest=" not in url:
            return [answer(b"")]  # its icon
        acs, response = asked(url).get("AssertionConsumerServiceURL"), SamlProvider().answer(url)
        field = f'<input type="hidden" name="SAMLResponse" value="{response}">'
        text = f'<!doctype html><title>Provider</title><form method="post" action="{escape(acs)}">{field}<button>Yes'
        return [answer(text.encode(), content_type=b"text/html")]

    keep_our_key(org)
    with serving() as server:
        server.says = page
        facts, cause = saml_facts(sso_url=f"http://127.0.0.1:{server.port}/sso"), Cause(Door.COMMAND, timezone.now())
        made = connections.draft(org=org, facts=facts, cause=cause)
        Revision.objects.filter(id=made.id).update(tested_at=timezone.now())
        connections.activate(org=org, revision_id=made.id, cause=cause)
        yield UserFactory.create(org=org, user_name=ADA, roles=["Admin"])


@pytest.mark.parametrize("scripts", [True, False])
def test_by_saml_there_and_back_by_a_post_from_another_site(
    browser: Browser, ada: User, live_server: Any, scripts: bool
) -> None:  # L2
    page = browser.new_page(base_url=live_server.url, java_script_enabled=scripts)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    assert ada.org
    page.goto(f"/sign-in/{ada.org.slug}/")
    page.get_by_role("link", name="Continue with single sign-on").click()
    expect(page).to_have_title("Provider")
    page.get_by_role("button", name="Yes").click()
    if not scripts:
        page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    assert Session.objects.filter(user=ada).exclude(connection=None).exists()
    assert said == []
    page.close()
