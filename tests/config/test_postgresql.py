"""The connection pool after accidents."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import InterfaceError, InternalError, OperationalError, connection
from django.test import Client
from psycopg.errors import IdleInTransactionSessionTimeout
from psycopg_pool import ConnectionPool

from config.postgresql.pool import POOL
from tests.factories import OrganizationFactory, OwnerFactory


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
        def request(_: int) -> tuple[bool, float]:
            started = time.monotonic()
            try:
                pool.putconn(pool.getconn())
            except psycopg.OperationalError:
                return False, time.monotonic() - started
            return True, time.monotonic() - started

        with ThreadPoolExecutor(8) as threads:
            refused = list(threads.map(request, range(100)))
            server.is_away = False
            answered = list(threads.map(request, range(100)))
        assert not any(success for success, _ in refused)
        assert all(success for success, _ in answered)
        assert max(seconds for _, seconds in refused + answered) < 1

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


def test_a_hard_question_takes_one_core(db: None) -> None:  # S9
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0")
        cursor.execute("SET LOCAL min_parallel_table_scan_size = 0; SET LOCAL min_parallel_index_scan_size = 0")
        cursor.execute("EXPLAIN SELECT count(*) FROM pg_proc WHERE proname LIKE '%nobody%'")
        plan = " ".join(line for (line,) in cursor.fetchall())
    assert "Gather" not in plan
