import json
import socket
import time
from collections.abc import Iterator

import pytest

from tests.config import processes

# gunicorn as `make up` runs it, but for the application.
SERVE = f"""
import sys
from gunicorn.app.wsgiapp import run
sys.argv = ["gunicorn", "-c", {str(processes.ROOT / "config" / "gunicorn.py")!r}, "tests.config.test_gunicorn:app"]
run()
"""


SLOW = 1.0  # seconds
written: list[str] = []


def app(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        time.sleep(SLOW)
    if environ["REQUEST_METHOD"] == "POST":
        written.append(environ["PATH_INFO"])
    if environ["PATH_INFO"] == "/written":
        start_response("200 OK", [])
        return [" ".join(written).encode()]
    if environ["PATH_INFO"] == "/broken":
        raise RuntimeError("a secret")
    start_response("200 OK", [("Content-Length", "0")])
    return []


@pytest.fixture(scope="module")
def port(tmp_path_factory) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = processes.python(SERVE, tmp_path_factory.mktemp("var"), PORT=str(port), WEB_CONCURRENCY="1")
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


def test_a_request_line_of_eight_thousand_bytes_is_served(port):
    line, _, _ = ask(
        port, b"GET /scim/v2/Users?filter=" + b"x" * 8_000 + b" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    )
    assert line == "HTTP/1.1 200 OK"


@pytest.mark.parametrize("size", [0, 60_000], ids=["small", "large"])
def test_a_write_whose_client_gave_up_while_it_waited_is_not_carried_out(port, size):  # S2
    def write(path: str) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", port), timeout=10)
        head = f"POST /{path}/{size} HTTP/1.1\r\nHost: h\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode() + b"x" * size)
        return connection

    busy = [socket.create_connection(("127.0.0.1", port)) for _ in range(4)]
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
