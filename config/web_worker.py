"""gunicorn's threaded worker, with patience that costs no thread: slow clients cannot keep others waiting (SPEC S9).

gunicorn gives a connection to a thread as soon as it is opened, and the thread reads for as long as the client likes;
it waits for clients to close, and that in the main thread. Here the main thread's poller collects the head of a request
and sees connections off, a thread gets a request whose head is complete, and what it then waits for has a deadline.
With TLS of its own gunicorn works as it always does.
"""

import os
import selectors
import socket
import sys
import time
from concurrent.futures import Future
from functools import partial
from typing import Any

from gunicorn.http.errors import LimitRequestHeaders  # type: ignore[import-untyped]
from gunicorn.http.unreader import SocketUnreader  # type: ignore[import-untyped]
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

HEAD_BYTES = 64 * 1024
READ_BYTES = 64 * 1024


class WebWorker(ThreadWorker):
    """Its times are in seconds.

    In the main thread no connection waits longer than `patience` for a head or for the client to close. In a thread a
    body may take `body`, and a second more for each `body_rate` bytes; a client has `answer` to take one piece of an
    answer; what nobody read of a body is waited for as long as `rest`. A thread that computes gives way after `switch`.
    """

    patience = 10.0
    body = 10.0
    body_rate = 64 * 1024
    answer = 60.0
    rest = 0.05
    switch = 0.0005

    def init_process(self) -> None:
        sys.setswitchinterval(self.switch)
        super().init_process()

    def enqueue_req(self, conn: Any) -> None:
        """Called in the main thread for a new connection, and for one that becomes readable."""
        if self.cfg.is_ssl:
            super().enqueue_req(conn)
            return
        if not conn.initialized:
            conn.init()
            conn.parser.unreader = _Reader(conn.sock, self)
        conn.data_ready = True
        conn.parser.unreader.deadline = None
        conn.sock.setblocking(False)
        if conn.parser.unreader.has_head() or conn.parser.unreader.fill():
            super().enqueue_req(conn)
        else:
            self._await(conn, self._fill)

    def _fill(self, conn: Any, sock: socket.socket) -> None:
        if conn.parser.unreader.fill():
            self._await_no_more(conn)
            super().enqueue_req(conn)

    def handle_request(self, req: Any, conn: Any) -> Any:
        if not self.cfg.is_ssl:
            conn.parser.unreader.deadline = time.monotonic() + self.body
            conn.sock.settimeout(self.answer)
        return super().handle_request(req, conn)

    def _keepalive_after(self, conn: Any, keepalive: Any) -> bool:
        if self.cfg.is_ssl:
            return bool(super()._keepalive_after(conn, keepalive))
        deadline = conn.parser.unreader.deadline = time.monotonic() + self.rest
        return bool(keepalive and conn.parser.finish_body(deadline=deadline))

    def finish_request(self, conn: Any, fs: "Future[Any]") -> None:
        """Called in the main thread. A connection that ends is half closed first: the client gets all of the answer."""
        if self.cfg.is_ssl or (not fs.cancelled() and not fs.exception() and fs.result()):
            super().finish_request(conn, fs)
            return
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
        except OSError:
            self._end(conn)
        else:
            self._await(conn, self._drain)

    def _drain(self, conn: Any, sock: socket.socket) -> None:
        try:
            more = sock.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            more = b""
        if not more:
            self._await_no_more(conn)
            self._end(conn)

    def _end(self, conn: Any) -> None:
        self.nr_conns -= 1
        conn.close()

    def _await(self, conn: Any, callback: Any) -> None:
        """Call back whenever there is something to read; `murder_pending` closes what waits longer than `patience`."""
        conn.timeout = time.monotonic() + self.patience
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(callback, conn))

    def _await_no_more(self, conn: Any) -> None:
        self.poller.unregister(conn.sock)
        self.pending_conns.remove(conn)

    def _cap_keepalive(self, deadline: float) -> None:
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:  # a worker that stops waits no longer for these either
            conn.timeout = min(conn.timeout, deadline)


class _Reader(SocketUnreader):
    """What has come from one connection. deadline: for the body; None while the head is awaited."""

    def __init__(self, sock: socket.socket, worker: WebWorker) -> None:
        super().__init__(sock)
        self.worker = worker
        self.deadline: float | None = None
        self.gone = False

    def has_head(self) -> bool:
        return b"\r\n\r\n" in self.buf.getvalue()

    def fill(self) -> bool:
        """Take what has come, without waiting. Returns whether a thread can go on: with a head, an end or too much."""
        try:
            data = self.sock.recv(READ_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        self.buf.seek(0, os.SEEK_END)
        self.buf.write(data)
        self.gone = not data
        return self.gone or self.buf.tell() > HEAD_BYTES or self.has_head()

    def chunk(self, size_hint: int | None = None) -> bytes:
        if self.deadline is None:  # the parser has read all that `fill` took
            if self.gone:
                return b""
            raise LimitRequestHeaders("limit request headers fields size")
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the body comes too slowly")
        self.sock.settimeout(left)
        try:
            data: bytes = super().chunk(size_hint)
        finally:
            self.sock.settimeout(self.worker.answer)
        self.deadline += len(data) / self.worker.body_rate
        return data
