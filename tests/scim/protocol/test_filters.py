import contextlib
import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim.protocol.errors import InvalidFilter
from scim.protocol.evaluate import matches
from scim.protocol.filters import And, Compare, ElementMatch, Not, Or, Present, read_filter

from .profiles import ENTERPRISE, LAMBDA, TESTMU, lambdatest, standard

USER = standard.user

BABS = {
    "id": "2819c223",
    "userName": "bJensen@Example.com",
    "externalId": "701984",
    "name": {"familyName": "O'Malley", "givenName": "Bárbara"},
    "active": True,
    "title": "Tour Guide",
    "emails": [
        {"value": "babs@example.com", "type": "work", "primary": True},
        {"value": "babs@jensen.org", "type": "home"},
    ],
    "meta": {"resourceType": "User", "lastModified": "2011-05-13T04:42:34.1234567Z"},
    ENTERPRISE: {"department": "Tours", "manager": {"value": "26118915"}},
}


def holds(text, resource=BABS, kind=USER):
    return matches(read_filter(text, kind), resource)


class TestTheGrammar:
    @pytest.mark.parametrize(
        "text",
        [  # RFC 7644 §3.4.2.2, the examples
            'userName eq "bjensen@example.com"',
            'name.familyName co "O\'Malley"',
            'userName sw "B"',
            'urn:ietf:params:scim:schemas:core:2.0:User:userName sw "b"',
            "title pr",
            'meta.lastModified gt "2011-05-13T04:42:34Z"',
            'meta.lastModified ge "2011-05-13T04:42:34Z"',
            'meta.lastModified lt "2012-05-13T04:42:34Z"',
            'meta.lastModified le "2011-05-13T06:42:35+02:00"',
            'title pr and userName sw "b"',
            'title pr or userType eq "Intern"',
            'userType ne "Employee" and not (emails co "example.net" or emails.value co "example.net")',
            'emails[type eq "work" and value co "@example.com"]',
            'emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp" and value co "@foo.com"]',
            f'{ENTERPRISE}:department eq "tours"',
            f'{ENTERPRISE}:manager.value eq "26118915"',
        ],
    )
    def test_holds_for_the_examples_of_the_rfc(self, text):
        assert holds(text)

    def test_and_binds_tighter_than_or(self):
        assert isinstance(read_filter("title pr or active pr and id pr", USER), Or)
        assert isinstance(read_filter("(title pr or active pr) and id pr", USER), And)

    def test_not_needs_parentheses(self):
        assert isinstance(read_filter("NOT(title pr)", USER), Not)
        with pytest.raises(InvalidFilter):
            read_filter("not title pr", USER)

    def test_takes_operators_and_names_in_any_case_and_loose_spaces(self):  # S3, S6: PingOne's `userName Eq`
        expected = read_filter('userName eq "bob"', USER)
        assert read_filter('  USERNAME   Eq   "bob" ', USER) == expected
        assert read_filter('username EQ"bob"', USER) == expected

    def test_reads_json_escapes(self):
        assert read_filter(r'userName eq "a\"b\\c\u00e9\n]"', USER).value == 'a"b\\cé\n]'

    def test_takes_a_condition_after_a_value_path(self):  # S5
        found = read_filter('emails[type eq "work"].value eq "BABS@example.com"', USER)
        assert isinstance(found, ElementMatch)
        assert matches(found, BABS)
        assert not holds('emails[type eq "home"].value eq "babs@example.com"')

    def test_takes_an_alias_with_a_space_and_a_dot_for_the_last_colon(self):  # P1
        expected = read_filter(f'{LAMBDA}:OrganizationRole eq "Admin"', lambdatest.user)
        assert read_filter(f'{TESTMU.upper()}.organizationrole eq "Admin"', lambdatest.user) == expected
        assert (
            read_filter(f'active eq true and {TESTMU}:OrganizationRole eq "Admin"', lambdatest.user).terms[1]
            == expected
        )

    @pytest.mark.parametrize(
        "text",
        [
            "",
            " ",
            "userName",
            "userName eq",
            'userName eq "bob',
            'userName is "bob"',
            'userName eq "bob" and',
            'userName eq "bob" userName eq "bob"',
            '(userName eq "bob"',
            'userName eq "bob")',
            'emails[type eq "work"',
            'emails[emails[type eq "work"]]',
            'userName[value eq "x"]',
            r'userName eq "\x"',
            r'userName eq "\ud800"',
            r'userName eq "\u0000"',
            'userName eq bob"',
            "userName eq (bob)",
            "userName eq \x00",
            "externalId eq bob ross",
            "title co null",
            "userName co",
            "active eq 1e999",
            "meta.created gt 2011",
            "meta.created gt " + "1" * 400,
            "meta.created gt 2011-05-13T04:42:34 00:00",
            "userName gt null",
            "active gt true",
            'active co "t"',
            'active eq "yes"',
            "active eq 1",
            'meta.created co "2011"',
            'meta.created gt "yesterday"',
            'meta.created gt "0001-01-01T00:00:00+14:00"',
            'name eq "x"',
            'x509Certificates.value gt "MII"',
            'unknown eq "1"',
            'userName.value eq "1"',
            'emails[userName eq "x"]',
            "urn:ietf:params:scim:schemas:core:2.0:User pr",
            'urn:acme:badges:2.0:User:number eq "1"',
            'password eq "secret"',
            "password pr",
            "(" * 21 + "title pr" + ")" * 21,
            " or ".join(["title pr"] * 101),
            f'userName eq "{"x" * 4096}"',
        ],
    )
    def test_refuses_what_it_cannot_answer(self, text):  # S3: never ignored, never guessed
        with pytest.raises(InvalidFilter):
            read_filter(text, USER)

    @pytest.mark.parametrize(
        "text",
        [  # S3: older authentik, Microsoft's samples
            "userName eq bjensen@example.com",
            "userName sw B",
            "externalId eq 701984",
            "externalId sw 70",
            "name.FamilyName eq O'Malley and (emails.Value co example.com or emails.value co x)",
            "emails[type eq work and value co @example.com]",
            "meta.LastModified gt 2011-05-13T04:42:34Z",
            "meta.lastModified gt 2010-10-10T14:38:21.86-07:00",
            f"{ENTERPRISE}:manager eq 26118915",
        ],
    )
    def test_takes_a_bare_word_for_the_text_it_is(self, text):
        assert holds(text)

    @pytest.mark.parametrize("sent", ["1e3", "1000", "-0.50", "true", "FALSE", "1" * 400, "1e999", "null1", "-"])
    def test_takes_a_number_or_literal_for_its_text_where_it_compares_text(self, sent):  # S3
        assert read_filter(f"externalId eq {sent}", USER).value == sent
        assert read_filter(f'externalId eq "{sent}"', USER).value == sent

    def test_null_is_no_text(self):
        assert not holds("externalId eq null")
        assert holds("nickName eq NULL")
        assert holds('nickName eq "null"', {"nickName": "null"})

    def test_tells_how_to_write_a_plus(self):
        with pytest.raises(InvalidFilter, match="%2B"):
            read_filter('meta.created gt "2024-01-01T00:00:00 00:00"', USER)

    def test_names_the_unknown_attribute(self):
        with pytest.raises(InvalidFilter, match="workEmail"):
            read_filter('workEmail eq "a@b.c"', USER)

    @pytest.mark.parametrize(
        "text", ["(" * 4000, "not " * 1000, '"' * 4000, "a[" * 2000, " " * 4096, "title pr " * 450]
    )
    def test_answers_hostile_text_in_steps_proportional_to_its_length(self, text):
        steps = 0

        def count(frame, event, arg):
            nonlocal steps
            steps += event in ("call", "c_call")

        sys.setprofile(count)
        try:
            with pytest.raises(InvalidFilter):
                read_filter(text, USER)
        finally:
            sys.setprofile(None)
        assert steps < 20 * len(text)


