"""The portal that benchmarks measure: its own servers, one org, a token and, if needed, a web process."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from config import services

# People of an org, named by number, as SCIM would create them.
PEOPLE = """
WITH people AS (
    INSERT INTO orgs_user (id, org_id, user_name, user_name_key, login_email, external_id, email_keys, folded, password,
        is_staff, is_owner, display_name, given_name, family_name, attributes, extension_urn, active,
        deactivated_at, scim_managed, created_at, modified_at, revision, session_epoch)
    SELECT gen_random_uuid(), o.id, 'p' || n, 'p' || n, NULL, 'x' || n, '{}', jsonb_build_object(
            'name', '{"givenName": "p", "familyName": "p"}'::jsonb, 'displayName', 'p',
            'schemas', '["urn:ietf:params:scim:schemas:core:2.0:user"]'::jsonb), '',
        false, false, 'P', 'P', 'P', '{}', '', true, '{}', true, now(), now(), 1, 0
    FROM generate_series(1, %(count)s) AS n, orgs_organization o WHERE o.slug = %(org)s
    RETURNING id, org_id
)
INSERT INTO orgs_standing (user_id, org_id, roles) SELECT id, org_id, '{Member}' FROM people
"""


@contextmanager
def servers() -> Iterator[dict[str, str]]:
    """PostgreSQL and Valkey; yields the environment variables for processes that use them."""
    with tempfile.TemporaryDirectory(prefix="muster-bench-") as folder:
        state = Path(folder)
        addresses = services.start(state)
        try:
            yield {
                "DATABASE_URL": addresses.database_url,
                "REDIS_URL": addresses.redis_url,
                "MUSTER_VAR": str(state),
                "DJANGO_SETTINGS_MODULE": "config.settings",
                "LOG_LEVEL": "ERROR",
            }
        finally:
            services.stop(state)


@contextmanager
def portal() -> Iterator["Portal"]:
    """Servers with the org `bench` and a token."""
    with servers() as environment:
        manage(environment, "migrate", "-v0")
        manage(environment, "create_org", "Bench", "--admin", "owner@bench.example", "--enable-all")
        yield Portal(environment, manage(environment, "issue_token", "bench", "--name", "bench").strip())


@contextmanager
def serving(
    *options: str,
    environment: dict[str, str],
    python: str | Path = sys.executable,
    application: str = "config.wsgi",
) -> Iterator[tuple[int, int]]:
    """The port at which gunicorn serves the portal, or another application, and its process id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [python, "-m", "gunicorn", *options, "-b", f"127.0.0.1:{port}", application]
    process = subprocess.Popen(command, env=os.environ | environment)
    try:
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield port, process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def manage(environment: dict[str, str], *words: str) -> str:
    command = [sys.executable, "manage.py", *words]
    return subprocess.run(command, env=os.environ | environment, check=True, capture_output=True, text=True).stdout


@dataclass(frozen=True)
class Portal:
    environment: dict[str, str]
    token: str

    @property
    def database_url(self) -> str:
        return self.environment["DATABASE_URL"]

    @property
    def state(self) -> Path:
        return Path(self.environment["MUSTER_VAR"])

    @property
    def postgres(self) -> int:
        """The process id of PostgreSQL's first process."""
        return int((self.state / "postgres" / "postmaster.pid").read_text().split()[0])

    def signal_broker(self, signum: signal.Signals) -> None:
        os.kill(int((self.state / "valkey" / "valkey.pid").read_text()), signum)

    def repair(self) -> None:
        """Start a killed server again."""
        while services.alive(self.state):
            time.sleep(0.01)
        services.start(self.state)

    @contextmanager
    def web(self) -> Iterator["Client"]:
        """A client of one gunicorn process."""
        options = ("-k", "gthread", "--threads", "2", "--keep-alive", "60")
        environment = self.environment | {"DJANGO_SETTINGS_MODULE": "benchmarks.settings"}
        with serving(*options, environment=environment) as (port, _):
            yield Client(port, self.token)


class Client:
    """One keep-alive connection with a bearer token."""

    def __init__(self, port: int, token: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port)
        self.token = token
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def __call__(self, method: str, path: str, body: object = None) -> tuple[float, dict]:
        """The seconds that a request took, and the response."""
        data = json.dumps(body) if body is not None else None
        started = time.perf_counter()
        self.connection.request(method, path, data, self.headers)
        response = self.connection.getresponse()
        content = response.read()
        took = time.perf_counter() - started
        if response.status >= 300:
            raise RuntimeError(f"{method} {path}: {response.status} {content[:300]!r}")
        return took, json.loads(content) if content else {}
