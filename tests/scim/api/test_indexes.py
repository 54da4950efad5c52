"""At 10,000 users in the org, and more beside it, what identity providers ask for is answered from an index."""

import re
from collections.abc import Iterator

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django.plugin import DjangoDbBlocker

from scim.mapping import whole_lists
from tests.conftest import Idp, install_profiles
from tests.factories import OrganizationFactory, issue_token
from tests.scim.api.crowds import fill, plan

USERS = 10_000


@pytest.fixture(scope="module")
def many(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Idp]:
    """The identity provider of an org with very many users."""
    with django_db_blocker.unblock():
        install_profiles()
        orgs = [OrganizationFactory.create(), OrganizationFactory.create()]
        for org, count in zip(orgs, (USERS, 3 * USERS), strict=True):
            fill(org, count)
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE orgs_user, orgs_standing")
        yield Idp(issue_token(orgs[0]).secret)
        with connection.cursor() as cursor:
            cursor.execute(
                "TRUNCATE orgs_user, orgs_feedtouch, orgs_feeditem, orgs_historyitem, orgs_organization CASCADE"
            )
    connection.close()


@pytest.mark.parametrize(
    "query",
    [
        '?filter=userName eq "P500"',
        '?filter=externalId eq "x500"',
        '?filter=emails.value eq "p500@corp.example"',
        '?filter=emails[type eq "work"].value eq "P500@corp.example"',
        '?filter=emails eq "p500@corp.example" and active eq true',
        '?filter=id eq "01900000-0000-7000-8000-000000000000"',
        '?filter=userName eq "p500" or externalId eq "x501"',
        "?cursor=&count=100",
        "?cursor=&count=100&sortBy=userName",
        "?cursor=&count=100&sortBy=userName&sortOrder=descending",
    ],
)
def test_is_answered_from_an_index(many: Idp, db: None, query: str) -> None:
    assert sequential_scans(many, f"/Users{query}") == []


def test_a_page_in_the_middle_of_a_walk_is_answered_from_an_index(many: Idp, db: None) -> None:
    for sort in ("", "&sortBy=userName"):
        cursor = many.get(f"/Users?cursor=&count=50{sort}").json()["nextCursor"]
        assert sequential_scans(many, f"/Users?cursor={cursor}&count=50{sort}") == []


def test_a_first_index_page_reads_no_more_rows_than_it_shows(many: Idp, db: None) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert many.get("/Users?startIndex=1&count=100").json()["totalResults"] == USERS
    listing = next(q["sql"] for q in queries.captured_queries if "LIMIT 100" in q["sql"])
    assert "Seq Scan on orgs_user" not in plan(listing)


def test_a_page_of_a_hundred_takes_three_queries(many: Idp, db: None, django_assert_num_queries) -> None:
    with django_assert_num_queries(3):  # the token, who is on the page and how many there are, the page
        assert len(many.get("/Users?count=100").json()["Resources"]) == 100


def test_a_page_far_into_the_list_reads_nobody_before_it(many: Idp, db: None) -> None:  # S9
    with CaptureQueriesContext(connection) as queries:
        assert len(many.get(f"/Users?startIndex={USERS - 100}&count=100").json()["Resources"]) == 100
    (counting,) = (q["sql"] for q in queries.captured_queries if "OFFSET" in q["sql"])
    assert len(re.findall("Index Only Scan using user_(?:listed|name_once_among_people)", plan(counting))) == 2
    assert "Seq Scan on orgs_user" not in plan(counting)


def test_a_walk_counts_and_skips_nobody_again(many: Idp, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole_lists, "_kept", {})

    def read(page: int) -> int:
        """The entries of indexes that are read for a page, but for those of who is on it."""
        with CaptureQueriesContext(connection) as queries:
            assert many.get(f"/Users?startIndex={page * 100 + 1}&count=100").json()["totalResults"] == USERS
        (listing,) = (q["sql"] for q in queries.captured_queries if "OFFSET" in q["sql"])
        found = re.findall(r"Only Scan using user_\w+ .*actual rows=(\d+)", plan(listing, "ANALYZE", "TIMING OFF"))
        return sum(map(int, found))

    assert read(50) == USERS + 5100
    assert (read(51), read(51), read(53), read(0)) == (200, 100, 300, 100)


def test_a_name_that_is_created_is_found_by_an_index(many: Idp, db: None) -> None:  # U3
    with CaptureQueriesContext(connection) as queries:
        assert many.post("/Users", {"userName": "P500"}).status_code == 409
        assert many.post("/Users", {"userName": "new"}).status_code == 201
    plans = [plan(q["sql"]) for q in queries.captured_queries if re.search('(?s)SELECT .*user_name_key"? =', q["sql"])]
    assert len(plans) == 3
    assert not [text for text in plans if "Seq Scan on orgs_user" in text]


def sequential_scans(idp: Idp, path: str) -> list[str]:
    """The plans of a request's queries that read all users."""
    with CaptureQueriesContext(connection) as queries:
        assert idp.get(path).status_code == 200
    plans = [plan(q["sql"]) for q in queries.captured_queries if re.match("(?s)SELECT .*orgs_user", q["sql"])]
    assert plans
    return [text for text in plans if "Seq Scan on orgs_user" in text]
