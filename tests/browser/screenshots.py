"""`make screenshots`: a picture of every scene, narrow and wide, light and dark, in test-results/screenshots/."""

from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from config.environment import ROOT
from orgs.models import User
from tests.browser import scenes, scenes_support
from tests.browser.conftest import sign_in

SCENES = scenes.SCENES | scenes_support.SCENES
PICTURES = ROOT / "test-results" / "screenshots"

# The admin asks the system for its theme only when a page is opened.
THEME = "scheme => { if (window.Alpine) Alpine.$data(document.documentElement).adminTheme = scheme }"


@pytest.mark.parametrize("name", SCENES)
def test_picture(name: str, owner: User, page: Page, context: BrowserContext, live_server: Any, settings: Any) -> None:
    settings.MUSTER_URL = "https://muster.example.org"
    scene = SCENES[name]
    address = scene.set_up(owner)
    if user := scene.who(owner):
        sign_in(context, user, live_server.url)
    page.goto(address)
    scene.act(page)
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 844})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.evaluate(THEME, scheme)
            # A dialog stands in the window, not in the page.
            whole = page.locator("dialog[open]").count() == 0
            # Playwright hides the caret by a style of its own, which the content security policy refuses.
            page.screenshot(path=PICTURES / f"{name}-{width}-{scheme}.png", full_page=whole, caret="initial")
