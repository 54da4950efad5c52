"""Two admins, in a browser: one asks, the other agrees (SPEC T6)."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, Page, expect

from groups_provisioning.engine import worker
from orgs.models import Organization, Standing, User
from tests.browser.conftest import sign_in
from tests.browser.scenes_groups import people
from tests.factories import UserFactory
from tests.groups_provisioning.world import idp_of, org_of, push


def test_asking_a_second_admin_who_approves(
    owner: User, page: Page, context: BrowserContext, browser: Browser, live_server: Any
) -> None:
    org = org_of(owner)
    Organization.objects.filter(pk=org.pk).update(two_persons=True)
    User.objects.filter(pk=owner.pk).update(created_at=timezone.now() - timedelta(days=1))
    asker = UserFactory.create(org=org, roles=["Admin"])
    team = people(org, 3)
    group = push(idp_of(org), "Leads", *team)
    worker.drain(5)

    sign_in(context, asker, live_server.url)
    page.goto(f"{live_server.url}/groups/{group.id}/")
    page.get_by_role("link", name="Give a role…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Give role")).to_be_visible()
    dialog.get_by_label("Role").select_option("Admin")
    dialog.get_by_role("button", name="Ask a second admin").click()
    expect(page.get_by_text("A second admin has been asked.")).to_be_visible()
    expect(page.get_by_role("button", name="Withdraw")).to_be_visible()
    assert Standing.objects.get(user=team[0]).roles == ["Member"]

    other = browser.new_context()
    sign_in(other, owner, live_server.url)
    second = other.new_page()
    second.goto(f"{live_server.url}/")
    second.get_by_role("link", name="1 decision waits for a second admin").click()
    second.get_by_role("link", name="Give the members of “Leads” the role Admin", exact=True).click()
    second.get_by_role("button", name="Approve").click()
    expect(second.get_by_text("Approved, and done.")).to_be_visible()
    worker.drain(5)
    assert Standing.objects.get(user=team[0]).roles == ["Admin"]
    other.close()
