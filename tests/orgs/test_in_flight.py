"""No org keeps others waiting, whatever makes its requests slow (SPEC S9)."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import product
from threading import Event

import pytest
from django.http import HttpResponse, StreamingHttpResponse
from django.test import RequestFactory

from config import gunicorn
from orgs.models import User
from orgs.web import in_flight
from orgs.web.fair_share import FairShare
from orgs.web.in_flight import Busy, InFlight
from tests.conftest import Idp, signed_in
from tests.factories import OrganizationFactory, OwnerFactory, issue_token

SHARE = in_flight.requests.running + in_flight.requests.waiting


@contextmanager
def full(places: InFlight, key: object) -> Iterator[None]:
    """All places of the key are taken, and nobody may wait for one."""
    for _ in range(places.running):
        places.enter(key)
    waiting, places.waiting = places.waiting, 0
    try:
        yield
    finally:
        places.waiting = waiting
        for _ in range(places.running):
            places.leave(key)


class TestPlaces:
    def outcomes(self, places: InFlight, keys: list[str], let_go: Event) -> list[Future]:
        """What becomes of a request for each key, each in a thread of its own, none ending before `let_go`."""

        def request(key: str) -> bool:
            try:
                with places.place(key):
                    let_go.wait(10)
                return True
            except Busy:
                return False

        threads = ThreadPoolExecutor(len(keys))
        answers = [threads.submit(request, key) for key in keys]
        threads.shutdown(wait=False)
        return answers

    def test_five_hostile_orgs_leave_threads_to_others(self) -> None:  # S9
        places = InFlight(
            running=in_flight.requests.running,
            waiting=in_flight.requests.waiting,
            all_waiting=in_flight.requests.all_waiting,
            seconds=10,
        )
        let_go = Event()
        answers = self.outcomes(places, [key for _, key in product(range(20), "abcde")], let_go)
        at_most = 5 * places.running + places.all_waiting
        while sum(not answer.done() for answer in answers) > at_most:
            pass
        assert at_most < gunicorn.threads
        with places.place("somebody else"):
            let_go.set()
        done = [answer.result(10) for answer in answers]
        assert done.count(True) == at_most

    def test_one_more_waits_for_a_place_and_gets_it_first_come_first_served(self) -> None:  # S9
        places = InFlight(running=1, waiting=2, all_waiting=2, seconds=10)
        places.enter("org")
        order: list[int] = []

        def request(number: int) -> None:
            with places.place("org"):
                order.append(number)

        with ThreadPoolExecutor(2) as threads:
            for number in range(2):
                threads.submit(request, number)
                while places._all_waiting <= number:
                    pass
            places.leave("org")
        assert order == [0, 1]
        assert places._places == {}
        assert places._all_waiting == 0

    def test_whoever_waited_in_vain_leaves_nothing_behind(self) -> None:
        places = InFlight(running=1, waiting=1, all_waiting=1, seconds=0.01)
        with places.place("org"), pytest.raises(Busy):
            places.enter("org")
        assert places._places == {}
        with places.place("org"):
            pass


class TestScim:
    def test_is_told_when_to_come_back_while_other_orgs_are_answered(self, org, idp: Idp) -> None:  # S9
        other = Idp(issue_token(OrganizationFactory.create()).secret)
        with full(in_flight.requests, org.id):
            refused = idp.get("/Users")
            assert (refused.status_code, refused["Retry-After"]) == (429, "1")
            assert "at once" in refused.json()["detail"]
            assert other.get("/Users").status_code == 200
        assert idp.get("/Users").status_code == 200

    @pytest.mark.parametrize("path", ["/Users", "/Users/unknown", "/Users?filter=x", "/Nothing", "/Me"])
    def test_gives_its_place_back_whatever_the_answer(self, idp: Idp, path: str) -> None:
        for _ in range(SHARE + 1):
            assert idp.get(path).status_code != 429
        assert in_flight.requests._places == {}


class TestPages:
    @pytest.fixture
    def owner(self, org) -> User:
        return OwnerFactory.create(org=org)

    def test_count_with_the_scim_requests_of_the_org(self, org, owner: User) -> None:  # S9
        with full(in_flight.requests, org.id):
            refused = signed_in(owner).get("/")
            assert (refused.status_code, refused["Retry-After"]) == (429, "1")
            assert signed_in(OwnerFactory.create(org=OrganizationFactory.create())).get("/").status_code == 200
        assert signed_in(owner).get("/").status_code == 200
        assert in_flight.requests._places == {}

    def test_whoever_is_not_signed_in_counts_by_address(self, client, db) -> None:  # S9
        with full(in_flight.requests, "127.0.0.1"):
            assert client.get("/sign-in/").status_code == 429
            assert client.get("/sign-in/", REMOTE_ADDR="192.0.2.1").status_code == 200
            assert client.get("/health/live").status_code == 200

    def test_keep_their_place_until_the_last_piece_is_sent(self, owner: User) -> None:
        request = RequestFactory().get("/")
        request.user = owner
        response = FairShare(lambda request: StreamingHttpResponse(iter([b"a", b"b"])))(request)
        next(iter(response))
        assert in_flight.requests._places[owner.org_id].running == 1
        response.close()
        assert in_flight.requests._places == {}

    def test_give_their_place_back_when_they_fail(self, owner: User) -> None:
        request = RequestFactory().get("/")
        request.user = owner

        def fail(request) -> HttpResponse:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            FairShare(fail)(request)
        assert in_flight.requests._places == {}
