"""What an org's admin comes for, done in a browser."""

import re
from typing import Any

import pytest
from playwright.sync_api import APIRequestContext, Browser, BrowserContext, Page, Playwright, expect

from orgs.models import ScimToken, Session, User
from scim import request_log
from scim.models import RequestLog
from tests.browser.conftest import PASSWORD, sign_in
from tests.browser.scenes import SCENES
from tests.factories import UserFactory, issue_token


@pytest.fixture
def idp(playwright: Playwright) -> APIRequestContext:
    return playwright.request.new_context()


def fill_in(page: Page, name: str) -> None:
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Identity provider").select_option("okta")


def test_connecting_an_identity_provider_and_cutting_it_off(
    owner: User, page: Page, context: BrowserContext, idp: APIRequestContext
) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])

    page.goto("/settings/scim/")
    page.get_by_label("E-mail address").fill("ADA@northwind.example")
    page.keyboard.press("Enter")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Not now").click()  # to a second factor

    expect(page.get_by_role("heading", name="SCIM provisioning")).to_be_visible()
    page.get_by_role("button", name="Copy Base URL").click()
    expect(page.locator("[data-announcements]")).to_have_text("Base URL copied")
    base_url = page.evaluate("navigator.clipboard.readText()")

    page.get_by_role("link", name="Create token").click()
    fill_in(page, "Okta production")
    page.get_by_role("button", name="Create token").click()
    page.get_by_role("button", name="Copy Token").click()
    token = page.evaluate("navigator.clipboard.readText()")
    authorization = {"Authorization": f"Bearer {token}"}
    assert idp.get(f"{base_url}/ServiceProviderConfig", headers=authorization).status == 200
    assert idp.get(f"{base_url}/Users", headers=authorization).status == 200

    page.get_by_role("link", name="I have copied it").click()
    expect(page.get_by_role("row", name="Okta production")).to_contain_text("Active")
    page.get_by_role("link", name="Revoke Okta production").click()
    expect(page.get_by_role("dialog")).to_contain_text("refused at once")
    page.get_by_role("button", name="Revoke token").click()

    expect(page.get_by_role("row", name="Okta production")).to_contain_text("Revoked")
    assert idp.get(f"{base_url}/ServiceProviderConfig", headers=authorization).status == 401


def test_by_keyboard_alone(owner: User, page: Page) -> None:
    def tab_to(role: Any, name: str) -> None:
        target = page.get_by_role(role, name=name)
        for _ in range(40):
            page.keyboard.press("Tab")
            if target.evaluate("element => element === document.activeElement"):
                return
        raise AssertionError(f"{name} cannot be reached")

    page.goto("/settings/scim/")
    page.keyboard.type("ada@northwind.example")  # the field has the focus
    page.keyboard.press("Enter")
    expect(page.get_by_label("Password")).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Add a second factor")).to_be_visible()
    tab_to("link", "Not now")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="SCIM provisioning")).to_be_visible()

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    tab_to("link", "Create token")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.get_by_role("link", name="Create token")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.type("By keyboard")
    page.keyboard.press("Tab")
    page.keyboard.type("Okta")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Copy your token now")).to_be_visible()
    assert ScimToken.objects.get().expires_at is None

    tab_to("link", "I have copied it")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="SCIM provisioning")).to_be_visible()
    tab_to("link", "Revoke By keyboard")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Keep it")).to_be_focused()  # what cannot be undone is not the first
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_role("button", name="Revoke token")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("row", name="By keyboard")).to_contain_text("Revoked")


@pytest.mark.parametrize("leave", ["reload", "back", "forward again"])
def test_a_secret_is_gone_when_its_page_was_left(
    owner: User, page: Page, context: BrowserContext, live_server: Any, leave: str
) -> None:
    sign_in(context, owner, live_server.url)
    page.goto("/settings/scim/tokens/new/")
    fill_in(page, "Okta production")
    page.get_by_role("button", name="Create token").click()
    token = page.get_by_label("Token", exact=True).input_value()
    assert token.startswith("muster_scim_")
    if leave == "reload":
        page.reload()
    elif leave == "back":
        page.get_by_role("link", name="I have copied it").click()
        page.go_back()
    else:
        page.go_back()
        page.go_forward()
    page.wait_for_load_state()
    assert token not in page.content()
    assert ScimToken.objects.count() == 1


