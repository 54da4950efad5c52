"""What a standby of PostgreSQL can be asked for, with nothing but its own DATABASE_URL."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from config import services
from config.accounts import account_for
from tests.servers import ROOT, new_state, portal_environ

pytestmark = pytest.mark.exhaustive

PORT = 5433


class Pair:
    """A server with an organization, and its standby, which has all that was written before it was made."""

    def __init__(self) -> None:
        self.state = new_state("standby", migrated=True)
        self.addresses = services.start(self.state)
        self.manage("create_org", "Acme", "--admin", "owner@acme.example")
        sockets = (self.state / "sockets").readlink()
        self._prefix = account_for(self.state.resolve(), services._postgres_binary("postgres")).prefix
        self._data = self.state / "standby"
        here = ("-h", str(sockets), "-p", "5432", "-U", "postgres")
        self._run("pg_basebackup", *here, "--pgdata", str(self._data), "--write-recovery-conf", "--checkpoint=fast")
        options = f"-c unix_socket_directories={sockets} -c port={PORT} -c listen_addresses="
        log = str(self.state / "standby.log")
        self._run("pg_ctl", "start", "--silent", "--wait", "--pgdata", str(self._data), "-o", options, "-l", log)

    def _run(self, program: str, *words: str) -> None:
        command = (*self._prefix, services._postgres_binary(program), *words)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=60, env={**os.environ, "LC_ALL": "C"})

    def manage(self, *words: str, standby: bool = False) -> str:
        environ = portal_environ(self.addresses, self.state, 8000)
        if standby:
            environ["DATABASE_URL"] = self.addresses.database_url.replace("port=5432", f"port={PORT}")
        command = (sys.executable, "manage.py", *words)
        done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=110)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def stop(self) -> None:
        self._run("pg_ctl", "stop", "--mode=immediate", "--pgdata", str(self._data))
        services.stop(self.state)


@pytest.fixture
def pair() -> Iterator[Pair]:
    pair = Pair()
    yield pair
    pair.stop()


@pytest.mark.parametrize("words", [("export_state", "acme"), ("check_effects", "acme")])
def test_commands_that_only_read_can_ask_it(pair: Pair, words: tuple[str, ...]) -> None:
    assert pair.manage(*words, standby=True) == pair.manage(*words)
