import os
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone

from orgs import tokens
from orgs.models import Organization, Plan, SchemaProfile, ScimToken
from scim import partitions, request_log
from scim.models import RequestDay, RequestLog, RequestLogBody
from scim.request_log import Entry
from tests import processes


def a_call(**differs) -> Entry:
    at = differs.pop("at", timezone.now())
    values = {"method": "GET", "path": "/api/scim/Users", "status": 200, "duration": 1500}
    return Entry(**{"id": made(at), "at": at, **values, **differs})


def made(at) -> UUID:
    """A UUIDv7 made at that time."""
    return UUID(int=int(at.timestamp() * 1000) << 80 | 7 << 76 | 2 << 62 | int.from_bytes(os.urandom(7)))


def log_in(entry: Entry) -> RequestLog:
    request_log.write(entry)
    assert request_log.flush(10)
    return RequestLog.objects.get(id=entry.id)


@contextmanager
def nobody_can_write():
    """The log's table is locked, so that its writer hangs."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE scim_requestlog")
        yield cursor


def until(condition, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def writer(monkeypatch, transactional_db):
    """The queue of a process that has just started, on an empty log."""
    assert request_log.flush(10)  # what other tests left: the log is written beside the transactions of tests
    RequestLogBody.objects.all().delete()
    RequestLog.objects.all().delete()
    writer = request_log.Writer()
    monkeypatch.setattr(request_log._writer, "_own", writer)
    yield writer
    assert request_log.flush(10)


@pytest.fixture
def token(transactional_db):
    profile = SchemaProfile.objects.create(key="plain", name="Plain")
    org = Organization.objects.create(
        name="Acme", slug="acme", profile=profile, plan=Plan.ENTERPRISE, sso_configured=True
    )
    return ScimToken.objects.create(org=org, name="Okta", digest=b"1" * 32, hint="…", created_at=timezone.now())


@pytest.mark.usefixtures("writer")
class TestACall:
    def test_is_written_with_everything_known_about_it(self, token):
        entry = a_call(
            method="POST",
            path="/api/scim/Users?aadOptscim062020",
            status=409,
            org_id=token.org_id,
            token_id=token.id,
            operation="user.create",
            target="ann@acme.example",
            scim_type="uniqueness",
            detail="There is a user with this userName.",
            address="192.0.2.7",
            agent="Okta SCIM Client 1.0.0",
            request=b'{"userName": "ann@acme.example"}',
            response=b'{"status": "409"}',
        )
        logged = log_in(entry)
        assert (logged.org, logged.token, logged.at) == (token.org, token, entry.at)
        assert (logged.method, logged.path, logged.status) == ("POST", "/api/scim/Users?aadOptscim062020", 409)
        assert (logged.operation, logged.target) == ("user.create", "ann@acme.example")
        assert (logged.scim_type, logged.detail) == ("uniqueness", "There is a user with this userName.")
        assert (logged.duration, logged.address, logged.agent) == (1500, "192.0.2.7", "Okta SCIM Client 1.0.0")
        assert (logged.request_size, logged.response_size) == (32, 17)
        assert logged.body.request == '{"userName": "ann@acme.example"}'
        assert logged.body.response == '{"status": "409"}'

    def test_is_counted_for_the_day_of_its_org(self, token):  # N2
        for org_id in (token.org_id, None, uuid4()):
            log_in(a_call(org_id=org_id))
        day = RequestDay.objects.get()
        assert (day.org_id, day.day, day.calls) == (token.org_id, timezone.now().date(), 1)

    def test_without_bodies_has_no_row_for_them(self):
        log_in(a_call())
        assert not RequestLogBody.objects.exists()

    def test_keeps_the_beginning_of_a_push_of_100_000_members(self):
        body = b'{"displayName": "All", "members": [' + b'{"value": "019a"},' * 100_000
        logged = log_in(a_call(method="PUT", request=body))
        assert logged.request_size == len(body)
        assert logged.body.request.startswith('{"displayName": "All"')
        assert len(logged.body.request) < 17_000

    def test_holds_no_secret(self, token):
        logged = log_in(
            a_call(
                method="PATCH",
                path="/api/scim/Users?filter=password+eq+%22hunter2%22",
                target='password eq "hunter2"',
                detail='The filter password eq "hunter2" is not supported.',
                agent="curl muster_scim_abcdefgh-hunter2",
                request=b'{"Operations": [{"op": "replace", "path": "PASSWORD", "value": "hunter2"}]}',
                response=b'{"detail": "Bearer muster_scim_hunter2"}',
            )
        )
        everything = [*vars(logged).values(), logged.body.request, logged.body.response]
        assert "hunter2" not in str(everything)

    def test_is_written_whatever_characters_it_has(self):
        nasty = "a\0b\ud800c"
        logged = log_in(
            a_call(
                path=f"/api/scim/{nasty}" + "x" * 5000,
                operation=nasty,
                target=nasty,
                detail=nasty,
                agent=nasty + "ü" * 5000,
                address="fe80::1%eth0",
                duration=10**12,
                request=b'{"userName": "a\0b"}',
                response=b'{"userName": "\\ud800", "password": "\\u0000"}',
            )
        )
        assert logged.target == "a\N{REPLACEMENT CHARACTER}b?c"
        assert len(logged.path) == 1000
        assert logged.address == "fe80::1"

    def test_comes_with_an_address_only_if_that_is_one(self):
        assert log_in(a_call(address="unknown")).address is None

    def test_finds_its_partition_made_where_no_worker_made_one(self):
        long_ago = timezone.now() - timedelta(days=400)
        try:
            assert log_in(a_call(at=long_ago)).at == long_ago
        finally:
            partitions.keep(timezone.now())
        assert not RequestLog.objects.filter(at=long_ago).exists()


class TestTheRequest:
    def test_never_waits_for_its_log(self, writer):
        with nobody_can_write():
            for _ in range(100):
                request_log.write(a_call())  # whoever waited would wait for ever
        assert request_log.flush(10)
        assert RequestLog.objects.count() == 100

    def test_drops_what_does_not_fit_and_the_log_says_so(self, writer, monkeypatch):
        monkeypatch.setattr(request_log, "QUEUE", 3)
        with nobody_can_write():
            request_log.write(a_call())
            until(lambda: writer._in_hand)
            for _ in range(10):
                request_log.write(a_call())
            assert request_log.dropped() == 7
            assert not request_log.flush(0.01)
        assert request_log.flush(10)
        assert RequestLog.objects.exclude(operation="log.dropped").count() == 4
        told = RequestLog.objects.get(operation="log.dropped")
        assert told.detail == "Calls that were not recorded before this time: 7."
        log_in(a_call())
        assert RequestLog.objects.filter(operation="log.dropped").count() == 1

    def test_does_not_fill_the_memory_with_bodies(self, writer, monkeypatch):
        monkeypatch.setattr(request_log, "QUEUE_BYTES", 40_000)
        with nobody_can_write():
            request_log.write(a_call())
            until(lambda: writer._in_hand)
            for _ in range(5):
                request_log.write(a_call(response=b"x" * 1_000_000))
            assert request_log.dropped() == 2


class TestTheWriter:
    def test_writes_many_calls_at_once(self, writer):
        before = timezone.now()
        for _ in range(2 * request_log.BATCH):
            request_log.write(a_call())
        assert request_log.flush(10)
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*), count(DISTINCT xmin::text) FROM scim_requestlog WHERE at >= %s", [before])
            calls, transactions = cursor.fetchone()
        assert calls == 2 * request_log.BATCH
        assert transactions <= 4

    def test_writes_a_single_call_soon(self, writer):
        request_log.write(a_call())
        until(RequestLog.objects.exists, seconds=2)

    def test_survives_the_loss_of_its_connections(self, writer):
        log_in(a_call())
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        log_in(a_call())
        assert RequestLog.objects.count() == 2
        assert request_log.dropped() == 0

    def test_survives_the_loss_of_its_connection_while_it_writes(self, writer):
        with nobody_can_write() as cursor:
            request_log.write(a_call())
            waiting = "SELECT pid FROM pg_locks WHERE relation = 'scim_requestlog'::regclass AND NOT granted"
            until(lambda: cursor.execute(waiting).fetchone())
            cursor.execute(f"SELECT pg_terminate_backend(pid) FROM ({waiting}) AS writer")
        assert request_log.flush(10)
        assert RequestLog.objects.count() == 1

    def test_leaves_out_only_what_the_database_refuses(self, writer):
        with nobody_can_write():
            for entry in (a_call(), a_call(status=-1), a_call(request=b"{}")):
                request_log.write(entry)
        assert request_log.flush(20)
        assert RequestLog.objects.count() == 2
        assert request_log.dropped() == 1
        log_in(a_call())
        assert RequestLog.objects.get(operation="log.dropped").detail.endswith(": 1.")

    def test_treats_a_call_that_already_exists_as_written(self, writer):
        again = a_call()
        log_in(again)
        log_in(again)
        assert request_log.dropped() == 0
        assert RequestLog.objects.count() == 1

    def test_goes_on_after_a_defect(self, writer):
        request_log.write(a_call(path=None, agent=None, token_id=uuid4()))
        assert request_log.flush(10)
        assert request_log.dropped() == 1
        log_in(a_call())

    def test_gives_its_connection_back(self, writer):
        def taken() -> int:
            stats = connection.pool.get_stats()
            return stats["pool_size"] - stats["pool_available"]

        before = taken()
        log_in(a_call())
        until(lambda: taken() <= before)

    def test_writes_in_a_forked_process_and_leaves_the_parents_calls_to_the_parent(self, writer):
        with nobody_can_write():
            request_log.write(a_call())
            until(lambda: writer._in_hand)
            request_log.write(a_call())
            child = os.fork()
            if not child:
                ours = request_log._writer()
                os._exit(0 if ours is not writer and request_log.flush(0) and not ours._thread else 1)
            assert os.waitpid(child, 0)[1] == 0
        assert request_log.flush(10)
        assert RequestLog.objects.count() == 2


class TestATokensLastUse:
    @pytest.fixture
    def noted(self, monkeypatch):
        """The uses noted on tokens."""
        noted = []
        note_use = tokens.note_use
        monkeypatch.setattr(tokens, "note_use", lambda uses: (noted.append(uses), note_use(uses)))
        return noted

    def test_is_kept(self, writer, token):
        at = timezone.now()
        log_in(a_call(at=at, org_id=token.org_id, token_id=token.id, address="192.0.2.7", agent="Okta"))
        used = ScimToken.objects.get()
        assert (used.last_used_at, used.last_used_address, used.last_used_agent) == (at, "192.0.2.7", "Okta")

    def test_is_written_once_a_minute(self, writer, token, noted):
        start = timezone.now()
        for seconds in (0, 30, 59, 61, 90):
            log_in(a_call(at=start + timedelta(seconds=seconds), token_id=token.id))
        assert ScimToken.objects.get().last_used_at == start + timedelta(seconds=61)
        assert len(noted) == 2

    def test_is_the_newest_of_many(self, writer, token, noted):
        start = timezone.now()
        with nobody_can_write():
            for seconds in range(5):
                request_log.write(a_call(at=start + timedelta(seconds=seconds), token_id=token.id))
        assert request_log.flush(10)
        assert ScimToken.objects.get().last_used_at == start + timedelta(seconds=4)
        assert len(noted) <= 2


@pytest.mark.usefixtures("writer")
class TestAProcessThatEnds:
    SCRIPT = """
import django; django.setup()
from django.utils import timezone
from orgs.db.keys import uuid7
from scim import request_log
for n in range(20):
    request_log.write(request_log.Entry(
        id=uuid7(), at=timezone.now(), method="GET", path="/api/scim/Users", status=200, duration=1))
"""

    def run(self, **environment: str) -> None:
        subprocess.run(
            [sys.executable, "-c", self.SCRIPT],
            cwd=processes.ROOT,
            env=processes.environment(**environment),
            check=True,
            timeout=100,
            capture_output=True,
        )

    def test_writes_what_it_still_has(self):
        self.run()
        assert RequestLog.objects.count() == 20

    def test_ends_without_a_database_that_is_away(self):
        self.run(DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing")