def test_without_javascript(owner: User, browser: Browser, live_server: Any, browser_context_args: Any) -> None:
    context = browser.new_context(**browser_context_args, java_script_enabled=False)
    sign_in(context, owner, live_server.url)
    page = context.new_page()
    page.goto("/settings/scim/")
    expect(page.get_by_role("button", name="Copy")).to_be_hidden()
    page.get_by_role("link", name="Create token").click()
    fill_in(page, "Okta production")
    page.get_by_role("button", name="Create token").click()
    assert page.get_by_label("Token", exact=True).input_value().startswith("muster_scim_")
    page.get_by_role("link", name="I have copied it").click()
    page.get_by_role("link", name="Revoke Okta production").click()
    page.get_by_role("button", name="Revoke token").click()
    expect(page.get_by_role("row", name="Okta production")).to_contain_text("Revoked")
    page.get_by_role("link", name="Switch off").click()
    page.get_by_role("button", name="Switch group provisioning off").click()
    expect(page.get_by_text("Group provisioning is off.")).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_text("Menu", exact=True).click()
    page.get_by_role("link", name="Overview").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    context.close()


def test_finding_out_why_a_request_was_refused_by_keyboard(
    owner: User, page: Page, context: BrowserContext, live_server: Any
) -> None:
    address = SCENES["provisioning-log"].set_up(owner)
    sign_in(context, owner, live_server.url)
    page.goto(address)
    expect(page.locator("tr.log")).to_have_count(8)

    page.get_by_role("link", name="List users").press("Enter")
    drawer = page.get_by_role("dialog")
    older = drawer.get_by_role("link", name="Older")
    for action in ("Create user", "Push group"):
        older.press("Enter")
        expect(drawer.get_by_role("heading", name=action)).to_be_visible()
        expect(older).to_be_focused()
    page.keyboard.press("Escape")

    page.get_by_label("Outcome").select_option("refused")
    expect(page.locator("tr.log")).to_have_count(2)
    expect(page.locator("[data-announcements]")).to_have_text("2 requests")
    assert "outcome=refused" in page.url
    page.get_by_role("searchbox", name="Search").press_sequentially("zoe")
    expect(page.locator("tr.log")).to_have_count(1)

    page.get_by_role("link", name="Create user").press("Enter")
    drawer = page.get_by_role("dialog", name="Create user")
    expect(drawer).to_contain_text("What to change in Okta")
    expect(drawer.get_by_role("link", name="Close")).to_be_focused()
    entry = page.url
    assert "outcome=refused" in entry
    assert entry.partition("?")[0] != f"{live_server.url}{address}"
    expect(drawer.get_by_role("link", name="Newer")).to_have_count(0)  # what the filters leave is one
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    expect(page.get_by_role("link", name="Create user")).to_be_focused()

    page.get_by_role("link", name="Create user").press("Enter")
    expect(drawer).to_be_visible()
    page.go_back()
    expect(drawer).to_be_hidden()
    expect(page.locator("tr.log")).to_have_count(1)
    page.go_forward()  # to what the address says
    expect(page.get_by_role("heading", level=1)).to_have_text("Create user")
    assert page.url == entry
    page.go_back()
    expect(page.locator("tr.log")).to_have_count(1)


