import copy
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scim.protocol.apply import apply_patch
from scim.protocol.errors import (
    InvalidFilter,
    InvalidPath,
    InvalidSyntax,
    InvalidValue,
    Mutability,
    NoTarget,
    ScimError,
)
from scim.protocol.patch import read_patch

from .json_values import json_values
from .profiles import CORE, ENTERPRISE, LAMBDA, LAMBDA_GROUP, TESTMU, TESTOMAT, UNKNOWN, lambdatest, standard, testomat

PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

BABS = {
    "id": "2819c223",
    "userName": "babs@example.com",
    "name": {"givenName": "Barbara", "familyName": "Jensen"},
    "active": True,
    "emails": [
        {"value": "babs@example.com", "type": "work", "primary": True},
        {"value": "babs@jensen.org", "type": "home"},
    ],
    ENTERPRISE: {"department": "Tours", "manager": {"value": "1", "$ref": "../Users/1"}},
}


def body(*operations):
    return {
        "schemas": [PATCH_OP],
        "Operations": [dict(zip(("op", "path", "value"), op, strict=False)) for op in operations],
    }


def patched(*operations, user=BABS, dialect=standard):
    """The user after the operations, none of which is refused, and which repeated leave the same."""
    before = copy.deepcopy(user)
    patch = read_patch(body(*operations), dialect.user)
    outcome = apply_patch(patch, dialect.user, user)
    assert outcome.refusals == ()
    assert user == before
    again = apply_patch(patch, dialect.user, outcome.resource)
    assert again.refusals or again.resource == outcome.resource
    return outcome.resource


def refusals(*operations, user=BABS, dialect=standard):
    outcome = apply_patch(read_patch(body(*operations), dialect.user), dialect.user, user)
    return {refusal.name: type(refusal.error) for refusal in outcome.refusals}


def members(*operations):
    patch = read_patch(body(*operations), standard.group)
    assert (patch.writes, patch.refusals) == ((), ())
    return [(write.op, *write.ids) for write in patch.members]


class TestTheEnvelope:
    @pytest.mark.parametrize(
        "sent",
        [
            None,
            [],
            "x",
            {},
            {"Operations": None},
            {"Operations": []},
            {"Operations": {"op": "add"}},  # P1
            {"Operations": ["add"]},
            {"Operations": [{}]},
            {"Operations": [{"op": None, "path": "title", "value": "x"}]},
            {"Operations": [{"op": "upsert", "path": "title", "value": "x"}]},
            {"Operations": [{"op": "add", "path": 5, "value": "x"}]},
            {"Operations": [{"op": "add", "value": "x"}]},
            {"Operations": [{"op": "replace"}]},
        ],
    )
    def test_that_is_broken_is_refused_as_a_whole(self, sent):
        with pytest.raises(InvalidSyntax):
            read_patch(sent, standard.user)

    def test_takes_names_in_any_letter_case_and_no_schemas(self):  # S3
        patch = read_patch({"operations": [{"OP": "RePlace", "Path": "TITLE", "Value": "x"}]}, standard.user)
        assert [(write.op, write.name, write.value) for write in patch.writes] == [("replace", "title", "x")]

    def test_is_limited(self):
        with pytest.raises(ScimError, match="at most 2") as caught:
            read_patch(body(*[("add", "title", "x")] * 3), standard.user, max_operations=2)
        assert caught.value.status == 413


