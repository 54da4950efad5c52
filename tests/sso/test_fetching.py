"""Requests go to public addresses only, and end in time."""

import ipaddress
import socket
from pathlib import Path
from threading import Event

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sso import fetching
from sso.fetching import fetch
from sso.refusals import Reason, Refused
from tests.orgs.test_guarded_http import V4, embedded
from tests.sso.servers import HEAD, LOCAL, Names, answer, certified, serving

INSIDE = V4.filter(lambda address: not address.is_global or address.is_multicast)


def refusal(url: str, **options: object) -> Reason:
    with pytest.raises(Refused) as refused:
        fetch(url, **{"networks": [], **options})
    return refused.value.reason


class TestAServerInside:
    @settings(deadline=None)
    @given(inside=INSIDE, data=st.data())
    def test_is_not_reached_however_it_is_spelled(self, inside: ipaddress.IPv4Address, data: st.DataObject) -> None:
        number, (a, b, c, d) = int(inside), inside.packed
        spelled = data.draw(
            st.sampled_from(
                [
                    *(str(inside), f"{inside}.", str(number), hex(number), f"0{number:o}"),
                    *(f"{a}.{number & 0xFFFFFF}", f"0x{a:x}.{b}.0{c:o}.{d}", f"{a}.{b}.{c << 8 | d}"),
                    *(f"[{each}]" for each in embedded(inside)),
                    f"[::ffff:{inside}]",
                ]
            )
        )
        assert refusal(f"https://{spelled}:1/") == Reason.NO_PUBLIC_ADDRESS  # L2

    @pytest.mark.parametrize(
        "url", ["https://localhost/", "https://LOCALHOST:8000/x", "https://[::1]/", "https://[::]/"]
    )
    def test_is_not_reached_by_its_name(self, url: str) -> None:
        assert refusal(url) == Reason.NO_PUBLIC_ADDRESS

    @pytest.mark.parametrize("others", [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["fd00:ec2::254"], ["fe80::1"], []])
    def test_is_not_told_from_one_that_does_not_exist(self, names: Names, others: list[str]) -> None:
        names.answers["db.internal"] = [others]
        with pytest.raises(Refused) as refused:
            fetch("https://db.internal/", networks=[])
        assert (refused.value.reason, refused.value.detail) == (Reason.NO_PUBLIC_ADDRESS, "db.internal")

    def test_is_not_reached_by_a_second_answer_of_the_dns(self, names: Names, trusting: Path) -> None:  # L2
        names.answers["idp.example"] = [["127.0.0.2"], ["127.0.0.1"]]
        only = [ipaddress.ip_network("127.0.0.2/32")]
        with serving(answer(b"judged"), host="127.0.0.2", tls=certified("idp.example", trusting)) as server:
            assert fetch(f"https://idp.example:{server.port}/", networks=only).body == b"judged"
            assert names.asked == ["idp.example"]
            assert refusal(f"https://idp.example:{server.port}/", networks=only) == Reason.NO_PUBLIC_ADDRESS
            assert len(server.heard) == 1

    def test_is_not_reached_by_a_redirect(self) -> None:
        moved = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n"
        with serving(moved) as server:
            assert fetch(f"http://127.0.0.1:{server.port}/", networks=LOCAL).status == 302
            assert len(server.heard) == 1

    def test_is_not_reached_by_a_proxy_of_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with serving(answer(b"proxy")) as proxy, serving(answer(b"idp")) as idp:
            for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
                monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
            assert fetch(f"http://127.0.0.1:{idp.port}/", networks=LOCAL).body == b"idp"
            assert proxy.heard == []


class TestANetworkOfTheOperators:
    def test_is_reached_also_by_plain_http(self) -> None:  # L2
        with serving(answer(b"{}")) as server:
            got = fetch(f"http://localhost:{server.port}/x?y=1", networks=LOCAL)
            assert (got.status, got.content_type, got.body) == (200, "application/json", b"{}")
            assert server.heard[0].startswith(b"GET /x?y=1 HTTP/1.1\r\nHost: localhost:%d\r\n" % server.port)

    def test_opens_no_other(self) -> None:
        assert refusal("https://10.0.0.1/", networks=LOCAL) == Reason.NO_PUBLIC_ADDRESS

    def test_opens_plain_http_to_no_public_address(self) -> None:
        assert refusal("http://8.8.8.8/", networks=LOCAL) == Reason.NO_PUBLIC_ADDRESS

    def test_is_none_at_first(self) -> None:
        assert refusal("http://8.8.8.8/") == Reason.NOT_HTTPS


