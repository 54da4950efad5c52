"""Muster beside other SCIM servers for Django, in one run on one PostgreSQL: `make peers`.

Each peer is installed in an environment of its own, with the settings that its documentation gives, served by two
gunicorn processes of four threads that keep their connections, and asked for a bearer token by one SELECT. What is
measured is what `benchmarks.requests` measures, round by round in turn. The peers store what Django's user model has
columns for, and neither settle anything nor keep a log or a history. `python -m benchmarks.peers [ROUNDS]`.
"""

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg

from benchmarks.load import Callers, Cost, callers
from benchmarks.portal import Client, Portal, portal, serving
from benchmarks.requests import CALLERS, PAGES, USERS, deployed, groups, people, requests, stamp

ROOT = Path(__file__).parent
TOKEN = "a-token-of-the-peers"
BEARER = f"CREATE TABLE bearer (digest bytea PRIMARY KEY); INSERT INTO bearer VALUES (sha256('{TOKEN}'))"


@dataclass(frozen=True)
class Peer:
    """people: SQL that makes USERS of them. ids: SQL for the SCIM ids of a thousand."""

    name: str
    people: str
    ids: str

    @property
    def python(self) -> Path:
        return ROOT.parent / f".venv-{self.name}" / "bin" / "python"


PEERS = (
    Peer(
        "scim2",
        """INSERT INTO scim2_user (password, is_superuser, username, first_name, last_name, email, is_staff, is_active,
            date_joined, scim_external_id, scim_username)
            SELECT '', false, 'p' || n, 'P', 'P', 'p@corp.example', false, true, now(), 'x' || n, 'p' || n
            FROM generate_series(1, {}) AS n;
        UPDATE scim2_user SET scim_id = id::text""",
        "SELECT scim_id FROM scim2_user ORDER BY id LIMIT 1000",
    ),
    Peer(
        "scim2-server",
        """INSERT INTO auth_user (password, is_superuser, username, first_name, last_name, email, is_staff, is_active,
            date_joined)
            SELECT '', false, 'p' || n, 'P', 'P', 'p@corp.example', false, true, now()
            FROM generate_series(1, {}) AS n;
        INSERT INTO django_scim2_server_scimuser (id, user_id, external_id, scim_username, active, created,
            last_modified)
            SELECT gen_random_uuid(), id, username, username, true, now(), now() FROM auth_user""",
        "SELECT id::text FROM django_scim2_server_scimuser ORDER BY id LIMIT 1000",
    ),
)


def main() -> None:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    with portal() as muster, ExitStack() as stack:
        with muster.web() as client:
            ours = requests(people(muster), groups(client))
        crowds = {"Muster": stack.enter_context(deployed(muster, ours))}
        for peer in PEERS:
            crowds[peer.name] = stack.enter_context(theirs(peer, muster))
        kinds = [kind for kind in ours if not kind.startswith("floor")]
        found: dict[tuple[str, str], list[Cost]] = {}
        for number in range(times + 1):
            for kind in kinds:
                if kind == PAGES[0]:
                    stamp(muster)
                for name, (crowd, server) in crowds.items():
                    each = 3 if kind in PAGES else 30
                    cost = crowd.measure(kind, each, server=server, database=muster.postgres)
                    if number:  # the first round warms up
                        found.setdefault((kind, name), []).append(cost)
        report(kinds, list(crowds), found)


def report(kinds: list[str], names: list[str], found: dict[tuple[str, str], list[Cost]]) -> None:
    print(f"{CALLERS} callers, {USERS:,} people: ms of CPU per request (server + database), and requests a second")
    print(f"{'request':<14}" + "".join(f"{name:>24}" for name in names))
    for kind in kinds:
        print(f"{kind:<14}" + "".join(f"{in_words(found[kind, name]):>24}" for name in names))


def in_words(costs: list[Cost]) -> str:
    server, database, rate = (
        statistics.median(getattr(cost, part) for cost in costs) for part in ("server", "database", "rate")
    )
    return f"{server * 1e3:.2f} + {database * 1e3:.2f}, {rate:.0f}"


@contextmanager
def theirs(peer: Peer, muster: Portal) -> Iterator[tuple[Callers, int]]:
    """The same of a peer, whose database is made beside the portal's."""
    with psycopg.connect(muster.database_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{peer.name}"')
    module = peer.name.replace("-", "_")
    environment = {
        "PGHOST": parse_qs(urlsplit(muster.database_url).query)["host"][0],
        "PGUSER": "muster",
        "PGDATABASE": peer.name,
        "PYTHONPATH": str(ROOT / "sites"),
        "DJANGO_SETTINGS_MODULE": f"{module}.settings",
    }
    for what in ("auth", "--run-syncdb"):  # a model of a site's own, without migrations, points to those of auth
        migrate = (str(peer.python), "-m", "django", "migrate", what, "-v0")
        subprocess.run(migrate, env=os.environ | environment, check=True)
    with psycopg.connect(muster.database_url, dbname=peer.name, autocommit=True) as connection:
        connection.execute(BEARER)
        connection.execute(peer.people.format(USERS))
        connection.execute("VACUUM ANALYZE")
        ids = [id_ for (id_,) in connection.execute(peer.ids)]
    options = ("-w", "2", "-k", "gthread", "--threads", "4", "--keep-alive", "65", "--no-control-socket")
    application = "django.core.wsgi:get_wsgi_application()"
    with serving(*options, environment=environment, python=peer.python, application=application) as (port, server):
        connect = partial(Client, port, TOKEN)
        kinds = requests(ids, groups(connect(), base="/scim/v2"), base="/scim/v2")
        with callers(kinds, connect, CALLERS) as crowd:
            yield crowd, server


if __name__ == "__main__":
    main()