class TestDeactivation:
    @pytest.mark.parametrize(
        "operation",
        [
            ("replace", None, {"active": False}),  # S4: Okta, without a path
            ("replace", "active", False),
            ("Replace", "active", "False"),  # S5: Entra's legacy dialect
            ("Add", "ACTIVE", "false"),
            ("replace", f"{CORE}:active", False),
            ("replace", "", {"active": "False"}),
            ("replace", CORE, {"active": False}),
            ("replace", None, {"urn:scim:schemas:core:1.0": {"active": False}}),  # SCIM 1.1
            ("replace", "urn:scim:schemas:core:1.0:active", False),
            ("replace", "active", "DEPROVISIONED"),  # S4
            ("replace", None, {"active": "suspended"}),
            ("add", "active", "Staged"),
        ],
    )
    def test_is_understood_in_every_dialect(self, operation):
        assert read_patch(body(operation), standard.user).deactivates
        assert patched(operation)["active"] is False

    def test_is_what_the_last_operation_says(self):
        assert not read_patch(
            body(("replace", "active", False), ("replace", "active", True)), standard.user
        ).deactivates

    def test_happens_whatever_else_is_wrong(self):  # U4
        operations = [
            ("replace", "userName", "other@example.com"),
            ("replace", f"{LAMBDA}:OrganizationRole", "Boss"),
            ("replace", "unknown", "x"),
            ("replace", "a b", "x"),
            ("replace", 'emails[kind eq "x"].value', "x"),
            ("replace", "id", "x"),
            ("replace", "title", 5),
            ("replace", 'emails[value eq "nobody"].type', "work"),
            ("replace", "active", False),
        ]
        patch = read_patch(body(*operations), lambdatest.user)
        outcome = apply_patch(patch, lambdatest.user, BABS)
        assert patch.deactivates
        assert outcome.resource == BABS | {"active": False}
        assert len(outcome.refusals) == 8

    @pytest.mark.parametrize(
        "operation", [("remove", "active"), ("replace", "active", None), ("replace", None, {"active": None})]
    )
    def test_does_not_follow_from_removing_active(self, operation):  # S3
        assert patched(operation) == BABS

    @pytest.mark.parametrize(
        "word", ["ACTIVE", "PROVISIONED", "RECOVERY", "LOCKED_OUT", "PASSWORD_EXPIRED", "Active", "TRUE"]
    )
    def test_is_undone_by_every_word_for_true(self, word):  # S4
        assert patched(("replace", "active", word), user=BABS | {"active": False})["active"] is True

    @pytest.mark.parametrize("value", ["", [], {}, [{}], "Inactive", 0, "0", "yes"])
    def test_is_no_other_word(self, value):  # S3, P1
        assert refusals(("replace", "active", value)) == {"active": InvalidValue}
        assert refusals(("replace", None, {"active": value})) == {"active": InvalidValue}


