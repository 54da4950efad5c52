import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim.protocol.errors import InvalidSyntax, InvalidValue, Mutability, ScimError
from scim.protocol.resources import read_resource

from .json_values import json_values
from .profiles import (
    CORE,
    ENTERPRISE,
    LAMBDA,
    LAMBDA_GROUP,
    TESTMU,
    TESTMU_GROUP,
    TESTOMAT,
    UNKNOWN,
    lambdatest,
    standard,
    testomat,
)


def created(body, dialect=standard):
    outcome = read_resource({"userName": "babs@example.com"} | body, dialect.user, creating=True).replace({})
    assert outcome.refusals == ()
    return {name: value for name, value in outcome.resource.items() if name not in ("userName", "active")}


def refused(body, dialect=standard, kind=None):
    draft = read_resource({"userName": "babs@example.com"} | body, kind or dialect.user, creating=True)
    return {refusal.name: refusal.error for refusal in draft.refusals}


class TestCreating:
    def test_takes_what_okta_posts(self):  # S4: developer.okta.com, SCIM 2.0, create user
        body = {
            "schemas": [CORE],
            "userName": "test.user@okta.local",
            "name": {"givenName": "Test", "familyName": "User"},
            "emails": [{"primary": True, "value": "test.user@okta.local", "type": "work"}],
            "displayName": "Test User",
            "locale": "en-US",
            "externalId": "00ujl29u0le5T6Aj10h7",
            "groups": [],
            "password": "1mz050nq",
            "active": True,
        }
        expected = {key: value for key, value in body.items() if key not in ("schemas", "groups", "password")}
        assert read_resource(body, lambdatest.user, creating=True).replace({}).resource == expected

    def test_takes_what_entra_posts(self):  # S5: learn.microsoft.com, use SCIM to provision users and groups
        body = {
            "schemas": [CORE, ENTERPRISE],
            "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
            "userName": "Test_User_ab6490ee",
            "active": "True",
            "emails": [{"primary": "true", "type": "work", "value": "Test_User_fd0ea19b@testuser.com"}],
            "meta": {"resourceType": "User"},
            "name": {"formatted": "givenName familyName", "familyName": "familyName", "givenName": "givenName"},
            "roles": [],
        }
        user = read_resource(body, standard.user, creating=True).replace({}).resource
        assert user["active"] is True
        assert user["emails"] == [{"primary": True, "type": "work", "value": "Test_User_fd0ea19b@testuser.com"}]
        assert user.keys() == {"externalId", "userName", "active", "emails", "name"}

    def test_takes_what_onelogin_posts(self):  # S6: id null, empty strings, no extension URN, one object for an array
        body = {
            "schemas": [CORE],
            "id": None,
            "nickName": "",
            "emails": {"value": "babs@example.com", "type": "work"},
            "phoneNumbers": [{"value": "", "type": ""}],
            ENTERPRISE: {"department": "Tours", "division": ""},
        }
        assert created(body) == {
            "emails": [{"value": "babs@example.com", "type": "work"}],
            ENTERPRISE: {"department": "Tours"},
        }

    def test_means_an_active_user_where_active_is_left_out_or_null(self):  # U1, S3
        assert read_resource({"userName": "x"}, standard.user, creating=True).values["active"] is True
        assert read_resource({"userName": "x", "active": None}, standard.user, creating=True).values["active"] is True

    @pytest.mark.parametrize("value", [None, "", "  "])
    def test_needs_a_user_name(self, value):  # U1, S3
        assert isinstance(refused({"userName": value})["userName"], InvalidValue)

    def test_needs_a_group_name(self):  # G2
        assert "displayName" in refused({"displayName": ""}, kind=standard.group)
        assert "displayName" in refused({}, kind=standard.group)

    def test_matches_names_without_case_and_answers_in_the_schemas(self):  # P1
        assert created({"NICKNAME": "Babs", "Name": {"GIVENNAME": "B"}, ENTERPRISE.upper(): {"Department": "T"}}) == {
            "nickName": "Babs",
            "name": {"givenName": "B"},
            ENTERPRISE: {"department": "T"},
        }

    def test_returns_values_to_the_letter(self):  # S1
        body = {"nickName": " Bäbs\t", "title": "ÇEO", "timezone": "Mars/Olympus", "profileUrl": "not a url"}
        assert created(body) == body

    def test_ignores_unknown_core_attributes_and_what_is_read_only(self):  # S3, U7
        assert created({"workEmail": "a@b.c", "id": 5, "meta": "x", "groups": 7, "schemas": None}) == {}

    def test_discards_the_password(self):  # U8
        assert created({"password": "secret"}) == {}

    def test_keeps_elements_without_a_value(self):  # U8
        body = {"emails": [{"type": "work"}], "addresses": [{"primary": True, "country": "DE"}]}
        assert created(body) == body

    def test_keeps_the_last_of_several_primary_values_primary(self):
        emails = created({"emails": [{"value": "a", "primary": True}, {"value": "b", "primary": True}]})["emails"]
        assert [email["primary"] for email in emails] == [False, True]

    def test_refuses_a_body_that_is_no_object(self):
        for body in (None, [], "x", 5):
            with pytest.raises(InvalidSyntax):
                read_resource(body, standard.user)

    @pytest.mark.parametrize("schemas", [5, {"a": 1}, [5]])
    def test_refuses_schemas_that_are_no_uris(self, schemas):
        with pytest.raises(InvalidSyntax):
            read_resource({"schemas": schemas}, standard.user)

    def test_tolerates_schema_uris_that_nobody_knows(self):  # S3
        assert (
            created(
                {"schemas": ["urn:nobody", "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"]}
            )
            == {}
        )


