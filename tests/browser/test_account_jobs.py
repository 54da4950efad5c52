"""What people do on their account page, in a browser."""

from typing import Any

from playwright.sync_api import BrowserContext, Page, expect
from pytest_playwright.pytest_playwright import CreateContextCallback

from orgs.models import User
from tests.browser.conftest import sign_in, uncomplaining


def test_the_zone_of_the_browser_is_offered_and_saved(
    owner: User, new_context: CreateContextCallback, live_server: Any
) -> None:
    context = new_context(timezone_id="Asia/Tokyo")
    sign_in(context, owner, live_server.url)
    page = context.new_page()
    with uncomplaining(page):
        page.goto("/account/")
        page.get_by_role("button", name="Use this browser’s: Asia/Tokyo").click()
        expect(page.get_by_role("combobox", name="Time zone")).to_have_value("Asia/Tokyo")
        expect(page.get_by_role("button", name="Use this browser’s")).to_be_hidden()
        expect(page.get_by_role("cell", name="JST")).to_be_visible()
    assert User.objects.get(pk=owner.pk).time_zone == "Asia/Tokyo"


def test_a_theme_is_chosen_without_leaving_the_page_and_kept(
    owner: User, page: Page, context: BrowserContext, live_server: Any
) -> None:
    sign_in(context, owner, live_server.url)
    page.emulate_media(color_scheme="dark")
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    page.goto("/groups/rules/new/")
    page.get_by_label("Pattern").fill("eng-")
    dark = page.evaluate(ground)
    page.locator(".side .preferences > summary").click()
    theme = page.locator(".side").get_by_role("group", name="Theme")
    expect(theme.get_by_role("button", name="System")).to_have_attribute("aria-pressed", "true")
    theme.get_by_role("button", name="Light").click()
    expect(theme.get_by_role("button", name="Light")).to_have_attribute("aria-pressed", "true")
    expect(theme.get_by_role("button", name="System")).to_have_attribute("aria-pressed", "false")
    assert page.evaluate(ground) != dark
    expect(page.get_by_label("Pattern")).to_have_value("eng-")
    page.keyboard.press("Escape")
    expect(theme).to_be_hidden()

    page.goto("/people/")
    light = page.evaluate(ground)
    assert light != dark
    page.emulate_media(color_scheme="light")
    page.locator(".side .preferences > summary").click()
    theme.get_by_role("button", name="System").click()
    expect(theme.get_by_role("button", name="System")).to_have_attribute("aria-pressed", "true")
    assert page.evaluate(ground) == light
    page.get_by_role("heading", name="People").click()
    expect(theme).to_be_hidden()


def test_rows_are_compact_without_scripting_too(
    owner: User, new_context: CreateContextCallback, live_server: Any
) -> None:
    context = new_context(java_script_enabled=False)
    sign_in(context, owner, live_server.url)
    page = context.new_page()
    page.goto("/people/?sort=-name")
    row = page.get_by_role("row", name="Ada Brandt")
    before = row.bounding_box()
    page.locator(".side .preferences > summary").click()
    page.locator(".side").get_by_role("button", name="Compact").click()
    expect(page).to_have_url("/people/?sort=-name")
    after = row.bounding_box()
    assert before
    assert after
    assert after["height"] < before["height"]