class TestSingleValues:
    @pytest.mark.parametrize("op", ["add", "replace"])
    def test_are_set(self, op):
        assert patched((op, "title", "CEO"))["title"] == "CEO"
        assert patched((op, "name.givenName", "Babs"))["name"] == {"givenName": "Babs", "familyName": "Jensen"}
        assert patched((op, f"{ENTERPRISE}:department", "IT"))[ENTERPRISE]["department"] == "IT"

    def test_of_a_complex_attribute_are_merged(self):  # RFC 7644 §3.5.2.3
        assert patched(("replace", "name", {"givenName": "B", "familyName": ""}))["name"] == {"givenName": "B"}

    @pytest.mark.parametrize(
        "operation", [("remove", "name"), ("replace", "name", None), ("replace", None, {"name": ""})]
    )
    def test_are_cleared(self, operation):  # S3
        assert "name" not in patched(operation)

    @pytest.mark.parametrize("empty", [None, "", {}])
    @pytest.mark.parametrize("name", ["name", "title", "emails", f"{ENTERPRISE}:department", f"{ENTERPRISE}:manager"])
    def test_are_cleared_by_emptiness_which_adds_nothing(self, name, empty):  # S3
        user = BABS | {"title": "CEO"}
        assert patched(("replace", name, empty), user=user) == patched(("remove", name), user=user)
        assert patched(("add", name, empty), user=user) == user
        assert patched(("add", None, {name: empty}), user=user) == user

    @pytest.mark.parametrize("empty", [[], [{}]])
    @pytest.mark.parametrize("name", ["title", "emails", f"{ENTERPRISE}:department", f"{ENTERPRISE}:manager"])
    def test_are_cleared_by_an_empty_array(self, name, empty):  # S3
        user = BABS | {"title": "CEO"}
        assert patched(("replace", name, empty), user=user) == patched(("remove", name), user=user)
        assert patched(("add", name, empty), user=user) == user

    @pytest.mark.parametrize("empty", [[], [{}], {}])
    @pytest.mark.parametrize("name", ["userName", "externalId", "displayName"])
    def test_of_some_attributes_have_to_have_their_type_even_when_empty(self, name, empty):  # P1
        assert refusals(("replace", name, empty)) == {name: InvalidValue}

    @pytest.mark.parametrize("op", ["add", "replace", "remove"])
    @pytest.mark.parametrize("path", ["schemas", "SCHEMAS", f"{CORE}:schemas", 'schemas[value eq "x"]'])
    def test_of_schemas_follow_from_the_rest(self, op, path):  # S3, RFC 7644 §3.5.2
        assert patched((op, path, [ENTERPRISE])) == BABS

    def test_may_be_named_without_the_urn_of_their_extension(self):  # P8
        for name in ("OrganizationRole", f"{CORE}:organizationrole", "urn:scim:schemas:core:1.0:OrganizationRole"):
            for operation in (("add", name, "Guest"), ("add", None, {name: "Guest"})):
                assert patched(operation, dialect=lambdatest)[LAMBDA] == {"OrganizationRole": "Guest"}
        for value in ({"employeeNumber": "7"}, {CORE: {"employeeNumber": "7"}}, {"Manager": {"value": "7"}}):
            assert "7" in str(patched(("add", None, value))[ENTERPRISE])

    @pytest.mark.parametrize(
        "qualified", [{f"{LAMBDA}:OrganizationRole": "User"}, {TESTMU: {"OrganizationRole": "User"}}]
    )
    @pytest.mark.parametrize("short", ["OrganizationRole", f"{CORE}:OrganizationRole"])
    @pytest.mark.parametrize("first", [True, False])
    def test_named_with_their_urn_beat_those_without(self, qualified, short, first):  # P8
        value = {short: "Admin"} | qualified if first else qualified | {short: "Admin"}
        assert patched(("replace", None, value), dialect=lambdatest)[LAMBDA] == {"OrganizationRole": "User"}

    def test_removing_what_is_absent_succeeds(self):  # S3
        paths = [
            "title",
            "name.middleName",
            'emails[type eq "other"]',
            'ims[type eq "x"].value',
            f"{UNKNOWN}:x",
            TESTOMAT,
        ]
        assert patched(*[("remove", path) for path in paths], dialect=testomat) == BABS

    def test_come_without_a_path_under_many_keys(self):  # S3, S5: Entra's flagged dialect
        value = {
            "displayName": "Babs",
            "name.familyName": "Smith",
            f"{ENTERPRISE}:department": "IT",
            ENTERPRISE: {"division": "East"},
            'emails[type eq "work"].value': "new@example.com",
            'phoneNumbers[type eq "mobile"].value': "555",
            "id": "other",
            "schemas": [CORE],
            "meta": {},
            "unknown": "x",
            'unknown[type eq "x"].value': 1,
            "odd key": 1,
        }
        user = patched(("replace", None, value))
        assert user["displayName"] == "Babs"
        assert user["name"] == {"givenName": "Barbara", "familyName": "Smith"}
        assert user[ENTERPRISE] == BABS[ENTERPRISE] | {"department": "IT", "division": "East"}
        assert user["emails"][0]["value"] == "new@example.com"
        assert user["phoneNumbers"] == [{"type": "mobile", "value": "555"}]
        assert user["id"] == BABS["id"]

    @pytest.mark.parametrize(
        ("operation", "name", "error"),
        [
            (("replace", "id", "x"), "id", Mutability),  # U7
            (("remove", "groups"), "groups", Mutability),
            (("add", "meta.version", "x"), "meta", Mutability),
            (("replace", f"{ENTERPRISE}:manager.displayName", "x"), f"{ENTERPRISE}:manager", Mutability),
            (("remove", "userName"), "userName", Mutability),  # S3
            (("replace", "userName", None), "userName", Mutability),
            (("replace", "userName", ""), "userName", InvalidValue),
            (("replace", "userName", ["x"]), "userName", InvalidValue),  # P1
            (("add", "title"), "title", InvalidValue),
            (("add", "name", "Babs"), "name", InvalidValue),
            (("replace", "active", "maybe"), "active", InvalidValue),
            (("replace", "unknown", "x"), "unknown", InvalidPath),
            (("replace", "urn:x\0y", "x"), '"urn:x\\u0000y"', InvalidPath),
            (("replace", "a b", "x"), "a b", InvalidPath),
            (("replace", 'title[type eq "x"]', "x"), 'title[type eq "x"]', InvalidPath),
            (("replace", 'emails[type eq "x"', "x"), 'emails[type eq "x"', InvalidFilter),
            (("replace", 'emails[kind eq "x"]', "x"), 'emails[kind eq "x"]', InvalidFilter),
            (("add", None, {"emails[0].value": "x"}), "emails[0].value", InvalidFilter),
            (("remove", None), "", NoTarget),
            (("remove", CORE), "", NoTarget),
            (("add", ENTERPRISE, "x"), ENTERPRISE, InvalidValue),
        ],
    )
    def test_that_cannot_be_are_refused(self, operation, name, error):
        assert issubclass(refusals(operation)[name], error)

    def test_discard_the_password(self):  # U8
        assert patched(("replace", "password", "secret"), ("add", None, {"password": 5})) == BABS

    def test_keep_a_user_name_that_is_fixed(self):  # U6
        assert refusals(("replace", "userName", "x@y"), dialect=lambdatest) == {"userName": Mutability}
        assert patched(("replace", "userName", "BABS@example.com"), dialect=lambdatest) == BABS
        assert patched(("replace", "userName", "BABS@example.com"))["userName"] == "BABS@example.com"