class TestTypes:
    @pytest.mark.parametrize(
        ("name", "value"),
        [  # P1: never another JSON type for these
            ("userName", ["babs@example.com"]),
            ("userName", 5),
            ("active", [True]),
            ("active", "yes"),
            ("active", 1),
            ("active", {}),
            ("active", ""),
            ("active", []),
            ("userName", {}),
            ("userName", []),
            ("displayName", []),
            ("externalId", [{}]),
            ("name", []),
            ("name", [{"givenName": "B"}]),
            ("name", "Babs"),
            ("externalId", 701984),
            ("externalId", ["x"]),
            ("displayName", {"value": "x"}),
            ("emails", "babs@example.com"),
            ("emails", ["babs@example.com"]),
            ("emails", [{"value": ["a"]}]),
            ("emails", [{"primary": "maybe"}]),
            ("title", True),
            ("nickName", "\x00"),
            ("nickName", "\ud800"),
            (f"{ENTERPRISE}", "x"),
        ],
    )
    def test_refuses_another_json_type(self, name, value):
        assert isinstance(refused({name: value})[name], InvalidValue)

    @pytest.mark.parametrize(
        ("name", "value", "expected"),
        [
            ("roles", "Admin", '[{"value": "Admin"}]'),
            ("emails", ["babs@x.example"], '[{"value": "babs@x.example"}]'),
            ("entitlements", [5], '[{"value": "…"}]'),
            ("addresses", ["1 Main St"], "streetAddress, locality"),
            ("name", "Babs", "familyName"),
        ],
    )
    def test_says_how_to_send_what_was_sent_as_a_text(self, name, value, expected):  # S2
        assert expected in refused({name: value})[name].detail

    def test_names_the_part_that_is_wrong(self):  # S2
        assert "emails.primary" in refused({"emails": [{"primary": "maybe"}]})["emails"].detail

    @pytest.mark.parametrize("empty", [None, "", [], {}, [{}]])
    def test_takes_emptiness_for_no_value(self, empty):  # S3
        names = (
            "title",
            "emails",
            "addresses",
            "roles",
            f"{ENTERPRISE}:department",
            f"{ENTERPRISE}:manager",
            "manager",
        )
        assert created(dict.fromkeys(names, empty) | {"name": {}, "emails": [{"value": empty}, empty]}) == {}
        stored = {"title": "CEO", "emails": [{"value": "a"}], ENTERPRISE: {"department": "R&D"}}
        assert read_resource(dict.fromkeys(names, empty), standard.user).replace(stored).resource == {}

    @pytest.mark.parametrize(("word", "active"), [("Active", True), ("LOCKED_OUT", True), ("SUSPENDED", False)])
    def test_takes_oktas_words_for_active(self, word, active):  # S4
        assert read_resource({"active": word}, standard.user).values["active"] is active
        assert "emails" in refused({"emails": [{"primary": word}]})

    def test_takes_booleans_as_strings_everywhere(self):  # S3
        assert created({"addresses": [{"primary": "TRUE"}], "roles": [{"primary": "False"}]}) == {
            "addresses": [{"primary": True}],
            "roles": [{"primary": False}],
        }

    def test_takes_one_value_for_an_array_and_an_array_of_one_in_extensions(self):  # P1
        assert created({TESTOMAT: {"testomat_roles": "qa"}}, testomat) == {TESTOMAT: {"testomat_roles": ["qa"]}}
        assert created({LAMBDA: {"OrganizationRole": ["User"]}}, lambdatest) == {LAMBDA: {"OrganizationRole": "User"}}
        assert created({ENTERPRISE: {"department": []}}) == {}
        assert f"{ENTERPRISE}:department" in refused({ENTERPRISE: {"department": ["a", "b"]}})


