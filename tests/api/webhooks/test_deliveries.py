"""What a receiver gets, and what becomes of a webhook whose receiver does not take it."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from random import Random
from typing import Any

import pytest
from django.core import mail
from django.db.models import F
from django.utils import timezone

from api import states
from api.models import Attempt, Ending, Endpoint
from api.webhooks import deliveries, endpoints, messages
from orgs import deletions, feed, metrics
from orgs.change_details import WebhookDisabled
from orgs.history import read
from orgs.models import Change, Door, FeedHead, FeedItem, FeedKind, Organization, User
from orgs.tasks import mail_matters, send_mails
from tests.api.consumer import Consumer
from tests.api.webhooks.conftest import Make
from tests.api.webhooks.receiver import Heard, Receiver, Reply, closed_port
from tests.conftest import Idp
from tests.factories import OrganizationFactory, OwnerFactory, UserFactory
from tests.groups_provisioning.world import TEAM, by_command, entity, map_to, push, push_user, settle_marked

pytestmark = pytest.mark.usefixtures("db")


def people(org: Organization, number: int, **facts: Any) -> list[str]:
    """The ids of people who have just been changed, in the order of the feed."""
    ids = [str(user.id) for user in UserFactory.create_batch(number, org=org, **facts)]
    touch(org, *ids)
    return ids


def touch(org: Organization, *ids: str) -> None:
    feed.touch(org.id, [("person", id_) for id_ in ids])


def serve(*, patiently: bool = True) -> None:
    """Send until nothing is due. patiently: after whatever pause there is."""
    if patiently:
        Endpoint.objects.update(retry_at=None)
    feed.stamp_all()
    assert deliveries.serve(60) is False


def only() -> Endpoint:
    return Endpoint.objects.get()


class TestWhatIsPosted:
    @pytest.mark.parametrize("whose", ["the org's", "the operator's"])
    def test_is_what_the_feed_serves(  # E3
        self, org: Organization, idp: Idp, make: Make, receiver: Receiver, whose: str
    ) -> None:
        ada, bo = push_user(idp, "Ada Brandt"), push_user(idp, "Bo Lind")
        map_to(push(idp, "Platform", ada, bo), TEAM)
        idp.delete(f"/Users/{bo}")
        owner = org if whose == "the org's" else None
        settle_marked(org)
        make(owner, max_items=2)
        serve()
        asked = Consumer(owner).poll()
        assert {item["kind"] for item in asked} >= {"person", "team", "group"}
        assert receiver.items() == asked
        assert all(len(each.items) <= 2 for each in receiver.heard)

    def test_says_whose_feed_it_is_and_where_to_go_on(self, org: Organization, make: Make, receiver: Receiver) -> None:
        ids = people(org, 3)
        make(org, kinds=["person"], max_items=2)
        serve()
        first, second = (each.told for each in receiver.heard)
        assert (first["type"], set(first)) == ("changes", {"type", "timestamp", "data"})
        assert set(first["data"]) == {"organization", "epoch", "items", "next", "has_more"}
        epoch = str(FeedHead.objects.get().epoch)
        common = {"organization": str(org.id), "epoch": epoch}
        assert first["data"].items() >= (common | {"has_more": True}).items()
        assert second["data"].items() >= (common | {"has_more": False}).items()
        at = datetime.fromisoformat(first["timestamp"])
        assert at == datetime.fromtimestamp(first["data"]["items"][-1]["position"] / 1e6, UTC)
        reader = Consumer(org, kinds="person")
        reader.after = first["data"]["next"]
        assert [item["id"] for item in reader.poll()] == ids[2:]

    def test_begins_with_what_is_new(self, org: Organization, receiver: Receiver) -> None:
        people(org, 1)
        feed.stamp_all()
        endpoints.create(org=org, url=receiver.url(), kinds=["person"], max_items=50, cause=by_command())
        (late,) = people(org, 1)
        serve()
        assert [item["id"] for item in receiver.items()] == [late]

    def test_is_only_of_the_kinds_that_are_asked_for(self, org: Organization, make: Make, receiver: Receiver) -> None:
        """What else is newer is passed by without a request, and is not looked at again."""
        team = entity(org, "Platform")
        feed.touch(org.id, [("team", str(team.id))])
        people(org, 2)
        make(org, kinds=["team"])
        make(org, "/nothing", kinds=["group"])
        serve()
        assert [(each.path, [item["id"] for item in each.items]) for each in receiver.heard] == [("/", [str(team.id)])]
        assert {endpoint.position for endpoint in Endpoint.objects.all()} == {FeedHead.objects.get().position}
        assert deliveries.take() is None

    def test_is_of_its_org_alone(self, org: Organization, make: Make, receiver: Receiver) -> None:  # O7
        other = OrganizationFactory.create()
        people(other, 1)
        (ada,) = people(org, 1)
        make(org)
        serve()
        assert [(item["id"], item["organization"]) for item in receiver.items()] == [(ada, str(org.id))]

    def test_has_256_kib_of_items_but_for_one_that_is_larger(
        self, org: Organization, make: Make, receiver: Receiver
    ) -> None:
        sizes = [100_000, 100_000, 100_000, 300_000, 10]
        for size in sizes:
            people(org, 1, attributes={"title": "x" * size})
        make(org)
        serve()
        assert [len(each.items) for each in receiver.heard] == [2, 1, 1, 1]
        assert [each.told["data"]["has_more"] for each in receiver.heard] == [True, True, True, False]
        assert [len(item["state"]["attributes"]["title"]) for item in receiver.items()] == sizes

    def test_ends_where_what_is_read_at_once_has_grown_large(
        self, org: Organization, make: Make, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(states, "MOST", 100)
        ids = people(org, 3, attributes={"title": "x" * 90})
        make(org)
        serve()
        assert [item["id"] for item in receiver.items()] == ids
        assert len(receiver.heard) == 3

    def test_leaves_a_consumer_right_though_it_comes_thrice_and_in_any_order(  # E3
        self, org: Organization, idp: Idp, make: Make, receiver: Receiver
    ) -> None:
        make(org, max_items=3)
        ids = [push_user(idp, f"Ada {number}") for number in range(5)]
        random = Random(3)
        for turn in range(6):
            group = push(idp, f"Group {turn}", *random.sample(ids, 3))
            map_to(group, TEAM)
            settle_marked(org)
            idp.patch(f"/Users/{random.choice(ids)}", {"op": "replace", "path": "title", "value": f"x{turn}"})
            serve()
        idp.delete(f"/Users/{ids[0]}")
        settle_marked(org)
        serve()
        told, wanted = receiver.items() * 3, Consumer(org)
        random.shuffle(told)
        reader = Consumer(org)
        reader.receive(told)
        wanted.poll()
        assert len({item["position"] for item in told}) > len(wanted.table)
        assert reader.table == wanted.table


class TestARequest:
    def test_is_signed_json(self, org: Organization, make: Make, receiver: Receiver) -> None:
        people(org, 1)
        make(org)
        serve()
        (heard,) = receiver.heard
        assert (heard.headers["content-type"], heard.headers["user-agent"]) == ("application/json", "Muster")
        assert heard.headers["webhook-id"].startswith("msg_")
        assert abs(int(heard.headers["webhook-timestamp"]) - timezone.now().timestamp()) < 60
        assert [each[:3] for each in heard.headers["webhook-signature"].split()] == ["v1,"]
        assert heard.headers["host"] == f"hooks.example:{receiver.port}"

    def test_that_is_repeated_has_the_same_id_until_its_body_is_another(
        self, org: Organization, make: Make, receiver: Receiver
    ) -> None:
        """A consumer that drops ids it knows drops nothing new."""
        ada, bo = people(org, 2)
        make(org)
        make(org, "/other")
        receiver.answer(500)
        for _ in range(2):
            serve()
        User.objects.filter(id=ada).update(given_name="Ada")
        serve()
        touch(org, bo)
        serve()
        first, again, changed, moved = receiver.at("/")
        assert first.headers["webhook-id"] == again.headers["webhook-id"]
        assert first.body == again.body
        others = {each.headers["webhook-id"] for each in (first, changed, moved, *receiver.at("/other"))}
        assert len(others) == 3 + len(receiver.at("/other"))

    @pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
    def test_that_is_accepted_moves_the_cursor(
        self, org: Organization, make: Make, receiver: Receiver, status: int
    ) -> None:
        people(org, 3)
        make(org, max_items=2)
        receiver.answer(status)
        serve()
        assert only().position == FeedHead.objects.get().position
        assert [(each.items, each.status, each.error) for each in Attempt.objects.order_by("id")] == [
            (2, status, ""),
            (1, status, ""),
        ]
        assert [each.message for each in Attempt.objects.order_by("id")] == [
            each.headers["webhook-id"] for each in receiver.heard
        ]

    def test_of_an_org_that_is_closed_is_not_sent(  # O6
        self, org: Organization, make: Make, receiver: Receiver
    ) -> None:
        people(org, 1)
        make(org)
        deletions.begin(org=org, cause=by_command())
        serve()
        assert receiver.heard == []

    def test_of_a_webhook_that_is_disabled_is_not_sent_until_it_is_enabled(  # E3
        self, org: Organization, make: Make, receiver: Receiver
    ) -> None:
        about: dict[str, Any] = {"org": org, "endpoint_id": make(org).id, "cause": by_command()}
        endpoints.disable(**about)
        ids = people(org, 2)
        serve()
        assert receiver.heard == []
        endpoints.enable(**about)
        serve()
        assert [item["id"] for item in receiver.items()] == ids


class TestAFailure:
    @pytest.mark.parametrize(
        ("status", "error"),
        [*[(status, "") for status in (301, 302, 304, 400, 401, 404, 429, 500, 503)], (None, "unreachable")],
    )
    def test_leaves_the_cursor_and_comes_back_later(  # E3
        self, org: Organization, make: Make, receiver: Receiver, status: int | None, error: str
    ) -> None:
        ids = people(org, 1)
        where = {} if status else {"url": f"https://hooks.example:{closed_port()}/"}
        if status:
            receiver.answer(status, location="https://hooks.example/elsewhere")
        endpoint_id = make(None, **where).id
        serve()
        failed = only()
        assert (failed.position, failed.failures, failed.leased_until) == (0, 1, None)
        assert failed.failing_since is not None
        attempt = Attempt.objects.get()
        assert (attempt.status, attempt.error, attempt.items) == (status, error, 1)
        serve(patiently=False)
        assert Attempt.objects.count() == 1
        receiver.answer(204)
        endpoints.change(org=None, endpoint_id=endpoint_id, url=receiver.url(), cause=by_command())
        serve()
        assert [item["id"] for item in receiver.heard[-1].items] == ids
        assert (only().failures, only().failing_since, only().retry_at) == (0, None, None)

    def test_is_retried_after_5_s_and_then_less_and_less_often(  # E3
        self, org: Organization, make: Make, receiver: Receiver
    ) -> None:
        people(org, 1)
        make(org)
        receiver.answer(500)
        pauses = []
        for _ in range(8):
            serve()
            endpoint = only()
            assert endpoint.retry_at
            pauses.append((endpoint.retry_at - Attempt.objects.latest("id").at).total_seconds())
        usual = [5, 30, 120, 600, 1800, 3600, 3600, 3600]
        assert all(0.9 * each <= pause <= 1.1 * each for each, pause in zip(usual, pauses, strict=True))

    @pytest.mark.parametrize(
        ("asked", "least", "most"),
        [
            ("100", 100, 101),
            ("1", 4, 6),
            ("86400", 3600, 3601),
            ("9" * 400, 3600, 3601),
            ("in 10 minutes", 595, 601),
            ("yesterday", 4, 6),
            ("-5", 4, 6),
            ("soon", 4, 6),
            ("٣", 4, 6),
            (f"Fri, 1 Jan {'9' * 20} 00:00:00 GMT", 4, 6),
            (f"Fri, 1 Jan 2100 00:00:00 +{'9' * 20}", 4, 6),
        ],
    )
    def test_is_retried_when_the_receiver_says_but_within_an_hour(
        self, org: Organization, make: Make, receiver: Receiver, asked: str, least: float, most: float
    ) -> None:
        dates = {"in 10 minutes": timedelta(minutes=10), "yesterday": timedelta(days=-1)}
        people(org, 1)
        make(org)
        said = format_datetime(datetime.now(UTC) + dates[asked], usegmt=True) if asked in dates else asked
        receiver.answer(503, retry_after=said.encode().decode("latin-1"))
        serve()
        endpoint = only()
        assert endpoint.retry_at
        assert least <= (endpoint.retry_at - Attempt.objects.get().at).total_seconds() <= most

    def test_makes_messages_smaller_until_the_item_that_is_to_blame_comes_alone(  # E3
        self, org: Organization, make: Make, receiver: Receiver
    ) -> None:
        ids = people(org, 9)

        def chokes(heard: Heard) -> Reply:
            return 500 if ids[2] in {item["id"] for item in heard.items} else 204, {}

        receiver.replies["/"] = chokes
        make(org, max_items=8)
        sizes = []
        for _ in range(30):
            serve()
            last = Attempt.objects.latest("id")
            sizes.append(last.items)
            if last.items == 1 and last.status == 500:
                break
        assert sizes[:3] == [8, 8, 8]
        accepted = [item["id"] for each in receiver.heard for item in each.items if chokes(each)[0] == 204]
        assert accepted == ids[:2]
        assert [item["id"] for item in receiver.heard[-1].items] == [ids[2]]
        receiver.answer(204)
        serve()
        assert [item["id"] for item in receiver.heard[-1].items] == ids[3:]

    @pytest.mark.parametrize("failures", range(30))
    def test_never_makes_a_message_of_nothing(self, failures: int) -> None:
        for most in (1, 50, 500):
            at_once = deliveries._at_once(Endpoint(max_items=most, failures=failures))
            assert at_once == max(1, most // 2 ** max(0, failures - 2))

    def test_is_no_ones_but_the_webhooks(self, org: Organization, make: Make, receiver: Receiver) -> None:
        ids = people(org, 1)
        make(org, "/broken")
        make(org, "/well")
        receiver.answer(500, "/broken")
        serve()
        assert [item["id"] for item in receiver.items("/well")] == ids

    def test_of_ours_is_none_of_the_others(
        self, org: Organization, make: Make, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ids = people(org, 1)
        broken, _ = make(org, "/broken"), make(org, "/well")
        of_changes = messages.of_changes

        def fails(endpoint_id: Any, *rest: Any, **more: Any) -> Any:
            if endpoint_id == broken.id:
                raise ValueError
            return of_changes(endpoint_id, *rest, **more)

        monkeypatch.setattr(messages, "of_changes", fails)
        serve()
        assert [item["id"] for item in receiver.items("/well")] == ids
        assert not receiver.at("/broken")

    def test_with_a_secret_that_cannot_be_opened_is_told_as_such(  # L9
        self, org: Organization, make: Make, receiver: Receiver, settings: Any
    ) -> None:
        people(org, 1)
        make(org)
        settings.SECRET_KEY = "another-0123456789-abcdefghijklmnopqrstuvwxyz-0123456789"
        serve()
        assert receiver.heard == []
        assert (Attempt.objects.get().error, only().failures) == ("secret_unreadable", 1)


class TestGivingUp:
    def disabled(self, org: Organization) -> WebhookDisabled:
        change = Change.objects.for_org(org).get(verb="webhook.disabled")
        assert change.door == Door.CLOCK
        told = read(change)
        assert isinstance(told, WebhookDisabled)
        return told

    def test_comes_at_once_where_the_receiver_is_gone(  # E3
        self, org: Organization, make: Make, receiver: Receiver
    ) -> None:
        people(org, 1)
        make(org)
        receiver.answer(410)
        serve()
        assert (only().disabled_reason, self.disabled(org).reason) == (Ending.GONE, "gone")
        assert only().retry_at is None
        serve()
        assert len(receiver.heard) == 1

    def test_comes_after_five_days_and_not_before(  # E3
        self, org: Organization, make: Make, receiver: Receiver
    ) -> None:
        ids = people(org, 1)
        endpoint_id = make(org).id
        receiver.answer(500)
        serve()
        for ago, is_over in ((timedelta(days=5, minutes=-1), False), (timedelta(days=5), True)):
            Endpoint.objects.update(failing_since=timezone.now() - ago)
            serve()
            assert (only().disabled_at is not None) == is_over
        assert self.disabled(org).reason == "failing"
        receiver.answer(204)
        serve()
        assert len(receiver.heard) == 3
        endpoints.enable(org=org, endpoint_id=endpoint_id, cause=by_command())
        serve()
        assert [item["id"] for item in receiver.heard[-1].items] == ids

    def test_is_mailed_to_the_admins_once(self, org: Organization, make: Make, receiver: Receiver) -> None:  # E3
        OwnerFactory.create(org=org, user_name="owner@corp.example")
        people(org, 1)
        endpoint = make(org, "/a-secret-path")
        receiver.answer(410, "/a-secret-path")
        serve()
        for _ in range(2):
            mail_matters()
            send_mails()
        (letter,) = mail.outbox
        assert letter.to == ["owner@corp.example"]
        assert "hooks.example was disabled" in str(letter.body)
        assert str(endpoint.id) in str(letter.body)
        assert "a-secret-path" not in str(letter.body)

    @pytest.mark.parametrize("address", ["", "support@muster.example"])
    def test_of_an_operators_is_mailed_to_support(
        self, org: Organization, make: Make, receiver: Receiver, settings: Any, address: str
    ) -> None:
        settings.SUPPORT_EMAIL = address
        people(org, 1)
        make(None)
        receiver.answer(500)
        serve()
        Endpoint.objects.update(failing_since=timezone.now() - timedelta(days=6))
        serve()
        send_mails()
        assert [letter.to for letter in mail.outbox] == ([[address]] if address else [])
        assert all("Nothing has reached its receiver since" in str(letter.body) for letter in mail.outbox)

    def test_is_not_mailed_where_somebody_did_it(self, org: Organization, make: Make) -> None:
        endpoints.disable(org=org, endpoint_id=make(org).id, cause=by_command())
        mail_matters()
        send_mails()
        assert mail.outbox == []


class TestWhatIsDue:
    def test_has_waited_since_the_first_change_that_was_not_sent(self, org: Organization, make: Make) -> None:
        assert deliveries.oldest_due() is None
        people(org, 2)
        feed.stamp_all()
        first, second = FeedItem.objects.filter(kind=FeedKind.PERSON).order_by("position")
        endpoint = make(org)
        Endpoint.objects.update(position=first.position)
        FeedItem.objects.filter(pk=second.pk).update(position=first.position + 1)
        waits = datetime.now(UTC) - feed.time_of(first.position)
        assert deliveries.oldest_due() == pytest.approx(waits.total_seconds(), abs=5)
        Endpoint.objects.update(position=first.position + 1)
        assert deliveries.oldest_due() is None
        Endpoint.objects.update(position=0, retry_at=datetime.now(UTC) + timedelta(minutes=1))
        assert deliveries.oldest_due() is None  # its receiver is what is slow
        Endpoint.objects.update(retry_at=datetime.now(UTC) - timedelta(minutes=1))
        assert deliveries.oldest_due() is not None
        endpoints.disable(org=org, endpoint_id=endpoint.id, cause=by_command())
        assert deliveries.oldest_due() is None

    def test_is_counted_by_the_class_of_the_answer(self, org: Organization, make: Make, receiver: Receiver) -> None:
        def counted() -> dict[str, float]:
            return {outcome: metrics.deliveries.labels(outcome)._value.get() for outcome in ("2xx", "5xx", "no_answer")}

        before = counted()
        make(org)
        people(org, 1)
        for status in (500, 204):
            receiver.answer(status)
            serve()
        gained = {outcome: number - before[outcome] for outcome, number in counted().items()}
        assert gained == {"2xx": 1, "5xx": 1, "no_answer": 0}


class TestALease:
    def test_keeps_a_webhook_to_one_worker(self, org: Organization, make: Make) -> None:  # E3
        people(org, 1)
        feed.stamp_all()
        make(org)
        assert deliveries.take() is not None
        assert deliveries.take() is None

    def test_of_a_worker_that_is_lost_ends_and_the_late_one_changes_nothing(
        self, org: Organization, make: Make, receiver: Receiver
    ) -> None:
        ids = people(org, 1)
        feed.stamp_all()
        make(org)
        late = deliveries.take()
        assert late
        Endpoint.objects.update(leased_until=F("leased_until") - timedelta(seconds=deliveries.LEASE))
        late.leased_until = only().leased_until
        serve()
        before = Endpoint.objects.values().get()
        receiver.answer(500)
        deliveries.deliver(late)
        assert Endpoint.objects.values().get() == before
        assert Attempt.objects.count() == 1
        assert [[item["id"] for item in each.items] for each in receiver.heard] == [ids, ids]

    def test_is_longer_than_what_is_left_to_do(
        self, org: Organization, make: Make, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where reading took long, nothing is sent that might still be on its way when another worker begins."""
        people(org, 1)
        feed.stamp_all()
        make(org)
        taken = deliveries.take()
        assert taken
        monkeypatch.setattr(deliveries, "LEASE", deliveries.SECONDS)  # as if it were nearly over
        deliveries.deliver(taken)
        assert (only().position, only().leased_until, receiver.heard) == (0, None, [])

    def test_leaves_an_org_a_share(self, make: Make) -> None:  # S9
        orgs = OrganizationFactory.create_batch(2)
        for org in orgs:
            people(org, 1)
            for _ in range(deliveries.SHARE + 1):
                make(org)
        for _ in range(deliveries.SHARE + 1):
            make(None)
        feed.stamp_all()
        assert deliveries.count_due(5) == 5
        assert deliveries.count_due(50) == 3 * (deliveries.SHARE + 1)
        taken = []
        while endpoint := deliveries.take():
            taken.append(endpoint.org_id)
        assert {whose: taken.count(whose) for whose in taken} == dict.fromkeys(
            (None, *(org.id for org in orgs)), deliveries.SHARE
        )