def test_new_requests_are_told_while_the_log_is_seen(
    owner: User, page: Page, context: BrowserContext, live_server: Any, idp: APIRequestContext
) -> None:
    assert owner.org
    issued = issue_token(owner.org)
    sign_in(context, owner, live_server.url)
    page.clock.install()
    page.goto("/settings/scim/log/")
    expect(page.get_by_role("heading", name="No requests yet")).to_be_visible()
    polls: list[str] = []
    page.on("request", lambda request: polls.append(request.url) if "/log/news/" in request.url else None)
    hide = "hidden => Object.defineProperty(document, 'hidden', {value: hidden, configurable: true})"
    page.evaluate(hide, True)
    page.clock.run_for(25_000)
    assert polls == []

    idp.get(f"{live_server.url}/api/scim/Users", headers={"Authorization": f"Bearer {issued.secret}"})
    assert request_log.flush(10)
    page.evaluate(hide, False)
    page.clock.run_for(11_000)
    expect(page.locator("[data-announcements]")).to_have_text("1 new request", timeout=10_000)
    page.get_by_role("link", name="1 new – show").click()
    expect(page.locator("tr.log")).to_have_count(1)
    expect(page.get_by_role("link", name="new – show")).to_have_count(0)


def test_an_entry_that_has_gone_meanwhile_is_a_page_that_says_so(
    owner: User, page: Page, context: BrowserContext, live_server: Any
) -> None:
    address = SCENES["provisioning-log"].set_up(owner)
    sign_in(context, owner, live_server.url)
    page.goto(address)
    RequestLog.objects.all().delete()
    page.get_by_role("link", name="Create user").first.click()
    expect(page.get_by_role("heading", name="This entry is no longer kept")).to_be_visible()


def test_the_checklist_ticks_by_itself(
    owner: User, page: Page, context: BrowserContext, live_server: Any, idp: APIRequestContext
) -> None:
    assert owner.org
    issued = issue_token(owner.org)
    sign_in(context, owner, live_server.url)
    page.goto("/settings/scim/")
    expect(page.locator("#connection-status")).to_contain_text("Waiting for the first request")
    idp.get(f"{live_server.url}/api/scim/Users", headers={"Authorization": f"Bearer {issued.secret}"})
    expect(page.locator("#checklist")).to_contain_text("Looked up a person: done", timeout=10_000)
    expect(page.locator("#connection-status")).to_contain_text("Connected")
    expect(page.locator("[data-announcements]")).to_have_text("2 of 5 steps done")


def test_the_log_without_scripting(owner: User, browser: Browser, live_server: Any) -> None:
    address = SCENES["provisioning-log"].set_up(owner)
    context = browser.new_context(java_script_enabled=False, base_url=live_server.url)
    sign_in(context, owner, live_server.url)
    page = context.new_page()
    page.goto(address)
    page.get_by_label("Outcome").select_option("refused")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("tr.log")).to_have_count(2)
    page.get_by_role("link", name="Create user").click()
    expect(page.locator("main")).to_contain_text("What to change in Okta")
    page.goto("/settings/scim/")
    page.get_by_role("link", name="PingOne").click()
    expect(page.locator("#setup-guide")).to_contain_text("User Filter Expression")
    context.close()


def test_going_anywhere_by_keyboard(owner: User, page: Page, context: BrowserContext, live_server: Any) -> None:
    assert owner.org
    UserFactory.create(org=owner.org, user_name="grace.hopper@northwind.example", display_name="Grace Hopper")
    sign_in(context, owner, live_server.url)
    page.goto("/settings/scim/log/")
    page.keyboard.press("Control+k")
    palette = page.get_by_role("dialog", name="Search")
    field = palette.get_by_role("combobox")
    expect(field).to_be_focused()
    chosen = palette.get_by_role("option", selected=True)
    expect(chosen).to_have_text("Overview")
    expect(field).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(chosen).to_have_text("SCIM groups")
    expect(field).to_have_attribute("aria-activedescendant", str(chosen.get_attribute("id")))

    page.keyboard.type("hopper")
    expect(chosen).to_contain_text("Grace Hopper")
    expect(palette.get_by_role("status")).to_have_text("1 result")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Grace Hopper")

    page.get_by_role("link", name="Search", exact=True).press("Enter")
    expect(field).to_be_focused()
    page.keyboard.press("Escape")
    expect(palette).to_be_hidden()
    expect(page.get_by_role("link", name="Search", exact=True)).to_be_focused()
    page.keyboard.press("Control+k")
    expect(chosen).to_be_visible()
    page.keyboard.type("token")
    page.keyboard.press("Enter")  # before there are options for it: the page of the search
    expect(page.get_by_role("link", name="Create SCIM token")).to_be_visible()


