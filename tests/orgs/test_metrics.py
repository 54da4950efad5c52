"""What is counted of requests and of background work, and under which names."""

import os
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from orgs import metrics
from orgs.models import IdentityProvider, Organization
from tests.api.program import Program
from tests.conftest import Idp

Labels = frozenset[tuple[str, str]]


def counted(name: str) -> Counter[Labels]:
    """The samples of a metric, by their labels."""
    return Counter(
        {
            frozenset(sample.labels.items()): int(sample.value)
            for family in metrics.REGISTRY.collect()
            for sample in family.samples
            if sample.name == name
        }
    )


def gained(name: str, work: Callable[[], object]) -> list[dict[str, str]]:
    """The labels of what was counted meanwhile, once for each time."""
    before = counted(name)
    work()
    return [dict(labels) for labels in (counted(name) - before).elements()]


class TestARequest:
    def test_of_scim_is_counted_by_operation_status_and_identity_provider(self, idp: Idp) -> None:
        def ask() -> None:
            ada = idp.post("/Users", {"userName": "ada"}).json()["id"]
            idp.get(f"/Users/{ada}")
            idp.get("/Users/unknown")

        found = gained("muster_requests_total", ask)
        assert {(each["endpoint"], each["status"]) for each in found} == {
            ("user.create", "2xx"),
            ("user.read", "2xx"),
            ("user.read", "4xx"),
        }
        assert {each["door"] for each in found} == {"scim"}
        assert {each["idp"] for each in found} <= set(IdentityProvider.values)

    def test_of_the_api_is_counted_by_its_route(self, org: Organization) -> None:
        program = Program(org)
        (found,) = gained("muster_requests_total", lambda: program("GET", f"/organizations/{org.id}/people"))
        assert found == {"door": "api", "endpoint": "organizations/<uuid:org>/people", "status": "2xx", "idp": ""}

    def test_of_a_page_is_counted_by_its_name(self, db: None, client: Client) -> None:
        def ask() -> None:
            client.get(reverse("sign-in"))
            client.get("/nobody/has/this/address")
            client.get("/static/mark.svg")

        found = gained("muster_requests_total", ask)
        assert sorted((each["endpoint"], each["status"]) for each in found) == [("none", "4xx"), ("sign-in", "2xx")]

    def test_without_a_valid_token_is_a_failure_of_its_door(self, idp: Idp, org: Organization) -> None:
        def ask() -> None:
            Idp("a guess").get("/Users")
            Client(headers={"Authorization": "Bearer guess"}).get(f"/api/v1/organizations/{org.id}/people")
            idp.get("/Users")

        assert sorted(each["door"] for each in gained("muster_token_failures_total", ask)) == ["api", "scim"]

    @pytest.mark.parametrize(
        "path", ["/api/scim/Users/{id}", "/api/scim/{id}", "/api/v1/{id}", "/api/v1/organizations/{id}", "/{id}"]
    )
    def test_never_names_whom_it_is_about(self, db: None, org: Organization, client: Client, path: str) -> None:
        client.get(path.format(id=org.id))
        for name in ("muster_requests_total", "muster_request_seconds_count"):
            assert not [labels for labels in counted(name) if str(org.id) in str(labels)]


class TestTheCountsOfAProcess:
    def test_are_in_a_place_that_no_other_living_process_has(self, tmp_path: Path) -> None:
        place = metrics.place_in(tmp_path)
        assert place() == place() == "0"
        assert in_a_child(place) == "1"

    def test_go_on_where_those_of_a_process_that_ended_stopped(self, tmp_path: Path) -> None:
        place = metrics.place_in(tmp_path)
        places = [in_a_child(place) for _ in range(3)]
        assert places == ["0", "0", "0"]
        assert [path.name for path in tmp_path.iterdir()] == ["0.lock"]


def in_a_child(work: Callable[[], str]) -> str:
    """What a forked process returns."""
    reader, writer = os.pipe()
    if (pid := os.fork()) == 0:
        os.write(writer, work().encode())
        os._exit(0)
    os.waitpid(pid, 0)
    os.close(writer)
    with os.fdopen(reader) as said:
        return said.read()


def test_every_name_says_what_it_measures() -> None:
    for family in metrics.REGISTRY.collect():
        assert re.fullmatch(r"muster_[a-z_]+", family.name), family.name
        assert family.documentation
