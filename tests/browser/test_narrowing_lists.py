"""Lists that follow what somebody types."""

from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from orgs.models import User
from tests.browser.conftest import sign_in
from tests.browser.scenes import SCENES
from tests.scim.api import crowds


@pytest.fixture
def signed_in(owner: User, context: BrowserContext, live_server: Any) -> None:
    sign_in(context, owner, live_server.url)
    SCENES["groups"].set_up(owner)


@pytest.mark.usefixtures("signed_in")
def test_typing_is_one_step_of_the_history(page: Page) -> None:
    page.goto("/")
    page.goto("/groups/")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "hx-request" in request.headers else None)
    before = page.evaluate("history.length")
    search = page.get_by_role("searchbox")
    for letter, url in (("d", "/groups/?q=d"), ("e", "/groups/?q=de")):
        search.press_sequentially(letter)
        expect(page).to_have_url(url)
    page.get_by_label("Status", exact=True).select_option("approved")
    expect(page).to_have_url("/groups/?q=de&status=approved")
    search.fill("")
    expect(page).to_have_url("/groups/?status=approved")
    search.blur()
    page.wait_for_timeout(400)  # longer than it waits for the next letter
    queries = [url.partition("?")[2] for url in asked]
    assert queries == ["q=d", "q=de", "q=de&status=approved", "status=approved"]
    assert page.evaluate("history.length") == before
    page.go_back()
    expect(page).to_have_url("/")


@pytest.mark.usefixtures("signed_in")
def test_a_page_that_reaches_nobody_stays_and_says_so(context: BrowserContext) -> None:
    groups = context.new_page()  # whose complaint about the network is no failure
    groups.goto("/groups/")
    row = groups.get_by_role("row").nth(1)
    expect(row).to_be_visible()
    context.set_offline(True)
    search = groups.get_by_role("searchbox")
    search.fill("nobody is called so")
    notice = groups.get_by_role("alert")
    expect(notice).to_contain_text("Muster cannot be reached.")
    expect(row).to_be_visible()
    expect(search).to_have_value("nobody is called so")
    context.set_offline(False)
    search.fill("nobody is called so!")
    expect(groups.get_by_role("heading", name="No matching groups")).to_be_visible()
    expect(notice).to_be_hidden()


def test_pages_are_gone_to_by_number_on_a_narrow_screen(
    owner: User, page: Page, context: BrowserContext, live_server: Any
) -> None:
    crowds.fill(owner.org, 10_000)
    sign_in(context, owner, live_server.url)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/people/?sort=-name&page=101")
    pages = page.get_by_role("navigation", name="Pages")
    links = pages.get_by_role("link")
    expect(links).to_have_text(["Previous", "1", "100", "101", "102", "200", "Next"])
    middles = links.evaluate_all(
        "links => links.map(link => link.getBoundingClientRect()).map(r => r.y + r.height / 2)"
    )
    assert len(set(middles)) == 1
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    expect(pages.locator("[aria-current=page]")).to_have_text("101")
    expect(page.get_by_role("link", name="Added", exact=True)).to_be_visible()  # though rows are cards, it sorts them
    pages.get_by_role("link", name="Page 102").click()
    expect(page).to_have_url("/people/?sort=-name&page=102")
    expect(pages.locator("[aria-current=page]")).to_have_text("102")
