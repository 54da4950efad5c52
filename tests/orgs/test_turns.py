"""Long requests of an org take turns over all web processes; quick ones never wait for them (SPEC S9)."""

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from urllib.parse import urlencode

import pytest

from orgs.models import User
from orgs.web import in_flight, limits, turns
from orgs.web.turns import FADING, LONG, NoTurn, Turns
from tests.conftest import Idp, signed_in
from tests.factories import OrganizationFactory, OwnerFactory, UserFactory, issue_token


@pytest.fixture
def processes() -> tuple[Turns, Turns]:
    """Two, which both know that lists of the org `a` and of the org `b` are long."""
    both = Turns(), Turns()
    for process, org in product(both, "ab"):
        process.note(org, "list", 60)
    return both


def waits(process: Turns, org: str, kind: str) -> bool:
    try:
        process.enter(org, kind, seconds=0)()
    except NoTurn:
        return True
    return False


class TestTurns:
    def test_one_long_request_runs_at_a_time_over_all_processes(self, processes) -> None:  # S9
        for one in processes:
            end = one.enter("a", "list", seconds=0)
            assert [waits(each, "a", "list") for each in processes] == [True, True]
            end()
            assert [waits(each, "a", "list") for each in processes] == [False, False]

    @pytest.mark.parametrize(("org", "kind"), [("a", "get"), ("b", "get"), ("b", "list"), ("c", "list")])
    def test_quick_requests_and_other_orgs_do_not_wait(self, processes, org: str, kind: str) -> None:  # S9
        processes[0].enter("a", "list", seconds=0)
        assert [waits(each, org, kind) for each in processes] == [False, False]

    def test_kinds_share_the_turn_of_their_org(self, processes) -> None:
        for each in processes:
            each.note("a", "bulk", LONG)
        processes[0].enter("a", "list", seconds=0)
        assert waits(processes[1], "a", "bulk")

    def test_no_process_keeps_the_turn_from_another(self, processes) -> None:
        order: list[int] = []

        def ask(number: int) -> None:
            for _ in range(5):
                end = processes[number].enter("a", "list", seconds=60)
                order.append(number)
                time.sleep(2 * turns.POLL)
                end()

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(ask, [0, 0, 1, 1]))
        assert set(order[:10]) == {0, 1}

    def test_a_process_that_died_has_the_turn_for_some_seconds_only(self, processes) -> None:
        end = processes[0].enter("a", "list", seconds=0)
        name = f"{limits.shared.prefix}turn:a"
        assert 0 < limits.valkey().pttl(name) <= turns.AT_MOST * 1000
        limits.valkey().delete(name)
        with_the_next = processes[1].enter("a", "list", seconds=0)
        end()  # it lived, and was only slow: the turn of the next is not ended by it
        assert waits(processes[0], "a", "list")
        with_the_next()
        assert not waits(processes[0], "a", "list")

    def test_without_valkey_each_process_has_turns_of_its_own(self, processes, monkeypatch) -> None:  # S9
        monkeypatch.setattr(limits.shared, "_resumes_at", time.monotonic() + 3600)
        ends = [each.enter("a", "list", seconds=0) for each in processes]
        assert [waits(each, "a", "list") for each in processes] == [True, True]
        for end in ends:
            end()
        assert [waits(each, "a", "list") for each in processes] == [False, False]


class TestExpectations:
    def test_a_request_that_took_long_is_remembered_at_its_end(self, monkeypatch) -> None:
        clock = [0.0]
        monkeypatch.setattr(turns.time, "monotonic", lambda: clock[0])
        process = Turns()
        end, another = (process.enter("a", "list", seconds=0) for _ in range(2))  # nothing is known yet
        clock[0] = LONG
        end()
        process._here.enter("a")
        assert waits(process, "a", "list")
        another()

    @pytest.mark.parametrize("times", [1, 2, 10])
    def test_the_longer_it_took_the_longer_it_is_remembered(self, times: int) -> None:
        process = Turns()
        process.note("a", "list", times * LONG)
        quick = 0
        while process._expected["a", "list"] >= LONG:
            process.note("a", "list", 0.001)
            quick += 1
        assert times * FADING**quick < 1 <= times * FADING ** (quick - 1)

    def test_so_many_are_remembered(self) -> None:
        process = Turns(kinds=2)
        for kind in ("list", "get", "list", "bulk"):
            process.note("a", kind, 1)
        assert [kind for _, kind in process._expected] == ["list", "bulk"]


