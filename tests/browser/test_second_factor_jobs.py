"""Signing in with a passkey and with an app, done in a browser under the strict content security policy."""

import re

from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect

from orgs import totp
from orgs.models import User
from tests.browser.conftest import PASSWORD
from tests.factories import StaffFactory


def plug_in(page: Page, **options: bool) -> None:
    """Let the browser have a device that keeps passkeys, whose finger is always there."""
    device = page.context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    about = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    present = {"isUserVerified": True, "automaticPresenceSimulation": True}
    device.send("WebAuthn.addVirtualAuthenticator", {"options": about | present | options})


def enter_password(page: Page, user: User) -> None:
    page.goto("/sign-in/")
    page.get_by_label("E-mail address").fill(user.user_name)
    page.keyboard.press("Enter")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")


def test_support_adds_a_passkey_and_signs_in_with_it(owner: User, page: Page) -> None:  # L6
    bo = StaffFactory.create(user_name="bo@muster.example")
    bo.set_password(PASSWORD)
    bo.save()
    plug_in(page)
    enter_password(page, bo)
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Name").fill("This laptop")
    page.get_by_role("button", name="Add the passkey").click()
    expect(page.get_by_role("heading", name="Keep your recovery codes")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    kept = download.value.path().read_text()
    assert len(re.findall(r"^(?:[a-z2-7]{4}-){3}[a-z2-7]{4}$", kept, re.MULTILINE)) == 10
    page.get_by_role("link", name="I have kept them").click()
    page.wait_for_url("**/admin/**")

    page.context.clear_cookies()
    enter_password(page, bo)
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url("**/admin/**")

    page.goto("/account/second-factor/")
    expect(page.get_by_role("listitem").filter(has_text="This laptop")).to_contain_text("last used")
    page.get_by_role("link", name="Add a passkey").click()  # the same device has one already
    page.get_by_role("button", name="Add the passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("already has one there")


def test_an_owner_adds_an_app_on_the_way_in_and_uses_it(owner: User, page: Page, context: BrowserContext) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    enter_password(page, owner)
    page.get_by_role("link", name="Add an authenticator app").click()
    page.get_by_role("button", name="Copy Key").click()
    expect(page.locator("[data-announcements]")).to_have_text("Key copied")
    key = page.evaluate("navigator.clipboard.readText()").replace(" ", "")
    page.get_by_label("Code").fill(totp.code(key, totp.step_at(timezone.now())))
    page.get_by_role("button", name="Add the app").click()
    page.get_by_role("button", name="Copy").click()
    codes = page.evaluate("navigator.clipboard.readText()").split()
    page.reload()  # makes no others, and shows none
    expect(page.get_by_text("10 left")).to_be_visible()

    page.context.clear_cookies()
    enter_password(page, owner)
    page.get_by_label("Code").fill(totp.code(key, totp.step_at(timezone.now()) + 1))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()

    page.context.clear_cookies()
    enter_password(page, owner)
    page.get_by_label("Code").fill(codes[0])
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
