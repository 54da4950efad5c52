"""What is done to webhooks, and what stays of it in history."""

import base64
from typing import Any

import pytest
from structlog.testing import capture_logs

from api.models import Attempt, Endpoint
from api.webhooks import endpoints
from api.webhooks.endpoints import TooManyWebhooks, UnknownWebhook
from orgs import history
from orgs.change_details import (
    WebhookChanged,
    WebhookCreated,
    WebhookDeleted,
    WebhookDisabled,
    WebhookEnabled,
    WebhookReplayed,
    WebhookSecretRotated,
    WebhookTested,
)
from orgs.db import sealed
from orgs.models import Change, FeedTouch, HistoryKind, Organization
from tests.factories import OrganizationFactory
from tests.groups_provisioning.world import by_command

pytestmark = pytest.mark.usefixtures("db")

URL = "https://hooks.example/in?key=s3cret"


def create(org: Organization | None, **differs: Any) -> endpoints.Issued:
    facts = {"url": URL, "kinds": ["person", "group"], "max_items": 50} | differs
    return endpoints.create(org=org, **facts, cause=by_command())


def on(org: Organization | None, endpoint: Endpoint) -> dict[str, Any]:
    return {"org": org, "endpoint_id": endpoint.id, "cause": by_command()}


def every_command(org: Organization | None) -> Endpoint:
    endpoint = create(org).endpoint
    about = on(org, endpoint)
    endpoints.change(**about, kinds=["team"], url="https://other.example")
    endpoints.rotate_secret(**about)
    for _ in range(2):
        endpoints.disable(**about)
    for _ in range(2):
        endpoints.enable(**about)
    endpoints.begin_test(**about)
    endpoints.replay(**about, position=7)
    endpoints.replay(**about, position=0)
    endpoints.change(**about, kinds=["team"], max_items=50)
    endpoints.delete(**about)
    return endpoint


class TestEveryCommand:
    def test_is_in_history_once_and_without_what_may_be_secret(self, org: Organization) -> None:  # E3
        webhook = str(every_command(org).id)
        first: dict[str, Any] = {"webhook": webhook, "host": "hooks.example"}
        then: dict[str, Any] = {"webhook": webhook, "host": "other.example"}
        assert [history.read(change) for change in Change.objects.for_org(org).order_by("id")] == [
            WebhookCreated(**first, kinds=["group", "person"]),
            WebhookChanged(**then, fields=["kinds", "url"]),
            WebhookSecretRotated(**then),
            WebhookDisabled(**then, reason="asked"),
            WebhookEnabled(**then),
            WebhookTested(**then),
            WebhookReplayed(**then, from_start=False),
            WebhookReplayed(**then, from_start=True),
            WebhookDeleted(**then),
        ]
        assert set(FeedTouch.objects.values_list("kind", flat=True)) == {HistoryKind.CHANGE}

    def test_of_the_operator_is_in_the_log(self, django_capture_on_commit_callbacks: Any) -> None:
        with capture_logs() as told, django_capture_on_commit_callbacks(execute=True):
            every_command(None)
        assert [each["event"].partition(".")[2] for each in told] == [
            *("created", "changed", "secret_rotated", "disabled", "enabled", "tested", "replayed", "replayed"),
            "deleted",
        ]
        assert "s3cret" not in str(told)

    @pytest.mark.parametrize("do", ["change", "rotate_secret", "enable", "disable", "delete", "begin_test", "replay"])
    def test_is_about_a_webhook_of_the_same_owner(self, org: Organization, do: str) -> None:  # O7
        other = OrganizationFactory.create()
        more = {"position": 0} if do == "replay" else {}
        owners = (org, other, None)
        for owner in owners:
            endpoint = create(owner).endpoint
            for stranger in owners:
                if stranger is not owner:
                    with pytest.raises(UnknownWebhook):
                        getattr(endpoints, do)(**on(stranger, endpoint), **more)


class TestTheSecret:
    def test_has_256_random_bits_and_is_sealed(self, org: Organization) -> None:  # E3, L9
        first, second = create(org), create(org)
        assert first.secret != second.secret
        assert first.secret.startswith("whsec_")
        assert len(base64.b64decode(first.secret.removeprefix("whsec_"), validate=True)) == 32
        row = Endpoint.objects.get(id=first.endpoint.id)
        assert first.secret not in str(vars(row))
        assert sealed.unseal(row.secret, owner=row.id) == first.secret

    def test_survives_a_change_of_the_secret_key(self, org: Organization, settings: Any) -> None:  # L9
        issued = create(org)
        rotated = endpoints.rotate_secret(**on(org, issued.endpoint))
        settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
        settings.SECRET_KEY = "another-0123456789-abcdefghijklmnopqrstuvwxyz-0123456789"
        sealed.reseal([Endpoint])
        settings.SECRET_KEY_FALLBACKS = []
        row = Endpoint.objects.get()
        assert sealed.unseal(row.secret, owner=row.id) == rotated.secret
        assert sealed.unseal(row.previous_secret, owner=row.id) == issued.secret


class TestAnotherAddress:
    def test_begins_without_the_failures_of_the_former(self, org: Organization) -> None:
        endpoint = create(org).endpoint
        Endpoint.objects.update(failures=4, failing_since=endpoint.created_at, retry_at=endpoint.created_at)
        endpoints.change(**on(org, endpoint), max_items=7)
        assert Endpoint.objects.get().failures == 4
        endpoints.change(**on(org, endpoint), url="https://other.example")
        row = Endpoint.objects.get()
        assert (row.failures, row.failing_since, row.retry_at, row.max_items) == (0, None, None, 7)


class TestHowMany:
    def test_is_limited_for_each_owner(self, org: Organization, monkeypatch: pytest.MonkeyPatch) -> None:  # E3
        monkeypatch.setattr(endpoints, "MOST", 1)
        for owner in (org, OrganizationFactory.create(), None):
            first = create(owner).endpoint
            with pytest.raises(TooManyWebhooks):
                create(owner)
            endpoints.delete(**on(owner, first))
            create(owner)


def test_deleting_one_takes_its_attempts_along(org: Organization) -> None:
    for owner in (org, None):
        endpoint = create(owner).endpoint
        facts: dict[str, Any] = {"at": endpoint.created_at, "message": "msg_1", "items": 1, "milliseconds": 1}
        Attempt.objects.create(org=owner, endpoint=endpoint, **facts)
        endpoints.delete(**on(owner, endpoint))
        assert not Attempt.objects.exists()