class TestDoors:
    @pytest.fixture
    def turn(self, org, monkeypatch) -> Callable[[], None]:
        """Another process has the org's turn; lists of people take long here."""
        monkeypatch.setattr(in_flight.requests, "seconds", 0.01)
        other = Turns()
        for process in (other, turns.turns):
            process.note(org.id, "user.list", 7)
        return other.enter(org.id, "user.list", seconds=0)

    def test_say_why_and_when_to_come_back(self, idp: Idp, turn) -> None:  # S9
        refused = idp.get("/Users")
        assert (refused.status_code, refused["Retry-After"]) == (429, "1")
        assert "one at a time" in refused.json()["detail"]
        assert Idp(issue_token(OrganizationFactory.create()).secret).get("/Users").status_code == 200
        turn()
        assert idp.get("/Users").status_code == 200
        assert in_flight.requests._places == {}

    @pytest.mark.parametrize(
        "look_up",
        [
            "/Users?filter=userName%20eq%20%22ada%22",
            "/Users?filter=USERNAME%20Eq%20%22ada%22&attributes=id",
            "/Groups?filter=displayName%20eq%20%22Platform%22&excludedAttributes=members",
        ],
    )
    def test_look_somebody_up_meanwhile(self, idp: Idp, org, turn, look_up: str) -> None:  # S9
        turns.turns.note(org.id, "group.list", 60)
        assert idp.get(look_up).status_code == 200

    @pytest.mark.parametrize("base", ["/Users", "/Groups"])
    @pytest.mark.parametrize(
        ("filter_", "is_search"),
        [
            ("title co x", True),
            ("externalId sw x", True),
            ("not (id eq x)", True),
            ("externalId eq x", False),
            ("externalId eq x and meta.created pr", False),
            ("externalId eq x or id eq y", False),
            ("externalId eq x or meta.created pr", True),
            ("NAME eq x", False),
            ("LIST[value eq x]", False),
            ("LIST[type eq x]", True),
        ],
    )
    def test_search_one_at_a_time_however_quick_it_is(
        self, idp: Idp, org, turn, base: str, filter_: str, is_search: bool
    ) -> None:  # S9
        turns.turns.clear()
        names = {"/Users": ("userName", "emails", "title"), "/Groups": ("displayName", "members", "displayName")}[base]
        for placeholder, name in zip(("NAME", "LIST", "title"), names, strict=True):
            filter_ = filter_.replace(placeholder, name)
        filter_ = re.sub(r"\b([xy])\b", r'"\1"', filter_)
        asked = idp.get(f"{base}?{urlencode({'filter': filter_})}")
        body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": filter_}
        posted = idp.post(f"{base}/.search", body)
        assert [asked.status_code, posted.status_code] == [429 if is_search else 200] * 2, asked.json()

    @pytest.mark.parametrize(
        "list_",
        [
            "/Users?filter=title%20eq%20%22ada%22",
            "/Users?filter=userName%20sw%20%22ada%22",
            "/Users?filter=userName%20eq%20%22ada%22%20or%20title%20pr",
            "/Groups?filter=displayName%20eq%20%22Platform%22",  # with its members
        ],
    )
    def test_read_no_list_meanwhile(self, idp: Idp, org, turn, list_: str) -> None:  # S9
        turns.turns.note(org.id, "group.list", 60)
        assert idp.get(list_).status_code == 429

    def test_deactivate_meanwhile(self, idp: Idp, org, turn) -> None:  # U4, S9
        user = UserFactory.create(org=org)
        assert idp.patch(f"/Users/{user.id}", {"op": "replace", "path": "active", "value": False}).status_code == 200
        assert not User.objects.get(id=user.id).active

    def test_open_pages_meanwhile(self, org, turn) -> None:  # S9
        assert signed_in(OwnerFactory.create(org=org)).get("/").status_code == 200
