"""One ID goes from a request through what it caused: the log lines of web and worker have it, and its changes."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
import structlog
from django.test import Client
from django.urls import reverse

from groups_provisioning import tasks
from orgs import nudge
from orgs.models import Change, Organization
from tests.api.program import Program
from tests.conftest import Idp
from tests.groups_provisioning.world import TEAM, map_to, push, push_user

Lines = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Lines:
    """A function that finds what the portal has logged on INFO, by the event."""
    caplog.set_level(logging.INFO)

    def of(event: str) -> list[dict[str, Any]]:
        told = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
        return [line for line in told if line["event"] == event]

    return of


class TestARequest:
    def test_is_found_in_the_lines_of_the_worker_that_settles_whom_it_marked(
        self, org: Organization, idp: Idp, lines: Lines, django_capture_on_commit_callbacks: Any
    ) -> None:
        group = push(idp, "Platform")
        map_to(group, TEAM)
        ada = push_user(idp, "Ada Brandt")
        added = idp.patch(f"/Groups/{group.id}", {"op": "add", "path": "members", "value": [{"value": ada}]})
        assert added.status_code in (200, 204)
        request_id = lines("request")[-1]["request_id"]
        with django_capture_on_commit_callbacks(execute=True):
            tasks.settle_pending()
        (settled,) = lines("settled")
        assert request_id in settled["request_ids"]
        assert Change.objects.filter(request_id=request_id).exists()

    def test_has_the_id_that_its_changes_and_the_request_log_have(self, idp: Idp, lines: Lines) -> None:
        idp.post("/Users", {"userName": "ada"})
        (line,) = lines("request")
        assert (line["door"], line["endpoint"], line["status"]) == ("scim", "user.create", 201)
        assert Change.objects.filter(request_id=line["request_id"]).exists()

    def test_of_the_api_has_the_id_that_its_changes_have(self, org: Organization, lines: Lines) -> None:
        program = Program(None)
        assert program("PATCH", f"/organizations/{org.id}", {"name": "Renamed"}).status_code == 200
        (line,) = lines("request")
        assert line["door"] == "api"
        assert Change.objects.filter(request_id=line["request_id"]).exists()

    def test_that_only_reads_leaves_no_line(self, idp: Idp, client: Client, lines: Lines) -> None:
        idp.get("/Users")
        client.get(reverse("sign-in"))
        client.get("/health/live")
        assert not lines("request")

    def test_leaves_its_id_to_no_later_line_of_the_same_thread(self, idp: Idp, lines: Lines) -> None:
        idp.post("/Users", {"userName": "ada"})
        assert nudge.REQUEST_ID not in structlog.contextvars.get_contextvars()
