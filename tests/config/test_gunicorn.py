import gc
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from config import gunicorn
from config.web_worker import WebWorker
from tests.config import processes
from tests.deploy.upgrade import HAND_OVER

# gunicorn as `make up` runs it, but for the application.
SERVE = f"""
import sys
from gunicorn.app.wsgiapp import run
config = {str(processes.ROOT / "config" / "gunicorn.py")!r}
sys.argv = ["gunicorn", "-c", config, "-k", "%s", *%r, "tests.config.test_gunicorn:app"]
run()
"""


SLOW = 1.0  # seconds
written: list[str] = []


class Hasty(WebWorker):
    patience = body = 0.5


def app(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        time.sleep(SLOW)
    if environ["REQUEST_METHOD"] == "POST":
        written.append(environ["PATH_INFO"])
    if environ["PATH_INFO"] == "/written":
        start_response("200 OK", [])
        return [" ".join(written).encode()]
    if environ["PATH_INFO"] == "/objects":
        objects = f"{len(gc.get_objects())} {gc.get_freeze_count()}"
        start_response("200 OK", [("Content-Length", "0"), ("X-Objects", objects)])
        return []
    if environ["PATH_INFO"] == "/broken":
        raise RuntimeError("a secret")
    if environ["PATH_INFO"] == "/read":
        with suppress(TimeoutError):
            environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Length", "0"), ("X-Process", str(os.getpid()))])
    return []


@pytest.fixture(scope="module")
def port(tmp_path_factory) -> Iterator[int]:
    with serving(tmp_path_factory.mktemp("var"), WebWorker) as port:
        yield port


@pytest.fixture(scope="module")
def hasty(tmp_path_factory) -> Iterator[int]:
    with serving(tmp_path_factory.mktemp("var"), Hasty) as port:
        yield port


@contextmanager
def serving(var: Path, worker: type[WebWorker], *options: str) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = processes.python(
        SERVE % (f"{worker.__module__}.{worker.__qualname__}", options), var, PORT=str(port), WEB_CONCURRENCY="1"
    )
    processes.until(lambda: answers(port))
    yield port
    server.terminate()
    server.communicate(timeout=20)


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def ask(port: int, request: bytes) -> tuple[str, dict[str, str], bytes]:
    """The status line, the headers and the body that answer these bytes."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        head, _, body = b"".join(iter(lambda: connection.recv(65536), b"")).partition(b"\r\n\r\n")
    status, *headers = head.decode().split("\r\n")
    return status, {name.lower(): value for name, value in (line.split(": ", 1) for line in headers)}, body


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(b"GET /scim/v2/Users?filter=" + b"x" * 10_000 + b" HTTP/1.1\r\n\r\n", 414, id="long URL"),
        pytest.param(b"GET /scim/v2/Users HTTP/1.1\r\nX: " + b"x" * 10_000 + b"\r\n\r\n", 431, id="long header"),
        pytest.param(b"GET /scim/v2/Users HTTP/1.1\r\nNo colon\r\n\r\n", 400, id="bad header"),
        pytest.param(b"GET /scim/v2/Users HTTP/9.9\r\n\r\n", 400, id="unknown version"),
        pytest.param(b"GET\r\n\r\n", 400, id="bad request line"),
        pytest.param(b"GET /broken HTTP/1.1\r\nHost: localhost\r\n\r\n", 500, id="exception"),
    ],
)
def test_what_gunicorn_refuses_is_answered_as_scim_clients_expect(port, sent, status):
    line, headers, body = ask(port, sent)
    assert line.startswith(f"HTTP/1.1 {status} ")
    assert headers["content-type"] == "application/scim+json"
    error = json.loads(body)
    assert error["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert error["status"] == str(status)
    assert error["detail"]
    assert "secret" not in error["detail"]


def test_a_request_waits_at_the_socket_of_systemd_until_a_server_is_back(tmp_path):
    serve = SERVE % (f"{WebWorker.__module__}.{WebWorker.__qualname__}", ())
    environ = {**os.environ, "MUSTER_VAR": str(tmp_path), "WEB_CONCURRENCY": "1"}
    with socket.create_server(("127.0.0.1", 0)) as listening:
        fd = listening.fileno()
        command = (sys.executable, "-c", HAND_OVER, str(fd), sys.executable, "-c", serve)
        for _ in range(2):
            with socket.create_connection(listening.getsockname(), timeout=60) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
                server = subprocess.Popen(command, cwd=processes.ROOT, env=environ, pass_fds=(fd,))
                assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK")
            server.terminate()
            assert server.wait(20) == 0


def test_a_request_line_of_eight_thousand_bytes_is_served(port):
    line, _, _ = ask(
        port, b"GET /scim/v2/Users?filter=" + b"x" * 8_000 + b" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    )
    assert line == "HTTP/1.1 200 OK"


def test_the_garbage_collector_passes_over_what_was_imported_before_the_fork(port):  # S9
    _, headers, _ = ask(port, b"GET /objects HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    looked_at, passed_over = map(int, headers["x-objects"].split())
    assert looked_at < passed_over


@pytest.mark.parametrize("size", [0, 60_000], ids=["small", "large"])
def test_a_write_whose_client_gave_up_while_it_waited_is_not_carried_out(port, size):  # S2
    def write(path: str) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", port), timeout=10)
        head = f"POST /{path}/{size} HTTP/1.1\r\nHost: h\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode() + b"x" * size)
        return connection

    busy = [socket.create_connection(("127.0.0.1", port)) for _ in range(gunicorn.threads)]
    for each in busy:
        each.sendall(b"GET /slow HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    time.sleep(SLOW / 4)
    write("abandoned").close()
    with write("patient") as patient:
        assert patient.recv(100)
    for each in busy:
        each.close()
    _, _, written = ask(port, b"GET /written HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert f"/patient/{size}" in written.decode()
    assert f"/abandoned/{size}" not in written.decode()


GET = b"GET /scim/v2/Users HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
MORE_THAN_THREADS = 2 * gunicorn.threads


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: h\r\nX-A: ", id="half a head"),
        pytest.param(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n", id="a body that nobody asks for"),
        pytest.param(b"GET / HTTP/1.0\r\n\r\n", id="a client that does not close"),
        pytest.param(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20_000, id="a head without end"),
    ],
)
def test_clients_that_dawdle_hold_no_thread(port, sent):  # S9
    """There are more of them than threads, and they stay."""
    with ExitStack() as stack:
        for _ in range(MORE_THAN_THREADS):
            stack.enter_context(dawdling(port, sent))
        assert ask(port, GET)[0] == "HTTP/1.1 200 OK"


def test_bodies_that_do_not_come_hold_threads_for_a_while_only(hasty):  # S9
    with ExitStack() as stack:
        for _ in range(MORE_THAN_THREADS):
            stack.enter_context(dawdling(hasty, b"POST /read HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc"))
        assert ask(hasty, GET)[0] == "HTTP/1.1 200 OK"


def test_a_head_that_does_not_come_is_not_waited_for(hasty):
    with dawdling(hasty, b"GET / HTTP/1.1\r\n") as connection:
        assert connection.recv(1) == b""


def test_a_request_in_pieces_and_the_next_ones_on_its_connection_are_answered(port):
    body = b"POST /read HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
    with dawdling(port, b"") as connection:
        for byte in body + body:
            connection.sendall(bytes([byte]))
        connection.sendall(body + GET)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.count(b"HTTP/1.1 200 OK") == 4


def test_a_client_that_is_refused_before_its_body_is_read_gets_the_answer(port):
    head = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n"
    assert ask(port, head + b"x" * 1_000_000)[0] == "HTTP/1.1 200 OK"


def test_no_request_is_lost_when_a_process_is_replaced(tmp_path):
    """Not by those who keep their connections, nor by one whose answer takes long."""
    each, clients = 40, 4

    def ask_often(_):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        return [asked(connection, "/") for _ in range(each)]

    options = ("--max-requests", "30", "--max-requests-jitter", "0")
    with serving(tmp_path, WebWorker, *options) as port, ThreadPoolExecutor(clients + 1) as threads:
        slow = threads.submit(lambda: asked(http.client.HTTPConnection("127.0.0.1", port, timeout=20), "/slow"))
        answered = [answer for some in threads.map(ask_often, range(clients)) for answer in some]
        assert slow.result()[0] == 200
    assert [status for status, _ in answered] == [200] * each * clients
    assert len({process for _, process in answered}) >= 3


def asked(connection: http.client.HTTPConnection, path: str) -> tuple[int, str | None]:
    """The status and the process of the server."""
    connection.request("GET", path)
    response = connection.getresponse()
    response.read()
    return response.status, response.getheader("X-Process")


def dawdling(port: int, sent: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(sent)
    return connection
