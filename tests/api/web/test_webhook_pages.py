"""The pages about webhooks."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from api.models import Attempt, Ending, Endpoint
from api.web import webhooks
from api.webhooks import deliveries, endpoints
from orgs import feed
from orgs.db.keys import uuid7
from orgs.models import Change, FeedItem, FeedKind, Organization
from tests.api.webhooks.conftest import Make, make, names, receiver, trusting
from tests.api.webhooks.receiver import Receiver
from tests.conftest import signed_in
from tests.factories import OwnerFactory
from tests.groups_provisioning.world import by_command, entity
from tests.page_text import text_at_first

__all__ = ["make", "names", "receiver", "trusting"]

WEBHOOKS = "/settings/webhooks/"
ONCE = "0190a4e2-0000-7000-8000-000000000001"
URL = "https://hooks.example/in?key=s3cret"


@pytest.fixture
def browser(org: Organization) -> Client:
    return signed_in(OwnerFactory.create(org=org))


@pytest.fixture
def webhook(org: Organization) -> Endpoint:
    return endpoints.create(org=org, url=URL, kinds=["person"], max_items=50, cause=by_command()).endpoint


def page_of(webhook: Endpoint, name: str = "") -> str:
    return f"{WEBHOOKS}{webhook.id}/{name}{'/' if name else ''}"


def said(answer: Any) -> str:
    return text_at_first(answer)


def a_form(**changed: Any) -> dict[str, Any]:
    return {"url": URL, "kinds": ["person", "team"], "max_items": "10", "once": ONCE, **changed}


def stamped(org: Organization, at: datetime) -> None:
    """A person in the feed, who changed at that time."""
    facts = {"kind": FeedKind.PERSON, "resource_id": uuid7(), "position": feed.position_at(at) + 1}
    FeedItem.objects.create(org=org, **facts)


class TestCreatingAWebhook:
    def test_shows_its_secret_once(self, browser: Client, org: Organization) -> None:  # E3
        page = browser.post(f"{WEBHOOKS}new/", a_form())
        made = Endpoint.objects.get(org=org)
        assert (made.url, made.kinds, made.max_items) == (URL, ["person", "team"], 10)
        assert page.context["secret"].startswith("whsec_")
        assert "no-store" in page["Cache-Control"]
        assert "already exists" in said(browser.post(f"{WEBHOOKS}new/", a_form(), follow=True))
        assert Endpoint.objects.for_org(org).count() == 1
        assert page.context["secret"] not in browser.get(page_of(made)).content.decode()

    @pytest.mark.parametrize(
        ("wrong", "words"),
        [
            ({"url": "http://hooks.example"}, "with https://, on port 443 or 8443"),
            ({"url": "https://hooks.example:22"}, "with https://, on port 443 or 8443"),
            ({"kinds": ["organization"]}, "Select a valid choice"),
            ({"kinds": []}, "required"),
            ({"max_items": "501"}, "less than or equal to 500"),
        ],
    )
    def test_says_what_is_wrong(self, browser: Client, org: Organization, wrong: Any, words: str) -> None:
        assert words in said(browser.post(f"{WEBHOOKS}new/", a_form(**wrong)))
        assert not Endpoint.objects.for_org(org).exists()
        assert browser.post(f"{WEBHOOKS}new/", a_form()).context["secret"]

    def test_is_refused_where_there_are_too_many(
        self, browser: Client, webhook: Endpoint, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(endpoints, "MOST", 1)
        assert "no more are possible" in said(browser.post(f"{WEBHOOKS}new/", a_form()))


class TestAWebhook:
    def test_is_changed(self, browser: Client, webhook: Endpoint) -> None:
        assert URL in browser.get(page_of(webhook, "edit")).content.decode()
        browser.post(page_of(webhook, "edit"), a_form(url="https://other.example/", kinds=["group"]))
        webhook.refresh_from_db()
        assert (webhook.url, webhook.kinds) == ("https://other.example/", ["group"])
        assert "with https://" in said(browser.post(page_of(webhook, "edit"), a_form(url="ftp://x")))

    def test_gets_another_secret_once_however_often_the_page_is_reloaded(
        self, browser: Client, webhook: Endpoint
    ) -> None:  # E3
        shown = browser.post(page_of(webhook, "rotate"), {"once": ONCE})
        assert shown.context["secret"].startswith("whsec_")
        assert "signed with the previous secret too" in said(shown)
        assert "rotated already" in said(browser.post(page_of(webhook, "rotate"), {"once": ONCE}, follow=True))
        assert Change.objects.filter(verb="webhook.secret_rotated").count() == 1
        assert "ends at once" in said(browser.get(page_of(webhook, "rotate")))  # of a second rotation within a day

    def test_is_disabled_enabled_and_deleted(self, browser: Client, webhook: Endpoint) -> None:
        assert "nothing is lost" in said(browser.get(page_of(webhook, "disable")))
        assert "Disabled since" in said(browser.post(page_of(webhook, "disable"), follow=True))
        assert "Disabled since" not in said(browser.post(page_of(webhook, "enable"), follow=True))
        assert "cannot be undone" in said(browser.get(page_of(webhook, "delete")))
        assert "hooks.example was deleted." in said(browser.post(page_of(webhook, "delete"), follow=True))
        assert not Endpoint.objects.exists()


class TestATest:
    @pytest.mark.parametrize(
        ("answer", "words"),
        [(204, "Accepted (204)"), (500, "Answered 500")],
    )
    @pytest.mark.parametrize("by_htmx", [True, False])
    def test_says_what_came_of_it(
        self, browser: Client, org: Organization, receiver: Receiver, make: Make, answer: int, words: str, by_htmx: bool
    ) -> None:  # E3
        receiver.answer(answer)
        headers = {"HX-Request": "true", "HX-Target": "attempts"} if by_htmx else {}
        page = browser.post(page_of(webhook := make(org), "test"), headers=headers, follow=True)
        assert f"The test: {words}, after" in said(page)
        assert ("<html" in page.content.decode()) is not by_htmx
        attempt = Attempt.objects.get(endpoint=webhook)
        assert (attempt.status, attempt.items) == (answer, 0)

    def test_of_a_receiver_that_is_not_there_says_why(self, browser: Client, webhook: Endpoint) -> None:
        Endpoint.objects.filter(id=webhook.id).update(url="https://127.0.0.1/")
        assert "The host has no public address" in said(browser.post(page_of(webhook, "test"), follow=True))


class TestAttempts:
    def test_are_shown_with_time_outcome_and_items_and_older_ones_by_page(
        self, browser: Client, webhook: Endpoint
    ) -> None:  # E3
        at = datetime(2026, 3, 1, 12, tzinfo=UTC)
        facts = {"org_id": webhook.org_id, "endpoint": webhook, "message": "msg_1", "items": 7, "status": 503}
        for minute in range(60):
            Attempt.objects.create(**facts, at=at + timedelta(minutes=minute), milliseconds=minute + 1000)
        page = browser.get(page_of(webhook))
        for words in ("1 Mar 2026, 12:59 UTC", "Answered 503", "1,059 ms", "msg_1"):
            assert words in said(page)
        older = re.search(r'href="([^"]*before=[^"]*)#attempts"', page.content.decode())
        assert older
        assert "12:09 UTC" in said(browser.get(older[1]))
        assert "12:10 UTC" not in said(browser.get(older[1]))


class TestReplay:
    @pytest.fixture
    def told(self, org: Organization, webhook: Endpoint) -> Endpoint:
        """A webhook that has told of two people, one of whom changed an hour ago, and a day ago the other."""
        for ago in (timedelta(days=1), timedelta(hours=1)):
            stamped(org, timezone.now() - ago)
        Endpoint.objects.filter(id=webhook.id).update(position=feed.position_at(timezone.now()))
        return webhook

    @pytest.mark.parametrize(("hours", "count"), [(0.5, 0), (2, 1), (None, 2)])
    def test_says_how_many_items_before_it_tells_them(
        self, browser: Client, told: Endpoint, org: Organization, hours: float | None, count: int
    ) -> None:  # E3
        since = None if hours is None else timezone.now() - timedelta(hours=hours)
        sent = {"beginning": "start"} if since is None else {"beginning": "time", "time": f"{since:%Y-%m-%dT%H:%M:%S}"}
        page = browser.post(page_of(told, "replay"), sent)
        assert f"Send {count} item" in said(page)
        told.refresh_from_db()
        before = told.position
        browser.post(page_of(told, "replay"), sent | {"sure": "1"})
        told.refresh_from_db()
        assert told.position < before
        (newer,) = feed.newer(org.id, [(told.position, told.kinds)], 10)
        assert newer.items == count

    def test_never_skips_what_is_yet_to_be_told(self, browser: Client, told: Endpoint) -> None:
        Endpoint.objects.filter(id=told.id).update(position=5)
        sent = {"beginning": "time", "time": f"{timezone.now():%Y-%m-%dT%H:%M}", "sure": "1"}
        browser.post(page_of(told, "replay"), sent)
        told.refresh_from_db()
        assert told.position == 5

    @pytest.mark.parametrize(("time", "words"), [("", "Enter a time."), ("2999-01-01T00:00", "in the past")])
    def test_asks_for_a_time(self, browser: Client, webhook: Endpoint, time: str, words: str) -> None:
        assert words in said(browser.post(page_of(webhook, "replay"), {"beginning": "time", "time": time}))


def failing(webhook: Endpoint, now: datetime) -> None:
    since = now - timedelta(hours=1)
    Endpoint.objects.filter(id=webhook.id).update(failures=4, failing_since=since, retry_at=now)


def ended(webhook: Endpoint, now: datetime) -> None:
    Endpoint.objects.filter(id=webhook.id).update(disabled_at=now, disabled_reason=Ending.FAILING)


def gone(webhook: Endpoint, now: datetime) -> None:
    Endpoint.objects.filter(id=webhook.id).update(disabled_at=now, disabled_reason=Ending.GONE)


def asked(webhook: Endpoint, now: datetime) -> None:
    endpoints.disable(org=webhook.org, endpoint_id=webhook.id, cause=by_command())


def behind(webhook: Endpoint, now: datetime) -> None:
    assert webhook.org
    long_ago = now - timedelta(minutes=9)
    stamped(webhook.org, long_ago)
    Endpoint.objects.filter(id=webhook.id).update(position=0, served_at=long_ago)


def fine(webhook: Endpoint, now: datetime) -> None: ...


class TestTheState:
    @pytest.mark.parametrize(
        ("become", "word", "matter"),
        [
            (fine, "Delivering", ""),
            (behind, "Behind", ""),
            (failing, "Failing", "The webhook to hooks.example is failing"),
            (asked, "Disabled Somebody disabled it.", ""),
            (ended, "Disabled It had failed for five days.", "The webhook to hooks.example was disabled"),
            (gone, "Disabled Its receiver answered that it is gone", "The webhook to hooks.example was disabled"),
        ],
    )
    def test_is_in_the_list_and_a_matter_where_somebody_should_act(
        self,
        browser: Client,
        webhook: Endpoint,
        become: Callable[[Endpoint, datetime], None],
        word: str,
        matter: str,
    ) -> None:  # E3, N1
        become(webhook, timezone.now())
        assert word in " ".join(said(browser.get(WEBHOOKS)).split())
        overview = said(browser.get("/"))
        assert matter in overview
        assert ("hooks.example" in overview) is bool(matter)
        assert browser.get(page_of(webhook)).status_code == 200
        if matter:
            browser.post(page_of(webhook, "enable" if become is not failing else "delete"), follow=True)
            assert "hooks.example" not in said(browser.get("/"))

    def test_of_many_is_read_in_one_statement(self, browser: Client, org: Organization) -> None:
        def statements() -> int:
            with CaptureQueriesContext(connection) as asked:
                browser.get(WEBHOOKS)
            return len(asked)

        endpoints.create(org=org, url=URL, kinds=["person"], max_items=1, cause=by_command())
        statements()
        one = statements()
        for _ in range(5):
            endpoints.create(org=org, url=URL, kinds=["team"], max_items=1, cause=by_command())
        assert statements() == one

    def test_counts_what_waits(self, browser: Client, org: Organization, webhook: Endpoint) -> None:
        entity(org, "Platform")  # of a kind that it does not tell of
        feed.stamp_all()
        behind(webhook, timezone.now())
        (newer,) = feed.newer(org.id, [(0, ["person"])], 10)
        assert newer.items == 1
        assert "Waiting 1 item" in " ".join(said(browser.get(page_of(webhook))).split())


FORMS = {
    "edit": a_form(),
    "rotate": {"once": ONCE},
    "test": {},
    "replay": {"beginning": "start", "sure": "1"},
    "enable": {},
    "disable": {},
    "delete": {},
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("meanwhile", [True, False])
def test_a_webhook_that_is_gone_is_said(
    form: str, meanwhile: bool, browser: Client, webhook: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:  # O7
    """Deleted before the form is sent, or right before the command."""

    def delete() -> None:
        endpoints.delete(org=webhook.org, endpoint_id=webhook.id, cause=by_command())

    if meanwhile:
        made = webhooks.cause
        left = [delete]

        def cause(request: Any) -> Any:
            if left:
                left.pop()()
            return made(request)

        monkeypatch.setattr(webhooks, "cause", cause)
    else:
        delete()
    assert "This webhook was deleted." in said(browser.post(page_of(webhook, form), FORMS[form], follow=True))


def test_a_test_of_a_webhook_that_is_deleted_meanwhile_is_said(
    browser: Client, webhook: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = deliveries._post

    def deleting(*args: Any) -> Any:
        endpoints.delete(org=webhook.org, endpoint_id=webhook.id, cause=by_command())
        return post(*args)

    monkeypatch.setattr(deliveries, "_post", deleting)
    assert "This webhook was deleted." in said(browser.post(page_of(webhook, "test"), follow=True))
