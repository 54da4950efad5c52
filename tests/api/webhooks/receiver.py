"""A server on this machine that receives webhooks, over TLS, many at once."""

import json
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.sso.servers import certified

HOST = "hooks.example"
Reply = tuple[int, dict[str, str]]


@dataclass(frozen=True)
class Heard:
    """One request. headers: by their names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def told(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.body)
        return told

    @property
    def items(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.told["data"]["items"]
        return items


class Receiver:
    """Accepts everything, but for paths with a reply of their own: what it returns for a request, None for silence.

    at_once: of requests to each path, the most that it had at the same time.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.heard: list[Heard] = []
        self.replies: dict[str, Callable[[Heard], Reply | None]] = {}
        self.at_once: Counter[str] = Counter()
        self.over = threading.Event()
        self._now: Counter[str] = Counter()
        self._lock = threading.Lock()

    def url(self, path: str = "/") -> str:
        return f"https://{HOST}:{self.port}{path}"

    def at(self, path: str = "/") -> list[Heard]:
        return [each for each in self.heard if each.path == path]

    def items(self, path: str = "/") -> list[dict[str, Any]]:
        return [item for each in self.at(path) for item in each.items]

    def answer(self, status: int, path: str = "/", **headers: str) -> None:
        """From now on, with this. headers: in Python spelling."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        self.replies[path] = lambda _: (status, sent)

    def reply(self, heard: Heard) -> Reply | None:
        with self._lock:
            self.heard.append(heard)
            self._now[heard.path] += 1
            self.at_once[heard.path] = max(self.at_once[heard.path], self._now[heard.path])
        try:
            return self.replies.get(heard.path, lambda _: (204, {}))(heard)
        finally:
            with self._lock:
                self._now[heard.path] -= 1


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away, or do not trust us."""


@contextmanager
def receiving(folder: Path, address: str = "127.0.0.1") -> Iterator[Receiver]:
    """folder: gets the ca.pem that a client has to trust."""
    tls = certified(HOST, folder)

    class Handler(BaseHTTPRequestHandler):
        def setup(self) -> None:
            self.request = tls.wrap_socket(self.request, server_side=True)  # in the thread of this client
            super().setup()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = receiver.reply(Heard(self.path, headers, body))
            if reply is not None:
                self.send_response(reply[0])
                for name, value in ({"content-length": "0"} | reply[1]).items():
                    self.send_header(name, value)
                self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = _Server((address, 0), Handler)
    receiver = Receiver(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


def closed_port() -> int:
    """One at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        return int(gone.getsockname()[1])
