"""The pages of the second factor."""

from datetime import timedelta
from importlib import import_module
from uuid import uuid4

from django.conf import settings
from django.utils import timezone
from playwright.sync_api import Page

from orgs import passkeys, second_factors
from orgs.db.sealed import seal
from orgs.history import Cause
from orgs.models import Door, FactorKind, SecondFactor, User
from orgs.web.access import SIGNED_IN_AT
from tests.authenticators import App, Device
from tests.browser.scene import Scene
from tests.factories import StaffFactory, UserFactory

PASSWORD = "correct horse battery staple"  # of every account here
OWN = "/account/second-factor/"


def _some(owner: User) -> str:
    """An app whose key cannot be read any more, another one, and a passkey."""
    App(owner, name="Old phone, sealed with a SECRET_KEY that nobody has")
    SecondFactor.objects.update(key=seal("x", owner=uuid4()))
    App(owner, name="Ada's phone")
    device = Device(settings.MUSTER_URL)
    asked = passkeys.ask_for_new(account=owner.pk.bytes, name=owner.user_name, label=owner.label, known=())
    passkey = passkeys.new_from(device.create(asked.options), asked.challenge)
    cause = Cause(Door.PAGE, timezone.now(), person=owner)
    second_factors.add_passkey(user=owner, passkey=passkey, name="Security key in the safe", cause=cause)
    used = SecondFactor.objects.filter(kind=FactorKind.PASSKEY)
    used.update(used_at=timezone.now() - timedelta(days=3))
    return OWN


def _sign_in_with_some(owner: User) -> str:
    _some(owner)
    return "/sign-in/"


def _enter_password(page: Page) -> None:
    page.get_by_label("E-mail address").fill("ada@northwind.example")
    page.keyboard.press("Enter")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Confirm that it is you").wait_for()


def _enter_a_wrong_code(page: Page) -> None:
    _enter_password(page)
    page.get_by_label("Code").fill("123 456")
    page.keyboard.press("Enter")
    page.get_by_text("This code is not accepted").wait_for()


def _of_one_app(owner: User) -> str:
    App(owner)
    return "/sign-in/"


def _make_codes(page: Page) -> None:
    page.get_by_role("button", name="Make new codes").click()
    page.get_by_role("heading", name="Keep your recovery codes").wait_for()


def _removal(owner: User) -> str:
    _some(owner)
    return f"{OWN}{SecondFactor.objects.filter(kind=FactorKind.PASSKEY).get().id}/remove/"


def _codes(owner: User) -> str:
    App(owner)
    return f"{OWN}codes/"


def _come_back_later(page: Page) -> None:
    cookie = next(each for each in page.context.cookies() if each.get("name") == settings.SESSION_COOKIE_NAME)
    session = import_module(settings.SESSION_ENGINE).SessionStore(cookie.get("value"))
    session[SIGNED_IN_AT] = 0
    session.save()
    page.reload()
    page.get_by_role("heading", name="Sign in again").wait_for()


SCENES = {
    "second-factor": Scene(_sign_in_with_some, _enter_password, lambda owner: None),
    "second-factor-wrong-code": Scene(_of_one_app, _enter_a_wrong_code, lambda owner: None),
    "second-factors": Scene(_some),
    "second-factors-none": Scene(lambda owner: OWN, who=lambda owner: UserFactory.create(org=owner.org)),
    "second-factors-offered": Scene(lambda owner: f"{OWN}?next=/people/"),
    "second-factors-compulsory": Scene(lambda owner: OWN, who=lambda owner: StaffFactory.create()),
    "second-factor-app": Scene(lambda owner: f"{OWN}app/"),
    "second-factor-passkey": Scene(lambda owner: f"{OWN}passkey/"),
    "second-factor-new-codes": Scene(_codes),
    "second-factor-codes": Scene(_codes, _make_codes),
    "second-factor-remove": Scene(_removal),
    "sign-in-again": Scene(lambda owner: f"{OWN}app/", _come_back_later),
}
