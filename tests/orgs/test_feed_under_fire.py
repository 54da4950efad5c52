"""Sixteen writers, some slow and some that give up, and stampers whose connections are killed: nothing is lost.

A reader of the feed and one of the history keep their cursors and what they read, and read while all this goes on.
"""

import threading
import time
from collections import Counter
from random import Random
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from orgs import feed, history, history_feed
from orgs.change_details import UserChanged
from orgs.db.transactions import snapshot
from orgs.feed import Range
from orgs.history import Cause, Effect
from orgs.history_feed import Wanted
from orgs.models import Change, Door, FeedTouch, LedgerEntry, Organization, User
from tests.factories import OrganizationFactory, UserFactory

WRITERS, STAMPERS, PEOPLE, SECONDS = 16, 3, 40, 2.0
KINDS = frozenset(feed.NUMBERS)


class GaveUp(Exception):
    pass


class Fire:
    """did: what happened, counted. table: what the reader has, as (position, revision) by person.

    changes, entries: what the auditor has read, in that order.
    """

    def __init__(self, org: Organization) -> None:
        self.org = org
        self.people = list(User.objects.for_org(org).order_by("id").values_list("id", flat=True))
        self.over = threading.Event()
        self.did: Counter[str] = Counter()
        self.errors: list[BaseException] = []
        self.table: dict[UUID, tuple[int, int]] = {}
        self.after = 0
        self.changes: list[UUID] = []
        self.entries: list[int] = []
        self.audited = 0

    def rage(self) -> None:
        work = [*(self._writer for _ in range(WRITERS)), *(self._stamper for _ in range(STAMPERS))]
        work += [self._worker, self._reader, self._auditor]
        threads = [threading.Thread(target=self._run, args=(do, Random(n))) for n, do in enumerate(work)]
        for thread in threads:
            thread.start()
        time.sleep(SECONDS)
        self.over.set()
        for thread in threads:
            thread.join(30)
        assert not any(thread.is_alive() for thread in threads)
        assert self.errors == []

    def _run(self, do: Any, random: Random) -> None:
        try:
            while not self.over.is_set():
                do(random)
        except BaseException as error:
            self.errors.append(error)
            raise
        finally:
            connections.close_all()

    def _writer(self, random: Random) -> None:
        try:
            with transaction.atomic():
                for id_ in sorted(random.sample(self.people, random.choice([1, 1, 1, 4]))):
                    user = User.objects.select_for_update(no_key=True).get(id=id_)
                    user.revision += 1
                    user.save(update_fields=["revision"])
                    effects = [Effect(id_, "team", None, str(n)) for n in range(random.choice([0, 0, 1, 3]))]
                    history.record(self.org, Cause(Door.COMMAND, timezone.now()), UserChanged(user=str(id_)), effects)
                    if random.random() < 0.05:  # others, who began later, commit before
                        connection.cursor().execute("SELECT pg_sleep(%s)", [random.uniform(0.05, 0.3)])
                if random.random() < 0.05:
                    raise GaveUp
        except GaveUp:
            self.did["gave up"] += 1
        else:
            self.did["written"] += 1

    def _worker(self, random: Random) -> None:
        """Effects of changes that were committed, of several at once; an org has one worker at a time."""
        with transaction.atomic():
            known = list(Change.objects.for_org(self.org).order_by("-id").values_list("id", flat=True)[:50])
            causes = random.sample(known, min(len(known), 3)) * 2
            history.enter(self.org.id, [(id_, Effect(random.choice(self.people), "roles", None, [])) for id_ in causes])
            if random.random() < 0.1:
                connection.cursor().execute("SELECT pg_sleep(%s)", [random.uniform(0.05, 0.3)])
        self.did["settled"] += 1
        time.sleep(0.005)

    def _stamper(self, random: Random) -> None:
        try:
            with transaction.atomic():
                if feed.stamp() and random.random() < 0.2:
                    self._kill()
                    self.did["killed"] += 1
        except Exception as error:
            if not connection.needs_rollback and not isinstance(error.__cause__, psycopg.OperationalError):
                raise
            connection.close()
        time.sleep(0.01)

    def _kill(self) -> None:
        """End the connection of this thread, in the middle of its transaction."""
        asked = connection.get_connection_params()
        named = {name: asked[name] for name in ("dbname", "user", "password", "host", "port") if asked.get(name)}
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            (pid,) = cursor.fetchone()
        with psycopg.connect(**named, autocommit=True) as killer:
            killer.execute("SELECT pg_terminate_backend(%s, 1000)", [pid])

    def _reader(self, random: Random) -> None:
        range_ = Range(self.org.id, KINDS, self.after)
        if feed.look(range_).is_newer:
            with snapshot():
                page = feed.page(range_, 15)
                present = dict(
                    User.objects.filter(id__in=[item.id for item in page.items]).values_list("id", "revision")
                )
            for item in page.items:
                position, revision = self.table.get(UUID(item.id), (0, 0))
                assert (item.position > position, present[UUID(item.id)] >= revision) == (True, True)
                self.table[UUID(item.id)] = item.position, present[UUID(item.id)]
            self.after = page.end
            self.did["read"] += 1
        time.sleep(0.005)

    def _auditor(self, random: Random) -> None:
        if feed.look_at_history(self.org.id, self.audited).is_newer:
            with snapshot():
                page = history_feed.page(Wanted(self.org.id), self.audited, 15)
                entries = history_feed.entries(page.items)
            for item in page.items:
                assert item.position > self.audited
                assert (item.change_id in self.changes) == (item.kind == "effects")
                self.audited = item.position
                self.changes += [item.change_id] if item.kind == "change" else []
                self.entries += [entry.id for entry in entries.get(item.position, [])]
                self.did[item.kind] += 1
            self.audited = page.end
        time.sleep(0.005)


@pytest.mark.usefixtures("transactional_db")
def test_nothing_is_lost_and_nothing_goes_back() -> None:  # E1, E4
    org = OrganizationFactory.create()
    UserFactory.create_batch(PEOPLE, org=org)
    fire = Fire(org)
    fire.rage()
    before = None
    while before != (fire.after, fire.audited):
        before = fire.after, fire.audited
        fire._reader(Random(0))
        fire._auditor(Random(0))
    written = User.objects.for_org(org).filter(revision__gt=1)
    assert {id_: revision for id_, (_, revision) in fire.table.items()} == dict(written.values_list("id", "revision"))
    assert not FeedTouch.objects.exists()
    assert sorted(fire.changes) == list(Change.objects.order_by("id").values_list("id", flat=True))
    assert sorted(fire.entries) == list(LedgerEntry.objects.order_by("id").values_list("id", flat=True))
    happened = ("written", "gave up", "killed", "read", "settled", "change", "effects")
    assert min(fire.did[what] for what in happened) > 0