class TestManager:
    @pytest.mark.parametrize(
        ("sent", "stored"),
        [  # P5
            ("26118915", {"value": "26118915"}),
            ({"value": "26118915"}, {"value": "26118915"}),
            ({"value": "26118915", "$ref": "../Users/26118915"}, {"value": "26118915", "$ref": "../Users/26118915"}),
            ([{"value": "26118915"}], {"value": "26118915"}),
            ({"value": "x", "displayName": "John"}, {"value": "x"}),
        ],
    )
    def test_comes_in_many_forms(self, sent, stored):
        assert created({ENTERPRISE: {"manager": sent}}) == {ENTERPRISE: {"manager": stored}}

    @pytest.mark.parametrize(
        "sent",
        [
            None,
            "",
            " ",
            {},
            [],
            [{}],
            {"value": ""},
            {"value": "  ", "$ref": "../Users/1"},
            {"value": None},
            {"value": [], "$ref": "../Users/1"},
            {"$ref": "../Users/1"},
            [None],
        ],
    )
    def test_is_none_without_a_value(self, sent):
        assert created({ENTERPRISE: {"manager": sent}}) == {}


class TestRoles:
    def test_outside_the_profile_are_refused_with_the_allowed_ones(self):  # P2
        error = refused({LAMBDA: {"OrganizationRole": "Boss"}}, lambdatest)[f"{LAMBDA}:OrganizationRole"]
        assert '"Boss"' in error.detail
        assert "Admin, User, Guest" in error.detail
        assert f"{TESTOMAT}:testomat_roles" in refused({TESTOMAT: {"testomat_roles": ["qa", "boss"]}}, testomat)

    def test_are_checked_in_the_profiles_own_attribute_only(self):  # P2
        body = {"roles": [{"value": "Anything", "type": "x"}]}
        assert created(body, lambdatest) == created(body) == body

    def test_come_from_the_profiles_own_attribute(self):  # P2, R1
        user = {"roles": [{"value": "Admin"}], LAMBDA: {"OrganizationRole": "guest"}}
        assert lambdatest.user_roles(user) == ("Guest",)
        assert standard.user_roles(user) == ("Admin",)
        assert testomat.user_roles({TESTOMAT: {"testomat_roles": ["qa", "read", "qa"]}}) == ("qa", "read")
        assert lambdatest.group_roles({LAMBDA_GROUP: {"LambdatestRoles": ["User"]}}) == ("User",)
        assert standard.group_roles({}) == standard.user_roles({"roles": [{"value": "Nothing"}, {}]}) == ()

    def test_are_read_from_entras_app_roles(self):  # S5: AppRoleAssignmentsComplex puts JSON into the value
        value = json.dumps({"id": "06b07648", "value": "Admin", "displayName": "Administrators"})
        assert standard.user_roles({"roles": [{"value": value, "type": "WindowsAzureActiveDirectoryRole"}]}) == (
            "Admin",
        )
        assert standard.user_roles({"roles": [{"value": "{"}, {"value": "{}"}, {"value": "[" * 2000}]}) == ()


