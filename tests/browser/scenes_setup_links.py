"""Scenes of setup links: what admins see, and what somebody sees who has one."""

from django.utils import timezone
from playwright.sync_api import Page

from orgs import domains, setup_links
from orgs.history import Cause
from orgs.models import Door, PendingDomain, Purpose, User
from sso import connections
from sso.connections import Facts
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


def _fill(page: Page) -> None:
    page.get_by_label("SCIM provisioning").check()
    page.get_by_label("Who gets the link").fill("Carol Diaz, Contoso IT")
    page.get_by_role("button", name="Make the link").click()
    page.get_by_role("heading", name="Copy the link now").wait_for()


def _drafted(owner: User) -> str:
    """A link for single sign-on, with a draft that was entered through it."""
    org = org_of(owner)
    facts = Facts("https://northwind.okta.com", "0oa1b2c3d4e5f6g7h8i9", "a secret", idp="okta")
    connections.prepare(org=org, idp="okta", cause=by_admin(owner))
    connections.draft(org=org, facts=facts, cause=by_admin(owner))
    return _link(owner, Purpose.SSO)


def _try_out(page: Page) -> None:
    """The identity provider is not there."""
    begin(page)
    page.get_by_role("link", name="Try it out").click()


def _make_a_token(page: Page) -> None:
    begin(page)
    page.get_by_label("Name", exact=True).fill("Okta production")
    page.get_by_label("Identity provider").select_option("okta")
    page.get_by_role("button", name="Create token").click()
    page.get_by_role("link", name="I have copied it").wait_for()


def _finish(page: Page) -> None:
    begin(page)
    page.get_by_role("button", name="Finish").click()


SCENES = {
    "setup-link-new": Scene(lambda owner: f"{LIST}new/?purpose=sso"),
    "setup-link-made": Scene(lambda owner: f"{LIST}new/", _fill),
    "setup-link-revoke": Scene(lambda owner: f"{LIST}{_make(owner, Purpose.SSO).link.id}/revoke/"),
    "setup-open": Scene(lambda owner: _link(owner, Purpose.SSO), who=nobody),
    "setup-sso-provider": Scene(lambda owner: _link(owner, Purpose.SSO), begin, who=nobody),
    "setup-sso": Scene(_drafted, begin, who=nobody),
    "setup-sso-outcome": Scene(_drafted, _try_out, who=nobody),
    "setup-token": Scene(lambda owner: _link(owner, Purpose.SCIM), _make_a_token, who=nobody),
    "setup-finished": Scene(lambda owner: _link(owner, Purpose.SCIM), _finish, who=nobody),
    "setup-gone": Scene(lambda owner: "/setup/gone/", who=nobody),
    "setup-links": Scene(_links),
    "setup-waiting-token": Scene(_waiting, lambda page: page.get_by_role("link", name="Confirm Okta").click()),
    "setup-scim": Scene(lambda owner: _link(owner, Purpose.SCIM), begin, who=nobody),
    "setup-domains": Scene(_domains, begin, who=nobody),
}
