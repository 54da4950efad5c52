"""A real PgBouncer in front of a PostgreSQL of the tests, set up as deploy/pgbouncer.ini says."""

import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from config import accounts, services
from tests.config.processes import until

ROOT = Path(__file__).resolve().parent.parent
INI = ROOT / "deploy" / "pgbouncer.ini"
PORT = 6432
SERVER = shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")

ROAMING = {"server_round_robin": "1", "min_pool_size": "4"}
"""Each transaction gets another connection to PostgreSQL than the one before: nothing of a session is kept."""


class PgBouncer:
    """Runs until `stop`. address: where it listens besides a socket beside PostgreSQL's; nowhere if there is none.

    state: of the servers. connect_query and options: instead of those of deploy/pgbouncer.ini.
    """

    def __init__(
        self, state: Path, database_url: str, *, address: str = "", connect_query: str = "", **options: str
    ) -> None:
        assert SERVER, "Install pgbouncer."
        server = conninfo_to_dict(database_url)
        self.folder = Path(str(server["host"]))
        given = ConfigParser(delimiters=("=",), comment_prefixes=(";",), interpolation=None)
        given.read(INI)
        query = f"'{connect_query}'" if connect_query else given["databases"]["muster"].split(" connect_query=")[1]
        settings = dict(given["pgbouncer"]) | {
            "listen_addr": address,
            "listen_port": str(PORT),
            "unix_socket_dir": str(self.folder),
            "auth_type": "trust",
            "auth_file": str(self.folder / "userlist.txt"),
            "pidfile": str(self.folder / "pgbouncer.pid"),
            **options,
        }
        (self.folder / "userlist.txt").write_text('"muster" ""\n')
        ini = self.folder / "pgbouncer.ini"
        lines = [f"{name} = {value}" for name, value in settings.items()]
        database = f"* = host={self.folder} port={server['port']} connect_query={query}"
        ini.write_text("\n".join(["[databases]", database, "[pgbouncer]", *lines, ""]))
        for path in (ini, self.folder / "userlist.txt"):
            path.chmod(0o644)
        account = accounts.account_for(state.resolve(), services._postgres_binary("postgres"))
        with (state / "pgbouncer.log").open("ab") as log:
            self._process = subprocess.Popen([*account.prefix, SERVER, str(ini)], stdin=subprocess.DEVNULL, stderr=log)
        host = address or str(self.folder)
        self.database_url = f"postgresql://muster@/{server['dbname']}?host={host.replace('/', '%2F')}&port={PORT}"
        until(lambda: (self.folder / f".s.PGSQL.{PORT}").exists())

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)
