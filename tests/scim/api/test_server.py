"""SCIM through the real server: whatever arrives on the socket, the answer is SCIM's (SPEC S1, S2)."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.plugin import DjangoDbBlocker

from tests import processes
from tests.config.processes import until
from tests.conftest import install_profiles
from tests.factories import OrganizationFactory, issue_token
from tests.scim.people import few

pytestmark = pytest.mark.django_db


@dataclass
class Server:
    port: int
    secret: str

    def ask(self, *parts: bytes, method: str = "", end: bool = False) -> list["Answer"]:
        """All answers to these bytes, until the server closes. end: nothing more will come."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as client:
            with suppress(OSError):  # it has heard enough
                for part in parts:
                    client.sendall(part)
                if end:
                    client.shutdown(socket.SHUT_WR)
            received = b""
            while True:
                try:
                    more = client.recv(65536)
                except ConnectionError:
                    break
                if not more:
                    break
                received += more
        return read(received, bodiless=method == "HEAD")

    def head(self, line: str, *headers: str, close: bool = True) -> bytes:
        """A request's head with the token."""
        lines = [line, "Host: portal", f"Authorization: Bearer {self.secret}", *headers]
        return "\r\n".join([*lines, *(["Connection: close"] if close else []), "", ""]).encode("latin-1")

    def request(self, line: str, body: bytes = b"", *headers: str, close: bool = True) -> bytes:
        length = [f"Content-Length: {len(body)}"] if body else []
        return self.head(line, *length, *headers, close=close) + body


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


