import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim.protocol.projection import everything, read_projection

from .profiles import CORE, ENTERPRISE, LAMBDA, TESTMU, UNKNOWN, lambdatest, standard

USER = standard.user
BABS = {
    "id": "2819c223",
    "userName": "babs",
    "name": {"givenName": "Barbara", "familyName": "Jensen"},
    "emails": [{"value": "a@b.c", "type": "work"}, {"type": "home"}],
    "groups": [],
    "password": "secret",
    ENTERPRISE: {"department": "Tours", "manager": {"value": "1", "$ref": "../Users/1"}},
    UNKNOWN: {"number": 7},
    "meta": {"resourceType": "User"},
}


def shown(only="", without=""):
    names = [[name for name in text.split(",") if name] for text in (only, without)]
    return read_projection(*names, USER).apply(BABS)


def test_shows_everything_but_the_password_by_default():  # U8
    expected = {name: value for name, value in BABS.items() if name not in ("password", "groups")}
    assert shown() == {"schemas": [CORE, UNKNOWN, ENTERPRISE]} | expected
    assert next(iter(shown())) == "schemas"


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        ("userName", {"userName": "babs"}),
        ("USERNAME,id", {"userName": "babs"}),
        (f"{CORE}:userName", {"userName": "babs"}),
        ("name.givenName", {"name": {"givenName": "Barbara"}}),
        ("name,name.givenName", {"name": BABS["name"]}),
        ("emails.value", {"emails": [{"value": "a@b.c"}]}),
        ("unknown", {}),  # S3
        ('password,emails[type eq "work"]', {}),
        (ENTERPRISE, {ENTERPRISE: BABS[ENTERPRISE]}),
        (f"{ENTERPRISE}:department", {ENTERPRISE: {"department": "Tours"}}),
        (f"{ENTERPRISE}:manager.value", {ENTERPRISE: {"manager": {"value": "1"}}}),
        (f"{UNKNOWN}:number", {UNKNOWN: {"number": 7}}),
    ],
)
def test_shows_what_is_asked_for_and_what_is_always_returned(only, expected):
    schemas = [CORE, *(name for name in expected if ":" in name)]
    assert shown(only) == {"schemas": schemas, "id": "2819c223"} | expected


@pytest.mark.parametrize(
    ("without", "gone"),
    [
        ("name", lambda user: user.pop("name")),
        ("NAME.givenName", lambda user: user["name"].pop("givenName")),
        ("emails.type", lambda user: user.update(emails=[{"value": "a@b.c"}])),
        (f"{ENTERPRISE}:manager", lambda user: user[ENTERPRISE].pop("manager")),
        ("id,schemas,unknown", lambda user: None),  # returned: always
    ],
)
def test_leaves_out_what_is_excluded(without, gone):
    expected = json.loads(json.dumps(shown()))
    gone(expected)
    assert shown(without=without) == expected


def test_counts_attributes_where_both_are_sent():
    assert shown("userName,name", "name").keys() == {"schemas", "id", "userName", "name"}


def test_tells_what_need_not_be_loaded():  # G8, S5
    group = standard.group
    assert everything(group).wants("members")
    assert not read_projection([], ["members"], group).wants("members")
    assert not read_projection(["displayName"], [], group).wants("members")
    assert read_projection(["members.value"], [], group).wants("members")
    assert read_projection([], ["members.display"], group).wants("members")


def test_answers_in_the_spelling_last_written():  # P1
    user = everything(lambdatest.user).apply({LAMBDA: {"OrganizationRole": "User"}}, {LAMBDA: TESTMU})
    assert user == {"schemas": [CORE, TESTMU], TESTMU: {"OrganizationRole": "User"}}


names = st.lists(st.sampled_from([*USER.names, "unknown", "password.value", "*"]) | st.text(max_size=5), max_size=4)


@given(names, names)
def test_never_shows_what_is_never_returned(only, without):
    user = read_projection(only, without, USER).apply(BABS)
    assert "secret" not in json.dumps(user)
    assert user["id"] == BABS["id"]
    assert user["schemas"] == [CORE, *sorted(name for name in user if ":" in name)]
