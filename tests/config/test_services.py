import dataclasses
import json
import os
import shutil
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from config import services
from tests.config import processes
from tests.servers import new_state


def postgres_pid(state: Path) -> int:
    return int((state / "postgres" / "postmaster.pid").read_text().split()[0])


def valkey_pid(state: Path) -> int:
    return int((state / "valkey" / "valkey.pid").read_text())


def remember(addresses: services.Addresses, word: str) -> None:
    with psycopg.connect(addresses.database_url) as connection:
        connection.execute("CREATE TABLE memory AS SELECT %s::text AS word", [word])


def recall(addresses: services.Addresses) -> str:
    with psycopg.connect(addresses.database_url) as connection:
        return connection.execute("SELECT word FROM memory").fetchone()[0]


@pytest.fixture(scope="module")
def running() -> Iterator[Path]:
    """A state directory with running servers, for tests that only read."""
    state = new_state("running")
    services.start(state, durable=False)
    yield state
    services.stop(state)
    shutil.rmtree(state)


class TestTheServers:
    def test_have_a_database_that_belongs_to_an_ordinary_role(self, running):
        with psycopg.connect(services.start(running).database_url) as connection:
            role = connection.execute(
                "SELECT rolname, rolsuper, rolcreatedb FROM pg_database JOIN pg_roles ON datdba = pg_roles.oid"
                " WHERE datname = current_database() AND rolname = current_user"
            ).fetchone()
        assert role == ("muster", False, True)

    def test_sort_the_same_on_every_machine(self, running):
        with psycopg.connect(services.start(running).database_url) as connection:
            row = connection.execute(
                "SELECT datlocprovider, datlocale, pg_encoding_to_char(encoding) FROM pg_database"
                " WHERE datname = current_database()"
            ).fetchone()
        assert row == ("b", "C.UTF-8", "UTF8")

    def test_listen_on_no_port(self, running):
        addresses = services.start(running)
        with psycopg.connect(addresses.database_url) as connection:
            assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        with redis.Redis.from_url(addresses.redis_url) as broker:
            assert broker.config_get("port") == {"port": "0"}

    def test_let_nobody_else_in(self, running):
        for directory in (running / "sockets", running / "postgres", running / "valkey"):
            assert stat.S_IMODE(directory.stat().st_mode) == 0o700

    def test_are_found_in_a_file_that_nobody_else_reads(self, running):
        addresses = services.start(running)
        path = running / "services.json"
        assert json.loads(path.read_text()) == dataclasses.asdict(addresses)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


class TestALogThatGrewTooBig:
    def test_is_moved_aside_while_it_is_being_written(self, tmp_path, monkeypatch):
        monkeypatch.setattr(services, "LOG_BYTES", 10)
        path = services.log_file(tmp_path, "worker")
        with path.open("ab", buffering=0) as writer:
            writer.write(b"a long first line\n")
            services.rotate_logs(tmp_path)
            writer.write(b"second\n")
            services.rotate_logs(tmp_path)
        assert path.read_text() == "second\n"
        assert path.with_suffix(".log.1").read_text() == "a long first line\n"


class TestStarting:
    def test_again_attaches_to_what_runs(self, state):
        addresses = services.start(state, durable=False)
        pids = postgres_pid(state), valkey_pid(state)
        assert services.start(state) == addresses
        assert (postgres_pid(state), valkey_pid(state)) == pids

    def test_is_durable_unless_told_otherwise(self, state):
        with psycopg.connect(services.start(state).database_url) as connection:
            assert connection.execute("SELECT current_setting('fsync')").fetchone() == ("on",)

    def test_works_where_the_path_is_too_long_for_a_socket(self, state, monkeypatch):
        deep = state / ("d" * 100)
        deep.mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(deep))
        addresses = services.start(state, durable=False)
        remember(addresses, "short enough")

    def test_refuses_a_directory_that_others_may_write_to(self, state):
        state.chmod(0o777)
        with pytest.raises(services.ServicesError, match="chmod go-w"):
            services.start(state)
        state.chmod(0o700)

    def test_refuses_a_cluster_of_another_version(self, state):
        (state / "postgres" / "PG_VERSION").write_text("17\n")
        with pytest.raises(services.ServicesError, match="made by PostgreSQL 17"):
            services.start(state)

    def test_shows_the_log_of_a_server_that_does_not_start(self, state):
        (state / "postgres" / "postgresql.auto.conf").write_text("shared_buffers = 'plenty'\n")
        with pytest.raises(services.ServicesError, match="invalid value for parameter"):
            services.start(state)