class TestUserNames:
    @pytest.mark.parametrize("address", ["a@corp.local", "o'hara+tag@example.com", "a@b", f"{'x' * 242}@example.com"])
    def test_may_be_any_address_of_the_right_syntax(self, address):  # P7
        assert refused({"userName": address}, testomat) == {}

    @pytest.mark.parametrize(
        "address",
        ["bob", "a@", "@b", "a b@c.d", "a..b@c.d", ".a@b.c", "a@b..c", "a@-b.c", "a@b.c\n", f"{'x' * 243}@example.com"],
    )
    def test_have_to_be_an_address_where_the_profile_says_so(self, address):  # P7
        assert "userName" in refused({"userName": address}, lambdatest)
        assert refused({"userName": address}, standard) == {}


class TestExtensions:
    def test_nobody_knows_are_kept_unchanged(self):  # P3
        body = {
            UNKNOWN: {"Number": 7, "doors": [{"floor": None}, ""], "nested": {"a": {"b": []}}},
            "urn:acme:flat": "x",
        }
        assert created(body) == body

    def test_that_cannot_be_stored_are_refused(self):
        deep = current = {}
        for _ in range(30):
            current["a"] = current = {}
        for value in ({"a": "\x00"}, {"\x00": 1}, {"a": 2**70}, {"a": float("nan")}, deep):
            assert UNKNOWN in refused({UNKNOWN: value})

    def test_may_come_as_qualified_keys(self):
        body = {f"{ENTERPRISE}:department": "T", f"{TESTOMAT}.testomat_roles": ["qa"], f"{CORE}:nickName": "B"}
        assert created(body, testomat) == {
            "nickName": "B",
            ENTERPRISE: {"department": "T"},
            TESTOMAT: {"testomat_roles": ["qa"]},
        }

    @pytest.mark.parametrize("name", ["{}", f"{CORE}:{{}}", "urn:scim:schemas:core:1.0:{}", f"{CORE}.{{}}"])
    def test_need_no_urn_where_core_has_no_such_name(self, name):  # P8
        body = {name.format("employeenumber"): "7", name.format("testomat_roles"): ["qa"], name.format("manager"): "9"}
        assert created(body, testomat) == {
            ENTERPRISE: {"employeeNumber": "7", "manager": {"value": "9"}},
            TESTOMAT: {"testomat_roles": ["qa"]},
        }
        assert f"{TESTOMAT}:testomat_roles" in refused({name.format("testomat_roles"): ["boss"]}, testomat)

    @pytest.mark.parametrize("urn", [CORE, "urn:scim:schemas:core:1.0"])
    def test_may_stand_in_an_object_under_the_core_urn(self, urn):  # P8
        body = {urn: {"nickName": "B", "department": "T", "active": "False", "unknown": 1}}
        user = read_resource(body, standard.user).replace({}).resource
        assert user == {"nickName": "B", "active": False, ENTERPRISE: {"department": "T"}}
        assert refused({urn: "x"}).keys() == {urn}

    @pytest.mark.parametrize(
        "qualified", [{f"{LAMBDA}:OrganizationRole": "User"}, {TESTMU: {"OrganizationRole": "User"}}]
    )
    @pytest.mark.parametrize("short", ["OrganizationRole", f"{CORE}:OrganizationRole"])
    @pytest.mark.parametrize("value", ["Admin", "Boss", None])
    @pytest.mark.parametrize("first", [True, False])
    def test_named_with_their_urn_beat_those_without(self, qualified, short, value, first):  # P8
        body = {short: value} | qualified if first else qualified | {short: value}
        assert created(body, lambdatest) == {LAMBDA: {"OrganizationRole": "User"}}

    def test_are_spelled_as_before_where_only_a_short_name_was_written(self):  # P1
        outcome = read_resource({"OrganizationRole": "User"}, lambdatest.user).replace({})
        assert outcome.spelling == {}
        listed = read_resource({"schemas": [TESTMU], "OrganizationRole": "User"}, lambdatest.user).replace({})
        assert listed.spelling == {LAMBDA: TESTMU}

    def test_keep_a_role_that_a_put_names_without_its_urn(self):  # P8, U7
        stored = {"userName": "a@b.c", LAMBDA: {"OrganizationRole": "Admin"}}
        new = read_resource({"OrganizationRole": "Guest"}, lambdatest.user).replace(stored).resource
        assert new[LAMBDA] == {"OrganizationRole": "Guest"}

    def test_are_known_by_their_alias(self):  # P1
        outcome = read_resource(
            {"userName": "a@b", TESTMU.lower(): {"OrganizationRole": "User"}}, lambdatest.user
        ).replace({})
        assert outcome.resource[LAMBDA] == {"OrganizationRole": "User"}
        assert outcome.spelling == {LAMBDA: TESTMU}

    def test_are_spelled_as_schemas_lists_them(self):  # P1
        body = {"schemas": [TESTMU_GROUP], "displayName": "A"}
        assert read_resource(body, lambdatest.group).replace({}).spelling == {LAMBDA_GROUP: TESTMU_GROUP}

    @pytest.mark.parametrize(("first", "second"), [("User", "Admin"), ("Admin", "User")])
    def test_in_both_spellings_take_the_value_that_is_new(self, first, second):  # P1
        body = {LAMBDA: {"OrganizationRole": first}, TESTMU: {"OrganizationRole": second}}
        outcome = read_resource(body, lambdatest.user).replace(
            {"userName": "a@b", LAMBDA: {"OrganizationRole": "User"}}
        )
        assert outcome.resource[LAMBDA] == {"OrganizationRole": "Admin"}
        assert outcome.spelling == {LAMBDA: TESTMU if second == "Admin" else LAMBDA}