class TestManager:
    @pytest.mark.parametrize(
        "operation",
        [
            ("Add", f"{ENTERPRISE}:manager", "2"),  # S5: Entra's legacy dialect
            ("replace", f"{ENTERPRISE}:manager", {"value": "2"}),
            ("Replace", f"{ENTERPRISE}:manager", [{"value": "2"}]),
            ("replace", f"{ENTERPRISE}:manager.value", "2"),
            ("add", None, {f"{ENTERPRISE}:manager": "2"}),
            ("add", None, {ENTERPRISE: {"manager": {"value": "2", "displayName": "x"}}}),
        ],
    )
    def test_is_replaced_as_a_whole(self, operation):  # P5
        assert patched(operation)[ENTERPRISE]["manager"] == {"value": "2"}

    @pytest.mark.parametrize("path", ["manager", f"{ENTERPRISE}:manager", f"{ENTERPRISE}.Manager"])
    def test_is_selected_by_a_value_path_that_fits(self, path):  # S3
        for operation in (
            ("replace", f'{path}[value eq "1"].value', "2"),
            ("replace", f"{path}[value eq 1]", {"value": "2"}),
            ("add", f'{path}[value eq "1"]', "2"),
        ):
            assert patched(operation)[ENTERPRISE]["manager"] == {"value": "2"}
        assert patched(("remove", f'{path}[value eq "1"]'))[ENTERPRISE] == {"department": "Tours"}
        assert patched(("remove", f'{path}[value eq "9"]')) == BABS
        assert refusals(("replace", f'{path}[value eq "9"].value', "2")) == {f"{ENTERPRISE}:manager": NoTarget}
        nobody = {"userName": "x"}
        assert patched(("remove", f'{path}[value eq "1"]'), user=nobody) == nobody
        assert refusals(("add", f'{path}[value eq "1"]', "2"), user=nobody) == {f"{ENTERPRISE}:manager": NoTarget}

    @pytest.mark.parametrize(
        "operation",
        [
            ("Replace", f"{ENTERPRISE}:manager", " "),
            ("replace", f"{ENTERPRISE}:manager", {"value": None, "$ref": "../Users/9"}),
            ("replace", f"{ENTERPRISE}:manager", {"$ref": "../Users/9"}),
            ("replace", f"{ENTERPRISE}:manager.value", " "),
            ("Remove", f"{ENTERPRISE}:manager", ""),
            ("Replace", f"{ENTERPRISE}:manager", ""),
            ("replace", f"{ENTERPRISE}:manager", {"value": ""}),
            ("remove", f"{ENTERPRISE}:manager.value"),
        ],
    )
    def test_is_removed_by_an_empty_value(self, operation):  # S5, P5
        assert patched(operation)[ENTERPRISE] == {"department": "Tours"}


