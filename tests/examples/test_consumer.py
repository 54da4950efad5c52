"""The example of a consumer as a process of its own, that reads a real web process (SPEC E7).

At full size: `CONSUMER_PEOPLE=5000 CONSUMER_KILLS=20 make test ARGS="-n0 -s tests/examples"`.
"""

import base64
import hmac
import http.client
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from io import StringIO
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from django.core.management import call_command
from django.db import connections
from django.test import Client
from django.utils import timezone
from pytest_django.plugin import DjangoDbBlocker

from api import cursors
from api.changes import OF_ALL
from groups_provisioning.actions import account_switches, entity_edits, erasing, manual_changes
from groups_provisioning.engine import worker
from groups_provisioning.models import PushedGroup
from orgs import deletions, feed
from orgs.models import FeedHead, FeedItem, Mark, Organization, Standing, User
from tests.config.processes import until
from tests.conftest import Idp
from tests.examples.portal import Consumer, answers, free_port, web
from tests.factories import OrganizationFactory, issue_token
from tests.groups_provisioning.world import POOL, TEAM, by_command, entity, group, push_user, tie

PEOPLE, KILLS = int(os.environ.get("CONSUMER_PEOPLE", "200")), int(os.environ.get("CONSUMER_KILLS", "4"))
ORGS, WRITERS = min(20, PEOPLE // 40), 10
FOLLOWING = ("--every", "0.05", "--limit", "30")

pytestmark = [pytest.mark.usefixtures("transactional_db"), pytest.mark.timeout(120 + PEOPLE // 2)]


@pytest.fixture(scope="module")
def port(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[int]:
    with django_db_blocker.unblock(), web() as port:
        yield port


class World:
    """Orgs of people, of whom each is changed once by one of several writers, in one of many ways.

    In each org a group gives a team and another one a pool. forgotten: who is left for being erased. did: what was
    done, counted. closed: the orgs that are being deleted.
    """

    def __init__(self) -> None:
        self.orgs = [OrganizationFactory.create() for _ in range(ORGS)]
        self.people = [person for org in self.orgs for person in self._settled(org)]
        self.forgotten = self.people.pop(0)
        Random(1).shuffle(self.people)
        self.secrets = {org.id: issue_token(org).secret for org in self.orgs}
        self.did: Counter[str] = Counter()
        self.closed: set[UUID] = set()
        self._threads = threading.local()

    def _settled(self, org: Organization) -> list[User]:
        now = timezone.now()
        people = User.objects.bulk_create(
            User(
                org=org,
                user_name=(name := f"person{n}@corp.example"),
                user_name_key=name,
                scim_managed=True,
                password="",
                created_at=now,
                modified_at=now,
            )
            for n in range(PEOPLE // ORGS)
        )
        Standing.objects.bulk_create(Standing(user=person, org=org, roles=["Member"]) for person in people)
        made = [entity(org, f"{kind} of all", kind) for kind in (TEAM, POOL)]
        groups = [group(org, target.name) for target in made]
        for pushed, target in zip(groups, made, strict=True):
            tie(pushed, target)
        touched = [("person", str(person.id)) for person in people] + [("organization", str(org.id))]
        touched += [(target.kind, str(target.id)) for target in made]
        feed.touch(org.id, [*touched, *(("group", str(pushed.id)) for pushed in groups)])
        return people

    def change_all(self, people: list[User]) -> None:
        for person in people:
            self.change(person)

    def change(self, person: User) -> None:
        """The person decides in which way."""
        org = person.org
        what = WAYS[person.id.int % len(WAYS)]
        try:
            what(self, org, person)
            self.did[what.__name__] += 1
        except Gone:
            assert org.id in self.closed
            self.did["too late"] += 1
        finally:
            self.did["changes"] += 1

    def rename(self, org: Organization, person: User) -> None:
        self._patch(org, f"/Users/{person.id}", {"op": "replace", "path": "displayName", "value": f"Ada {person.id}"})

    def describe(self, org: Organization, person: User) -> None:
        self._patch(org, f"/Users/{person.id}", {"op": "add", "value": {"title": "Engineer", "externalId": "x" * 9}})

    def deactivate(self, org: Organization, person: User) -> None:
        self._patch(org, f"/Users/{person.id}", {"op": "replace", "path": "active", "value": False})

    def reactivate(self, org: Organization, person: User) -> None:
        self.deactivate(org, person)
        self._patch(org, f"/Users/{person.id}", {"op": "replace", "path": "active", "value": True})

    def delete(self, org: Organization, person: User) -> None:
        self._send(org, "DELETE", f"/Users/{person.id}")

    def revive(self, org: Organization, person: User) -> None:
        self.delete(org, person)
        self._send(org, "POST", "/Users", {"userName": person.user_name})

    def join(self, org: Organization, person: User) -> None:
        """Both groups, by a push that a worker settles."""
        for pushed in PushedGroup.objects.for_org(org):
            value = [{"value": str(person.id)}]
            self._patch(org, f"/Groups/{pushed.id}", {"op": "add", "path": "members", "value": value})

    def join_and_leave(self, org: Organization, person: User) -> None:
        self.join(org, person)
        for pushed in PushedGroup.objects.for_org(org):
            self._patch(org, f"/Groups/{pushed.id}", {"op": "remove", "path": f'members[value eq "{person.id}"]'})

    def place(self, org: Organization, person: User) -> None:
        """In a team of their own, by hand, which then gets another name."""
        try:
            team = entity_edits.create_entity(org=org, kind=TEAM, name=f"Team {person.id}", cause=by_command())
            manual_changes.place(org=org, user_id=person.id, entity_id=team.id, cause=by_command())
            entity_edits.rename_entity(org=org, entity_id=team.id, name=f"Core {person.id}", cause=by_command())
        except Organization.DoesNotExist:
            raise Gone from None

    def _patch(self, org: Organization, path: str, operation: dict[str, Any]) -> None:
        schemas = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]
        self._send(org, "PATCH", path, {"schemas": schemas, "Operations": [operation]})

    def _send(self, org: Organization, method: str, path: str, body: Any = None) -> None:
        if not hasattr(self._threads, "http"):
            self._threads.http = Client()
        idp = Idp(self.secrets[org.id])
        idp.http = self._threads.http
        while (answer := idp(method, path, body)).status_code == 429:  # S9, where the machine is slow
            time.sleep(0.2)
        if answer.status_code == 401:
            raise Gone
        assert 200 <= answer.status_code < 300, answer.content

    def close(self, org: Organization) -> None:
        self.closed.add(org.id)
        deletions.begin(org=org, cause=by_command())

    def settle_until(self, over: threading.Event) -> None:
        while not over.wait(0.05):
            worker.drain(1)

    def truth(self) -> dict[tuple[str, str], Any]:
        """What a consumer should have, by what `export_state` says."""
        expected: dict[tuple[str, str], Any] = {}
        for org in self.orgs:
            if org.id in self.closed:
                expected["organization", str(org.id)] = "gone"
            else:
                document = StringIO()
                call_command("export_state", org.slug, stdout=document)
                told = orjson.loads(document.getvalue())
                waiting = {row["user"] for row in told["waiting"]}
                expected |= {("person", person["id"]): _person(person, waiting) for person in told["people"]}
                expected |= {(entity["kind"], entity["id"]): _entity(entity) for entity in told["entities"]}
                expected |= {("group", pushed["id"]): pushed["display_name"] for pushed in told["groups"]}
                expected["organization", str(org.id)] = org.name
        return expected


class Gone(Exception):
    """The org is being deleted."""


WAYS = [
    World.rename,
    World.describe,
    World.deactivate,
    World.reactivate,
    World.delete,
    World.revive,
    World.join,
    World.join_and_leave,
    World.place,
]


def _person(told: dict[str, Any], waiting: set[str]) -> Any:
    facts = told["facts"]
    if told["deleted"]:
        return "erased" if facts["erased_at"] else "gone"
    attributes = dict(facts["attributes"])
    places = [(place["kind"], place["entity"]) for place in told["places"] if facts["active"]]
    return {
        "user_name": facts["user_name"],
        "external_id": facts["external_id"] or None,
        "reference": facts["reference"] or None,
        "display_name": facts["display_name"] or None,
        "given_name": facts["given_name"] or None,
        "family_name": facts["family_name"] or None,
        "active": facts["active"],
        "owner": facts["is_owner"],
        "emails": attributes.pop("emails", []),
        "attributes": attributes,
        "roles": told["roles"] if facts["active"] else [],
        "teams": [id_ for kind, id_ in places if kind == TEAM],
        "concurrency_group": next((id_ for kind, id_ in places if kind == POOL), None),
        "sub_organization": None,
        "pending": told["id"] in waiting,
        "held": None,
    }


def _entity(told: dict[str, Any]) -> Any:
    if told["deleted_at"]:
        return "gone"
    return {"name": told["name"]} | ({"session_limit": told["session_limit"]} if told["kind"] == POOL else {})


def known(consumer: Consumer) -> dict[tuple[str, str], Any]:
    """What a consumer has; of groups and orgs the names."""
    names = {"group": "display_name", "organization": "name"}
    return {
        (kind, id_): state[names[kind]] if kind in names and isinstance(state, dict) else state
        for (kind, id_), state in consumer.table().items()
    }


def has_what_its_cursor_says(consumer: Consumer, closing: set[UUID]) -> None:
    """A page is kept with the cursor after it, or neither: all up to the cursor is there, at its own position."""
    ((after,),) = consumer.rows("SELECT next FROM reader")
    cursor = cursors.read(after, org_id=None, kinds=OF_ALL) if after else None
    if cursor is None or cursor.epoch != FeedHead.objects.get().epoch:  # it has not begun, or not noticed yet
        return
    has = {(kind, id_): position for kind, id_, position in consumer.rows("SELECT kind, id, position FROM resource")}
    items = FeedItem.objects.filter(position__lte=cursor.position).exclude(org__in=closing)
    for kind, id_, position in items.values_list("kind", "resource_id", "position"):
        assert has[feed.NAMES[kind], str(id_)] == position


def killed_again_and_again(world: World, consumer: Consumer, pool: ThreadPoolExecutor) -> None:
    random = Random(2)
    for turn in range(KILLS):
        if turn == 1:
            consumer.file.unlink()
        if turn == 3:
            restore(world, consumer)
        part = world.people[turn::KILLS]
        goal = world.did["changes"] + random.randrange(len(part))
        consumer.start(*FOLLOWING)
        writing = [pool.submit(alone, world.change_all, part[n::WRITERS]) for n in range(WRITERS)]
        until(lambda goal=goal: world.did["changes"] >= goal, 100)
        if turn == 0:
            erase(world.forgotten)
        if turn == 2:
            world.close(world.orgs[-1])
        until(lambda: consumer.file.exists() and consumer.rows("SELECT 1 FROM sqlite_master WHERE name = 'people'"))
        consumer.kill()
        for each in writing:
            each.result(100)
        has_what_its_cursor_says(consumer, world.closed)
        until(lambda: not Mark.objects.exclude(org__in=world.closed).exists(), 100)
        consumer.catch_up()
        assert known(consumer) == world.truth()


def erase(person: User) -> None:
    about: dict[str, Any] = {"org": person.org, "user_id": person.id}
    account_switches.deactivate(**about, cause=by_command())
    erasing.erase(**about, cause=by_command())


def restore(world: World, consumer: Consumer) -> None:
    """As from a backup: the consumer has somebody of whom the portal knows nothing, and all at positions to come."""
    FeedHead.objects.update(epoch=uuid4())
    ((sync,),) = consumer.rows("SELECT sync FROM reader")
    lost = "INSERT INTO resource VALUES ('person', 'lost', ?, 1, ?, 0, '{}')"
    consumer.rows(lost, str(world.orgs[0].id), sync)
    consumer.rows("UPDATE resource SET position = 9007199254740991")


def alone(do: Callable[..., None], *given: Any) -> None:
    """In a thread that leaves no connection."""
    try:
        do(*given)
    finally:
        connections.close_all()


def test_killed_again_and_again_it_has_what_the_portal_has(  # E7, E1
    port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletions, "GRACE", timedelta())
    world, consumer = World(), Consumer(port, tmp_path / "copy.sqlite")
    started, over = time.monotonic(), threading.Event()
    with ThreadPoolExecutor(WRITERS + 1) as pool:
        settling = pool.submit(alone, world.settle_until, over)
        try:
            killed_again_and_again(world, consumer, pool)
        finally:
            over.set()
        settling.result(20)
    assert min(world.did[way.__name__] for way in WAYS) > 0
    while deletions.advance(seconds=60):
        pass
    consumer.catch_up()
    assert known(consumer) == world.truth()
    states = Counter(state for state in known(consumer).values() if isinstance(state, str))
    assert (states["erased"], states["gone"] > 0) == (1, True)
    print(f"\n{PEOPLE} people, {KILLS} kills, {time.monotonic() - started:.0f} s: {dict(world.did)}")  # noqa: T201


def test_what_dies_within_a_page_goes_on_before_it(port: int, tmp_path: Path) -> None:  # E7
    org = OrganizationFactory.create()
    idp = Idp(issue_token(org).secret)
    consumer = Consumer(port, tmp_path / "copy.sqlite", org)
    push_user(idp, "Ada Brandt")
    consumer.catch_up()
    before = consumer.table(), consumer.rows("SELECT * FROM reader")
    for name in ("Bo Lind", "Cleo Adler", "Dan Moor"):
        push_user(idp, name)
    dies = "CREATE TRIGGER dies BEFORE INSERT ON resource WHEN NEW.state LIKE '%cleo%'"
    consumer.rows(f"{dies} BEGIN SELECT RAISE(ABORT, 'it dies'); END")
    consumer.start("--once")
    assert "it dies" in consumer.end()
    assert (consumer.table(), consumer.rows("SELECT * FROM reader")) == before
    consumer.rows("DROP TRIGGER dies")
    consumer.catch_up()
    assert len(consumer.table()) == 4


def test_of_one_org_it_has_that_one(port: int, tmp_path: Path) -> None:  # E7
    org, other = OrganizationFactory.create_batch(2)
    for each in (org, other):
        push_user(Idp(issue_token(each).secret), f"Ada {each.slug}")
    consumer = Consumer(port, tmp_path / "copy.sqlite", org)
    consumer.catch_up()
    assert consumer.rows("SELECT user_name, active, teams FROM people") == [(f"ada.{org.slug}@corp.example", 1, None)]


def test_what_it_is_refused_it_says_and_ends(port: int, tmp_path: Path) -> None:
    consumer = Consumer(port, tmp_path / "copy.sqlite", MUSTER_KEY="mst_wrong")
    consumer.start()
    assert "A valid API key is needed" in consumer.end()


def test_a_webhook_wakes_it_if_its_signature_is_right(port: int, tmp_path: Path) -> None:  # E7, E3
    org = OrganizationFactory.create()
    idp = Idp(issue_token(org).secret)
    secret = "whsec_" + base64.b64encode(b"of this test, and thirty-two long").decode()
    consumer = Consumer(port, tmp_path / "copy.sqlite", org, MUSTER_WEBHOOK_SECRET=secret)
    push_user(idp, "Ada Brandt")
    here = free_port()
    consumer.start("--every", "600", "--listen", str(here))
    try:
        until(lambda: consumer.file.exists() and answers(here))
        until(lambda: len(consumer.table()) == 1)
        push_user(idp, "Bo Lind")
        body = b'{"type": "changes"}'
        for headers in ({}, signed(secret, body + b" "), signed(secret, body, age=301), signed("whsec_AAAA", body)):
            assert post(here, body, headers) == 401
        assert len(consumer.table()) == 1
        assert post(here, body, signed(secret, body)) == 204
        until(lambda: len(consumer.table()) == 2)
    finally:
        consumer.kill()


def signed(secret: str, body: bytes, *, age: int = 0) -> dict[str, str]:
    """The headers of a webhook, as Standard Webhooks has them."""
    id_, at = "msg_1", str(int(time.time()) - age)
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signature = base64.b64encode(hmac.digest(key, f"{id_}.{at}.".encode() + body, "sha256")).decode()
    return {"webhook-id": id_, "webhook-timestamp": at, "webhook-signature": f"v1,AAAA v1,{signature}"}


def post(port: int, body: bytes, headers: dict[str, str]) -> int:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as receiver:
        receiver.request("POST", "/", body, headers)
        return receiver.getresponse().status