def read(received: bytes, *, bodiless: bool) -> list[Answer]:
    answers = []
    while received:
        head, _, received = received.partition(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        length = 0 if bodiless or "content-length" not in headers else int(headers["content-length"])
        answers.append(Answer(int(status.split()[1]), headers, received[:length]))
        received = received[length:]
    return answers


def check(answer: Answer) -> None:
    assert answer.status < 500 or answer.status == 501
    if answer.body:
        assert answer.headers["content-type"] == "application/scim+json"
        message = json.loads(answer.body)
        assert answer.status < 400 or message["status"] == str(answer.status)


@pytest.fixture(scope="module")
def server(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Server]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with django_db_blocker.unblock():
        install_profiles()
        secret = issue_token(OrganizationFactory.create()).secret
        environment = processes.environment(PORT=str(port), WEB_CONCURRENCY="1", SCIM_FAILURES_PER_MINUTE="100000")
    command = [sys.executable, "-m", "gunicorn", "-c", "config/gunicorn.py", "config.wsgi"]
    process = subprocess.Popen(command, cwd=processes.ROOT, env=environment, stderr=subprocess.DEVNULL)
    try:
        until(lambda: answers(port))
        yield Server(port, secret)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute(
                "TRUNCATE orgs_user, orgs_feedtouch, orgs_feeditem, orgs_historyitem, orgs_organization,"
                " scim_requestlog CASCADE"
            )
        connection.close()


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def names(server: Server) -> set[str]:
    (answer,) = server.ask(server.request("GET /api/scim/Users?count=1000 HTTP/1.1"))
    return {user["userName"] for user in json.loads(answer.body)["Resources"]}


def chunked(*chunks: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in [*chunks, b""])


class TestBodies:
    def test_that_come_in_chunks_are_read(self, server: Server) -> None:
        head = server.head("POST /api/scim/Users HTTP/1.1", "Transfer-Encoding: chunked")
        (answer,) = server.ask(head, chunked(b'{"userName"', b': "chun', b'ked"}'))
        assert answer.status == 201
        assert "chunked" in names(server)

    def test_that_are_announced_are_waited_for(self, server: Server) -> None:
        head = server.head("POST /api/scim/Users HTTP/1.1", "Expect: 100-continue", "Content-Length: 23")
        go_on, answer = server.ask(head, b'{"userName": "awaited"}')
        assert (go_on.status, answer.status) == (100, 201)

    def test_that_break_off_are_refused_though_they_would_make_sense(self, server: Server) -> None:  # S7
        body = b'{"userName": "broken off"}'
        for head, sent in [
            (server.head("POST /api/scim/Users HTTP/1.1", "Content-Length: 100"), body),
            (server.head("POST /api/scim/Users HTTP/1.1", "Transfer-Encoding: chunked"), chunked(body)[:-5]),
            (
                server.head("POST /api/scim/Users HTTP/1.1", "Transfer-Encoding: chunked"),
                b"1a\r\n" + body + b"\r\nzz\r\n",
            ),
        ]:
            for answer in server.ask(head, sent, end=True):
                assert answer.status == 400
                check(answer)
        assert "broken off" not in names(server)

    def test_that_nobody_reads_do_not_become_the_next_request(self, server: Server) -> None:
        smuggled = server.request("POST /api/scim/Users HTTP/1.1", b'{"userName": "smuggled"}')
        first = server.request("GET /api/scim/Users HTTP/1.1", smuggled, close=False)
        found = server.ask(first + server.request("GET /api/scim/Nothing HTTP/1.1"))
        assert [answer.status for answer in found] == [200, 404]
        assert "smuggled" not in names(server)

    def test_beyond_the_limit_are_413(self, server: Server) -> None:
        (answer,) = server.ask(server.head("POST /api/scim/Users HTTP/1.1", "Content-Length: 99999999"), end=True)
        assert answer.status == 413
        check(answer)


class TestRequests:
    def test_may_follow_each_other_without_waiting(self, server: Server) -> None:
        first = server.request("POST /api/scim/Users HTTP/1.1", b'{"userName": "pipelined"}', close=False)
        second = server.request('GET /api/scim/Users?filter=userName+eq+"pipelined" HTTP/1.1'.replace('"', "%22"))
        created, found = server.ask(first + second)
        assert (created.status, found.status) == (201, 200)
        assert json.loads(found.body)["totalResults"] == 1

    def test_for_the_head_alone_are_answered_without_a_body(self, server: Server) -> None:
        get = server.request("GET /api/scim/ServiceProviderConfig HTTP/1.1")
        head = get.replace(b"GET", b"HEAD", 1)
        (whole,), (bare,) = server.ask(get), server.ask(head, method="HEAD")
        assert bare.status == 200
        assert bare.headers["content-type"] == "application/scim+json"
        assert bare.headers["content-length"] == whole.headers["content-length"]

    @pytest.mark.parametrize("path", ["/api/scim/Users", "/api/scim/Nothing", "/api/scim/Users/x"])
    def test_for_the_head_leave_the_connection_in_order(self, server: Server, path: str) -> None:
        first = server.request(f"HEAD {path} HTTP/1.1", close=False)
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
            client.sendall(first)
            received = client.recv(65536)
            client.sendall(server.request("GET /api/scim/Users HTTP/1.1"))
            received = client.recv(65536)
        assert received.startswith(b"HTTP/1.1 200 ")

    @pytest.mark.parametrize(
        "path", ["/api/scim", "/scim/v2/Users", "/api/scim/%ff%00", "/api/scim/../admin", "/api/scim//"]
    )
    @pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "TRACE", "PROPFIND"])
    def test_are_answered_in_scim(self, server: Server, method: str, path: str) -> None:  # S1
        (answer,) = server.ask(server.request(f"{method} {path} HTTP/1.1", b"{"))
        assert answer.body
        check(answer)

    @pytest.mark.parametrize(
        "sent",
        [
            b"GET /api/scim/Users?filter=" + b"x" * 1_000_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET /api/scim/Users HTTP/1.1\r\nHost: x\r\n" + b"X-Y: z\r\n" * 200 + b"\r\n",
            b"POST /api/scim/Users HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n{}",
            b"POST /api/scim/Users HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
            b"POST /api/scim/Users HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
            b"POST /api/scim/Users HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            b"GET /api/scim/Users HTTP/1.1\r\nHost: x\r\nExpect: nonsense\r\n\r\n",
            b"GET  /api/scim/Users  HTTP/1.1\r\n\r\n",
            b"GET http://other/api/scim/Users HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            b"GET /api/scim/Users HTTP/1.0\r\n\r\n",
            b"GET /api/scim/Users HTTP/1.1\r\nHost: \xff\r\nConnection: close\r\n\r\n",
            b"GET /api/scim/Users HTTP/1.1\nHost: x\nConnection: close\n\n",
            b"GET /api/scim/\x00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"\r\n\r\n",
        ],
        ids=lambda sent: repr(sent[:60]),
    )
    def test_that_are_broken_are_refused_in_scim(self, server: Server, sent: bytes) -> None:  # S2
        for answer in server.ask(sent, end=True):
            assert answer.status >= 400
            assert answer.body
            check(answer)
        assert names(server) >= set()

    @few
    @given(st.lists(st.binary(max_size=20) | st.sampled_from([b"\r\n", b": ", b" HTTP/1.1\r\n", b"0\r\n"]), max_size=6))
    def test_of_any_bytes_are_refused_in_scim(self, server: Server, parts: list[bytes]) -> None:
        for answer in server.ask(b"POST /api/scim/Users", *parts, end=True):
            check(answer)
