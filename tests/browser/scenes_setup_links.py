"""Scenes of setup links: what admins see, and what somebody sees who has one."""

from django.utils import timezone
from playwright.sync_api import Page

from orgs import domains, setup_links
from orgs.history import Cause
from orgs.models import Door, PendingDomain, Purpose, User
from tests.browser.scene import Scene
from tests.groups_provisioning.world import by_admin, org_of

LIST = "/settings/setup-links/"


def nobody(owner: User) -> None:
    return None


def _make(owner: User, purpose: Purpose, recipient: str = "Carol Diaz, Contoso IT") -> setup_links.Made:
    return setup_links.make(org=org_of(owner), purpose=purpose, recipient=recipient, cause=by_admin(owner))


def _links(owner: User) -> str:
    made = _make(owner, Purpose.SCIM)
    setup_links.open_once(secret=made.secret, cause=Cause(Door.LINK, timezone.now()))
    _make(owner, Purpose.DOMAIN, "Dora Ng")
    return LIST


def _waiting(owner: User) -> str:
    link = _make(owner, Purpose.SCIM).link
    setup_links.issue_token(link=link, name="Okta production", idp="okta", cause=Cause(Door.LINK, timezone.now()))
    return "/settings/scim/"


def _link(owner: User, purpose: Purpose) -> str:
    return f"/setup/{_make(owner, purpose).secret}/"


def _domains(owner: User) -> str:
    for name in ("northwind.example", "northwind-traders.example"):
        domains.ask(org=org_of(owner), name=name, cause=by_admin(owner))
    PendingDomain.objects.filter(name="northwind.example").update(found_at=timezone.now())
    return _link(owner, Purpose.DOMAIN)


def begin(page: Page) -> None:
    page.get_by_role("button", name="Begin in this browser").click()
    page.get_by_role("heading", name="All done?").wait_for()


SCENES = {
    "setup-links": Scene(_links),
    "setup-waiting-token": Scene(_waiting, lambda page: page.get_by_role("link", name="Confirm Okta").click()),
    "setup-scim": Scene(lambda owner: _link(owner, Purpose.SCIM), begin, who=nobody),
    "setup-domains": Scene(_domains, begin, who=nobody),
}
