"""Every page in each of its states: accessible in light and dark, within the window, without a complaint."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page

from orgs.models import User
from tests.browser.conftest import sign_in
from tests.browser.scenes import SCENES


@pytest.mark.parametrize("name", SCENES)
def test_page(name: str, owner: User, page: Page, context: BrowserContext, live_server: Any) -> None:
    scene = SCENES[name]
    address = scene.set_up(owner)
    if user := scene.who(owner):
        sign_in(context, user, live_server.url)
    page.goto(address)
    scene.act(page)
    for width in (390, 768, 1024, 1280, 1600):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    # Colours are those of a scheme, and the arrangement that of a width: each is looked at once.
    for scheme, width in (("light", 390), ("dark", 1280)):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 844})
        found = Axe().run(page).response["violations"]
        assert [issue for issue in found if issue["impact"] in ("serious", "critical")] == []


def test_nothing_moves_while_a_page_loads(owner: User, page: Page, context: BrowserContext, live_server: Any) -> None:
    address = SCENES["scim-provisioning-rotating"].set_up(owner)
    sign_in(context, owner, live_server.url)
    page.add_init_script("""
        window.shift = 0;
        new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) window.shift += entry.value;
        }).observe({type: "layout-shift", buffered: true});
    """)
    page.goto(address)
    page.wait_for_timeout(300)
    assert page.evaluate("window.shift") == 0
