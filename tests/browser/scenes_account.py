"""Scenes of the account of whoever is signed in."""

from datetime import timedelta
from uuid import uuid4

from django.conf import settings
from django.core import signing
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page

from orgs import mail_choices
from orgs.models import MailTime, Session, User
from tests.browser.scene import Scene
from tests.conftest import signed_in
from tests.factories import OrganizationFactory, StaffFactory, UserFactory

COOKIE = "signed-in-before"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/18.6 Mobile/15E148 Safari/604.1"
)


def _elsewhere(user: User) -> Client:
    """Signed in with two more browsers; returns the first of them."""
    first = None
    for agent, address, hours, connection in (
        (FIREFOX, "203.0.113.24", 3, None),
        (IPHONE, "2001:db8:4a::17", 60, uuid4()),
    ):
        browser = signed_in(user)
        seen = timezone.now() - timedelta(hours=hours)
        Session.objects.filter(pk=browser.session.row_key).update(
            agent=agent, address=address, seen_at=seen, began_at=seen - timedelta(days=2), connection=connection
        )
        first = first or browser
    assert first
    return first


def _account(owner: User) -> str:
    _elsewhere(owner)
    User.objects.filter(pk=owner.pk).update(time_zone="Asia/Kolkata")
    return "/account/"


def _end(owner: User) -> str:
    return f"/account/sessions/{_elsewhere(owner).session.row_key}/end/"


def _end_others(owner: User) -> str:
    _elsewhere(owner)
    return "/account/sessions/end/"


def _stop_mails(owner: User) -> str:
    return mail_choices.address_to_stop(owner, MailTime.DAILY).removeprefix(settings.MUSTER_URL)


def _member(owner: User) -> User:
    address = "mo.achterberg@northwind.example"
    return UserFactory.create(org=owner.org, user_name=address, given_name="Mo", family_name="Achterberg", password="!")


def _no_zone(page: Page) -> None:
    page.get_by_role("combobox", name="Time zone").fill("Atlantis")
    page.get_by_role("button", name="Save time zone").click()


def _elsewhere_too(owner: User) -> str:
    for name in ("Contoso", "Northwind Logistics (sandbox, for tests of the identity provider)"):
        UserFactory.create(org=OrganizationFactory.create(name=name), roles=["Admin"])
    return "/account/"


def _switch(page: Page) -> None:
    """In a browser that has signed in to the other orgs too."""
    theirs = User.objects.exclude(org=None).order_by("id").values_list("pk", flat=True)
    signer = signing.get_cookie_signer(salt=COOKIE + COOKIE)
    cookie = signer.sign(".".join(map(str, theirs)))
    page.context.add_cookies([{"name": COOKIE, "value": cookie, "url": page.url}])
    page.reload()
    for summary in (".bar .menu > summary", ".bar .switch > summary", ".side .switch > summary"):
        page.locator(summary).evaluate("summary => summary.parentElement.open = true")


def _preferences(page: Page) -> None:
    for summary in (".bar .menu > summary", ".bar .preferences > summary", ".side .preferences > summary"):
        page.locator(summary).evaluate("summary => summary.parentElement.open = true")


def _shortcuts(page: Page) -> None:
    page.keyboard.press("?")
    page.get_by_role("dialog").wait_for()


SCENES = {
    "account-switch": Scene(_elsewhere_too, _switch),
    "account": Scene(_account),
    "account-no-such-zone": Scene(lambda owner: "/account/", _no_zone),
    "account-of-a-member": Scene(lambda owner: "/account/", who=_member),
    "account-of-support": Scene(lambda owner: "/account/", who=lambda owner: StaffFactory.create()),
    "account-mails": Scene(lambda owner: "/account/mails/"),
    "account-mails-stop": Scene(_stop_mails, who=lambda owner: None),
    "account-mails-stopped": Scene(
        _stop_mails, lambda page: page.get_by_role("button", name="Stop them").click(), who=lambda owner: None
    ),
    "account-password": Scene(lambda owner: "/account/password/"),
    "account-session-end": Scene(_end),
    "account-sessions-end": Scene(_end_others),
    "preferences": Scene(lambda owner: "/account/", _preferences),
    "shortcuts": Scene(lambda owner: "/people/", _shortcuts),
}