def test_the_keys_are_listed_by_a_key_which_can_be_turned_off(
    owner: User, page: Page, context: BrowserContext, live_server: Any
) -> None:
    sign_in(context, owner, live_server.url)
    page.goto("/people/")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    page.get_by_role("searchbox", name="Search").press("?")
    expect(page.get_by_role("searchbox", name="Search")).to_have_value("?")
    expect(dialog).to_be_hidden()
    page.get_by_role("heading", name="People").click()
    page.keyboard.press("?")
    expect(dialog).to_contain_text("Ctrl KSearch people, groups, pages and actions")
    expect(dialog).to_contain_text("J KGo to the next or previous conflict")
    dialog.get_by_label("Keys without Ctrl or Alt").uncheck()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()

    page.reload()
    page.keyboard.press("?")
    expect(dialog).to_be_hidden()
    page.locator(".side .preferences > summary").click()
    page.get_by_role("button", name="Keyboard shortcuts").click()
    expect(dialog.get_by_label("Keys without Ctrl or Alt")).not_to_be_checked()
    dialog.get_by_label("Keys without Ctrl or Alt").check()
    dialog.get_by_role("button", name="Close").click()
    expect(page.get_by_role("button", name="Keyboard shortcuts")).to_be_focused()
    page.keyboard.press("?")
    expect(dialog).to_be_visible()


def test_the_search_without_scripting(owner: User, browser: Browser, live_server: Any) -> None:
    context = browser.new_context(java_script_enabled=False, base_url=live_server.url)
    sign_in(context, owner, live_server.url)
    page = context.new_page()
    page.goto("/")
    page.get_by_role("link", name="Search", exact=True).click()
    page.get_by_role("searchbox").fill("webhook")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("main").get_by_role("link", name="Add a webhook").click()
    expect(page).to_have_url(re.compile("/webhooks/new/"))
    context.close()


def test_what_was_entered_survives_a_session_that_has_ended(
    owner: User, page: Page, context: BrowserContext, live_server: Any
) -> None:
    def sign_in_by_hand() -> None:
        page.get_by_label("E-mail address").fill(owner.user_name)
        page.keyboard.press("Enter")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("link", name="Not now").click()  # to a second factor

    sign_in(context, owner, live_server.url)
    page.goto("/groups/rules/new/")
    page.get_by_label("Match by").select_option("regex")
    page.get_by_label("Pattern").fill("^eng-")
    page.get_by_label("Approve automatically").check()
    expect(page.locator("#matches")).to_contain_text("0 of 0 groups")
    Session.objects.all().delete()
    page.get_by_role("button", name="Save rule").click()
    expect(page.get_by_role("alert")).to_contain_text("You are no longer signed in, so nothing was saved.")
    sign_in_by_hand()
    expect(page.get_by_text("What you entered before is back in the form. It is not saved yet.")).to_be_visible()
    expect(page.get_by_label("Match by")).to_have_value("regex")
    expect(page.get_by_label("Pattern")).to_have_value("^eng-")
    expect(page.get_by_label("Approve automatically")).to_be_checked()
    expect(page.locator("#matches")).to_contain_text("0 of 0 groups")

    Session.objects.all().delete()
    page.get_by_label("Pattern").fill("^eng-web")  # asks what that matches
    sign_in_by_hand()
    expect(page.get_by_label("Pattern")).to_have_value("^eng-web")
    expect(page.locator("#matches")).to_contain_text("0 of 0 groups")
    page.get_by_role("button", name="Save rule").click()
    expect(page.get_by_text("The rule was saved.")).to_be_visible()
    page.goto("/groups/rules/new/")
    expect(page.get_by_label("Pattern")).to_have_value("")
