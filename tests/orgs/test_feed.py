"""The feed: what is touched, how it is stamped, and what a reader of it sees."""

import threading
from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orgs import change_details, feed, history, organizations, owners
from orgs.change_details import (
    Detail,
    RulesReordered,
    TokenRevoked,
    UserChanged,
    UserPlaced,
)
from orgs.db.keys import uuid7
from orgs.feed import NUMBERS, Range
from orgs.history import Cause, Effect
from orgs.models import (
    Change,
    Door,
    FeedHead,
    FeedItem,
    FeedTouch,
    HistoryItem,
    HistoryKind,
    LedgerEntry,
    Organization,
    SchemaProfile,
)
from tests.factories import EntityFactory, OrganizationFactory, OwnerFactory, UserFactory
from tests.orgs.golden import EXAMPLES, Example

KINDS = frozenset(NUMBERS)


def by_command() -> Cause:
    return Cause(Door.COMMAND, timezone.now())


RESOURCES = {"kind__in": feed.NAMES}
RECORDED = {"kind__in": HistoryKind}
ENTRIES = ("first_entry", "last_entry", "entry_count")


def touched() -> set[tuple[str, str]]:
    """The resources in the outbox."""
    connection.cursor().execute("SELECT")  # what is postponed is sent
    rows = FeedTouch.objects.filter(**RESOURCES).values_list("kind", "resource_id")
    return {(feed.NAMES[kind], str(id_)) for kind, id_ in rows}


def feed_of(org: Organization | None, after: int = 0, limit: int = 100) -> list[feed.Item]:
    return feed.page(Range(org and org.id, KINDS, after), limit).items


class TestTouching:
    def test_a_change_and_what_it_touches_are_one_statement(self, org: Organization) -> None:  # E1
        user, entity = uuid7(), uuid7()
        detail = UserPlaced(user=str(user), entity=str(entity), kind="team", name="Platform")
        with CaptureQueriesContext(connection) as asked, transaction.atomic():
            change = history.record(org, by_command(), detail)
        asked_for = [each["sql"] for each in asked.captured_queries if "SAVEPOINT" not in each["sql"]]
        assert len(asked_for) == 1
        assert set(FeedTouch.objects.values_list("org", "kind", "resource_id", "change_id")) == {
            (org.id, 1, user, change.id),
            (org.id, 2, entity, change.id),
            (org.id, 7, change.id, change.id),
        }
        assert Change.objects.filter(id=change.id).exists()

    def test_whom_a_change_has_effects_on_are_touched_once(self, org: Organization) -> None:
        ada, bo = UserFactory.create_batch(2, org=org)
        effects = [Effect(ada.id, "roles", None, ["Admin"]), Effect(ada.id, "team", None, "x")]
        effects += [Effect(bo.id, "team", "x", None)]
        history.record(org, by_command(), UserChanged(user=str(ada.id)), effects)
        assert touched() == {("person", str(ada.id)), ("person", str(bo.id))}
        assert FeedTouch.objects.filter(**RESOURCES).count() == 2
        entries = list(LedgerEntry.objects.order_by("id").values_list("id", flat=True))
        (recorded,) = FeedTouch.objects.filter(**RECORDED)
        told = (recorded.first_entry, recorded.last_entry, recorded.entry_count)
        assert told == (entries[0], entries[-1], len(entries))

    def test_who_was_settled_is_touched_also_without_an_effect(self, org: Organization) -> None:
        """They no longer wait, and their item says so."""
        ada, bo = UserFactory.create_batch(2, org=org)
        change = history.record(org, by_command(), RulesReordered(rules=[]))
        history.enter(org.id, [(change.id, Effect(ada.id, "roles", None, []))], settled={bo.id: change.id})
        assert touched() == {("person", str(ada.id)), ("person", str(bo.id))}
        FeedTouch.objects.all().delete()
        history.enter(org.id, [], settled={bo.id: change.id})
        assert touched() == {("person", str(bo.id))}
        FeedTouch.objects.all().delete()
        history.enter(org.id, [])
        assert touched() == set()
        assert not FeedTouch.objects.exists()

    def test_effects_of_later_are_one_statement_and_one_row_for_each_change(self, org: Organization) -> None:  # E4
        ada, bo = UserFactory.create_batch(2, org=org)
        first, second = (history.record(org, by_command(), RulesReordered(rules=[])) for _ in range(2))
        feed.stamp_all()
        effects = [(first.id, Effect(user.id, slot, None, [])) for user in (ada, bo) for slot in ("roles", "team")]
        with CaptureQueriesContext(connection) as asked, transaction.atomic():
            history.enter(org.id, [*effects[:3], (second.id, Effect(bo.id, "roles", None, [])), effects[3]])
        assert len([each["sql"] for each in asked.captured_queries if "SAVEPOINT" not in each["sql"]]) == 1
        ids = list(LedgerEntry.objects.order_by("id").values_list("id", flat=True))
        rows = FeedTouch.objects.filter(**RECORDED).values_list("kind", "change_id", *ENTRIES)
        assert set(rows) == {(8, first.id, ids[0], ids[4], 4), (8, second.id, ids[3], ids[3], 1)}

    @pytest.mark.parametrize("example", EXAMPLES, ids=str)
    def test_what_is_touched_is_what_history_finds_the_change_by(self, example: Example) -> None:
        """And the entities and groups of its mappings, which it may have made."""
        detail = change_details.read(example.verb, example.detail)
        assert detail
        found = set(change_details.touched(detail))
        assert {kind for kind, _ in found} <= KINDS - {"organization"}
        assert set(example.about) <= {id_ for _, id_ in found}
        assert change_details.about_org(detail) == example.verb.startswith("org.")

    @pytest.mark.parametrize("detail", [RulesReordered(rules=[]), TokenRevoked(token=str(uuid7()), name="Okta")])
    def test_what_no_item_shows_touches_nothing(self, org: Organization, detail: Detail) -> None:
        history.record(org, by_command(), detail)
        assert touched() == set()

    def test_a_new_org_is_there_with_its_owner(self, db: None) -> None:
        founded = organizations.found(
            name="Northwind",
            owner_email="ada@northwind.example",
            profile=SchemaProfile.objects.get(key="standard"),
            cause=by_command(),
        )
        own = {("organization", str(founded.org.id)), ("person", str(founded.owner.id))}
        assert touched() == own
        FeedTouch.objects.all().delete()
        owners.hand_over(org=founded.org, address="bo@northwind.example", cause=by_command())
        assert touched() == own


