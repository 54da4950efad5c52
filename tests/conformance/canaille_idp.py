"""Canaille, a real identity provider, in this process; BASE_URL and TOKEN say whom it provisions.

At PORT it also signs people in, by OpenID Connect, and sends them to REDIRECT_URI.

It reads one JSON object per line: {"save": "user" | "group", "name": …, "columns": {…}} or {"delete": …, "name": …}.
The name is ours, the columns are those of Canaille's models; a group's members are names of users. Each save and delete
makes Canaille's own SCIM client send what it would send. The answer is one line: what Canaille has logged meanwhile,
which is nothing where it is content.
"""

import json
import logging
import os
import sys
import threading
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from canaille import create_app
from canaille.app import models
from canaille.backends.memory.backend import MemoryBackend
from werkzeug.serving import make_server

BASE_URL, TOKEN = os.environ["BASE_URL"], os.environ["TOKEN"]
PORT, REDIRECT_URI = int(os.environ["PORT"]), os.environ["REDIRECT_URI"]
SECRET = "s" * 40
CONFIGURATION = {
    "SECRET_KEY": "only-for-this-process",
    "SERVER_NAME": f"127.0.0.1:{PORT}",
    "PREFERRED_URL_SCHEME": "http",
    "TESTING": True,
    "CANAILLE": {"DATABASE": "memory", "JAVASCRIPT": False, "TIMEZONE": "UTC"},
    "CANAILLE_OIDC": {"ENABLE_OIDC": True, "TRUSTED_DOMAINS": [urlsplit(BASE_URL).hostname]},
    "CANAILLE_SCIM": {"ENABLE_CLIENT": True},
}


class Logged(logging.Handler):
    """What is logged of provisioning, and whatever is a warning, to be handed out once."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.module == "client" or record.levelno >= logging.WARNING:  # not that somebody signs in
            self.messages.append(record.getMessage())

    def taken(self) -> list[str]:
        messages, self.messages = self.messages, []
        return messages


def connect(backend: MemoryBackend) -> None:
    """Make the portal a client that Canaille trusts: those are the ones that it provisions, with this token."""
    now = datetime.now(UTC)
    client = models.Client(
        client_id="muster",
        client_secret=SECRET,
        client_name="Muster",
        client_uri=BASE_URL,
        client_id_issued_at=now,
        redirect_uris=[REDIRECT_URI],
        grant_types=["client_credentials", "authorization_code"],
        response_types=["code"],
        scope=["openid", "profile", "email"],
        token_endpoint_auth_method="client_secret_basic",
    )
    backend.save(client)
    backend.update(client, audience=[client])
    backend.save(client)
    token = models.Token(
        token_id="for-muster",
        access_token=TOKEN,
        refresh_token="none",
        subject=None,
        audience=[client],
        client=client,
        scope=["openid"],
        issue_date=now,
        lifetime=timedelta(days=1).total_seconds(),
    )
    backend.save(token)


def forget_sign_ins(backend: MemoryBackend) -> None:
    """Leave the portal's own token only.

    Canaille asks for the client's token that is nobody's, its memory answers with all of the client's, in no order, and
    a token of somebody who has signed in is none for SCIM.
    """
    for token in backend.query(models.Token):
        if token.subject:
            backend.delete(token)


def columns(given: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """Values as Canaille's models have them: people and not their names, times and not their text."""
    values = dict(given)
    if "members" in values:
        values["members"] = [known[name] for name in values["members"]]
    if values.get("lock_date"):
        values["lock_date"] = datetime.fromisoformat(values["lock_date"])
    return values


def serve() -> None:
    backend = MemoryBackend(CONFIGURATION)
    app = create_app(CONFIGURATION, backend=backend)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # which would log every request
    threading.Thread(target=make_server("127.0.0.1", PORT, app).serve_forever, daemon=True).start()
    logged = Logged()
    app.logger.addHandler(logged)
    app.logger.setLevel(logging.INFO)  # that a server speaks no SCIM is an INFO
    known: dict[str, Any] = {}
    with app.app_context(), backend.session():
        connect(backend)
        for line in sys.stdin:
            forget_sign_ins(backend)
            order = json.loads(line)
            if "delete" in order:
                backend.delete(known.pop(order["name"]))
            else:
                model = {"user": models.User, "group": models.Group}[order["save"]]
                values = columns(order["columns"], known)
                if order["name"] in known:
                    backend.update(known[order["name"]], **values)
                else:
                    known[order["name"]] = model(**values)
                backend.save(known[order["name"]])
            sys.stdout.write(json.dumps(logged.taken()) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    serve()
