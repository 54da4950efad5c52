"""Keeps a copy of Muster's people, teams and groups in a SQLite file, in step with the feed.

README.md says how to run it; it needs Python 3.11 and nothing else. Take it as a model: the tables would be those of
your product, and `keep` is where your product acts on what changed.
"""

import argparse
import base64
import hmac
import json
import os
import re
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlencode, urlsplit

TIMEOUT = 60  # seconds
LONGEST_PAUSE = 60.0  # seconds between two attempts while Muster cannot be reached
LARGEST = 2**20  # bytes of a webhook

SCHEMA = """
CREATE TABLE IF NOT EXISTS resource (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    organization TEXT NOT NULL,
    position INTEGER NOT NULL,
    sync INTEGER NOT NULL,
    erased INTEGER NOT NULL,
    state TEXT, -- null once it is gone: the row stays as a tombstone
    PRIMARY KEY (kind, id)
);
CREATE INDEX IF NOT EXISTS resource_organization ON resource (organization);

-- One row. next: the cursor; null before the first page. sync: how often everything was read from the start.
-- complete: whether the latest of these readings has come to its end.
CREATE TABLE IF NOT EXISTS reader (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    next TEXT,
    sync INTEGER NOT NULL,
    complete INTEGER NOT NULL
);
INSERT INTO reader VALUES (1, NULL, 1, 0) ON CONFLICT DO NOTHING;

CREATE VIEW IF NOT EXISTS people AS SELECT
    p.id,
    p.organization,
    json_extract(p.state, '$.user_name') AS user_name,
    json_extract(p.state, '$.display_name') AS display_name,
    json_extract(p.state, '$.active') AS active,
    json_extract(p.state, '$.roles') AS roles,
    (SELECT group_concat(json_extract(t.state, '$.name'), ', ') FROM json_each(p.state, '$.teams') AS its
        JOIN resource AS t ON t.kind = 'team' AND t.id = its.value) AS teams
FROM resource AS p WHERE p.kind = 'person' AND p.state IS NOT NULL;
"""


class StartOver(Exception):
    """The cursor is no longer good: the feed has to be read from its start."""


class Refused(Exception):
    """Trying again will not help."""


class Unavailable(Exception):
    """Muster cannot answer now. wait: after how many seconds it wants to be asked again, where it says so."""

    def __init__(self, reason: str, wait: float = 0) -> None:
        super().__init__(reason)
        self.wait = wait


class Feed:
    """The feed of one organization, or of all where `organization` is empty. limit: items of a page."""

    def __init__(self, url: str, key: str, organization: str, limit: int) -> None:
        self.address = urlsplit(url)
        of = f"/organizations/{organization}" if organization else ""
        self.path = f"{self.address.path.rstrip('/')}/api/v1{of}/changes"
        self.headers = {"Authorization": f"Bearer {key}", "User-Agent": "muster-consumer-example"}
        self.limit = limit

    def page(self, after: str | None) -> dict[str, Any]:
        """What is new after a cursor; from the start where there is none.

        Raises StartOver, Refused or Unavailable.
        """
        asked = {"limit": self.limit} | ({"after": after} if after else {})
        connect = HTTPSConnection if self.address.scheme == "https" else HTTPConnection
        try:
            with closing(connect(self.address.netloc, timeout=TIMEOUT)) as connection:
                connection.request("GET", f"{self.path}?{urlencode(asked)}", headers=self.headers)
                answer = connection.getresponse()
                told: dict[str, Any] = json.loads(answer.read() or b"{}")
        except (OSError, HTTPException) as error:
            raise Unavailable(f"{type(error).__name__}: {error}") from error
        except ValueError:  # a proxy's page
            told = {}
        if answer.status == 200 and "items" in told:
            return told
        if answer.status in (200, 429) or answer.status >= 500:
            wait = answer.getheader("Retry-After", "")
            raise Unavailable(f"status {answer.status}", int(wait) if wait.isdecimal() else 0)
        if after and told.get("type", "").endswith(("/resync-required", "/cursor-mismatch")):
            raise StartOver
        raise Refused(f"status {answer.status}: {told.get('detail', 'is this the address of Muster?')}")


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")


def read_page(database: sqlite3.Connection, feed: Feed) -> bool:
    """Read a page, and keep it together with the cursor after it. Returns whether there is more at once.

    A process that is killed at any moment has kept both or neither, and so goes on where it was.
    """
    after, sync = database.execute("SELECT next, sync FROM reader").fetchone()
    try:
        page = feed.page(after)
    except StartOver:
        print("reading everything again", flush=True)
        with transaction(database):
            database.execute(
                "UPDATE reader SET next = NULL, sync = sync + 1, complete = 0 WHERE next = ? AND sync = ?",
                (after, sync),
            )
        return True
    if page["next"] == after:
        return False
    with transaction(database):
        moved = database.execute("UPDATE reader SET next = ? WHERE next IS ? AND sync = ?", (page["next"], after, sync))
        if not moved.rowcount:  # another process has read this page meanwhile
            return True
        for item in page["items"]:
            keep(database, item, sync)
        if not page["has_more"]:
            complete(database, sync)
    if page["items"]:
        print(f"items: {len(page['items'])}", flush=True)
    return bool(page["has_more"])


