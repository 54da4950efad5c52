"""What an org's admin comes to the Conflicts tab for, done in a browser."""

from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from groups_provisioning.engine import worker
from groups_provisioning.models import Conflict, Decision, Membership
from orgs.models import Organization, User
from tests.browser.conftest import sign_in
from tests.browser.scenes_conflicts import POOL, SUB, TEAM, crowd, mapped
from tests.conftest import Idp
from tests.factories import UserFactory, issue_token


@pytest.fixture
def idp(org: Organization) -> Idp:
    return Idp(issue_token(org, "Okta production").secret)


@pytest.fixture
def amara(org: Organization) -> User:
    return UserFactory.create(
        org=org, user_name="amara.okafor@northwind.example", given_name="Amara", family_name="Okafor"
    )


@pytest.fixture
def signed_in(owner: User, page: Page, context: BrowserContext, live_server: Any) -> Page:
    sign_in(context, owner, live_server.url)
    return page


def places(user: User) -> set[str]:
    return set(Membership.objects.filter(user=user).values_list("entity__name", flat=True))


def test_two_pushes_conflict_and_it_is_decided_either_way(
    owner: User, signed_in: Page, idp: Idp, amara: User
) -> None:  # C3
    page = signed_in
    mapped(owner, idp, "qa-interactive", POOL, "Interactive sessions", [amara])
    mapped(owner, idp, "load-test-runners", POOL, "Load tests", [amara])

    page.goto(f"/people/{amara.id}/")
    page.get_by_role("link", name="Decide").click()
    row = page.get_by_role("row", name="Amara Okafor")
    expect(row).to_contain_text("Interactive sessions")
    row.get_by_role("button", name="Use incoming").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("moved from the concurrency group Interactive sessions to Load tests")
    expect(dialog).to_contain_text("Your decision is remembered")
    assert places(amara) == {"Interactive sessions"}
    dialog.get_by_role("button", name="Use incoming").click()
    expect(page.get_by_text("The conflict of Amara Okafor was resolved.")).to_be_visible()
    assert places(amara) == {"Load tests"}

    page.goto("/groups/conflicts/")
    expect(page.get_by_role("heading", name="No open conflicts")).to_be_visible()
    page.get_by_role("navigation", name="Conflicts").get_by_role("link", name="Resolved").click()
    expect(page.get_by_role("row", name="Amara Okafor")).to_contain_text("Ada Brandt")
    page.get_by_role("link", name="Undo… Amara Okafor").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("the conflict opens again")
    expect(dialog).to_contain_text("moved from the concurrency group Load tests to Interactive sessions")
    dialog.get_by_role("button", name="Undo decision").click()
    expect(page.get_by_role("row", name="Amara Okafor")).to_contain_text("Undone")
    assert places(amara) == {"Interactive sessions"}

    page.get_by_role("link", name="Open", exact=True).click()
    page.get_by_role("button", name="Keep current… Amara Okafor").click()
    page.get_by_role("dialog").get_by_role("button", name="Keep current").click()
    expect(page.get_by_role("heading", name="No open conflicts")).to_be_visible()
    assert places(amara) == {"Interactive sessions"}
    assert not Conflict.objects.exists()


def test_a_preview_that_is_stale_is_shown_anew(owner: User, signed_in: Page, idp: Idp, amara: User) -> None:  # M9
    page = signed_in
    mapped(owner, idp, "payments-engineers", TEAM, "Payments", [amara])
    mapped(owner, idp, "Contoso Benelux (acquired)", SUB, "Contoso Benelux", [amara])
    page.goto("/groups/conflicts/")
    page.get_by_role("button", name="Use incoming… Amara Okafor").click()
    expect(page.get_by_role("dialog")).to_contain_text("removed from the team Payments")

    mapped(owner, idp, "search-engineers", TEAM, "Search", [amara])
    page.get_by_role("dialog").get_by_role("button", name="Use incoming").click()
    expect(page.get_by_text("the effects have changed")).to_be_visible()
    expect(page.get_by_text("removed from the team Search")).to_be_visible()
    assert not Decision.objects.exists()

    page.get_by_role("button", name="Use incoming").click()
    expect(page.get_by_text("The conflict of Amara Okafor was resolved.")).to_be_visible()
    assert places(amara) == {"Contoso Benelux"}