class TestMultipleValues:
    def test_are_appended_once(self):  # RFC 7644 §3.5.2.1
        home = {"value": "babs@jensen.org", "type": "home"}
        assert patched(("add", "emails", [home])) == BABS
        assert len(patched(("add", "emails", [home, {"value": "new"}, {"value": "new"}]))["emails"]) == 3
        assert len(patched(("add", "emails", {"value": "new"}))["emails"]) == 3

    def test_have_one_primary_the_latest(self):  # RFC 7644 §3.5.2
        emails = patched(("add", "emails", [{"value": "new", "primary": True}]))["emails"]
        assert [email.get("primary") for email in emails] == [False, None, True]
        emails = patched(("replace", 'emails[type eq "home"].primary', "True"))["emails"]
        assert [email.get("primary") for email in emails] == [False, True]

    def test_are_replaced_and_cleared(self):
        assert patched(("replace", "emails", [{"value": "x"}]))["emails"] == [{"value": "x"}]
        for value in ([], None, ""):
            assert "emails" not in patched(("replace", "emails", value))
        assert "emails" not in patched(("remove", "emails"))

    def test_lose_only_the_values_that_a_removal_lists(self):
        assert (
            patched(("remove", "emails", [{"value": "BABS@jensen.org", "type": "home"}]))["emails"]
            == BABS["emails"][:1]
        )
        assert patched(("Remove", "emails", [{"value": "babs@jensen.org"}]))["emails"] == BABS["emails"][:1]  # S5
        assert patched(("remove", "emails", [{"value": "babs@jensen.org", "type": "work"}])) == BABS
        assert patched(("remove", "emails", [{"primary": True}])) == BABS
        assert patched(("remove", "emails", [])) == patched(("remove", "emails", [{}])) == BABS
        user = {TESTOMAT: {"testomat_roles": ["qa", "read"]}}
        assert patched(("remove", f"{TESTOMAT}:testomat_roles", ["QA"]), user=user, dialect=testomat) == {
            TESTOMAT: {"testomat_roles": ["read"]}
        }

    def test_are_selected_by_a_filter(self):
        assert patched(("replace", 'emails[type eq "work"].value', "new"))["emails"][0] == {
            "value": "new",
            "type": "work",
            "primary": True,
        }
        assert patched(("remove", 'emails[type eq "work"]'))["emails"] == BABS["emails"][1:]
        assert patched(("remove", "emails[value pr]")).keys() == BABS.keys() - {"emails"}
        assert patched(("remove", 'emails[type eq "home"].type'))["emails"][1] == {"value": "babs@jensen.org"}
        assert patched(("add", 'emails[type eq "home"]', {"display": "B"}))["emails"][1]["display"] == "B"
        assert patched(("replace", 'emails[type eq "home"]', [{"value": "x"}]))["emails"][1] == {
            "type": "home",
            "value": "x",
        }
        assert [email["type"] for email in patched(("replace", "emails.type", "other"))["emails"]] == ["other"] * 2

    @pytest.mark.parametrize("op", ["Add", "replace"])
    @pytest.mark.parametrize(
        ("path", "value", "name", "element"),
        [  # S3, S5
            ('phoneNumbers[type eq "mobile"].value', "555", "phoneNumbers", {"type": "mobile", "value": "555"}),
            ('addresses[type eq "work"].country', "DE", "addresses", {"type": "work", "country": "DE"}),
            ('roles[primary eq "True"].value', "Admin", "roles", {"primary": True, "value": "Admin"}),
            (
                'ims[type eq "x" and primary eq true]',
                {"value": "y"},
                "ims",
                {"type": "x", "primary": True, "value": "y"},
            ),
        ],
    )
    def test_are_created_by_an_equality_on_type_or_primary(self, op, path, value, name, element):
        assert patched((op, path, value))[name] == [element]

    @pytest.mark.parametrize("before", [{"value": "Admin", "primary": False}, {"value": "Admin"}])
    @pytest.mark.parametrize("op", ["Add", "replace"])
    def test_do_not_leave_the_role_that_was_the_only_one(self, before, op):  # S5: SingleAppRoleAssignment
        user = BABS | {"roles": [before]}
        for operation in (
            (op, 'roles[primary eq "True"].value', "Member"),
            (op, "roles[primary eq True]", {"value": "Member"}),
            (op, None, {'roles[primary eq "True"].value': "Member"}),
        ):
            assert patched(operation, user=user)["roles"] == [{"value": "Member", "primary": True}]
        assert patched(("remove", "roles[primary eq true]"), user=user) == user

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            ('emails[value eq "nobody"].type', "work"),
            ('emails[type eq "other" or primary eq true and value eq "x"].value', "x"),
            ('ims[not (type eq "x")].value', "x"),
            ('emails[type eq "other"]', {"type": "home"}),
            ("emails[primary eq true].primary", False),
            ("photos.value", "x"),
        ],
    )
    def test_that_nothing_is_are_no_target(self, path, value):  # S3
        user = BABS | {"emails": BABS["emails"][1:]}
        assert list(refusals(("replace", path, value), user=user).values()) == [NoTarget]

    def test_are_limited(self):
        many = [{"value": str(number)} for number in range(999)]
        assert refusals(("add", "emails", many)) == {"emails": InvalidValue}
        assert refusals(("replace", "emails", many * 2)) == {"emails": InvalidValue}
        tags = [str(number) for number in range(600)]
        assert refusals(("add", f"{UNKNOWN}:tags", tags), user={UNKNOWN: {"tags": [1] * 600}}) == {
            f"{UNKNOWN}:tags": InvalidValue
        }

    def test_of_plain_arrays_take_the_same_operations(self):
        path = f"{TESTOMAT}:testomat_roles"
        user = {TESTOMAT: {"testomat_roles": ["read"]}}
        for operation, roles in [
            (("add", path, "qa"), ["read", "qa"]),
            (("add", path, ["READ"]), ["READ"]),
            (("replace", path, ["qa", "billing"]), ["qa", "billing"]),
            (("add", None, {TESTOMAT: {"testomat_roles": ["qa"]}}), ["read", "qa"]),
            (("replace", f'{path}[value eq "read"]', "qa"), ["qa"]),
        ]:
            assert patched(operation, user=user, dialect=testomat)[TESTOMAT]["testomat_roles"] == roles
        assert patched(("remove", f'{path}[value eq "read"]'), user=user, dialect=testomat) == {}
        assert patched(("remove", TESTOMAT), user=user, dialect=testomat) == {}