class TestReplacing:
    STORED = {
        "userName": "babs@example.com",
        "name": {"givenName": "B"},
        "active": False,
        "title": "CEO",
        "externalId": "7",
        LAMBDA: {"OrganizationRole": "Admin", "LambdatestGroup": "Pool"},
    }

    def replaced(self, body, stored=STORED):
        return read_resource(body, lambdatest.user).replace(stored)

    def test_keeps_name_active_and_role_where_they_are_left_out(self):  # U7
        assert self.replaced({}).resource == {
            "userName": "babs@example.com",
            "name": {"givenName": "B"},
            "active": False,
            LAMBDA: {"OrganizationRole": "Admin"},
        }
        assert self.replaced({LAMBDA: {"LambdatestGroup": "P2"}}).resource[LAMBDA] == {
            "OrganizationRole": "Admin",
            "LambdatestGroup": "P2",
        }

    def test_clears_what_is_null_or_empty(self):  # S3
        new = self.replaced({"name": None, "userName": None, "active": None, LAMBDA: {"OrganizationRole": ""}}).resource
        assert new == {"userName": "babs@example.com", "active": False}
        assert self.replaced({LAMBDA: None}).resource.keys() == {"userName", "name", "active"}

    def test_refuses_another_user_name_where_it_is_fixed(self):  # U6
        outcome = self.replaced({"userName": "other@example.com"})
        assert [type(refusal.error) for refusal in outcome.refusals] == [Mutability]
        assert outcome.resource["userName"] == "babs@example.com"

    def test_takes_other_letter_case_as_no_change(self):  # U6
        outcome = self.replaced({"userName": "BABS@example.com"})
        assert (outcome.refusals, outcome.resource["userName"]) == ((), "babs@example.com")

    def test_changes_letter_case_where_user_names_may_change(self):
        assert (
            read_resource({"userName": "BABS"}, standard.user).replace({"userName": "babs"}).resource["userName"]
            == "BABS"
        )

    def test_deactivates_whatever_else_is_wrong(self):  # U4
        body = {"active": False, "userName": "other@x", "title": 5, "name": "x", LAMBDA: {"OrganizationRole": "Boss"}}
        draft = read_resource(body, lambdatest.user)
        outcome = draft.replace(self.STORED | {"active": True})
        assert draft.deactivates
        assert {name: outcome.resource.get(name) for name in ("active", "userName", "title", "name")} == {
            "active": False,
            "userName": "babs@example.com",
            "title": "CEO",
            "name": {"givenName": "B"},
        }
        assert outcome.resource[LAMBDA] == {"OrganizationRole": "Admin"}
        assert {refusal.name for refusal in outcome.refusals} == {
            "userName",
            "title",
            "name",
            f"{LAMBDA}:OrganizationRole",
        }

    def test_leaves_the_stored_resource_as_it_was(self):
        before = json.dumps(self.STORED)
        self.replaced({"title": 5, LAMBDA: {"OrganizationRole": "Boss", "LambdatestGroup": None}})
        assert json.dumps(self.STORED) == before


