"""Limits of all web processes together, and what becomes of them while Valkey is away (SPEC S9, L1)."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from django.test import RequestFactory

from orgs.web import limits
from orgs.web.limits import Buckets, client_address, client_network

SLOWLY = {"rate": 1 / 3600, "burst": 3}


@pytest.fixture
def two_processes() -> tuple[Buckets, Buckets]:
    return Buckets("calls"), Buckets("calls")


class TestSeveralProcesses:
    def test_have_one_limit(self, two_processes) -> None:  # S9
        one, other = two_processes
        waits = [process.take("k", **SLOWLY) for process in (one, other) * 3]
        assert [wait > 0 for wait in waits] == [False] * 3 + [True] * 3
        assert all(3500 < wait <= 3600 for wait in waits[3:])

    def test_give_back_to_all(self, two_processes) -> None:
        one, other = two_processes
        for _ in range(3):
            one.take("k", **SLOWLY)
        other.give_back("k", **SLOWLY)
        assert one.take("k", **SLOWLY) == 0
        assert other.take("k", **SLOWLY) > 0

    def test_ask_valkey_once_for_a_hundredth_of_a_bucket(self, two_processes, monkeypatch) -> None:
        asked = []
        take = limits.shared.take
        monkeypatch.setattr(limits.shared, "take", lambda *args: asked.append(args) or take(*args))
        answers = [process.take("k", rate=0.001, burst=1000) for process in two_processes for _ in range(500)]
        assert not any(answers)
        assert len(asked) == 100
        assert two_processes[0].take("k", rate=0.001, burst=1000) > 0

    def test_do_not_meet_in_another_bucket(self) -> None:
        for buckets, key in [(Buckets("a"), "x"), (Buckets("a"), "y"), (Buckets("b"), "x")]:
            assert buckets.take(key, rate=0.001, burst=1) == 0


class TestWithoutValkey:
    @pytest.fixture
    def paused(self) -> Iterator[None]:
        pid = int((Path(os.environ["MUSTER_VAR"]) / "valkey" / "valkey.pid").read_text())
        os.kill(pid, signal.SIGSTOP)
        yield
        os.kill(pid, signal.SIGCONT)

    def test_each_process_counts_and_only_one_request_waits(self, paused, two_processes, monkeypatch) -> None:  # S9
        waited, script = [], limits._script
        monkeypatch.setattr(limits, "_script", lambda: waited.append(1) or script())
        for process in two_processes:
            assert [process.take("k", **SLOWLY) > 0 for _ in range(5)] == [False] * 3 + [True] * 2
        assert len(waited) == 1

    def test_it_is_asked_again_after_a_pause(self, two_processes, monkeypatch) -> None:
        asked = []

        def away(**_: object) -> None:
            asked.append(1)
            raise redis.ConnectionError

        monkeypatch.setattr(limits, "_script", lambda: away)
        for _ in range(9):
            two_processes[0].take("k", rate=9, burst=9)
        assert len(asked) == 1
        monkeypatch.setattr(limits.shared, "_resumes_at", time.monotonic())
        two_processes[0].take("k", rate=9, burst=9)
        assert len(asked) == 2


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "203.0.113.1", "127.0.0.1"),
        (1, "198.51.100.9, 203.0.113.1", "203.0.113.1"),
        (2, "198.51.100.9, 203.0.113.1", "198.51.100.9"),
        (2, "203.0.113.1", "127.0.0.1"),
        (1, "203.0.113.1:4711", "203.0.113.1"),
        (1, "[2001:db8::1]:4711", "2001:db8::1"),
        (1, "2001:DB8::1", "2001:db8::1"),
        (1, "unknown", "127.0.0.1"),
        (1, "garbage17", "127.0.0.1"),
    ],
)
def test_the_client_is_who_the_trusted_proxy_saw(settings, proxies: int, forwarded: str, address: str) -> None:  # L1
    settings.TRUSTED_PROXIES = proxies
    assert client_address(RequestFactory().get("/", headers={"X-Forwarded-For": forwarded})) == address


def test_a_client_of_ipv6_counts_by_its_network() -> None:
    assert client_network("2001:db8:1:2:3::4") == client_network("2001:db8:1:2:ffff::1") == "2001:db8:1:2::"
    assert client_network("::ffff:192.0.2.1") == client_network("192.0.2.1") == "192.0.2.1"
    assert client_network("@") == "@"
