"""Every page in each of its states: accessible in light and dark, within the window, without a complaint."""

from collections.abc import Generator, Iterator
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, CDPSession, Page
from pytest_playwright.pytest_playwright import CreateContextCallback

from orgs.models import User
from tests.browser.conftest import sign_in, uncomplaining
from tests.browser.scenes import SCENES

# The violations that keep somebody out.
BARRIERS = """() => axe.run({resultTypes: ["violations"], rules: {"color-contrast": {enabled: false}}}).then(
    ({violations}) => violations.filter(({impact}) => ["serious", "critical"].includes(impact)))"""

# Most of axe's time goes into contrast, and most text looks like some that it has judged: it is asked about the rest.
# A look is all that contrast depends on: the letters, whether they are of something disabled, and what is behind them.
# What is not judged is asked about each time, as text that something else covers.
CONTRAST = """async (judged) => {
    const grounds = new Map([[null, ""]]);
    const ground = (element) => {
        if (!grounds.has(element)) {
            const {backgroundColor, backgroundImage, opacity, filter, position} = getComputedStyle(element);
            const own = [backgroundColor, backgroundImage, opacity, filter, position].join(" ");
            const plain = own === "rgba(0, 0, 0, 0) none 1 none static";
            grounds.set(element, ground(element.parentElement) + (plain ? "" : `/${own}`));
        }
        return grounds.get(element);
    };
    const look = (element) => {
        const {color, fontSize, fontWeight, textShadow} = getComputedStyle(element);
        const disabled = element.closest(":disabled, [aria-disabled=true], label:has(:disabled)") !== null;
        return [color, fontSize, fontWeight, textShadow, disabled, ground(element)].join(";");
    };
    const known = new Set(judged);
    const isText = (element) => element.matches("input, select, textarea")
        || [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    const inSight = (element) => {
        const {right, bottom, width, height} = element.getBoundingClientRect();
        return right + scrollX > 0 && bottom + scrollY > 0 && width > 1 && height > 1 && element.checkVisibility();
    };
    const asked = [...document.body.querySelectorAll("*")]
        .filter((element) => isText(element) && inSight(element) && !known.has(look(element)));
    if (asked.length === 0) return {violations: [], judged: []};
    const {violations, passes, incomplete} = await axe.run(asked, {
        runOnly: ["color-contrast"], resultTypes: ["violations", "passes", "incomplete"], elementRef: true,
    });
    const nodes = (results) => results.flatMap(({nodes}) => nodes);
    // A picture behind the text is one that axe never judges.
    const beyond = nodes(incomplete).filter(({any}) => any[0].data?.messageKey === "bgImage");
    return {
        violations: nodes(violations).map(({failureSummary, html}) => [failureSummary, html]),
        judged: [...nodes(passes), ...beyond].map(({element}) => look(element)),
    };
}"""

WIDTHS = (1280, 1600, 1024, 768, 390)
# Colours are those of a scheme, and the arrangement that of a width: each is looked at once.
SCHEMES = {1280: "dark", 390: "light"}
NARROW_TOO = ("overview", "groups", "person", "scim-log")


@pytest.fixture(scope="module")
def tab(browser: Browser, browser_context_args: dict[str, Any]) -> Generator[Page]:
    """Where all scenes are opened, one after the other: a tab of its own would cost each a second for Chromium."""
    context = browser.new_context(**browser_context_args)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def devtools(tab: Page) -> CDPSession:
    return tab.context.new_cdp_session(tab)


@pytest.fixture(scope="module")
def judged() -> dict[str, set[str]]:
    """The looks of text that need no second judgement, by scheme."""
    return {scheme: set() for scheme in SCHEMES.values()}


@pytest.fixture
def page(tab: Page, devtools: CDPSession) -> Generator[Page]:
    look_at(tab, devtools, WIDTHS[0])
    with uncomplaining(tab):
        yield tab
        # A page that asks for nothing. From about:blank, the next would be another process of Chromium's.
        tab.goto("/health/live")
    tab.context.clear_cookies()


def look_at(page: Page, devtools: CDPSession, width: int) -> None:
    # Playwright would resize Chromium's window as well, which takes longer than the page does.
    screen = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": False}
    devtools.send("Emulation.setDeviceMetricsOverride", screen)
    if scheme := SCHEMES.get(width):
        page.emulate_media(color_scheme=scheme)


def scenes() -> Iterator[Any]:
    """Of scenes whose names begin with the name of another, which are more of its states, `make test` opens none."""
    for name in SCENES:
        is_a_state = any(name.startswith(f"{page}-") for page in SCENES)
        yield pytest.param(name, marks=[pytest.mark.exhaustive] if is_a_state else [])


@pytest.mark.parametrize("name", scenes())
def test_page(
    name: str, owner: User, page: Page, devtools: CDPSession, live_server: Any, judged: dict[str, set[str]]
) -> None:
    scene = SCENES[name]
    address = scene.set_up(owner)
    if user := scene.who(owner):
        sign_in(page.context, user, live_server.url)
    page.goto(address)
    scene.act(page)
    page.evaluate(AXE_SCRIPT)
    for width in WIDTHS:
        look_at(page, devtools, width)
        window, content = page.evaluate("[innerWidth, document.documentElement.scrollWidth]")
        assert window == width
        assert content <= width
        # What keeps somebody out is in the document, which is that of all widths.
        if width == WIDTHS[0] or (width == WIDTHS[-1] and name in NARROW_TOO):
            assert page.evaluate(BARRIERS) == []
        if scheme := SCHEMES.get(width):
            contrast = page.evaluate(CONTRAST, list(judged[scheme]))
            assert contrast["violations"] == []
            judged[scheme].update(contrast["judged"])


def test_nothing_moves_while_a_page_loads(owner: User, new_context: CreateContextCallback, live_server: Any) -> None:
    address = SCENES["scim-provisioning-rotating"].set_up(owner)
    context = new_context()  # with nothing in its cache
    sign_in(context, owner, live_server.url)
    page = context.new_page()
    page.add_init_script("""
        window.shift = 0;
        new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) window.shift += entry.value;
        }).observe({type: "layout-shift", buffered: true});
    """)
    with uncomplaining(page):
        page.goto(address)
        page.wait_for_timeout(300)
        assert page.evaluate("window.shift") == 0