class TestStamping:
    def test_gives_positions_in_the_order_of_the_last_touch(self, org: Organization) -> None:  # E1
        ids = [str(uuid7()) for _ in range(3)]
        first, again = uuid7(), uuid7()
        feed.touch(org.id, [("person", id_) for id_ in ids], first)
        feed.touch(org.id, [("person", ids[0])], again)
        assert feed.stamp() == 4
        found = [(item.id, item.change_id) for item in feed_of(org)]
        assert found == [(ids[1], first), (ids[2], first), (ids[0], again)]
        assert not FeedTouch.objects.exists()

    def test_moves_a_resource_past_all_that_was_there(self, org: Organization) -> None:
        ids = [str(uuid7()) for _ in range(3)]
        feed.touch(org.id, [("person", id_) for id_ in ids])
        feed.stamp_all()
        end = feed.page(Range(org.id, KINDS), 100).end
        feed.touch(org.id, [("person", ids[1])])
        feed.stamp_all()
        (moved,) = feed_of(org, end)
        assert (moved.id, moved.position > end) == (ids[1], True)
        assert FeedItem.objects.count() == 3

    def test_positions_are_of_the_clock_and_go_on_where_it_was_set_back(self, org: Organization) -> None:
        feed.touch(org.id, [("person", str(uuid7()))])
        feed.stamp_all()
        position = FeedHead.objects.get().position
        assert abs(position / 1e6 - timezone.now().timestamp()) < 60
        ahead = position + 10**12
        FeedHead.objects.update(position=ahead)
        feed.touch(org.id, [("person", str(uuid7()))])
        feed.stamp_all()
        assert FeedHead.objects.get().position == ahead + 1

    def test_what_is_committed_late_is_found_below_the_floor(self, org: Organization) -> None:
        """Ids are given when a row is written, and others commit meanwhile."""
        feed.touch(org.id, [("person", str(uuid7()))])
        late = FeedTouch.objects.get()
        FeedHead.objects.update(floor=late.id, swept_at=timezone.now())
        assert feed.stamp() == 0
        FeedHead.objects.update(swept_at=timezone.now() - timedelta(seconds=feed.SWEEP))
        assert feed.stamp() == 1
        FeedTouch.objects.bulk_create([late])
        FeedHead.objects.update(swept_at=timezone.now() + timedelta(hours=1))  # the clock was set back
        assert feed.stamp() == 1

    def test_more_than_a_batch_is_stamped_batch_by_batch(self, org: Organization) -> None:
        FeedTouch.objects.bulk_create(
            FeedTouch(org=org, kind=1, resource_id=UUID(int=number)) for number in range(feed.BATCH + 1)
        )
        assert (feed.stamp(), feed.stamp(), feed.stamp()) == (feed.BATCH, 1, 0)
        assert [item.id for item in feed_of(org, limit=2)] == [str(UUID(int=0)), str(UUID(int=1))]

    def test_where_nothing_was_touched_writes_nothing(self, db: None) -> None:
        before = FeedHead.objects.values().get()
        feed.stamp_all()
        assert FeedHead.objects.values().get() == before


