"""A real server between two orgs, one of them hostile: counted, not timed (SPEC S9)."""

import http.client
import json
import select
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.db import connection, transaction

from config import gunicorn
from orgs.models import User
from orgs.web import in_flight
from tests.config.processes import until
from tests.factories import OrganizationFactory, UserFactory, issue_token
from tests.scim.api.test_group_size import worker

HOSTILE = 2 * gunicorn.threads
PATCH = {
    "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    "Operations": [{"op": "replace", "path": "active", "value": False}],
}


@dataclass
class Client:
    port: int
    secret: str

    def __call__(self, method: str, path: str, body: object = None) -> tuple[int, str | None]:
        """The status and Retry-After."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Authorization": f"Bearer {self.secret}", "Content-Type": "application/scim+json"}
        connection.request(method, f"/scim/v2{path}", json.dumps(body) if body else None, headers)
        response = connection.getresponse()
        response.read()
        connection.close()
        return response.status, response.getheader("Retry-After")


@pytest.mark.parametrize("door", ["locked rows", "bodies that do not come"])
def test_a_hostile_org_stops_only_itself(transactional_db: None, tmp_path: Path, door: str) -> None:  # S9, U4
    hostile, other = OrganizationFactory.create(), OrganizationFactory.create()
    user = UserFactory.create(org=hostile)
    with worker(tmp_path) as (port, _), ThreadPoolExecutor(HOSTILE) as threads:
        theirs, ours = Client(port, issue_token(hostile).secret), Client(port, issue_token(other).secret)
        assert ours("GET", "/Users")[0] == 200  # the server has started
        held = locked_rows if door == "locked rows" else bodies_that_do_not_come
        with_them = held(user, theirs, threads.submit)
        try:
            served = Counter(ours("GET", "/Users") for _ in range(20))
            assert theirs("GET", "/Users") == (429, "1")
        finally:
            with_them()
        assert served == {(200, None): 20}
        assert theirs("PATCH", f"/Users/{user.id}", PATCH)[0] == 200  # U4


def locked_rows(user: User, theirs: Client, submit: Callable) -> Callable[[], None]:
    """As many deactivations as the server has threads, and more, all of which wait for one row; ends them."""
    locked, let_go = threading.Event(), threading.Event()

    def lock() -> None:
        with transaction.atomic():
            User.objects.select_for_update().get(id=user.id)
            locked.set()
            let_go.wait(30)
        connection.close()

    holder = threading.Thread(target=lock)
    holder.start()
    locked.wait(10)
    answers = [submit(theirs, "PATCH", f"/Users/{user.id}", PATCH) for _ in range(HOSTILE - 1)]
    # The others have been refused.
    until(lambda: sum(not answer.done() for answer in answers) <= in_flight.requests.running)

    def end() -> None:
        let_go.set()
        holder.join()
        assert {answer.result(30) for answer in answers} == {(200, None), (429, "1")}

    return end


def bodies_that_do_not_come(user: User, theirs: Client, submit: Callable) -> Callable[[], None]:
    connections = []
    for _ in range(HOSTILE):
        connection = http.client.HTTPConnection("127.0.0.1", theirs.port, timeout=60)
        connection.putrequest("PATCH", f"/scim/v2/Users/{user.id}")
        connection.putheader("Authorization", f"Bearer {theirs.secret}")
        connection.putheader("Content-Length", "100")
        connection.endheaders()
        connection.send(b"{")
        connections.append(connection)
    until(lambda: sum(map(_has_answer, connections)) >= HOSTILE - in_flight.requests.running)
    assert {c.getresponse().status for c in connections if _has_answer(c)} == {429}
    return lambda: [connection.close() for connection in connections]


def _has_answer(connection: http.client.HTTPConnection) -> bool:
    return bool(select.select([connection.sock], [], [], 0)[0])