class TestMatching:
    def test_compares_names_without_case_and_ids_with(self):
        assert holds('userName eq "BJENSEN@EXAMPLE.COM"')
        assert not holds('id eq "2819C223"')

    def test_compares_composed_and_decomposed_letters_alike(self):
        assert holds('name.givenName eq "ba\u0301rbara"')

    def test_takes_booleans_as_strings(self):  # S3
        assert holds('active eq "True"')
        assert holds('emails[primary eq "true" and type eq "work"]')

    @pytest.mark.parametrize("word", ["True", "TRUE", '"tRuE"', "true", "ACTIVE", '"locked_out"'])
    def test_takes_every_word_for_a_boolean(self, word):  # S3, S4
        assert holds(f"active eq {word}")
        assert not holds(f"active ne {word}")
        if "t" in word.lower()[:3] and "a" not in word.lower():
            assert holds(f"emails[primary eq {word}]")

    def test_compares_a_complex_attribute_by_its_value(self):
        assert holds('emails co "jensen.org"')
        assert holds(f'{ENTERPRISE}:manager eq "26118915"')

    def test_one_element_has_to_satisfy_a_value_path(self):
        assert not holds('emails[type eq "home" and value co "example.com"]')
        assert holds('emails.type eq "home" and emails.value co "example.com"')

    def test_holds_for_ne_where_any_element_differs_or_there_is_none(self):
        assert holds('emails.type ne "work"')
        assert holds('nickName ne "Babs"')
        assert holds('phoneNumbers.type ne "work"')
        assert not holds('title ne "tour guide"')

    def test_takes_null_as_absence(self):
        assert holds("nickName eq null")
        assert holds("title ne null")
        assert not holds("title eq null")

    def test_fails_for_order_and_text_operators_on_what_is_absent(self):
        assert not any(holds(f'nickName {op} ""') for op in ("eq", "co", "sw", "ew", "gt", "ge", "lt", "le"))

    def test_takes_an_empty_value_as_absent(self):
        assert not holds("emails pr", {"emails": []})
        assert not holds("name.givenName pr", {"name": {}})
        assert holds("active pr", {"active": False})