class TestGroups:
    STORED = {"displayName": "A", "externalId": "1", LAMBDA_GROUP: {"LambdatestRoles": ["User"]}}

    def test_keep_name_and_extension_where_a_put_leaves_them_out(self):  # G9
        assert read_resource({}, lambdatest.group).replace(self.STORED).resource == {
            "displayName": "A",
            LAMBDA_GROUP: {"LambdatestRoles": ["User"]},
        }

    @pytest.mark.parametrize(
        ("body", "ids"),
        [
            ({}, None),
            ({"members": None}, None),  # G9, S3
            ({f"{CORE.replace('User', 'Group')}:members": [{"value": "1"}]}, ("1",)),
            ({"members": []}, ()),  # G9
            ({"members": [{"value": "1"}, {"value": "2", "$ref": None}, {"Value": "1"}]}, ("1", "2")),  # G3
            ({"members": {"value": "1", "type": "User", "display": "x"}}, ("1",)),  # P1
        ],
    )
    def test_have_their_members_apart(self, body, ids):
        draft = read_resource({"displayName": "A"} | body, standard.group)
        assert (draft.members, draft.refusals) == (ids, [])
        assert "members" not in draft.replace({}).resource

    @pytest.mark.parametrize(
        "members",
        [
            "",
            {},
            "1",
            ["1"],
            [""],
            [None],
            [{}],
            [{"value": "1"}, {}],
            [{"value": 1}],
            [{"value": ""}],
            [{"$ref": "/Users/1"}],
            5,
        ],
    )
    def test_refuse_members_that_name_nobody(self, members):
        assert "members" in refused({"displayName": "A", "members": members}, kind=standard.group)


@given(
    json_values
    | st.dictionaries(st.sampled_from([*standard.user.by_name, ENTERPRISE, LAMBDA, UNKNOWN, "schemas"]), json_values)
)
def test_any_json_is_read_or_refused(body):
    for dialect in (standard, lambdatest):
        for kind in dialect.resource_types:
            try:
                outcome = read_resource(body, kind, creating=True).replace({})
            except ScimError as error:
                json.dumps(error.body(), ensure_ascii=False).encode()
            else:
                json.dumps(outcome.resource, ensure_ascii=False, allow_nan=False).encode()


@given(st.dictionaries(st.sampled_from([*standard.user.schema.by_name, ENTERPRISE, UNKNOWN]), json_values))
def test_a_put_of_what_was_read_changes_nothing(body):  # S4
    stored = read_resource(body, standard.user).replace({}).resource
    assert read_resource(stored, standard.user).replace(stored).resource == stored
