"""Answers of any length, built in bounded memory (SPEC S9)."""

import json
import logging
import re
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext

from groups_provisioning.models import PushedGroup
from orgs.models import Organization, User
from orgs.web import in_flight
from scim import request_log
from scim.api.answers import BLOCK, ScimStream, answer
from scim.mapping import listing, users
from tests.conftest import Idp
from tests.scim.api.crowds import fill
from tests.scim.api.test_group_size import streamed

URN = "urn:example:long"
HEAVY = 120
WEIGHT = 200_000  # bytes, of what may be 256 KiB


@pytest.fixture
def heavy(org: Organization) -> Organization:
    """An org with users who fill a page of many megabytes."""
    fill(org, HEAVY)
    people = User.objects.filter(org=org, scim_managed=True)
    people.update(attributes={URN: {"text": "x" * WEIGHT}}, folded={"text": "x" * WEIGHT})
    return org


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[request_log.Entry]:
    """What the request log is told."""
    told: list[request_log.Entry] = []
    monkeypatch.setattr(request_log, "write", told.append)
    return told


class TestAPage:
    def test_is_full_and_held_in_part(self, idp: Idp, heavy: Organization) -> None:
        size, held = streamed(idp.get(f"/Users?count={HEAVY}"))
        assert size > HEAVY * WEIGHT
        assert held < 10 * listing.PORTION

    def test_with_a_cursor_ends_at_its_bytes(self, idp: Idp, heavy: Organization) -> None:
        pages, cursor = [], ""
        while cursor is not None:
            page = told(idp.get(f"/Users?cursor={cursor}&count={HEAVY}"))
            pages.append(page["itemsPerPage"])
            assert len(page["Resources"]) == page["itemsPerPage"]
            cursor = page.get("nextCursor")
        full = listing.CURSOR_PAGE // WEIGHT
        assert pages == [full, full, HEAVY - 2 * full]

    def test_of_light_resources_is_read_in_pieces_by_few_statements(
        self, idp: Idp, org: Organization, monkeypatch: pytest.MonkeyPatch
    ) -> None:  # S9
        fill(org, 1000)
        idp.get("/Users?count=0")  # asks what a process asks once
        pieces: list[int] = []
        read = users.read
        monkeypatch.setattr(users, "read", lambda *args: pieces.append(len(args[-1])) or read(*args))
        with CaptureQueriesContext(connection) as queries:
            assert told(idp.get("/Users?count=1000"))["itemsPerPage"] == 1000
        assert pieces == [listing.ROWS] * (1000 // listing.ROWS)
        assert len(queries) <= len(pieces) + 2

    def test_rests_between_portions_for_no_longer_than_they_took(
        self, idp: Idp, org: Organization, monkeypatch: pytest.MonkeyPatch
    ) -> None:  # S9
        fill(org, 3 * listing.ROWS)
        rests: list[float] = []
        monkeypatch.setattr(listing, "time", SimpleNamespace(sleep=rests.append, thread_time=time.thread_time))
        idp.get(f"/Users?count={listing.ROWS}")
        assert not rests
        begun = time.thread_time()
        idp.get(f"/Users?count={3 * listing.ROWS}")
        assert len(rests) == 2
        assert 0 < sum(rests) < time.thread_time() - begun

    def test_shows_groups_without_their_members_from_one_portion(self, idp: Idp, org: Organization) -> None:
        for name in ("a", "b"):
            idp.post("/Groups", {"displayName": name})
        PushedGroup.objects.update(member_count=10**6)
        for query, count in (("", 2), ("?excludedAttributes=members", 1)):
            with CaptureQueriesContext(connection) as queries:
                assert idp.get(f"/Groups{query}").json()["totalResults"] == 2
            reading = re.compile("SELECT t0.id, .* FROM groups_provisioning_pushedgroup t0 .* ANY")
            assert sum(bool(reading.match(q["sql"])) for q in queries.captured_queries) == count


class TestAStream:
    @pytest.fixture
    def stream(self, idp: Idp, heavy: Organization, calls: list[request_log.Entry]) -> Iterator[Any]:
        response = idp.get(f"/Users?count={HEAVY}")
        assert not calls
        return response

    def test_has_the_headers_of_every_answer(self, stream: Any) -> None:  # S10
        assert stream["Content-Type"] == "application/scim+json"
        assert (stream["Cache-Control"], stream["X-Content-Type-Options"]) == ("no-store", "nosniff")
        assert not stream.has_header("Content-Length")

    def test_is_logged_once_it_is_sent(self, stream: Any, calls: list[request_log.Entry]) -> None:
        body = b"".join(stream.streaming_content)
        (call,) = calls
        assert (call.response, call.response_size) == (body[: request_log.BODY], len(body))
        assert (call.status, call.operation, call.detail) == (200, "user.list", "")

    def test_gives_its_place_back_and_is_logged_when_its_client_leaves(
        self, stream: Any, calls: list[request_log.Entry], org: Organization
    ) -> None:
        assert in_flight.requests._places
        size = len(next(iter(stream.streaming_content)))
        stream._iterator.close()
        assert not in_flight.requests._places
        assert [call.response_size for call in calls] == [size]

    def test_breaks_off_where_the_database_fails(
        self, stream: Any, calls: list[request_log.Entry], caplog: pytest.LogCaptureFixture
    ) -> None:
        blocks = iter(stream.streaming_content)
        size = len(next(blocks)) + len(next(blocks))
        with connection.cursor() as cursor, pytest.raises(DatabaseError):
            cursor.execute("SELECT 1 / 0")
        with pytest.raises(DatabaseError), caplog.at_level(logging.ERROR):
            list(blocks)
        (call,) = calls
        assert call.detail == f"The answer broke off after {call.response_size} bytes."
        assert call.response_size >= size


def test_what_fails_before_anything_is_sent_can_still_be_told() -> None:  # S2
    def failing() -> Iterator[bytes]:
        yield b"x" * (BLOCK - 1)
        raise DatabaseError

    with pytest.raises(DatabaseError):
        answer(failing())


@pytest.mark.parametrize(
    "pieces", [[], [b"{}"], [b"x" * 64] * (BLOCK // 64), [b"x" * BLOCK], [b"x" * (BLOCK + 1), b"y"]]
)
def test_a_short_answer_is_whole_and_a_long_one_is_sent_in_few_writes(pieces: list[bytes]) -> None:
    response = answer(pieces)
    blocks = list(response.streaming_content) if isinstance(response, ScimStream) else [response.content]
    assert b"".join(blocks) == b"".join(pieces)
    assert response.streaming is (len(b"".join(pieces)) > BLOCK)
    assert len(blocks) <= len(b"".join(pieces)) // BLOCK + 1


def told(response: Any) -> Any:
    return json.loads(b"".join(response.streaming_content) if response.streaming else response.content)
