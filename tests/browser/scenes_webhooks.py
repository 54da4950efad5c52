"""Scenes of keys to the API, and of webhooks."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from playwright.sync_api import Page

from api.models import Attempt, Ending, Endpoint
from api.webhooks import endpoints
from orgs import api_keys, feed
from orgs.db.keys import uuid7
from orgs.history import Cause
from orgs.models import Door, FeedItem, FeedKind, Scope, User
from tests.browser.scene import Scene
from tests.factories import UserFactory
from tests.groups_provisioning.world import by_admin, org_of

KEYS, WEBHOOKS = "/settings/api-keys/", "/settings/webhooks/"
KINDS = ["person", "team", "group"]


def _key(owner: User, name: str, *scopes: Scope, age: int = 0, lives: int | None = 365, by: User | None = None) -> Any:
    cause = Cause(Door.PAGE, timezone.now() - timedelta(days=age), person=by or owner)
    lifetime = timedelta(days=lives) if lives else None
    return api_keys.issue(org=org_of(owner), name=name, scopes=scopes, lifetime=lifetime, cause=cause).key


def _keys(owner: User) -> str:
    """One in use, one whose maker left, one that was revoked."""
    agent = "payroll-export/2.4 (+https://payroll.northwind.example)"
    payroll = _key(owner, "Payroll export", Scope.READ, Scope.HISTORY, age=40)
    api_keys.note_use(payroll, address="203.0.113.24", agent=agent, at=timezone.now() - timedelta(minutes=4))
    kim = UserFactory.create(org=org_of(owner), user_name="kim@northwind.example", roles=["Admin"])
    _key(owner, "Everything, for the migration of the former directory", *Scope, age=12, lives=None, by=kim)
    User.objects.filter(id=kim.id).update(active=False)
    old = _key(owner, "CRM", Scope.READ, age=300)
    api_keys.revoke(key_id=old.id, cause=by_admin(owner))
    return KEYS


def _create_key(page: Page) -> None:
    page.get_by_label("Name", exact=True).fill("Payroll export")
    page.get_by_role("button", name="Create key").click()
    page.get_by_role("heading", name="Copy your key now").wait_for()


def _revoke_key(owner: User) -> str:
    key = _key(owner, "Payroll export", Scope.READ, age=40)
    api_keys.note_use(key, address="203.0.113.24", agent="payroll-export/2.4")
    return f"{KEYS}{key.id}/revoke/"


def _webhook(owner: User, url: str = "https://hooks.northwind.example/muster?key=7f3a", **facts: Any) -> Endpoint:
    made = endpoints.create(org=org_of(owner), url=url, kinds=KINDS, max_items=50, cause=by_admin(owner)).endpoint
    Endpoint.objects.filter(id=made.id).update(**facts)
    return made


def _changed(owner: User, **ago: int) -> int:
    """Somebody changed so long ago. Returns the position before it."""
    before = feed.position_at(timezone.now() - timedelta(**ago))
    FeedItem.objects.create(org=org_of(owner), kind=FeedKind.PERSON, resource_id=uuid7(), position=before + 1)
    return before


def _webhooks(owner: User) -> str:
    now = timezone.now()
    before = _changed(owner, hours=3)
    _webhook(owner)
    long = "https://directory-synchronization.emea.northwind-logistics.example/services/muster/incoming"
    _webhook(owner, long, position=before, failures=7, failing_since=now - timedelta(hours=3), retry_at=now)
    ended = {"disabled_at": now - timedelta(days=1), "disabled_reason": Ending.GONE}
    _webhook(owner, "https://old.northwind.example/in", position=before, **ended)
    _webhook(owner, "https://slow.northwind.example/", position=before, served_at=now - timedelta(hours=2))
    return WEBHOOKS


def _failing(owner: User) -> str:
    now = timezone.now()
    since = now - timedelta(hours=3)
    position = _changed(owner, hours=3)
    webhook = _webhook(owner, position=position, failures=3, failing_since=since, retry_at=now + timedelta(minutes=9))
    outcomes: tuple[tuple[int, int | None, str], ...] = (
        (200, 204, ""),
        (170, 503, ""),
        (140, None, "tls"),
        (9, 500, ""),
    )
    for minutes, status, error in outcomes:
        Attempt.objects.create(
            org=org_of(owner),
            endpoint=webhook,
            at=now - timedelta(minutes=minutes),
            message="msg_KJ3DW2C6YQ4N5TFLZ7RGXB2AHE",
            items=50 if minutes > 150 else 1,
            status=status,
            error=error,
            milliseconds=minutes * 7,
        )
    return f"{WEBHOOKS}{webhook.id}/"


def _ended(owner: User) -> str:
    now = timezone.now()
    before = _changed(owner, days=1)
    facts = {"disabled_at": now - timedelta(days=1), "disabled_reason": Ending.FAILING, "position": before}
    return f"{WEBHOOKS}{_webhook(owner, **facts).id}/"


def _create_webhook(page: Page) -> None:
    page.get_by_label("Address").fill("https://hooks.northwind.example/muster?key=7f3a")
    page.get_by_role("button", name="Create webhook").click()
    page.get_by_role("heading", name="Copy the secret now").wait_for()


def _send_test(page: Page) -> None:
    """The receiver is not there."""
    page.get_by_role("button", name="Send a test").click()
    page.get_by_text("The test:").wait_for()


def _replay(page: Page) -> None:
    page.get_by_label("Everything").check()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Replay").wait_for()


def _at(name: str) -> Any:
    return lambda owner: (
        f"{WEBHOOKS}{_webhook(owner, 'https://127.0.0.1/', position=_changed(owner, days=2)).id}/{name}"
    )


SCENES = {
    "api-keys": Scene(_keys),
    "api-keys-new": Scene(lambda owner: KEYS),
    "api-key-new": Scene(lambda owner: f"{KEYS}new/"),
    "api-key-created": Scene(lambda owner: f"{KEYS}new/", _create_key),
    "api-key-revoke": Scene(_revoke_key),
    "webhooks": Scene(_webhooks),
    "webhooks-new": Scene(lambda owner: WEBHOOKS),
    "webhook-new": Scene(lambda owner: f"{WEBHOOKS}new/"),
    "webhook-secret": Scene(lambda owner: f"{WEBHOOKS}new/", _create_webhook),
    "webhook-failing": Scene(_failing),
    "webhook-ended": Scene(_ended),
    "webhook-tested": Scene(_at(""), _send_test),
    "webhook-rotate": Scene(_at("rotate/")),
    "webhook-replay": Scene(_at("replay/")),
    "webhook-replay-sure": Scene(_at("replay/"), _replay),
    "webhook-delete": Scene(_at("delete/")),
    "overview-webhooks": Scene(lambda owner: _webhooks(owner) and _keys(owner) and "/"),
}
