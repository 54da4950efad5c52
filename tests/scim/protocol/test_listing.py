import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim.protocol.errors import InvalidFilter, InvalidSyntax, InvalidValue, ScimError
from scim.protocol.listing import list_pieces, read_query, read_search

from .json_values import json_values
from .profiles import ENTERPRISE, standard

LIMITS = {"default_count": 100, "max_count": 200}


def query(**parameters):
    return read_query(parameters, standard.user, **LIMITS)


class TestParameters:
    def test_all_have_defaults(self):
        found = query()
        assert (found.filter, found.sort_by, found.descending, found.cursor) == (None, None, False, None)
        assert (found.start_index, found.count) == (1, 100)

    @pytest.mark.parametrize(
        ("sent", "start_index"), [("1", 1), ("0", 1), ("-5", 1), ("7", 7), ("9" * 30, 2**31 - 1), ("", 1)]
    )
    def test_start_at_one_at_least(self, sent, start_index):  # RFC 7644 §3.4.2.4
        assert query(startIndex=sent).start_index == start_index

    @pytest.mark.parametrize(("sent", "count"), [("2", 2), ("0", 0), ("-1", 0), ("1000", 200), (" 5 ", 5)])
    def test_count_within_bounds(self, sent, count):  # RFC 7644 §3.4.2.4
        assert query(count=sent).count == count

    @pytest.mark.parametrize("sent", ["x", "1.5", "1_000", "١", "1e3", "0x1", "9" * 5000])
    def test_have_to_be_integers(self, sent):
        for name in ("count", "startIndex"):
            with pytest.raises(InvalidValue):
                query(**{name: sent})

    def test_match_names_without_case_and_ignore_the_unknown(self):  # O5
        found = query(FILTER='userName eq "x"', STARTINDEX="3", aadOptscim062020="")
        assert (str(found.filter), found.start_index) == ('userName eq "x"', 3)

    def test_take_an_empty_filter_as_none(self):
        assert query(filter=" ").filter is None
        with pytest.raises(InvalidFilter):
            query(filter="unknown pr")

    @pytest.mark.parametrize(
        ("sort_by", "name"),
        [
            ("USERNAME", "userName"),
            ("name.familyName", "name.familyName"),
            ("emails", "emails.value"),
            (f"{ENTERPRISE}:manager", f"{ENTERPRISE}:manager.value"),
            ("unknown", None),  # S3
            ("name", None),
            ("password", None),
            (ENTERPRISE, None),
            ("", None),
        ],
    )
    def test_sort_by_what_can_be_sorted_by(self, sort_by, name):
        assert getattr(query(sortBy=sort_by).sort_by, "name", None) == name

    def test_sort_in_either_order(self):
        assert query(sortOrder="Descending").descending
        with pytest.raises(InvalidValue):
            query(sortOrder="down")

    def test_select_cursor_paging(self):  # RFC 9865
        assert query(cursor="").cursor == ""
        assert query(cursor="abc").cursor == "abc"

    def test_project(self):
        assert query(attributes="userName, name.givenName").projection.wants("name")
        assert not query(excludedAttributes="groups").projection.wants("groups")
        assert query(attributes=" , ").projection.wants("groups")


class TestSearchRequests:
    def test_say_the_same_in_a_body(self):  # RFC 7644 §3.4.3
        body = {
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
            "attributes": ["userName"],
            "filter": "title pr",
            "sortBy": "userName",
            "sortOrder": "descending",
            "startIndex": 2,
            "count": 10,
            "cursor": "",
        }
        assert read_search(body, standard.user, **LIMITS) == query(
            attributes="userName",
            filter="title pr",
            sortBy="userName",
            sortOrder="descending",
            startIndex="2",
            count="10",
            cursor="",
        )

    @pytest.mark.parametrize("body", [None, [], "x"])
    def test_have_to_be_objects(self, body):
        with pytest.raises(InvalidSyntax):
            read_search(body, standard.user, **LIMITS)

    @given(
        json_values
        | st.dictionaries(st.sampled_from(["filter", "sortBy", "count", "attributes", "cursor"]), json_values)
    )
    def test_are_read_or_refused(self, body):
        with suppress(ScimError):
            read_search(body, standard.user, **LIMITS)


class TestListResponses:
    def test_count_the_page_and_the_whole(self):  # S1
        assert told([{}, {}], total=7, start_index=3) == {
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
            "totalResults": 7,
            "startIndex": 3,
            "itemsPerPage": 2,
            "Resources": [{}, {}],
        }

    def test_have_resources_even_without_a_match(self):  # S1
        assert told([], total=0, start_index=1)["Resources"] == []

    def test_have_a_cursor_instead_of_a_total(self):  # RFC 9865 §2
        page = told([{}], next_cursor="abc")
        assert (page["nextCursor"], page["itemsPerPage"]) == ("abc", 1)
        assert not page.keys() & {"totalResults", "startIndex"}
        assert "nextCursor" not in told([{}])


def told(resources, **about):
    return json.loads(b"".join(list_pieces(resources, **about)))