class TestAttempts:
    def test_are_kept_for_thirty_days(self, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
        endpoint = make(None)
        monkeypatch.setattr(deliveries, "AT_ONCE", 2)
        for days in (29, 31, 32, 33, 34):
            at = timezone.now() - timedelta(days=days)
            Attempt.objects.create(endpoint=endpoint, at=at, message="msg_1", items=1, milliseconds=1)
        deliveries.forget_attempts()
        assert [(timezone.now() - each.at).days for each in Attempt.objects.all()] == [29]


class TestASecondSecret:
    def test_signs_too_for_a_day(self, org: Organization, make: Make, receiver: Receiver) -> None:  # E3
        (ada,) = people(org, 1)
        endpoint_id = make(org).id
        serve()
        endpoints.rotate_secret(org=org, endpoint_id=endpoint_id, cause=by_command())
        touch(org, ada)
        serve()
        Endpoint.objects.update(previous_until=timezone.now())
        touch(org, ada)
        serve()
        assert [len(each.headers["webhook-signature"].split()) for each in receiver.heard] == [1, 2, 1]


class TestOneThatIsMended:
    @pytest.mark.parametrize("remedy", ["enable", "test"])
    def test_goes_on_at_once(self, org: Organization, make: Make, receiver: Receiver, remedy: str) -> None:  # E3
        ids = people(org, 1)
        about: dict[str, Any] = {"org": org, "endpoint_id": make(org).id}
        receiver.answer(500)
        serve()
        receiver.heard.clear()
        receiver.replies.clear()
        serve(patiently=False)
        assert receiver.heard == []  # it waits
        if remedy == "enable":
            endpoints.enable(**about, cause=by_command())
        else:
            deliveries.send_test(only())
            receiver.heard.clear()
        serve(patiently=False)
        assert [item["id"] for item in receiver.items()] == ids


class TestATest:
    def test_takes_part_in_nothing_else(self, org: Organization, make: Make, receiver: Receiver) -> None:  # E3
        people(org, 1)
        endpoint = make(org)
        endpoints.disable(org=org, endpoint_id=endpoint.id, cause=by_command())
        before = Endpoint.objects.values().get()
        receiver.answer(500)
        attempt = deliveries.send_test(only())
        (heard,) = receiver.heard
        assert (heard.told["type"], heard.told["data"]) == (
            "test",
            {"organization": str(org.id), "webhook": str(endpoint.id)},
        )
        assert (attempt.status, attempt.items, attempt.first, attempt.last) == (500, 0, None, None)
        assert Endpoint.objects.values().get() == before

    def test_keeps_whoever_waits_for_it_no_longer_than_that(
        self, make: Make, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(deliveries, "TEST_SECONDS", 0.2)
        receiver.replies["/"] = lambda _: (204, {}) if receiver.over.wait(1) else None
        attempt = deliveries.send_test(make(None))
        assert (attempt.error, attempt.milliseconds < 900) == ("too_slow", True)
