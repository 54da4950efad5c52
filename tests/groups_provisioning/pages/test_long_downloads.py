"""Downloads of large orgs: their memory and statements, whatever the size (SPEC S9)."""

import tracemalloc
from collections.abc import Iterable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from groups_provisioning.engine import export
from groups_provisioning.models import PushedGroup
from groups_provisioning.pages.entities import entity_list
from groups_provisioning.pages.groups import group_page
from groups_provisioning.pages.people import people_list
from orgs.db import keyset
from orgs.models import Change, Entity, Organization
from orgs.web.downloads import as_csv
from tests.factories import OrganizationFactory
from tests.groups_provisioning.world import entity
from tests.scim.api import crowds

CHUNK, FEW, MANY = 100, 300, 1500  # rows

_MEMBERSHIPS = """
INSERT INTO groups_provisioning_membership (org_id, user_id, entity_id, kind, source)
SELECT org_id, id, %(entity)s, 'team', 'hand' FROM orgs_user WHERE org_id = %(org)s
"""
_MEMBERS = """
INSERT INTO groups_provisioning_groupmember (org_id, group_id, user_id, added_at, added_by_id)
SELECT org_id, %(group)s, id, now(), %(change)s FROM orgs_user WHERE org_id = %(org)s
"""


def crowd(people: int) -> Organization:
    """An org with so many people, all in one team and in one group."""
    org: Organization = OrganizationFactory.create()
    crowds.fill(org, people)
    team = entity(org, "Everybody")
    change = Change.objects.create(org=org, at=org.created_at)
    group = PushedGroup.objects.create(
        org=org, display_name="Everybody", member_count=people, created_at=change.at, modified_at=change.at
    )
    with connection.cursor() as cursor:
        cursor.execute(_MEMBERSHIPS, {"org": org.id, "entity": team.id})
        cursor.execute(_MEMBERS, {"org": org.id, "group": group.id, "change": change.id})
        cursor.execute("ANALYZE groups_provisioning_membership, groups_provisioning_groupmember")
    return org


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(keyset.chunks.__kwdefaults__, "size", CHUNK)


def people(org: Organization) -> Iterable[object]:
    return as_csv("people", [], people_list.rows(org, people_list.Wanted()))


def team(org: Organization) -> Iterable[object]:
    return as_csv("members", [], entity_list.member_rows(Entity.objects.get(org=org), "", ""))


def group(org: Organization) -> Iterable[object]:
    return as_csv(
        "members", [], group_page.member_rows(PushedGroup.objects.get(org=org), group_page.MemberSearch({}, ()))
    )


def peak(pieces: Iterable[object]) -> int:
    """The bytes that are held at once while pieces are sent."""
    tracemalloc.start()
    try:
        for _ in pieces:
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.django_db
def test_hold_no_more_of_a_large_org_than_of_a_small_one() -> None:  # S9
    few, many = crowd(FEW), crowd(MANY)
    for download in (people, team, group, export.text):
        peak(download(few))  # what is loaded only once
        assert peak(download(many)) < 1.5 * peak(download(few)), download


@pytest.mark.django_db
def test_ask_the_same_for_each_chunk() -> None:
    org = crowd(FEW)
    for download, statements in ((people, 2), (team, 1), (group, 1)):
        with CaptureQueriesContext(connection) as asked:
            lines = sum(str(piece).count("\\r\\n") for piece in download(org))
        assert lines > FEW
        chunks = [query["sql"] for query in asked if f"LIMIT {CHUNK}" in query["sql"]]
        assert len(chunks) == FEW // CHUNK + 1
        assert len(asked) <= statements * len(chunks) + 1
        assert not any("attributes" in sql or "folded" in sql for sql in chunks)