names = st.sampled_from(["userName", "name.givenName", "emails.type", f"{ENTERPRISE}:department", "externalId"])
strings = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8)
comparisons = st.one_of(
    st.builds(
        lambda n, op, v: f"{n} {op} {json.dumps(v)}",
        names,
        st.sampled_from(["eq", "ne", "co", "sw", "ew", "gt", "le"]),
        strings,
    ),
    st.builds(lambda n: f"{n} pr", names),
    st.builds(lambda v: f"active Eq {v}", st.sampled_from(["true", "FALSE", '"True"', "null"])),
    st.builds(lambda d: f'meta.created ge "{d.isoformat()}"', st.datetimes()),
    st.builds(lambda v: f"emails[type eq {json.dumps(v)} or not (primary pr)]", strings),
)
filters = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.builds("({}) and {}".format, inner, inner),
        st.builds("{} or ({})".format, inner, inner),
        st.builds("not ({})".format, inner),
    ),
    max_leaves=12,
)


class TestProperties:
    @given(filters)
    def test_a_filter_printed_and_read_again_is_the_same(self, text):
        found = read_filter(text, USER)
        assert read_filter(str(found), USER) == found

    @given(filters)
    def test_every_filter_can_be_evaluated_and_negated(self, text):
        assert holds(text) is not holds(f"not ({text})")

    @given(st.text(max_size=60))
    def test_any_text_parses_or_is_refused(self, text):
        try:
            read_filter(text, USER)
        except InvalidFilter as error:
            json.dumps(error.body(), ensure_ascii=False).encode()

    @given(
        st.lists(
            st.sampled_from([*'()[]."', "userName", "emails", "eq", "pr", "and", "not", '"x"', " ", "null", "1e9"])
        )
    )
    def test_any_words_parse_or_are_refused(self, words):
        with contextlib.suppress(InvalidFilter):
            read_filter(" ".join(words), USER)

    def test_the_tree_is_typed(self):
        found = read_filter('userName eq "x" and (active eq true or title pr)', USER)
        compare = Compare(USER.find("userName"), "eq", "x")
        either = Or((Compare(USER.find("active"), "eq", True), Present(USER.find("title"))))
        assert found == And((compare, either))
