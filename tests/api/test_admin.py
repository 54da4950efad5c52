"""Webhooks and keys in the admin: the operator's are managed there, those of orgs looked at and ended."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from api.models import Attempt, Endpoint
from api.webhooks import endpoints
from orgs.models import ApiKey, Organization, Scope
from orgs.web.access import RECENT, SIGNED_IN_AT
from tests.api.consumer import key_of
from tests.api.webhooks.conftest import Make, make, names, receiver, trusting
from tests.api.webhooks.receiver import Receiver
from tests.conftest import signed_in
from tests.factories import StaffFactory
from tests.groups_provisioning.world import by_command

__all__ = ["make", "names", "receiver", "trusting"]

pytestmark = pytest.mark.usefixtures("db")

LIST = "/admin/api/endpoint/"
KEYS = "/admin/orgs/apikey/"
SECRET_URL = "https://hooks.example/in?key=s3cret"


@pytest.fixture
def desk() -> Client:
    return signed_in(StaffFactory.create())


def create(org: Organization | None) -> Endpoint:
    return endpoints.create(org=org, url=SECRET_URL, kinds=["person"], max_items=5, cause=by_command()).endpoint


def act(desk: Client, action: str, *rows: Any, of: str = LIST) -> str:
    data = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
    return " ".join(str(each) for each in desk.post(of, data, follow=True).context["messages"])


class TestTheOperatorsWebhooks:
    def test_are_made_with_a_secret_that_is_shown_once(self, desk: Client) -> None:  # E3
        form = {"url": SECRET_URL, "kinds": ["organization", "person"], "max_items": "9"}
        once = "0190a4e2-0000-7000-8000-000000000001"
        page = desk.post(f"{LIST}add/", form | {"once": once})
        made = Endpoint.objects.get()
        assert (made.org, made.kinds, made.max_items) == (None, ["organization", "person"], 9)
        assert page.context["secret"].startswith("whsec_")
        assert "no-store" in page["Cache-Control"]
        shown = desk.get(f"{LIST}{made.pk}/change/").content.decode()
        assert "key=s3cret" in shown  # the operator's own
        assert page.context["secret"] not in shown
        assert "with https://" in desk.post(f"{LIST}add/", form | {"url": "x", "once": once}).content.decode()

    def test_are_changed_rotated_replayed_and_deleted(self, desk: Client) -> None:
        webhook = create(None)
        desk.post(f"{LIST}{webhook.pk}/edit/", {"url": "https://other.example", "kinds": ["team"], "max_items": "1"})
        Endpoint.objects.get(url="https://other.example", kinds=["team"])
        assert desk.post(f"{LIST}{webhook.pk}/rotate/").context["secret"].startswith("whsec_")
        asked = desk.post(f"{LIST}{webhook.pk}/replay/", {"beginning": "start"})
        assert "0 items will be sent." in asked.content.decode()
        assert Endpoint.objects.get().position > 0
        desk.post(f"{LIST}{webhook.pk}/replay/", {"beginning": "start", "sure": "1"})
        assert Endpoint.objects.get().position == 0
        desk.post(f"{LIST}{webhook.pk}/delete-webhook/")
        assert not Endpoint.objects.exists()

    @pytest.mark.parametrize("page", ["add/", "{}/edit/", "{}/rotate/"])
    def test_ask_for_a_recent_sign_in(self, desk: Client, page: str) -> None:  # L6
        session = desk.session
        session[SIGNED_IN_AT] = (timezone.now() - RECENT).timestamp() - 1
        session.save()
        assert "<title>Sign in again" in desk.get(LIST + page.format(create(None).pk)).content.decode()

    def test_are_tested_one_at_a_time(self, desk: Client, receiver: Receiver, make: Make) -> None:
        webhook = make()
        assert "Accepted (204)" in act(desk, "send_test", webhook)
        assert "Choose one" in act(desk, "send_test", webhook, make())
        assert Attempt.objects.get().status == 204
        assert "Accepted (204)" in desk.get(f"{LIST}{webhook.pk}/change/").content.decode()


class TestWebhooksOfOrgs:
    def test_are_disabled_and_enabled_but_not_changed_by_support(self, desk: Client, org: Organization) -> None:  # E3
        webhook = create(org)
        assert act(desk, "disable", webhook) == "1 of 1 done."
        assert Endpoint.objects.get().disabled_at
        assert "needed no change" in act(desk, "disable", webhook)
        assert act(desk, "enable", webhook) == "1 of 1 done."
        for page in ("edit", "rotate", "replay", "delete-webhook"):
            assert desk.post(f"{LIST}{webhook.pk}/{page}/").status_code == 403
        for page in (LIST, f"{LIST}{webhook.pk}/change/"):
            shown = desk.get(page).content.decode()
            assert "hooks.example" in shown
            assert "s3cret" not in shown


class TestKeys:
    @pytest.mark.parametrize("whose", ["org", "operator"])
    def test_are_found_and_revoked(self, desk: Client, org: Organization, whose: str) -> None:  # E5
        issued = key_of(org if whose == "org" else None, Scope.HISTORY)
        key_of(org)
        assert list(desk.get(KEYS, {"q": issued.secret[-4:]}).context["cl"].result_list) == [issued.key]
        shown = desk.get(f"{KEYS}{issued.key.pk}/change/").content.decode()
        assert issued.key.hint in shown
        assert "history" in shown
        assert "digest" not in shown.lower()
        assert act(desk, "revoke", issued.key, of=KEYS) == "1 of 1 done."
        assert not ApiKey.objects.get(pk=issued.key.pk).is_valid(timezone.now())
        assert "needed no change" in act(desk, "revoke", issued.key, of=KEYS)