class TestAliases:
    def test_answer_in_the_spelling_of_the_last_write(self):  # P1
        patch = read_patch(body(("add", f"{TESTMU}:OrganizationRole", "User")), lambdatest.user)
        assert apply_patch(patch, lambdatest.user, {}).spelling == {LAMBDA: TESTMU}

    @pytest.mark.parametrize("values", [("User", "Admin"), ("Admin", "User")])
    def test_together_give_the_value_that_is_new(self, values):  # P1
        value = {LAMBDA: {"OrganizationRole": values[0]}, TESTMU: {"OrganizationRole": values[1]}}
        patch = read_patch(body(("replace", None, value)), lambdatest.user)
        outcome = apply_patch(patch, lambdatest.user, {LAMBDA: {"OrganizationRole": "User"}})
        assert outcome.resource == {LAMBDA: {"OrganizationRole": "Admin"}}
        assert outcome.spelling == {LAMBDA: TESTMU if values[1] == "Admin" else LAMBDA}


class TestUnknownExtensions:
    @pytest.mark.parametrize(
        ("operation", "extension"),
        [  # P3
            (("add", f"{UNKNOWN}:number", 7), {"number": 7, "door": {"floor": 1}, "tags": ["a"]}),
            (("add", f"{UNKNOWN.upper()}:DOOR.Floor", 2), {"door": {"floor": 2}, "tags": ["a"]}),
            (("add", f"{UNKNOWN}:tags", ["a", "b"]), {"door": {"floor": 1}, "tags": ["a", "b"]}),
            (("replace", UNKNOWN, {"tags": ["x"]}), {"door": {"floor": 1}, "tags": ["x"]}),
            (("replace", None, {UNKNOWN: {"tags": []}}), {"door": {"floor": 1}}),  # S3
            (("remove", f"{UNKNOWN}:tags"), {"door": {"floor": 1}}),
            (("remove", UNKNOWN), None),
        ],
    )
    def test_can_be_patched(self, operation, extension):
        user = {UNKNOWN: {"door": {"floor": 1}, "tags": ["a"]}}
        assert patched(operation, user=user).get(UNKNOWN) == extension

    def test_take_the_last_of_several_writes(self):
        user = {UNKNOWN: {"number": 1}}
        operations = [("add", f"{UNKNOWN}:number", 2), ("add", UNKNOWN, {"number": 1})]
        assert patched(*operations, user=user) == user

    def test_without_a_version_are_taken_whole_where_an_object_is_written(self):
        assert patched(("add", "urn:acme:hr", {"a": 1}), user={}) == {"urn:acme:hr": {"a": 1}}
        assert patched(("add", "urn:acme:hr:a", 1), user={}) == {"urn:acme:hr": {"a": 1}}


