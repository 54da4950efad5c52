"""Orgs know nothing of each other: what is said to one does not depend on who is in another (SPEC O6, U2, O7)."""

import re
from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orgs import domains
from orgs.history import Cause
from orgs.models import Door, Organization
from tests.conftest import Idp
from tests.factories import OrganizationFactory, OwnerFactory, StaffFactory, UserFactory, issue_token

ADA, BEN, EVE = "ada@corp.example", "ben@corp.example", "eve@elsewhere.example"
DIFFERS = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[\d:.]+Z|W/\\?\"[^\"]*\""
)


def nobody() -> None:
    pass


def the_same_people() -> None:
    other = OrganizationFactory.create(name="Globex")
    for name in (ADA, BEN, EVE, "plain"):
        UserFactory.create(org=other, user_name=name, external_id=f"x-{name}")
    UserFactory.create(org=other, user_name="kim@corp.example", active=False)


def people_invited_and_deleted() -> None:
    other = OrganizationFactory.create(name="Globex")
    UserFactory.create(org=other, user_name=ADA, scim_managed=False)
    UserFactory.create(org=other, user_name=BEN, active=False, deleted_at=timezone.now(), login_email=None)


def the_same_domain() -> None:
    verify(OrganizationFactory.create(name="Globex"), "corp.example")


def an_owner_and_support() -> None:
    OwnerFactory.create(user_name=ADA)
    StaffFactory.create(user_name=BEN)


ELSEWHERE = [the_same_people, people_invited_and_deleted, the_same_domain, an_owner_and_support]


def verify(org: Organization, *names: str) -> None:
    domains.keep(org=org, names=names, cause=Cause(Door.COMMAND, timezone.now()))


def conversation(idp: Idp) -> list[tuple[int, str, int]]:
    """What an IdP hears: status, body and headers without ids and times, and how many queries it took."""
    heard = []

    def call(method: str, path: str, body: object = None) -> dict[str, str]:
        with CaptureQueriesContext(connection) as queries:
            answer = idp(method, path, body)
        heard.append((answer.status_code, DIFFERS.sub("…", answer.content.decode()), len(queries)))
        return answer.json() if answer.content else {}

    def patch(id: str, **value: object) -> None:
        operations = [{"op": "replace", "value": value}]
        schemas = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]
        call("PATCH", f"/Users/{id}", {"schemas": schemas, "Operations": operations})

    for name in (ADA, BEN, EVE, "plain"):
        call("GET", f'/Users?filter=userName eq "{name}"')
    ada = call("POST", "/Users", {"userName": ADA, "externalId": f"x-{ADA}"})["id"]
    ben = call("POST", "/Users", {"userName": BEN.upper()})["id"]
    call("POST", "/Users", {"userName": ADA})
    call("POST", "/Users", {"userName": EVE})
    call("POST", "/Users", {"userName": "plain"})
    patch(ada, userName="kim@corp.example")
    patch(ben, userName=ADA)
    patch(ada, userName=EVE)
    patch(ada, userName=EVE, active=False)
    call("PUT", f"/Users/{ada}", {"userName": BEN, "active": True})
    call("DELETE", f"/Users/{ben}")
    call("POST", "/Users", {"userName": ADA})
    call("GET", "/Users")
    return heard


@pytest.mark.parametrize("lists_domains", [False, True], ids=["any domain", "its own domains"])
@pytest.mark.parametrize("elsewhere", ELSEWHERE)
def test_scim_says_the_same_whoever_is_in_another_org(
    db: None, elsewhere: Callable[[], None], lists_domains: bool
) -> None:  # O6, U2, O8
    Idp(issue_token(OrganizationFactory.create()).secret).get("/Users")  # the profile is compiled once in a process
    heard = []
    for others in (nobody, elsewhere):
        others()
        org = OrganizationFactory.create()
        if lists_domains:
            verify(org, "corp.example")
        heard.append(conversation(Idp(issue_token(org).secret)))
    assert heard[0] == heard[1]
    assert {status for status, _, _ in heard[0]} == {200, 201, 204, 409} | ({400} if lists_domains else set())