@pytest.mark.parametrize(
    "url",
    [
        *("", "idp.example", "//idp.example/", "https://", "https:///x", "file:///etc/passwd", "gopher://idp.example/"),
        *(
            "https://user:pw@idp.example/",
            "https://idp.example@10.0.0.1/",
            "https://idp.example:99999/",
            "https://a:0/",
        ),
        *("https://idp.example/\r\nX: 1", "https://idp .example/", "https://idp\\.example/", "https://１２７.0.0.1/"),
        *("https://[::1%25lo]/", "https://[::1/", "https://idp.example%00/", "https://münchen.example/"),
        f"https://idp.example/{'x' * 2048}",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    assert refusal(url) == Reason.BAD_ADDRESS


class TestTheCertificate:
    def test_is_that_of_the_name_and_not_of_the_address(self, names: Names, trusting: Path) -> None:
        names.answers |= {"idp.example": [["127.0.0.1"]], "other.example": [["127.0.0.1"]]}
        with serving(answer(b"{}"), tls=certified("idp.example", trusting)) as server:
            assert fetch(f"https://idp.example:{server.port}/", networks=LOCAL).status == 200
            assert refusal(f"https://other.example:{server.port}/", networks=LOCAL) == Reason.TLS
            assert len(server.heard) == 1

    def test_is_one_of_an_authority_that_the_system_knows(self, names: Names, tmp_path: Path) -> None:
        names.answers["idp.example"] = [["127.0.0.1"]]
        with serving(answer(b"{}"), tls=certified("idp.example", tmp_path)) as server:
            assert refusal(f"https://idp.example:{server.port}/", networks=LOCAL) == Reason.TLS

    def test_is_missed_where_https_is_answered_in_the_clear(self) -> None:
        with serving(answer(b"{}"), patience=0.2) as server:
            assert refusal(f"https://127.0.0.1:{server.port}/", networks=LOCAL) == Reason.TLS


class TestARequest:
    @pytest.mark.parametrize(
        ("says", "pause"),
        [
            ([b""], 30),  # nothing
            ([b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 500], 0.02),  # a head that never ends
            ([HEAD + b"\r\n", *[b" "] * 500], 0.02),  # a body that never ends
            ([*[b"HTTP/1.1 100 Continue\r\n\r\n"] * 500], 0.02),
        ],
        ids=["silent", "head", "body", "continue"],
    )
    def test_has_its_seconds_in_all_and_not_between_two_bytes(self, says: list[bytes], pause: float) -> None:
        said = iter([*says, b"the end"])
        with serving(pause=pause) as server:
            server.says = said
            assert refusal(f"http://127.0.0.1:{server.port}/", networks=LOCAL, seconds=0.3) == Reason.TOO_SLOW
        assert b"the end" in said  # which is never reached

    def test_does_not_wait_for_a_handshake_that_nobody_answers(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"https://127.0.0.1:{silent.getsockname()[1]}/"
            assert refusal(url, networks=LOCAL, seconds=0.2) == Reason.TOO_SLOW

    def test_does_not_wait_for_a_resolver_that_is_away(self, monkeypatch: pytest.MonkeyPatch) -> None:
        done = Event()

        def wait(*_: object, **__: object) -> list[object]:
            done.wait(5)
            return []

        monkeypatch.setattr(socket, "getaddrinfo", wait)
        try:
            assert refusal("https://idp.example/", seconds=0.2) == Reason.TOO_SLOW
        finally:
            done.set()

    def test_tries_the_next_address_where_one_is_not_answered(self, names: Names) -> None:
        names.answers["idp.example"] = [["127.0.0.3", "127.0.0.1"]]
        with serving(answer(b"{}")) as server:
            assert fetch(f"http://idp.example:{server.port}/", networks=LOCAL).status == 200

    def test_leaves_time_for_the_next_address(self, names: Names) -> None:
        names.answers["idp.example"] = [["127.0.0.3", "127.0.0.1"]]
        with serving(answer(b"{}")) as server, socket.socket() as full:
            full.bind(("127.0.0.3", server.port))
            full.listen(0)
            with socket.create_connection(full.getsockname()):  # no room for another one, which waits
                assert fetch(f"http://idp.example:{server.port}/", networks=LOCAL, seconds=1).status == 200

    def test_is_refused_where_nobody_listens(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as gone:
            port = gone.getsockname()[1]
        assert refusal(f"http://127.0.0.1:{port}/", networks=LOCAL) == Reason.UNREACHABLE

    @pytest.mark.parametrize("says", [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"])
    def test_is_refused_where_the_answer_is_none(self, says: bytes) -> None:
        with serving(says) as server:
            assert refusal(f"http://127.0.0.1:{server.port}/", networks=LOCAL) == Reason.UNREACHABLE

    def test_takes_512_kib_and_no_more(self) -> None:
        with serving(HEAD + b"\r\n", b"x" * fetching.LONGEST) as server:
            assert len(fetch(f"http://127.0.0.1:{server.port}/", networks=LOCAL).body) == fetching.LONGEST
        with serving(HEAD + b"\r\n", b"x" * 65536, times=9) as server:
            assert refusal(f"http://127.0.0.1:{server.port}/", networks=LOCAL) == Reason.TOO_LONG

    def test_can_send_a_form_and_headers(self) -> None:
        with serving(answer(b"{}", status=b"401 Unauthorized")) as server:
            url = f"http://127.0.0.1:{server.port}/token"
            got = fetch(url, networks=LOCAL, form=b"code=1", headers={"Authorization": "Basic x"})
            assert got.status == 401
            head, _, body = server.heard[0].partition(b"\r\n\r\n")
            assert head.startswith(b"POST /token HTTP/1.1")
            assert b"\r\nAuthorization: Basic x" in head
            assert b"\r\nContent-Type: application/x-www-form-urlencoded" in head
            assert body == b"code=1"
