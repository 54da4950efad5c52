"""Walks through lists: every row exactly once, whatever the filter, the order and the size of a page."""

from typing import Any
from unittest.mock import patch
from urllib.parse import urlencode

import pytest
from django.core import signing
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from orgs import feed
from orgs.models import Organization
from scim.mapping import listing
from tests.conftest import Idp
from tests.factories import OrganizationFactory, UserFactory, issue_token
from tests.scim.people import few, texts

names = st.lists(texts.filter(str.strip), min_size=1, max_size=9)
orders = st.fixed_dictionaries({}, optional={"sortOrder": st.sampled_from(["ascending", "descending"])})
filters = st.fixed_dictionaries(
    {}, optional={"filter": st.sampled_from(["active eq true", 'userName co "1"', 'not (externalId co "a")'])}
)
sizes = st.integers(1, 4)
sorts = st.sampled_from(["", "userName", "id"])
limits = st.sampled_from([1, 2_000, 2**23])  # bytes


def add(org: Organization, words: list[str], start: int = 0) -> list[str]:
    """The ids of new users with these words in their names."""
    ids = [
        str(UserFactory.create(org=org, user_name=f"{word}{number}", external_id=word).id)
        for number, word in enumerate(words, start)
    ]
    feed.touch(org.id, [("person", id_) for id_ in ids])
    return ids


def listed(idp: Idp, **query: Any) -> dict[str, Any]:
    answer = idp.get(f"/Users?{urlencode(query)}")
    assert answer.status_code == 200, answer.content
    return answer.json()


@few
@given(
    words=names,
    order=orders,
    found=filters,
    size=sizes,
    sort=sorts | st.just("externalId"),
    read=limits,
    stamped=st.booleans(),
)
def test_index_pages_are_full_and_have_every_row_once(
    idp: Idp,
    org: Organization,
    words: list[str],
    order: dict,
    found: dict,
    size: int,
    sort: str,
    read: int,
    stamped: bool,
) -> None:  # S9
    with transaction.atomic(), patch.object(listing, "PORTION", read):
        add(org, words)
        if stamped:
            feed.stamp_all()
        query = order | found | ({"sortBy": sort} if sort else {})
        whole = [user["id"] for user in listed(idp, **query)["Resources"]]
        walked: list[str] = []
        for start in range(1, len(whole) + size + 1, size):
            page = listed(idp, **query, startIndex=start, count=size)
            assert (page["totalResults"], page["startIndex"]) == (len(whole), start)
            assert page["itemsPerPage"] == len(page["Resources"]) == min(size, max(len(whole) - start + 1, 0))
            walked += [user["id"] for user in page["Resources"]]
        assert walked == whole
        assert found or len(whole) == len(words)
        transaction.set_rollback(True)


@few
@given(
    words=names,
    order=orders,
    found=filters,
    size=sizes,
    sort=sorts,
    late=names,
    cut=limits,
)
def test_cursor_pages_have_every_row_once_though_others_come_and_go(
    idp: Idp, org: Organization, words: list[str], order: dict, found: dict, size: int, sort: str, late: list, cut: int
) -> None:  # S9
    with transaction.atomic(), patch.object(listing, "CURSOR_PAGE", cut):
        ids = add(org, words)
        gone = UserFactory.create(org=org, user_name="m")
        query = order | found | ({"sortBy": sort} if sort else {})
        before = [user["id"] for user in listed(idp, **query)["Resources"] if user["id"] in ids]
        walked: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            page = listed(idp, **query, cursor=cursor, count=size)
            assert "totalResults" not in page
            assert page["itemsPerPage"] == len(page["Resources"]) <= (1 if cut == 1 else size)
            assert page["Resources"] or "nextCursor" not in page  # a client gets on
            walked += [user["id"] for user in page["Resources"]]
            if cursor := page.get("nextCursor"):
                add(org, late[:1], start=len(walked) * 1000)
            idp.delete(f"/Users/{gone.id}")
            late = late[1:]
        assert [user_id for user_id in walked if user_id in ids] == before
        assert len(walked) == len(set(walked))
        transaction.set_rollback(True)


class TestCursors:
    @pytest.fixture
    def cursor(self, idp: Idp, org: Organization) -> str:
        UserFactory.create_batch(3, org=org)
        return listed(idp, cursor="", count=1, filter="active eq true")["nextCursor"]

    @pytest.mark.parametrize(
        "query",
        [
            {},
            {"filter": "active eq false"},
            {"filter": "active eq true", "sortBy": "userName"},
            {"filter": "active eq true", "sortOrder": "descending"},
        ],
    )
    def test_belong_to_their_query(self, idp: Idp, cursor: str, query: dict[str, str]) -> None:  # RFC 9865 §2.1
        answer = idp.get(f"/Users?{urlencode(query | {'cursor': cursor})}")
        assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidCursor")

    def test_may_go_on_with_another_page_size_and_other_attributes(self, idp: Idp, cursor: str) -> None:
        page = listed(idp, cursor=cursor, filter="active eq true", count=5, attributes="userName")
        assert page["itemsPerPage"] == 2

    def test_of_another_kind_of_resource_are_refused(self, idp: Idp, org: Organization) -> None:
        UserFactory.create_batch(2, org=org)
        cursor = listed(idp, cursor="", count=1)["nextCursor"]
        assert idp.get(f"/Groups?{urlencode({'cursor': cursor})}").json()["scimType"] == "invalidCursor"

    def test_of_another_org_are_refused(self, cursor: str) -> None:  # O7
        other = Idp(issue_token(OrganizationFactory.create()).secret)
        answer = other.get(f"/Users?{urlencode({'cursor': cursor, 'filter': 'active eq true'})}")
        assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidCursor")

    def test_that_were_forged_are_refused(self, idp: Idp, cursor: str) -> None:
        forged = [cursor[:-1], cursor[1:], "x", "x:y:z", "\x00", "é", signing.dumps(["x"]), cursor.swapcase()]
        for text in forged:
            answer = idp.get(f"/Users?{urlencode({'cursor': text, 'filter': 'active eq true'})}")
            assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidCursor")
