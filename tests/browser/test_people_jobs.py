"""What admins do with people, done in a browser."""

from playwright.sync_api import BrowserContext, Page, expect

from orgs.models import User
from tests.browser import scenes_people
from tests.browser.conftest import sign_in


def test_finding_somebody_and_placing_them_by_hand(
    owner: User, page: Page, context: BrowserContext, live_server
) -> None:
    sign_in(context, owner, live_server.url)
    page.goto(scenes_people.SCENES["people"].set_up(owner))

    page.get_by_role("searchbox", name="Search").press_sequentially("okafor")
    expect(page.get_by_role("link", name="Benedikt Sørensen")).to_be_hidden()
    expect(page).to_have_url(f"{live_server.url}/people/?q=okafor")
    page.get_by_role("link", name="Amara Okafor").click()

    page.get_by_role("link", name="Assign by hand…").click()
    page.get_by_role("searchbox", name="Search").press_sequentially("research")
    expect(page.get_by_role("button", name="Assign")).to_have_count(1)
    page.get_by_role("button", name="Assign").click()
    expect(page.get_by_text("another assignment takes precedence")).to_be_visible()  # R4

    page.get_by_role("link", name="Remove… Platform").click()
    expect(page.get_by_text("This lasts only until your identity provider’s next update")).to_be_visible()
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("Amara Okafor was removed from Platform.")).to_be_visible()
    page.get_by_role("button", name="Undo removal Platform").click()
    expect(page.get_by_text("Your identity provider now decides again")).to_be_visible()


def test_deleting_a_team(owner: User, page: Page, context: BrowserContext, live_server) -> None:
    sign_in(context, owner, live_server.url)
    page.goto(scenes_people.SCENES["team"].set_up(owner))
    page.get_by_role("link", name="Delete…").click()
    expect(page.get_by_role("dialog")).to_contain_text("will become Pending and be marked Target deleted")
    expect(page.get_by_role("dialog")).to_contain_text("affected")
    expect(page.get_by_role("link", name="Cancel")).to_be_focused()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("“Platform” was deleted.")).to_be_visible()
    expect(page.get_by_role("link", name="Platform")).to_be_hidden()


def test_erasing_somebody_who_left(owner: User, page: Page, context: BrowserContext, live_server) -> None:  # U5
    sign_in(context, owner, live_server.url)
    page.goto(scenes_people.SCENES["person-deactivated"].set_up(owner))
    page.get_by_role("link", name="Erase…").click()
    expect(page.get_by_role("heading", name="Erase Hiroshi Tanaka?")).to_be_visible()
    expect(page.get_by_role("link", name="Cancel")).to_be_focused()

    page.get_by_label("userName of the person").fill("Hiroshi Tanaka")
    page.get_by_label("userName of the person").press("Enter")
    expect(page.get_by_text("This is not the userName of the person.")).to_be_visible()
    page.get_by_label("userName of the person").fill("hiroshi.tanaka@northwind.example")
    page.get_by_role("button", name="Erase for good").click()

    expect(page.get_by_role("heading", name="Somebody who was erased")).to_be_visible()
    expect(page.get_by_text("Not yet: the provisioning log is still being searched.")).to_be_visible()
    page.get_by_role("link", name="All activity").click()
    expect(page.get_by_text("A person was erased")).to_be_visible()
    expect(page.get_by_text("Hiroshi")).to_have_count(0)
    page.goto("/people/?account=deleted")
    expect(page.get_by_text("erased")).to_have_count(0)


def test_deactivating_somebody_and_taking_it_back(
    owner: User, page: Page, context: BrowserContext, live_server
) -> None:  # U12
    sign_in(context, owner, live_server.url)
    page.goto(scenes_people.SCENES["person"].set_up(owner))
    page.get_by_role("link", name="Deactivate…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("1 person who can sign in")
    expect(page.get_by_role("link", name="Cancel")).to_be_focused()
    dialog.get_by_role("button", name="Deactivate").click()
    expect(page.get_by_text("Amara Okafor is deactivated.")).to_be_visible()
    expect(page.get_by_text("Deactivated by hand").first).to_be_visible()
    page.get_by_role("link", name="Activate…").click()
    page.get_by_role("dialog").get_by_role("button", name="Activate").click()
    expect(page.get_by_text("Amara Okafor is active.")).to_be_visible()


def test_activating_whom_a_silent_identity_provider_deactivated(
    owner: User, page: Page, context: BrowserContext, live_server
) -> None:  # U12
    sign_in(context, owner, live_server.url)
    page.goto(scenes_people.SCENES["person-deactivated"].set_up(owner))
    page.get_by_role("link", name="Activate…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Activate").click()
    expect(page.get_by_text("is active.")).to_be_hidden()  # the second question was not answered
    dialog.get_by_label("I know that this person is to have access").check()
    dialog.get_by_role("button", name="Activate").click()
    expect(page.get_by_text("Hiroshi Tanaka is active.")).to_be_visible()
    expect(page.get_by_text("Active although your identity provider deactivated them")).to_be_visible()