def keep(database: sqlite3.Connection, item: dict[str, Any], sync: int) -> None:
    """Keep the state that an item tells. It is a whole one: whatever was there is overwritten.

    Whether the state differs from what was kept, the row says that is still there when this is called: whatever your
    product does about it belongs here, in the same transaction. The same state may come more than once.
    """
    if item["kind"] == "organization" and item["deleted"]:  # no tombstones follow for what was in it
        database.execute("DELETE FROM resource WHERE organization = ?", (item["organization"],))
    state = None if item["state"] is None else json.dumps(item["state"])
    database.execute(
        "INSERT INTO resource (kind, id, organization, position, sync, erased, state) VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (kind, id) DO UPDATE SET position = excluded.position, sync = excluded.sync,"
        " erased = excluded.erased, state = excluded.state"
        # Positions compare within one reading. After a restore they may be lower than those that were kept before.
        " WHERE excluded.position > resource.position OR excluded.sync > resource.sync",
        (item["kind"], item["id"], item["organization"], item["position"], sync, item["erased"], state),
    )


def complete(database: sqlite3.Connection, sync: int) -> None:
    """Once everything was read from the start: delete what was not named."""
    (is_complete,) = database.execute("SELECT complete FROM reader").fetchone()
    if not is_complete:
        database.execute("DELETE FROM resource WHERE sync < ?", (sync,))
        database.execute("UPDATE reader SET complete = 1")


def read_all(database: sqlite3.Connection, feed: Feed) -> None:
    """Read until nothing is new. Waits while Muster cannot be reached."""
    pause = 1.0
    while True:
        try:
            if not read_page(database, feed):
                return
            pause = 1.0
        except Unavailable as error:
            wait = max(pause, error.wait)
            print(f"{error}; again in {wait:.0f} s", file=sys.stderr, flush=True)
            time.sleep(wait)
            pause = min(2 * pause, LONGEST_PAUSE)


def verify(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether a webhook comes from Muster and is at most five minutes old. body: as it arrived, not parsed."""
    sent_at = headers.get("webhook-timestamp", "")
    if not re.fullmatch("[0-9]{1,12}", sent_at) or abs(time.time() - int(sent_at)) > 300:
        return False
    signed = f"{headers.get('webhook-id', '')}.{sent_at}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = b"v1," + base64.b64encode(hmac.digest(key, signed, "sha256"))
    # While a secret is being replaced there are two signatures, and one of them is enough.
    signatures = headers.get("webhook-signature", "").encode().split()
    return any(hmac.compare_digest(expected, signature) for signature in signatures)


def listen(port: int, secret: str, woken: threading.Event) -> None:
    """Be woken by webhooks. What they say is not used: the feed is read, in order, by the one who has the cursor."""

    class Receiver(BaseHTTPRequestHandler):
        timeout = 15

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if not re.fullmatch("[0-9]{1,7}", length) or int(length) > LARGEST:
                self.send_error(413)
            elif verify(secret, self.headers, self.rfile.read(int(length))):  # type: ignore[arg-type]
                woken.set()
                self.send_response(204)
                self.end_headers()
            else:
                self.send_error(401)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Keep people, teams and groups of Muster in a SQLite file.")
    parser.add_argument("database", help="the file; it is created")
    parser.add_argument("--once", action="store_true", help="read what is new, and end")
    parser.add_argument("--every", type=float, default=1, metavar="SECONDS", help="how often to ask (default: 1)")
    parser.add_argument("--limit", type=int, default=500, help="items of a page (default: 500)")
    parser.add_argument("--listen", type=int, metavar="PORT", help="be woken by webhooks to this port of 127.0.0.1")
    return parser.parse_args()


def main() -> None:
    asked, environ = arguments(), os.environ
    needed = ["MUSTER_URL", "MUSTER_KEY", *(["MUSTER_WEBHOOK_SECRET"] if asked.listen else [])]
    if missing := [name for name in needed if not environ.get(name)]:
        raise SystemExit(f"Set {' and '.join(missing)}; README.md says to what.")
    feed = Feed(environ["MUSTER_URL"], environ["MUSTER_KEY"], environ.get("MUSTER_ORGANIZATION", ""), asked.limit)
    woken = threading.Event()
    if asked.listen:
        listen(asked.listen, environ["MUSTER_WEBHOOK_SECRET"], woken)
    database = sqlite3.connect(asked.database, timeout=60, isolation_level=None)
    with closing(database):
        database.executescript(SCHEMA)
        try:
            while True:
                woken.clear()
                read_all(database, feed)
                if asked.once:
                    return
                woken.wait(asked.every)
        except Refused as error:
            raise SystemExit(str(error)) from None
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
