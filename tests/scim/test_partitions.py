import threading
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from orgs.db.keys import uuid7
from scim import partitions
from scim.models import RequestLog

NEW_YEAR = datetime(2032, 1, 1, 0, 30, tzinfo=UTC)


def days(table: str = "scim_requestlog") -> list[date]:
    with connection.cursor() as cursor:
        return sorted(day for name, day in partitions._partitions(cursor) if name == table)


def a_week_from(first: date) -> list[date]:
    return [first + timedelta(days=n) for n in range(8)]


@pytest.mark.django_db
class TestUpkeep:
    def test_the_migration_makes_the_first_days(self):
        today = timezone.now().date()
        assert set(days()) >= set(a_week_from(today)[:-1])  # midnight may have passed since

    def test_makes_today_and_the_next_seven_days_of_both_tables(self):
        partitions.keep(NEW_YEAR)
        assert days() == days("scim_requestlogbody") == a_week_from(date(2032, 1, 1))

    def test_uses_days_in_utc(self):
        partitions.keep(datetime.fromisoformat("2032-01-01T01:00:00+02:00"))
        assert days() == a_week_from(date(2031, 12, 31))

    def test_run_again_changes_nothing(self, django_assert_num_queries):
        partitions.keep(NEW_YEAR)
        with django_assert_num_queries(10):  # two savepoints, the lock, a look at what there is
            partitions.keep(NEW_YEAR)

    def test_drops_a_day_once_it_is_older_than_the_log_is_kept(self, settings):
        settings.SCIM_LOG_DAYS = 30
        partitions.keep(NEW_YEAR)
        partitions.keep(NEW_YEAR + timedelta(days=30))
        assert days() == [date(2032, 1, n) for n in range(1, 9)] + a_week_from(date(2032, 1, 31))
        partitions.keep(NEW_YEAR + timedelta(days=31))
        assert min(days()) == min(days("scim_requestlogbody")) == date(2032, 1, 2)

    def test_goes_on_across_a_leap_day_and_a_month(self):
        partitions.keep(datetime(2032, 2, 27, tzinfo=UTC))
        assert date(2032, 2, 29) in days()
        assert max(days()) == date(2032, 3, 5)

    def test_a_new_partition_has_the_indexes(self):
        partitions.keep(NEW_YEAR)
        with connection.cursor() as cursor:
            constraints = connection.introspection.get_constraints(cursor, "scim_requestlog_20320108")
        indexed = [it["columns"] for it in constraints.values() if it["index"] or it["primary_key"]]
        assert sorted(indexed) == [["id"], ["id"], ["org_id", "id"], ["org_id", "target", "id"]]


@pytest.mark.django_db
class TestIds:
    @pytest.fixture(autouse=True)
    def _as_if_it_were_large(self, db):
        # Of a table that is nearly empty, and may have been analyzed, everything else is cheaper than an index.
        with connection.cursor() as cursor:
            cursor.execute(
                "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off"
            )

    def test_an_id_belongs_to_the_day_on_which_it_was_made(self):
        now = timezone.now()
        assert partitions.first_id(now.date()) <= uuid7() < partitions.first_id(now.date() + timedelta(days=2))
        assert partitions.day_of(uuid7()) in (now.date(), now.date() + timedelta(days=1))

    def test_looking_one_up_reads_one_partition(self):
        plan = RequestLog.objects.filter(id=uuid7()).explain()
        assert plan.count("scim_requestlog_") == 2  # the partition and its index
        assert "Append" not in plan

    def test_the_newest_calls_of_an_org_come_from_the_index_without_sorting(self):
        plan = RequestLog.objects.filter(org=uuid7()).order_by("-id")[:50].explain()
        assert "Sort" not in plan
        assert "Seq Scan" not in plan

    def test_the_newest_errors_come_from_an_index_of_their_own(self):
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO scim_requestlog SELECT (lpad(to_hex(%s + n), 12, '0') || '70008000000000000000')::uuid,"
                " now(), 'GET', '/', '', '', CASE WHEN n %% 200 = 0 THEN 404 ELSE 200 END, '', '', 1, null, '', 0, 0"
                " FROM generate_series(1, 20000) AS n",
                [partitions.first_id(timezone.now().date()).int >> 80],
            )
            cursor.execute("ANALYZE scim_requestlog")
        plan = RequestLog.objects.filter(status__gte=400).order_by("-id")[:50].explain()
        assert f"{timezone.now().date():%Y%m%d}_id_idx" in plan  # the primary key's is called pkey


@pytest.mark.django_db(transaction=True)
class TestBesideOthers:
    @pytest.fixture(autouse=True)
    def _back_to_today(self):
        yield
        with connection.cursor() as cursor:
            for day in [day for day in days() if day.year == 2032]:
                cursor.execute(f"DROP TABLE scim_requestlog_{day:%Y%m%d}, scim_requestlogbody_{day:%Y%m%d}")

    def test_two_at_once_do_the_work_of_one(self):
        failed = []

        def make():
            try:
                partitions.make(date(2032, 5, 1))
            except Exception as error:
                failed.append(error)
            finally:
                connection.close()

        threads = [threading.Thread(target=make) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failed
        assert [day for day in days() if day.year == 2032] == a_week_from(date(2032, 5, 1))

    def test_gives_up_soon_where_somebody_keeps_reading(self, monkeypatch):
        monkeypatch.setattr(partitions, "LOCK_TIMEOUT", "100ms")
        partitions.make(date(2032, 5, 1))
        reading, done = threading.Event(), threading.Event()

        def read():
            with partitions.transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM scim_requestlog")
                reading.set()
                done.wait(10)
            connection.close()

        thread = threading.Thread(target=read)
        thread.start()
        reading.wait(10)
        try:
            with pytest.raises(OperationalError):
                partitions.drop_before(date(2032, 5, 2))
        finally:
            done.set()
            thread.join()
        assert date(2032, 5, 1) in days()
