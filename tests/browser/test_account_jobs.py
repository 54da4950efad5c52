"""What people do on their account page, in a browser."""

from typing import Any

from playwright.sync_api import expect
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
