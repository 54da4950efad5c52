"""Messages to the server, and the connection pool after accidents."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    connection,
    transaction,
)
from django.test import Client
from django.test.utils import CaptureQueriesContext
from psycopg.errors import IdleInTransactionSessionTimeout
from psycopg.pq import TransactionStatus
from psycopg_pool import ConnectionPool, PoolTimeout

from config.postgresql.base import MOST_PREPARED
from config.postgresql.pool import POOL
from orgs.db.prepared import Prepared
from orgs.db.transactions import ask, command, postpone
from tests.factories import OrganizationFactory, OwnerFactory


@pytest.fixture
def numbers(transactional_db: None) -> Iterator[Callable[[], list[int]]]:
    """A table of numbers that differ, and what is in it."""

    def present() -> list[int]:
        return [number for (number,) in run("SELECT number FROM numbers ORDER BY number").fetchall()]

    run("DROP TABLE IF EXISTS numbers")  # a test that ends its connection leaves one in the pool
    run("CREATE TEMPORARY TABLE numbers (number integer PRIMARY KEY)")
    yield present
    run("DROP TABLE IF EXISTS numbers")


def run(sql: str, params: Any = None) -> Any:
    cursor = connection.cursor()
    cursor.execute(sql, params)
    return cursor


def copy() -> None:
    with connection.cursor() as cursor, cursor.copy("COPY numbers FROM STDIN") as rows:
        rows.write_row([1])


def status() -> TransactionStatus:
    return connection.connection.info.transaction_status


INSERT = "INSERT INTO numbers VALUES (%(number)s)"
Numbers = Callable[[], list[int]]


class TestATransaction:
    def test_begins_with_its_first_statement(self, numbers: Numbers) -> None:
        with transaction.atomic():
            assert status() == TransactionStatus.IDLE
            assert run("SELECT %s, '%%'", ["; 5 %s"]).fetchall() == [("; 5 %s", "%")]
            assert status() == TransactionStatus.INTRANS
            assert run("SELECT now() = statement_timestamp()").fetchone() == (False,)
        assert status() == TransactionStatus.IDLE

    def test_in_which_nothing_is_asked_is_none(self, numbers: Numbers) -> None:
        with transaction.atomic():
            pass
        assert run("SELECT txid_current_if_assigned()").fetchone() == (None,)
        assert status() == TransactionStatus.IDLE

    def test_is_one_whatever_it_begins_with(self, numbers: Numbers) -> None:
        for begin in (
            lambda: connection.cursor().executemany(INSERT, [{"number": 1}]),
            copy,
            lambda: run("-- a comment"),
            transaction.atomic(lambda: None),
        ):
            with transaction.atomic():
                begin()
                assert status() == TransactionStatus.INTRANS
                transaction.set_rollback(True)
            assert numbers() == []

    def test_is_still_one_after_what_cannot_be_read(self, numbers: Numbers) -> None:
        with transaction.atomic():
            with pytest.raises(ProgrammingError):
                run("SELEKT 1")
            run(INSERT, {"number": 1})
            transaction.set_rollback(True)
        assert numbers() == []

    def test_that_begins_with_an_error_is_over(self, numbers: Numbers) -> None:
        with pytest.raises(DatabaseError), transaction.atomic():
            run("SELECT 1 / 0")
        assert status() == TransactionStatus.IDLE
        assert numbers() == []


class TestAPostponedStatement:
    def test_is_carried_out_before_the_next_one(self, numbers: Numbers) -> None:
        with transaction.atomic():
            postpone(INSERT, {"number": 1})
            postpone("INSERT INTO numbers SELECT length(%s) -- as long as the text", ["%s; '%%"])
            assert numbers() == [1, 7]
        assert numbers() == [1, 7]

    def test_is_carried_out_by_the_commit(self, numbers: Numbers) -> None:
        with transaction.atomic():
            assert numbers() == []
            postpone(INSERT, {"number": 1})
        assert numbers() == [1]

    def test_alone_is_a_transaction(self, numbers: Numbers) -> None:
        with transaction.atomic():
            postpone(INSERT, {"number": 1})
        assert numbers() == [1]

    def test_outside_a_transaction_is_carried_out_at_once(self, numbers: Numbers) -> None:
        postpone(INSERT, {"number": 1})
        assert numbers() == [1]

    def test_is_rolled_back(self, numbers: Numbers) -> None:
        for asked in (numbers, lambda: None):
            with transaction.atomic():
                asked()
                postpone(INSERT, {"number": 1})
                transaction.set_rollback(True)
            assert numbers() == []

    def test_belongs_to_the_savepoint_in_which_it_was_postponed(self, numbers: Numbers) -> None:
        with transaction.atomic():
            postpone(INSERT, {"number": 1})
            with transaction.atomic():
                postpone(INSERT, {"number": 2})
                transaction.set_rollback(True)
        assert numbers() == [1]

    @pytest.mark.parametrize("then", [lambda: run("SELECT 1"), lambda: None])
    def test_that_fails_is_told_by_the_next_one_or_the_commit(
        self, numbers: Numbers, then: Callable[[], object]
    ) -> None:
        @transaction.atomic
        def fail() -> None:
            postpone(INSERT, {"number": 1})
            postpone(INSERT, {"number": 1})
            then()

        with pytest.raises(IntegrityError):
            fail()
        assert status() == TransactionStatus.IDLE
        assert numbers() == []

    def test_of_a_connection_that_was_closed_is_lost(self, numbers: Numbers) -> None:
        with transaction.atomic():
            postpone("SELECT 1 / 0", {})
            connection.close()
        assert run("SELECT 1").fetchone() == (1,)


class TestAQuestion:
    @pytest.mark.parametrize(
        "then",
        [lambda: run("SELECT 1"), lambda: connection.cursor().executemany(INSERT, [{"number": 9}]), lambda: None],
        ids=["another statement", "many at once", "the commit"],
    )
    def test_is_asked_with_whatever_is_sent_next(self, numbers: Numbers, then: Callable[[], object]) -> None:
        with transaction.atomic():
            postpone(INSERT, {"number": 1})
            found = ask("SELECT number FROM numbers", ())
            then()
        assert found() == [(1,)]


ADD = Prepared("INSERT INTO numbers VALUES (%(number)s), (%(number)s + 1)")
ALL = Prepared("SELECT number FROM numbers ORDER BY number")


def prepared() -> list[str]:
    return [text for (text,) in run("SELECT statement FROM pg_prepared_statements").fetchall()]


class TestAPreparedStatement:
    @pytest.fixture(autouse=True)
    def fresh(self, transactional_db: None) -> Iterator[None]:
        """A connection on which nothing is prepared."""
        connection.close()
        connection.close_pool()
        yield
        connection.close()
        connection.close_pool()

    def test_is_declared_once_and_called_from_then_on(self, numbers: Numbers) -> None:
        for number in (1, 5):
            run(ADD, {"number": number, "more": "than it names"})
        assert [row for (row,) in run(ALL).fetchall()] == [1, 2, 5, 6]
        assert prepared() == [ADD.declaration, ALL.declaration]

    def test_outlives_the_transaction_in_which_it_was_declared(self, numbers: Numbers) -> None:
        for _ in range(2):
            with transaction.atomic():
                run(ADD, {"number": 1})
                transaction.set_rollback(True)
        assert numbers() == []
        assert prepared() == [ADD.declaration]

    def test_can_be_postponed(self, numbers: Numbers) -> None:
        for number in (1, 5):
            with transaction.atomic():
                postpone(ADD, {"number": number})
        with transaction.atomic():
            postpone(INSERT, {"number": 9})
            postpone(ADD, {"number": 11})
            assert run(ALL).fetchall() == [(1,), (2,), (5,), (6,), (9,), (11,), (12,)]

    def test_that_fails_can_be_called_again(self, numbers: Numbers) -> None:
        run(INSERT, {"number": 2})
        for _ in range(2):
            with pytest.raises(IntegrityError), transaction.atomic():
                run(ADD, {"number": 1})
        run(ADD, {"number": 3})
        assert numbers() == [2, 3, 4]

    def test_that_cannot_be_declared_is_declared_once_it_can(self, transactional_db: None) -> None:
        missing = Prepared("SELECT number FROM made_later")
        with pytest.raises(ProgrammingError):
            run(missing)
        with transaction.atomic():
            run("CREATE TEMPORARY TABLE made_later (number integer)")
            assert run(missing).fetchall() == []
        run("DROP TABLE made_later")

    def test_that_cannot_be_declared_ends_no_more_than_its_savepoint(self, numbers: Numbers) -> None:
        def fail() -> None:
            postpone(INSERT, {"number": 2})
            run(Prepared("SELECT number FROM never_made"))

        with transaction.atomic():
            run(INSERT, {"number": 1})
            with pytest.raises(ProgrammingError):
                transaction.atomic(fail)()
            run(INSERT, {"number": 3})
        assert numbers() == [1, 3]

    def test_goes_on_where_its_table_is_changed_or_made_anew(self, numbers: Numbers) -> None:
        run(ADD, {"number": 1})
        run("ALTER TABLE numbers ADD COLUMN name text")
        run("ALTER TABLE numbers DROP CONSTRAINT numbers_pkey")
        run(ADD, {"number": 3})
        assert run(ALL).fetchall() == [(1,), (2,), (3,), (4,)]
        run("DROP TABLE numbers")
        run("CREATE TEMPORARY TABLE numbers (name text, number integer)")
        assert run(ALL).fetchall() == []

    def test_is_forgotten_once_there_are_many_others(self, numbers: Numbers) -> None:  # S9
        run(ADD, {"number": 1})
        for number in range(2 * MOST_PREPARED):
            run(Prepared(f"SELECT {number}"))
            run(ALL)
        assert len(prepared()) == MOST_PREPARED
        assert ALL.declaration in prepared()
        assert ADD.declaration not in prepared()
        run(ADD, {"number": 5})
        assert numbers() == [1, 2, 5, 6]

    @pytest.mark.parametrize("postponed", [False, True])
    def test_whose_columns_have_other_types_now_goes_on_as_text(self, numbers: Numbers, postponed: bool) -> None:
        named = Prepared("SELECT name FROM numbers")
        run("ALTER TABLE numbers ADD COLUMN name varchar(10)")
        assert run(named).fetchall() == []
        run("ALTER TABLE numbers ALTER COLUMN name TYPE varchar(20)")

        @command
        def ask_twice() -> Any:
            if postponed:
                postpone(INSERT, {"number": 1})
            run("SELECT 1")
            return run(named).fetchall()

        assert ask_twice() == ([(None,)] if postponed else [])
        assert run(named).fetchall() == ([(None,)] if postponed else [])

    def test_whose_columns_have_other_types_now_is_asked_again_outside_a_transaction(self, numbers: Numbers) -> None:
        named = Prepared("SELECT name FROM numbers")
        run("ALTER TABLE numbers ADD COLUMN name varchar(10)")
        assert run(named).fetchall() == []
        run("ALTER TABLE numbers ALTER COLUMN name TYPE varchar(20)")
        assert run(named).fetchall() == []

    def test_leaves_what_postgresql_cannot_do_at_all_as_an_error(self, numbers: Numbers) -> None:
        run(ALL)
        for _ in range(2):
            with pytest.raises(NotSupportedError):
                run("SELECT 1 FROM numbers FULL JOIN numbers AS n ON numbers.number < n.number")

    def test_is_not_lost_where_it_cannot_be_forgotten(self, numbers: Numbers) -> None:
        run(ADD, {"number": 1})
        for number in range(MOST_PREPARED - 1):
            run(Prepared(f"SELECT {number}"))
        with transaction.atomic():
            with pytest.raises(DataError):
                run("SELECT 1 / 0")
            with pytest.raises(InternalError):
                run(Prepared("SELECT 'one more'"))
            transaction.set_rollback(True)
        run(ADD, {"number": 3})
        assert numbers() == [1, 2, 3, 4]

    def test_belongs_to_one_connection(self, numbers: Numbers) -> None:
        run(ADD, {"number": 1})
        with ThreadPoolExecutor(1) as thread:
            assert thread.submit(lambda: (prepared(), connection.close())[0]).result() == []

    def test_takes_no_value_for_sql(self, transactional_db: None) -> None:
        echo = Prepared("SELECT %s::text, %s::text")
        for text in ("'); DROP TABLE orgs_user; --", "\\'; --", "$1 $$ %s %(a)s", 'Zoë "; \n\x01'):
            assert run(echo, [text, None]).fetchone() == (text, None)

    def test_is_told_by_its_text(self, numbers: Numbers) -> None:
        with CaptureQueriesContext(connection) as asked:
            run(ADD, {"number": 1})
        assert asked.captured_queries[-1]["sql"] == "INSERT INTO numbers VALUES (1), (1 + 1)"


def test_a_restart_of_the_server_is_not_noticed_by_the_next_request(transactional_db: None) -> None:
    idle = 8
    together = threading.Barrier(idle)

    def use() -> None:
        connection.ensure_connection()
        together.wait()
        connection.close()

    threads = [threading.Thread(target=use) for _ in range(idle)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    connection.close()
    with psycopg.connect(settings.DATABASE_URL, autocommit=True) as other:
        ended = other.execute(
            "SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            [connection.settings_dict["NAME"]],
        ).fetchall()
    while any(Path(f"/proc/{pid}").exists() for pid, _ in ended):
        time.sleep(0.01)
    with connection.cursor() as cursor:
        assert cursor.execute("SELECT 1").fetchone() == (1,)


class Server:
    """PostgreSQL as a pool sees it: away, or there."""

    def __init__(self) -> None:
        self.is_away = True

    def address(self) -> str:
        return "host=/nonexistent" if self.is_away else settings.DATABASE_URL


class TestAnOutage:  # S2
    @pytest.fixture
    def server(self) -> Server:
        return Server()

    @pytest.fixture
    def pool(self, server: Server) -> Iterator[ConnectionPool]:
        with ConnectionPool(server.address, open=False, **POOL) as pool:
            yield pool

    def test_is_told_at_once_and_over_when_it_is_over(self, server: Server, pool: ConnectionPool) -> None:
        def request(_: int) -> type[Exception] | None:
            try:
                pool.putconn(pool.getconn())
            except psycopg.OperationalError as error:
                return type(error)
            return None

        with ThreadPoolExecutor(8) as threads:
            refused = list(threads.map(request, range(100)))
            server.is_away = False
            answered = list(threads.map(request, range(100)))
        assert None not in refused
        assert PoolTimeout not in refused  # as who has waited until the pool gives up
        assert set(answered) == {None}

    @pytest.mark.parametrize(
        ("error", "cause"),
        [(OperationalError, None), (InterfaceError, None), (InternalError, IdleInTransactionSessionTimeout())],
    )
    @pytest.mark.parametrize("path", ["/", "/admin/", "/groups/"])
    def test_is_503_with_retry_after_on_a_page(
        self, db: None, path: str, error: type[Exception], cause: Exception | None
    ) -> None:
        client = Client(raise_request_exception=False)
        client.force_login(OwnerFactory.create(org=OrganizationFactory.create()))

        def away(*args: object) -> None:
            raise error("the connection is closed") from cause

        with connection.execute_wrapper(away):
            answer = client.get(path)
        assert answer.status_code == 503
        assert answer["Retry-After"]
        assert "Not available at the moment" in answer.content.decode()


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "Europe/London"])
def test_times_are_read_in_utc(db: None, zone: str) -> None:
    run("SELECT set_config('TimeZone', %s, true)", [zone])
    for at in (
        datetime(2026, 11, 29, 20, 26, 33, 182345, UTC),
        datetime(2026, 7, 1, 0, 0, 0, 100000, UTC),
        datetime(1, 1, 2, tzinfo=UTC),
        datetime(9999, 12, 30, 23, 59, 59, 999999, UTC),
    ):
        (found,) = run("SELECT %s::timestamptz", [at.isoformat()]).fetchone()
        assert (found, found.tzinfo) == (at, UTC)
    for text in ("infinity", "0044-03-15 12:00Z BC"):
        with pytest.raises(DataError, match="timestamp too"):
            run("SELECT %s::timestamptz", [text]).fetchone()


def test_a_hard_question_takes_one_core(db: None) -> None:  # S9
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0")
        cursor.execute("SET LOCAL min_parallel_table_scan_size = 0; SET LOCAL min_parallel_index_scan_size = 0")
        cursor.execute("EXPLAIN SELECT count(*) FROM pg_proc WHERE proname LIKE '%nobody%'")
        plan = " ".join(line for (line,) in cursor.fetchall())
    assert "Gather" not in plan
