"""Many webhooks and several workers: one that is slow, dead or killed keeps no other from what is new."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connections
from django.utils import timezone

from api.models import Attempt, Endpoint
from api.webhooks import deliveries, endpoints
from orgs import feed
from orgs.models import Organization
from tests import processes
from tests.api.webhooks.conftest import Make
from tests.api.webhooks.receiver import HOST, Heard, Receiver, Reply
from tests.config.processes import until
from tests.factories import OrganizationFactory, UserFactory
from tests.groups_provisioning.world import by_command

pytestmark = pytest.mark.usefixtures("transactional_db")


@contextmanager
def workers(number: int) -> Iterator[None]:
    """So many threads that send until the end, as tasks do that follow each other."""
    over, failed = threading.Event(), []

    def work() -> None:
        try:
            while not over.wait(0.02):
                deliveries.serve(1)
        except BaseException as error:
            failed.append(error)
            raise
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(number)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(30)
    assert failed == []
    assert not any(thread.is_alive() for thread in threads)


def people(org: Organization, number: int) -> list[str]:
    ids = [str(user.id) for user in UserFactory.create_batch(number, org=org)]
    feed.touch(org.id, [("person", id_) for id_ in ids])
    feed.stamp_all()
    return ids


def waiting_for(event: threading.Event) -> Callable[[Heard], Reply]:
    def reply(_: Heard) -> Reply:
        event.wait(30)
        return 204, {}

    return reply


class TestAHundred:
    def test_are_not_held_by_one_that_is_dead_and_one_that_is_slow(self, make: Make, receiver: Receiver) -> None:  # E3
        """Four workers; neither of the two has answered by the time that all others have everything."""
        over = threading.Event()
        orgs = OrganizationFactory.create_batch(5)
        paths = {f"/{number}-{place}": org for number, org in enumerate(orgs) for place in range(20)}
        for path, org in paths.items():
            make(org, path)
        dead, slow = "/0-0", "/0-1"
        for path in (dead, slow):
            receiver.replies[path] = waiting_for(over)
        ids = {org: people(org, 3) for org in orgs}
        try:
            with workers(4):
                until(lambda: all(receiver.at(path) for path in paths))
                until(lambda: Attempt.objects.count() == len(paths) - 2)
                assert not Attempt.objects.filter(endpoint__url__in=[receiver.url(dead), receiver.url(slow)]).exists()
                over.set()
                until(lambda: Attempt.objects.count() == len(paths))
        finally:
            over.set()
        assert {path: [item["id"] for item in receiver.items(path)] for path in paths} == {
            path: ids[org] for path, org in paths.items()
        }
        assert set(receiver.at_once.values()) == {1}

    def test_of_a_hostile_org_hold_its_share_of_workers(self, make: Make, receiver: Receiver) -> None:  # S9
        over = threading.Event()
        hostile, other = OrganizationFactory.create_batch(2)
        for number in range(6):
            make(hostile, f"/hostile-{number}")
            receiver.replies[f"/hostile-{number}"] = waiting_for(over)
        make(other, "/other")
        people(hostile, 1)
        try:
            with workers(deliveries.SHARE + 1):
                until(lambda: len(receiver.heard) == deliveries.SHARE)
                ids = people(other, 2)
                until(lambda: len(receiver.items("/other")) == 2)
                assert len([each for each in receiver.heard if each.path != "/other"]) == deliveries.SHARE
                over.set()
        finally:
            over.set()
        assert [item["id"] for item in receiver.items("/other")] == ids


class TestWhileARequestIsOnItsWay:
    def test_what_changes_comes_with_the_next_one(self, make: Make, receiver: Receiver) -> None:  # E3
        org = OrganizationFactory.create()
        first, late = people(org, 1), []

        def reply(_: Heard) -> Reply:
            if not late:
                late.extend(people(org, 1))
                connections.close_all()
            return 204, {}

        receiver.replies["/"] = reply
        make(org)
        deliveries.serve(10)
        assert [[item["id"] for item in each.items] for each in receiver.heard] == [first, late]

    def test_a_replay_is_not_undone_by_its_end(self, make: Make, receiver: Receiver) -> None:
        org = OrganizationFactory.create()
        ids, replayed = people(org, 3), []

        def reply(_: Heard) -> Reply:
            if len(receiver.heard) == 2:
                endpoints.replay(org=org, endpoint_id=webhook.id, position=0, cause=by_command())
                replayed.append(len(receiver.heard))
                connections.close_all()
            return 204, {}

        receiver.replies["/"] = reply
        webhook = make(org, max_items=2)
        deliveries.serve(10)
        assert [item["id"] for item in receiver.items()] == [*ids, *ids]

    def test_a_worker_that_is_killed_loses_nothing(  # E3
        self, make: Make, receiver: Receiver, trusting: Path
    ) -> None:
        org = OrganizationFactory.create()
        ids, over = people(org, 5), threading.Event()
        receiver.replies["/"] = waiting_for(over)
        make(None, max_items=2)
        script = f"""
import socket
real = socket.getaddrinfo
socket.getaddrinfo = lambda host, *rest, **more: real("127.0.0.1" if host == "{HOST}" else host, *rest, **more)
import django
django.setup()
from api.webhooks import deliveries
deliveries.serve(60)
"""
        environment = processes.environment(
            WEBHOOK_ALLOWED_NETWORKS="127.0.0.0/8", SSL_CERT_FILE=str(trusting / "ca.pem")
        )
        killed = subprocess.Popen([sys.executable, "-c", script], cwd=processes.ROOT, env=environment)
        try:
            until(lambda: receiver.heard)
        finally:
            killed.kill()
            killed.wait(10)
        over.set()
        assert deliveries.take() is None
        Endpoint.objects.update(leased_until=timezone.now())
        assert deliveries.serve(10) is False
        assert [[item["id"] for item in each.items] for each in receiver.heard] == [
            ids[:2],
            ids[:2],
            ids[2:4],
            ids[4:],
        ]