class TestMembers:
    def test_are_added_by_id(self):
        assert members(("add", "members", [{"value": "1", "$ref": None}, {"value": "2"}, {"value": "1"}])) == [
            ("add", "1", "2")
        ]
        assert members(("Add", "members", {"value": "1", "display": "x"})) == [("add", "1")]
        assert members(("add", None, {"members": [{"value": "1"}]})) == [("add", "1")]

    @pytest.mark.parametrize(
        ("operation", "ids"),
        [  # S3; authentik#25686, SCIM-SDK#149, simpleidserver#164
            (("remove", 'members[value eq "1"]'), ("1",)),
            (("Remove", 'MEMBERS[VALUE EQ "1" or value eq "2"]'), ("1", "2")),
            (("remove", 'members[value eq "1" and type eq "User"]'), ("1",)),
            (("remove", 'members[type eq "user" and value eq "1"]'), ("1",)),
            (("remove", 'members[(value eq "1" and type eq "User") or value eq 2]'), ("1", "2")),
            (("remove", 'members[type eq User and (value eq "1" or value eq "2")]'), ("1", "2")),
            (("Remove", "members", [{"$ref": None, "value": "1"}]), ("1",)),
            (("remove", "members", {"value": "1"}), ("1",)),
        ],
    )
    def test_are_removed_by_id(self, operation, ids):
        assert members(operation) == [("remove", *ids)]

    def test_are_removed_wholesale_without_a_value_only(self):  # S3, langwatch#7136
        assert members(("remove", "members")) == [("replace",)]
        assert members(("remove", "members", []), ("remove", "members", None), ("replace", "members", None)) == []
        assert members(("add", "members", []), ("add", None, {"members": None})) == []

    def test_are_replaced(self):  # S4
        assert members(("replace", "members", [{"value": "1"}])) == [("replace", "1")]
        assert members(("replace", "members", [])) == [("replace",)]

    def test_keep_their_order(self):
        operations = [
            ("add", "members", [{"value": "1"}]),
            ("remove", 'members[value eq "1"]'),
            ("replace", "members", []),
        ]
        assert members(*operations) == [("add", "1"), ("remove", "1"), ("replace",)]

    def test_are_not_touched_by_oktas_rename(self):  # S4
        patch = read_patch(body(("replace", None, {"id": "abf4dd94", "displayName": "Test SCIMv2"})), standard.group)
        assert [(write.name, write.value) for write in patch.writes] == [("displayName", "Test SCIMv2")]
        assert patch.members == patch.refusals == ()

    @pytest.mark.parametrize(
        "path",
        [
            'members[type eq "User"]',
            'members[value ne "1"]',
            'members[value sw "1"]',
            'members[value eq "1" and value eq "2"]',
            'members[value eq "1" and type eq "Group"]',
            'members[value eq "1" and type ne "User"]',
            'members[not (value eq "1" and type eq "User")]',
        ],
    )
    def test_are_not_selected_by_what_is_not_known_here(self, path):
        with pytest.raises(InvalidFilter):
            read_patch(body(("remove", path)), standard.group)

    @pytest.mark.parametrize(
        "operation",
        [
            ("add", "members", ["1"]),
            ("add", "members"),
            *((op, "members", value) for op in ("add", "replace", "remove") for value in ("", {}, [{}], [None], [""])),
            ("replace", "members", [{"value": "1"}, {"display": "x"}]),
            ("add", None, {"members": ""}),
            ("replace", None, {"members": {}}),
            ("replace", 'members[value eq "1"].display', "x"),
            ("add", 'members[value eq "1"]', {"value": "2"}),
        ],
    )
    def test_that_name_nobody_are_refused(self, operation):
        patch = read_patch(body(operation), standard.group)
        assert [refusal.name for refusal in patch.refusals] == ["members"]
        assert patch.members == ()

    @pytest.mark.parametrize(
        ("operation", "error"),
        [(("remove", "displayName"), Mutability), (("replace", "displayName", " "), InvalidValue)],
    )
    def test_come_with_a_group_name_that_cannot_go(self, operation, error):  # S3
        assert isinstance(read_patch(body(operation), standard.group).refusals[0].error, error)

    def test_come_with_group_roles(self):  # G7
        patch = read_patch(body(("replace", f"{LAMBDA_GROUP}:LambdatestRoles", "Admin")), lambdatest.group)
        group = apply_patch(patch, lambdatest.group, {"displayName": "A"}).resource
        assert group == {"displayName": "A", LAMBDA_GROUP: {"LambdatestRoles": ["Admin"]}}