class TestAnEpoch:
    @pytest.fixture
    def epoch(self, db: None) -> UUID:
        return FeedHead.objects.get().epoch

    @pytest.mark.parametrize("came_from", [{"system_identifier": 1}, {"timeline": "0000FFFF"}])
    def test_ends_with_another_database(self, epoch: UUID, came_from: dict[str, object]) -> None:
        """Restored from a backup into a new cluster, or gone on from a replica (E1)."""
        FeedHead.objects.update(**came_from)
        look = feed.look(Range(None, KINDS))
        assert look.epoch != epoch
        assert feed.look(Range(None, KINDS)).epoch == look.epoch

    def test_goes_on_in_the_same_database(self, epoch: UUID, org: Organization) -> None:
        feed.touch(org.id, [("organization", str(org.id))])
        assert feed.look(Range(None, KINDS)).epoch == epoch


class TestReading:
    def test_sees_one_org_or_all(self, org: Organization) -> None:
        other = OrganizationFactory.create()
        mine, theirs = str(uuid7()), str(uuid7())
        feed.touch(org.id, [("person", mine)])
        feed.touch(other.id, [("person", theirs)])
        assert feed.look(Range(org.id, KINDS)).is_newer
        assert [item.id for item in feed_of(org)] == [mine]
        assert [item.id for item in feed_of(other)] == [theirs]
        assert [item.id for item in feed_of(None)] == [mine, theirs]

    def test_a_page_says_whether_there_is_more(self, org: Organization) -> None:
        ids = [str(uuid7()) for _ in range(3)]
        feed.touch(org.id, [("person", id_) for id_ in ids])
        feed.stamp_all()
        first = feed.page(Range(org.id, KINDS), 2)
        assert ([item.id for item in first.items], first.has_more) == (ids[:2], True)
        last = feed.page(Range(org.id, KINDS, first.end), 2)
        assert ([item.id for item in last.items], last.has_more) == (ids[2:], False)

    def test_the_end_is_that_of_the_whole_feed(self, org: Organization) -> None:
        """So that the cursor of a filter under which nothing happens does not grow old."""
        feed.touch(org.id, [("person", str(uuid7())), ("team", str(uuid7()))])
        feed.stamp_all()
        page = feed.page(Range(org.id, frozenset({"group"})), 10)
        assert (page.items, page.end, page.has_more) == ([], FeedHead.objects.get().position, False)

    def test_a_look_stamps_by_itself(self, org: Organization) -> None:
        feed.touch(org.id, [("person", str(uuid7()))])
        assert feed.look(Range(org.id, KINDS)).is_newer
        assert not FeedTouch.objects.exists()

    def test_a_look_at_nothing_new_is_one_statement(self, org: Organization) -> None:
        with CaptureQueriesContext(connection) as asked:
            look = feed.look(Range(org.id, KINDS))
        assert (len(asked), look.is_newer, look.is_open) == (1, False, True)

    def test_an_org_that_is_being_deleted_is_gone_for_readers(self, org: Organization) -> None:
        feed.touch(org.id, [("person", str(uuid7())), ("organization", str(org.id))])
        feed.stamp_all()
        Organization.objects.update(closed_at=timezone.now())
        assert not feed.look(Range(org.id, KINDS)).is_open
        assert not feed.look(Range(uuid7(), KINDS)).is_open
        assert [item.kind for item in feed_of(None)] == ["organization"]


