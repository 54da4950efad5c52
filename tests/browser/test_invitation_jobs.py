"""Inviting, joining, and handing over the owner account, done in a browser."""

from datetime import timedelta
from typing import Any

from django.core import mail
from playwright.sync_api import Browser, BrowserContext, Page, expect

from orgs import deletions
from orgs.models import Organization, OrgDeletion, User
from orgs.tasks import send_mails
from tests.browser import scenes_invitations
from tests.browser.conftest import PASSWORD, sign_in, uncomplaining
from tests.factories import StaffFactory


def _linked(path: str) -> str:
    """The address in the mail that was sent last."""
    return next(line for line in mail.outbox[-1].body.splitlines() if path in line)


def test_inviting_an_admin_who_joins(
    owner: User, page: Page, context: BrowserContext, browser: Browser, live_server: Any
) -> None:
    sign_in(context, owner, live_server.url)
    page.goto("/people/")
    page.get_by_role("link", name="Invitations").click()
    page.get_by_role("link", name="Invite people").click()
    page.get_by_label("E-mail addresses").fill("noor@consultants.example\npiotr@consultants.example")
    page.get_by_label("Admin", exact=True).check()
    page.get_by_role("button", name="Send invitations").click()
    expect(page.get_by_role("heading", name="Invite 2 people as Admin?")).to_be_visible()
    expect(page.get_by_role("link", name="Cancel")).to_be_focused()
    page.get_by_role("button", name="Invite as admin").click()
    expect(page.get_by_text("2 invitations are being sent.")).to_be_visible()
    page.get_by_role("link", name="Revoke the invitation of piotr@consultants.example").click()
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("Its link no longer works.")).to_be_visible()

    send_mails()
    theirs = browser.new_context()
    with uncomplaining(joining := theirs.new_page()):
        joining.goto(_linked("/invitation/"))
        joining.get_by_label("First name").fill("Noor")
        joining.get_by_label("Last name").fill("Haddad")
        for label in ("Password", "Confirm password"):
            joining.get_by_label(label, exact=True).fill("four unrelated words")
        joining.get_by_role("button", name="Accept the invitation").click()
        expect(joining.get_by_text("Your account is ready.")).to_be_visible()
        joining.get_by_label("E-mail address").fill("noor@consultants.example")
        joining.get_by_role("button", name="Continue").click()
        joining.get_by_label("Password").fill("four unrelated words")
        joining.get_by_role("button", name="Sign in").click()
        joining.get_by_role("navigation", name="Main").get_by_role("link", name="People").click()
        joining.get_by_role("link", name="Admins").click()
        expect(joining.get_by_role("row", name="Noor Haddad")).to_contain_text("with an invitation")
    theirs.close()


def test_handing_over_the_owner_account(owner: User, page: Page, context: BrowserContext, live_server: Any) -> None:
    sign_in(context, owner, live_server.url)
    page.goto("/settings/authentication/")
    page.get_by_role("link", name="Hand over…").click()
    scenes_invitations._new_owner(page)
    page.get_by_label("Type the new address once more").fill("grace@northwind.example")
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_role("button", name="Hand over").click()
    expect(page.get_by_text("The owner account now belongs to grace@northwind.example.")).to_be_visible()

    send_mails()
    assert sorted(sent.to for sent in mail.outbox) == [["ada@northwind.example"], ["grace@northwind.example"]]
    (to_grace,) = (sent for sent in mail.outbox if sent.to == ["grace@northwind.example"])
    page.goto(next(line for line in to_grace.body.splitlines() if "/set-password/" in line))
    for label in ("New password", "Confirm new password"):
        page.get_by_label(label, exact=True).fill("four unrelated words")
    page.get_by_role("button", name="Set password").click()
    expect(page.get_by_text("Your password has been changed.")).to_be_visible()


def test_support_makes_and_deletes_an_organization(
    org: Organization, page: Page, context: BrowserContext, live_server: Any, monkeypatch: Any
) -> None:
    sign_in(context, StaffFactory.create(), live_server.url)
    page.goto("/admin/orgs/organization/add/")
    page.get_by_label("Name").fill("Fabrikam")
    page.get_by_label("Owner's address").fill("grace@fabrikam.example")
    page.get_by_label("Profile").select_option(str(org.profile_id))
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("link", name="Fabrikam").first).to_be_visible()
    send_mails()
    assert mail.outbox[-1].to == ["grace@fabrikam.example"]

    page.get_by_role("link", name=org.name).click()
    page.get_by_role("link", name="Settings", exact=True).click()
    page.get_by_role("link", name="Delete organization").click()
    page.get_by_label(f"Type “{org.slug}”").fill(org.slug)
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("is closed and being deleted")).to_be_visible()
    monkeypatch.setattr(deletions, "GRACE", timedelta())
    while deletions.advance(seconds=30):
        pass
    page.reload()
    expect(page.get_by_role("row", name=org.name)).to_contain_text("Deleted")
    assert OrgDeletion.objects.get().org is None
