"""What admins do on the activity page, with scripting."""

from typing import Any

from playwright.sync_api import BrowserContext, Page, expect

from orgs.models import User
from tests.browser.conftest import sign_in
from tests.browser.scenes_activity import SCENES


def test_find_out_what_happened_to_one_person(
    owner: User, page: Page, context: BrowserContext, live_server: Any
) -> None:
    address = SCENES["activity"].set_up(owner)
    sign_in(context, owner, live_server.url)
    page.goto(address)
    page.get_by_label("Kind").select_option(label="Mapping rules")
    expect(page.get_by_role("link", name="Grace Hopper was created")).to_have_count(0)
    expect(page).to_have_url(f"{live_server.url}/activity/?kind=rules")
    page.get_by_label("Kind").select_option(label="All")
    expect(page.get_by_role("link", name="Grace Hopper was created")).to_be_visible()
    page.get_by_label("About").fill("hopper")
    page.get_by_label("About").press("Enter")
    expect(page.get_by_text("Only activity about Grace Hopper.")).to_be_visible()
    expect(page.get_by_role("link", name="Linus Berg was created")).to_have_count(0)
    page.get_by_role("link", name="Grace Hopper was created").click()
    expect(page.get_by_text("Role of Grace Hopper: Member")).to_be_visible()
