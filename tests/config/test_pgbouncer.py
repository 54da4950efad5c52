"""The portal's connections through PgBouncer in transaction mode, as deploy/pgbouncer.ini sets it up.

`make pgbouncer` runs more of the suite through one.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError
from django.db.utils import ConnectionHandler
from pytest_django import DjangoDbBlocker

from config import services
from config.postgresql.base import DatabaseWrapper
from config.settings import _database
from orgs.db.prepared import Prepared
from orgs.db.transactions import is_unavailable
from tests.config.processes import until
from tests.pgbouncer import SERVER, PgBouncer
from tests.servers import ROOT, new_state, portal_environ

pytestmark = [
    pytest.mark.exhaustive,  # besides, `make pgbouncer` runs most of the suite through one
    pytest.mark.skipif(not SERVER and os.environ.get("CI") != "true", reason="needs pgbouncer"),
]


@pytest.fixture
def state(request: pytest.FixtureRequest) -> Iterator[Path]:
    """Servers with an empty database, or one that has had all migrations (parameter)."""
    state = new_state("pooled", migrated=getattr(request, "param", False))
    services.start(state, durable=False)
    yield state
    services.stop(state)


@pytest.fixture
def addresses(state: Path) -> services.Addresses:
    return services.start(state, durable=False)


@pytest.fixture
def bouncer(state: Path, addresses: services.Addresses) -> Iterator[PgBouncer]:
    """It has two connections to PostgreSQL."""
    bouncer = PgBouncer(state, addresses.database_url, default_pool_size="2")
    yield bouncer
    bouncer.stop()


@pytest.fixture
def connections(bouncer: PgBouncer, django_db_blocker: DjangoDbBlocker) -> Iterator[ConnectionHandler]:
    """As Django has them, one for each thread."""
    connections = ConnectionHandler({"default": _database(bouncer.database_url)})
    pools = DatabaseWrapper._connection_pools  # one for each alias of the process, whatever the settings are
    pool_of_other_tests = pools.pop("default", None)
    with django_db_blocker.unblock():
        yield connections
        connections["default"].close()
        connections["default"].close_pool()
    if pool_of_other_tests:
        pools["default"] = pool_of_other_tests


def manage(url: str, addresses: services.Addresses, state: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    environ = portal_environ(addresses, state, 8000) | {"DATABASE_URL": url}
    command = (sys.executable, "manage.py", *words)
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=110)


def test_migrations_go_past_it(bouncer: PgBouncer, addresses: services.Addresses, state: Path) -> None:
    refused = manage(bouncer.database_url, addresses, state, "migrate")
    assert refused.returncode == 1
    assert "muster.E001" in refused.stderr
    with psycopg.connect(addresses.database_url) as database:
        assert database.execute("SELECT to_regclass('orgs_user')").fetchone() == (None,)


@pytest.mark.parametrize("state", [True], indirect=True)
def test_nothing_to_migrate_is_no_reason_to_refuse(
    bouncer: PgBouncer, addresses: services.Addresses, state: Path
) -> None:
    assert manage(bouncer.database_url, addresses, state, "migrate").returncode == 0


class TestLimits:
    CHECK = ("check", "--database=default", "--fail-level=WARNING")

    def test_are_those_of_the_portal(self, connections: ConnectionHandler, settings) -> None:  # S9
        with connections["default"].cursor() as cursor:
            asked = ", ".join(f"current_setting('{name}')" for name in settings.DATABASE_LIMITS)
            cursor.execute(f"SELECT {asked}")
            assert cursor.fetchone() == tuple(settings.DATABASE_LIMITS.values())

    def test_that_it_lacks_are_named(self, addresses: services.Addresses, state: Path) -> None:
        bouncer = PgBouncer(state, addresses.database_url, connect_query="SELECT 1")
        try:
            told = manage(bouncer.database_url, addresses, state, *self.CHECK)
        finally:
            bouncer.stop()
        assert "muster.W007" in told.stderr
        assert "lock_timeout is 0 and not 5s" in told.stderr


def ask(database: Any, sql: str = "SELECT 1") -> Any:
    with database.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0] if cursor.description else None


def copy(database: Any) -> None:
    with database.wrap_database_errors, database.cursor() as cursor, cursor.copy("COPY pg_class FROM STDIN"):
        pass


class TestItsConnections:
    def test_are_enough_for_many_more_threads(self, connections: ConnectionHandler) -> None:
        def work(_: int) -> int:
            database = connections["default"]
            ask(database, "BEGIN")
            process = ask(database, "SELECT pg_backend_pid() FROM pg_sleep(0.001)")
            ask(database, "COMMIT")
            database.close()
            return int(process)

        connections["default"].ensure_connection()
        with ThreadPoolExecutor(20) as threads:
            processes = list(threads.map(work, range(400)))
        assert len(processes) == 400
        assert len(set(processes)) <= 2

    def test_have_nothing_prepared(self, connections: ConnectionHandler) -> None:
        database, statement = connections["default"], Prepared("SELECT 1 + %s::int")
        for number in range(3):
            with database.cursor() as cursor:
                cursor.execute(statement, [number])
                assert cursor.fetchone() == (1 + number,)
        assert ask(database, "SELECT count(*) FROM pg_prepared_statements") == 0

    @pytest.mark.parametrize("then", [lambda database: database.commit(), copy, lambda database: ask(database)])
    def test_that_postgresql_ends_are_an_outage(
        self, connections: ConnectionHandler, addresses: services.Addresses, then: Callable[[Any], object]
    ) -> None:  # S2
        database = connections["default"]
        ask(database, "BEGIN")
        process = ask(database, "SELECT pg_backend_pid()")
        with psycopg.connect(addresses.database_url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 1000)", [process])
        with pytest.raises(DatabaseError) as refused:
            then(database)
        assert is_unavailable(refused.value)

    def test_come_back_when_postgresql_does(self, connections: ConnectionHandler, state: Path) -> None:  # S2
        def refusal() -> DatabaseError | None:
            try:
                ask(connections["default"])
            except DatabaseError as error:
                return error
            finally:
                connections["default"].close()
            return None

        assert not refusal()
        os.kill(int((state / "postgres" / "postmaster.pid").read_text().split()[0]), signal.SIGQUIT)
        until(lambda: not services.alive(state))
        assert is_unavailable(refusal())
        services.start(state, durable=False)
        until(lambda: not refusal())
