import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim.protocol.core import ENTERPRISE as ENTERPRISE_USER
from scim.protocol.core import USER as CORE_USER
from scim.protocol.errors import InvalidFilter, InvalidPath, ScimError
from scim.protocol.paths import UnknownAttribute, read_path
from scim.protocol.schema import Attribute, ResourceType, Schema

from .profiles import CORE, ENTERPRISE, LAMBDA, TESTMU, TESTOMAT, UNKNOWN, lambdatest, standard, testomat

USER = standard.user


def name(text, kind=USER):
    return read_path(text, kind).ref.name


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("USERNAME", "userName"),
        ("name.GivenName", "name.givenName"),
        ("emails.value", "emails.value"),
        (f"{CORE}:name.familyName", "name.familyName"),
        (CORE, ""),
        (ENTERPRISE, ENTERPRISE),
        (f"{ENTERPRISE.lower()}:MANAGER.value", f"{ENTERPRISE}:manager.value"),
        (f"{ENTERPRISE}:manager.$ref", f"{ENTERPRISE}:manager.$ref"),
        ('emails[type eq "work"].value', "emails.value"),
        (' addresses[type eq "]" or primary eq true] ', "addresses"),
        (f'{CORE}:emails[type eq "work"].value', "emails.value"),
    ],
)
def test_a_path_leads_to_one_place_however_it_is_spelled(text, canonical):  # P1
    assert name(text) == canonical


def test_a_dot_stands_for_the_last_colon_of_an_extension():  # P1
    assert name(f"{TESTOMAT}.testomat_roles", testomat.user) == f"{TESTOMAT}:testomat_roles"


@pytest.mark.parametrize(
    ("text", "canonical"),
    [("manager", f"{ENTERPRISE}:manager"), ("Manager.Value", f"{ENTERPRISE}:manager.value"), ("roles", "roles")],
)
def test_an_extension_attribute_needs_no_urn_where_nothing_else_has_its_name(text, canonical):  # RFC 7644 §3.10
    assert name(text) == canonical


def test_a_name_that_two_extensions_have_is_the_profiles():  # P8
    own = Schema("urn:x", "", "", (Attribute("Manager"), Attribute("title")))
    both = ResourceType("User", "/Users", CORE_USER, (ENTERPRISE_USER, own), ())
    assert name("manager", both) == name(f"{CORE}:MANAGER", both) == "urn:x:Manager"
    assert name("department", both) == f"{ENTERPRISE}:department"
    assert name("title", both) == "title"
    with pytest.raises(UnknownAttribute):
        read_path("manager.value", both)


def test_a_name_without_urn_says_nothing_about_the_alias():  # P1
    assert read_path("OrganizationRole", lambdatest.user).spelling is None


def test_a_plain_array_is_filtered_by_value():
    assert str(read_path(f'{TESTOMAT}:testomat_roles[value eq "qa"]', testomat.user).filter) == 'value eq "qa"'


def test_a_path_remembers_the_alias_it_was_written_with():  # P1
    path = read_path(f"{TESTMU.lower()}:OrganizationRole", lambdatest.user)
    assert (path.ref.name, path.spelling) == (f"{LAMBDA}:OrganizationRole", TESTMU)
    assert read_path(f"{LAMBDA}:OrganizationRole", lambdatest.user).spelling == LAMBDA


@pytest.mark.parametrize(
    "text",
    [
        "unknown",
        "userName.value",
        "name.unknown",
        f"{ENTERPRISE}:unknown",
        f"{CORE}:unknown",
        "urn:ietf:params:scim:schemas:core:2.0:Group:displayName",
        UNKNOWN,
        f"{UNKNOWN}:a b",
        'emails[type eq "work"].unknown',
        'emails[type eq "work"]value',
        "urn:",
    ],
)
def test_a_path_to_nowhere_is_an_unknown_attribute(text):  # S3
    with pytest.raises(UnknownAttribute):
        read_path(text, USER)


@pytest.mark.parametrize(
    "text",
    ["", " ", "a b", "[type eq 1]", "1", "userName[value pr]", "x" * 5000, f"{UNKNOWN}:a[b pr]", "name[givenName pr]"],
)
def test_what_is_no_path_is_refused(text):
    with pytest.raises(InvalidPath):
        read_path(text, USER)


@pytest.mark.parametrize(
    "text", ["emails[", "emails[]", 'emails[unknown eq "x"]', "emails[primary gt true]", "emails[value pr"]
)
def test_a_wrong_filter_in_a_path_is_an_invalid_filter(text):  # RFC 7644 table 9
    with pytest.raises(InvalidFilter):
        read_path(text, USER)


@given(st.text(max_size=40) | st.from_regex(r"(urn:[a-z:.0-9 ]*|emails\[[a-z\" ]*\])\.?[a-z]*"))
def test_any_text_is_a_path_or_refused(text):
    with contextlib.suppress(ScimError):
        read_path(text, USER)