def test_everything_of_before_has_a_place(org: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    """The migration that fills the feed, which may be interrupted and begun again."""
    filling = import_module("orgs.migrations.0032_fill_the_feed")
    people = [*UserFactory.create_batch(4, org=org), OwnerFactory.create(org=org)]
    team, pool = (EntityFactory.create(org=org, kind=kind) for kind in ("team", "concurrency_group"))
    FeedItem.objects.all().delete()
    monkeypatch.setattr(filling, "BATCH", 2)
    with connection.schema_editor(atomic=False) as editor:
        filling.fill(None, editor)
        first = feed_of(org)
        FeedItem.objects.filter(position=first[2].position).delete()
        filling.fill(None, editor)
    assert {item.resource for item in feed_of(org)} == {item.resource for item in first}
    assert {item.resource for item in first} == {
        ("organization", str(org.id)),
        ("team", str(team.id)),
        ("concurrency_group", str(pool.id)),
        *(("person", str(user.id)) for user in people),
    }
    assert FeedHead.objects.get().position >= max(item.position for item in feed_of(org))


def test_every_change_of_before_has_a_place(org: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    """The migration that fills the history, which may be interrupted and begun again."""
    filling = import_module("orgs.migrations.0035_history_filled")
    ada = UserFactory.create(org=org)
    changes = [history.record(org, by_command(), UserChanged(user=str(ada.id))) for _ in range(4)]
    slots = ("roles", "team", "account")
    history.enter(org.id, [(changes[1].id, Effect(ada.id, slot, None, [])) for slot in slots])
    feed.stamp_all()
    HistoryItem.objects.all().delete()
    monkeypatch.setattr(filling, "BATCH", 2)
    monkeypatch.setattr(filling, "ENTRIES", 2)
    with connection.schema_editor(atomic=False) as editor:
        filling.fill(None, editor)
        HistoryItem.objects.filter(change_id=changes[3].id).delete()
        filling.fill(None, editor)
    one, two, three = LedgerEntry.objects.order_by("id").values_list("id", flat=True)
    none = (None, None, None)
    assert list(HistoryItem.objects.order_by("position").values_list("kind", "change_id", *ENTRIES)) == [
        (7, changes[0].id, *none),
        (7, changes[1].id, one, two, 2),
        (8, changes[1].id, three, three, 1),
        (7, changes[2].id, *none),
        (7, changes[3].id, *none),
    ]
    last = HistoryItem.objects.order_by("position").last()
    assert last
    assert FeedHead.objects.get().position == last.position


def in_another_transaction(do: Callable[[], None]) -> None:
    """With a connection of its own, and committed."""

    def run() -> None:
        try:
            do()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()


class TestTwoStampersAtOnce:
    """The second one comes while the first has not committed; in between somebody is changed again."""

    def stamp_twice(self) -> list[int | None]:
        """How much each stamped, and what was left for a third one; None for one that failed."""
        counts: list[int | None] = []

        def stamp() -> None:
            try:
                counts.append(feed.stamp())
            except IntegrityError:
                counts.append(None)

        second = threading.Thread(target=in_another_transaction, args=[stamp])
        with transaction.atomic():
            counts.append(feed.stamp())
            in_another_transaction(self.change)
            second.start()
            second.join(0.5)  # it is done, unless it waits for this one
        second.join(20)
        return [*counts, feed.stamp()]

    def change(self) -> None:
        history.record(self.org, by_command(), UserChanged(user=str(self.user.id)))

    @pytest.fixture(autouse=True)
    def _changed(self, transactional_db: None) -> None:
        self.org = OrganizationFactory.create()
        self.user = UserFactory.create(org=self.org)
        self.change()

    def test_lose_no_touch_and_give_no_place_twice(self) -> None:  # E1, E4
        assert self.stamp_twice() == [2, 0, 2]
        places = [*FeedItem.objects.values_list("position"), *HistoryItem.objects.values_list("position")]
        assert len(places) == len(set(places)) == 3
        changes = list(HistoryItem.objects.order_by("position").values_list("change_id", flat=True))
        assert changes == list(Change.objects.order_by("at").values_list("id", flat=True))
        assert FeedItem.objects.get().change_id == changes[-1]

    def test_would_tell_a_change_twice_without_the_lock(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The update of the head makes the second one wait too, but with what it saw before: a constraint stops it."""
        monkeypatch.setattr(feed, "_LOCK", feed._LOCK.removesuffix("FOR UPDATE SKIP LOCKED"))
        assert self.stamp_twice() == [2, None, 2]