class TestStopping:
    def test_leaves_nothing_but_the_data(self, state):
        addresses = services.start(state)
        remember(addresses, "kept")
        sockets = (state / "sockets").readlink()
        services.stop(state)
        assert processes.of(state) == {}
        assert not sockets.exists()
        assert not (state / "services.json").exists()
        assert recall(services.start(state)) == "kept"

    def test_servers_that_do_not_run_is_not_an_error(self, state):
        services.stop(state)
        services.stop(state / "never existed")


class TestAccidents:
    def test_an_interrupted_initdb_is_started_again(self, state):
        shutil.rmtree(state / "postgres")
        starting = processes.python(f"from config import services as s; s.start(s.Path({str(state)!r}))", state)
        processes.until((state / "postgres.unfinished" / "PG_VERSION").exists)
        starting.kill()
        starting.communicate(timeout=30)
        assert not (state / "postgres").exists()
        remember(services.start(state), "whole")

    @pytest.mark.exhaustive
    def test_killed_servers_are_started_again_with_their_data(self, state):
        addresses = services.start(state)
        remember(addresses, "survived")
        os.kill(postgres_pid(state), signal.SIGKILL)
        os.kill(valkey_pid(state), signal.SIGKILL)
        processes.until(lambda: not services.alive(state))
        again = services.start(state)
        assert again == addresses
        assert recall(again) == "survived"

    def test_a_stale_pid_that_belongs_to_another_process_does_no_harm(self, state):
        services.start(state)
        os.kill(postgres_pid(state), signal.SIGKILL)
        os.kill(valkey_pid(state), signal.SIGKILL)
        processes.until(lambda: not services.alive(state))
        bystander = processes.python("input()", state)
        stale = (state / "postgres" / "postmaster.pid").read_text().split("\n", 1)[1]
        (state / "postgres" / "postmaster.pid").write_text(f"{bystander.pid}\n{stale}")
        (state / "valkey" / "valkey.pid").write_text(f"{bystander.pid}\n")
        services.start(state)
        services.stop(state)
        assert bystander.poll() is None
        bystander.communicate("\n", timeout=30)

    def test_sockets_that_were_cleaned_away_are_made_again(self, state):
        addresses = services.start(state)
        shutil.rmtree((state / "sockets").readlink())
        again = services.start(state)
        assert again != addresses
        remember(again, "reached")

    def test_a_sockets_directory_that_is_somebody_elses_is_not_used(self, state, tmp_path):
        (state / "sockets").symlink_to(tmp_path)
        services.start(state, durable=False)
        assert (state / "sockets").readlink() != tmp_path
        assert list(tmp_path.iterdir()) == []

    def test_a_copied_state_directory_does_not_touch_the_originals_servers(self, state):
        addresses = services.start(state, durable=False)
        remember(addresses, "original")
        copy = state / "copy"
        copy.mkdir(mode=0o700)
        subprocess.run(["cp", "-a", state / "postgres", copy / "postgres"], check=True)
        (copy / "sockets").symlink_to((state / "sockets").readlink())
        (copy / "valkey").mkdir(mode=0o700)
        shutil.copy(state / "valkey" / "valkey.pid", copy / "valkey")
        try:
            assert services.start(copy, durable=False) != addresses
        finally:
            services.stop(copy)
        assert recall(addresses) == "original"


USERS = [
    pytest.param(processes.ORDINARY_USER, id="ordinary"),
    pytest.param(
        processes.NAMELESS_USER,
        id="without a name",
        marks=pytest.mark.skipif(
            subprocess.run(["unshare", "--user", "true"], capture_output=True).returncode != 0,
            reason="user namespaces are refused here",
        ),
    ),
]


class TestAccounts:
    @pytest.mark.parametrize("uid", USERS)
    def test_a_user_can_run_them(self, state, uid):
        shutil.rmtree(state / "postgres")
        if os.geteuid() == 0:
            os.chown(state, uid, uid)
        code = f"""
state = services.Path({str(state)!r})
services.start(state)
print(*{{(state / name).stat().st_uid for name in ("postgres", "services.json")}})
services.stop(state)
"""
        child = processes.python(processes.become(uid) + code, state)
        output, _ = child.communicate(timeout=60)
        assert output.split() == [str(uid if os.geteuid() == 0 else os.geteuid())]

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
    def test_root_becomes_nobody_where_user_namespaces_are_refused(self, state, tmp_path, monkeypatch):
        shutil.rmtree(state / "postgres")
        (tmp_path / "unshare").write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / "unshare").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        remember(services.start(state), "as nobody")
        assert (state / "postgres").owner() == "nobody"
        services.stop(state)
        monkeypatch.undo()
        assert recall(services.start(state)) == "as nobody"