paths = st.sampled_from(
    [
        None,
        "",
        "title",
        "active",
        "userName",
        "name",
        "name.givenName",
        "emails",
        "emails.display",
        'emails[type eq "work"]',
        'emails[type eq "work"].value',
        "emails[primary eq true].value",
        'emails[value co "a"].display',
        'addresses[type eq "home" and primary eq true].country',
        ENTERPRISE,
        f"{ENTERPRISE}:manager",
        f"{ENTERPRISE}:manager.$ref",
        f"{LAMBDA}:OrganizationRole",
        f"{TESTMU}:OrganizationRole",
        UNKNOWN,
        f"{UNKNOWN}:a",
        f"{UNKNOWN}:a.b",
        "password",
        "id",
        "unknown",
    ]
)
elements = st.fixed_dictionaries(
    {}, optional={"value": st.sampled_from("abc"), "type": st.sampled_from(["work", "home"]), "primary": st.booleans()}
)
plausible = st.one_of(
    st.sampled_from(["a", "A", "True", "", None, "Admin"]), st.booleans(), elements, st.lists(elements, max_size=3)
)
operations = st.tuples(st.sampled_from(["add", "Replace", "remove"]), paths, plausible | json_values)
users = st.fixed_dictionaries(
    {"userName": st.just("a@b"), "active": st.booleans()},
    optional={"emails": st.lists(elements.filter(bool), min_size=1, max_size=3, unique_by=str)},
)


@example(
    {"userName": "a@b", "emails": [{"value": "a", "primary": True}, {"value": "a", "primary": False}]},
    [("add", "emails[primary eq true].value", "a")],
)
@given(users, st.lists(operations, min_size=1, max_size=4))
def test_an_accepted_patch_sent_again_changes_nothing_or_is_refused(user, operations):
    before = copy.deepcopy(user)
    try:
        patch = read_patch(body(*operations), lambdatest.user)
    except ScimError:
        return
    outcome = apply_patch(patch, lambdatest.user, user)
    assert user == before
    json.dumps(outcome.resource, allow_nan=False).encode()
    if not outcome.refusals:
        again = apply_patch(patch, lambdatest.user, outcome.resource)
        # Several operations may undo each other's work, as two that swap the types of two elements do.
        assert again.refusals or again.resource == outcome.resource or len(operations) > 1
        primaries = [email for email in outcome.resource.get("emails", ()) if email.get("primary")]
        assert len(primaries) <= max(1, sum(bool(email.get("primary")) for email in user.get("emails", ())))


@given(
    st.one_of(
        json_values,
        st.builds(
            lambda ops: {"Operations": ops},
            st.lists(
                json_values
                | st.fixed_dictionaries({"op": st.just("add"), "path": paths | json_values, "value": json_values})
            ),
        ),
    )
)
def test_any_json_is_a_patch_or_refused(sent):
    for kind in lambdatest.resource_types:
        try:
            read_patch(sent, kind)
        except ScimError as error:
            json.dumps(error.body(), ensure_ascii=False).encode()