@pytest.mark.exhaustive
def test_sixty_with_the_same_conflict_are_decided_and_undone_at_once(owner: User, signed_in: Page) -> None:  # C3
    page = signed_in
    crowd(owner, 60)
    page.goto("/groups/conflicts/")
    page.get_by_role("link", name="60 people").click()
    expect(page.get_by_text("Only conflicts of incoming Load tests, Frankfurt")).to_be_visible()
    page.get_by_label("All on this page").check()
    expect(page.get_by_text("50 selected")).to_be_visible()
    page.get_by_label("Select all 60 that match").check()
    expect(page.get_by_text("60 selected")).to_be_visible()
    page.get_by_role("button", name="Keep current…", exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text("Keep current in 60 conflicts?")
    page.get_by_role("link", name="Cancel").click()
    page.get_by_role("link", name="Show all").click()
    page.get_by_role("button", name="Use incoming… 60 people, Load tests, Frankfurt incoming").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("60 people will be affected")
    expect(dialog).to_contain_text("and 54 more")
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Download all changes as CSV").click()
    assert len(download.value.path().read_text().splitlines()) == 1 + 120  # a place and a conflict each
    dialog.get_by_role("button", name="Use incoming").click()
    expect(page.get_by_text("60 conflicts were resolved.")).to_be_visible()
    expect(page.get_by_label("60 people still to be updated")).to_be_visible()
    worker.drain(30)
    expect(page.get_by_text("60 people were updated.")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="No open conflicts")).to_be_visible()
    assert set(Membership.objects.values_list("entity__name", flat=True)) == {"Load tests, Frankfurt"}
    page.get_by_role("link", name="Resolved", exact=True).click()
    page.get_by_role("link", name="Undo all 60…").first.click()
    expect(dialog).to_contain_text("60 moved from the concurrency group Load tests, Frankfurt to Interactive sessions")
    dialog.get_by_role("button", name="Undo decision").click()
    expect(page.get_by_text("The decisions about 60 people were undone.")).to_be_visible()
    worker.drain(30)
    assert set(Membership.objects.values_list("entity__name", flat=True)) == {"Interactive sessions"}


def test_conflicts_are_decided_by_keys(owner: User, signed_in: Page) -> None:
    page = signed_in
    crowd(owner, 4)
    page.goto("/groups/conflicts/")
    page.get_by_role("link", name="4 people").click()
    rows = page.locator("[data-row]").evaluate_all("rows => rows.map(row => row.id)")
    dialog = page.get_by_role("dialog")

    def at() -> int:
        return rows.index(page.evaluate("document.activeElement.closest('[data-row]')?.id"))

    def decide(key: str, button: str) -> None:
        page.keyboard.press(key)
        expect(dialog.get_by_role("button", name=button)).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_text("was resolved.")).to_be_visible()

    visited = []
    for key in "jjkjj":
        page.keyboard.press(key)
        visited.append(at())
    assert visited == [0, 1, 0, 1, 2]
    page.keyboard.press("k")
    decide("c", "Keep current")
    assert at() == 2
    decide("i", "Use incoming")
    assert at() == 3
    assert Decision.objects.count() == 2

    page.get_by_label("Keys:").uncheck()
    page.reload()
    page.locator("[data-row] a").first.focus()
    page.keyboard.press("j")
    assert at() == 0
    page.get_by_label("Keys:").check()
    page.get_by_label("Person").focus()
    page.keyboard.press("j")
    expect(page.get_by_label("Person")).to_have_value("j")


def test_keys_are_offered_where_there_is_a_keyboard(
    owner: User, signed_in: Page, browser: Browser, browser_context_args: dict[str, Any], live_server: Any
) -> None:
    crowd(owner, 4)
    signed_in.goto("/groups/conflicts/")
    expect(signed_in.get_by_text("Keys:")).to_be_visible()
    signed_in.set_viewport_size({"width": 390, "height": 844})
    expect(signed_in.get_by_text("Keys:")).to_be_hidden()
    tablet = browser.new_context(**browser_context_args, has_touch=True, is_mobile=True)
    sign_in(tablet, owner, live_server.url)
    page = tablet.new_page()
    page.goto("/groups/conflicts/")
    expect(page.get_by_role("button", name="Search")).to_be_visible()
    expect(page.get_by_text("Keys:")).to_be_hidden()
    tablet.close()
