"""Extensions and attributes that no schema describes (SPEC P3)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim.protocol.apply import apply_patch
from scim.protocol.errors import InvalidPath, InvalidValue, NoTarget, ScimError
from scim.protocol.patch import read_patch
from scim.protocol.projection import read_projection
from scim.protocol.resources import Outcome, read_resource
from scim.protocol.schema import ResourceType
from tests.scim.extension_story import FORMS, NAMES, ODD_NAMES, URNS, Step, odd_urns, steps, tell, text, values

from .profiles import ENTERPRISE, LAMBDA, LAMBDA_GROUP, TESTMU, TESTOMAT, lambdatest, standard, testomat

BY = {"User": {"userName": "ada@corp.example"}, "Group": {"displayName": "Staff"}}


class Memory:
    """A resource of one kind, as the protocol alone makes it."""

    def __init__(self, kind: ResourceType) -> None:
        self.kind = kind
        self.stored: dict[str, Any] = {}

    def keep(self, outcome: Outcome) -> dict[str, Any] | None:
        if outcome.refusals:
            return None
        self.stored = outcome.resource
        return self.get()

    def post(self, body: dict[str, Any]) -> dict[str, Any] | None:
        return self.keep(read_resource(BY[self.kind.name] | body, self.kind, creating=True).replace({}))

    def put(self, body: dict[str, Any]) -> dict[str, Any] | None:
        return self.keep(read_resource(BY[self.kind.name] | body, self.kind).replace(self.stored))

    def patch(self, *operations: dict[str, Any]) -> dict[str, Any] | None:
        try:
            return self.keep(
                apply_patch(read_patch({"Operations": list(operations)}, self.kind), self.kind, self.stored)
            )
        except ScimError:
            return None

    def get(self, **query: str) -> dict[str, Any]:
        wanted, unwanted = (query.get(name, "").split(",") for name in ("attributes", "excludedAttributes"))
        return read_projection(filter(None, wanted), filter(None, unwanted), self.kind).apply(self.stored)


KINDS = {"user": standard.user, "group": standard.group, "its user": lambdatest.user, "its group": lambdatest.group}
kinds = st.sampled_from(sorted(KINDS))


@given(
    kinds,
    st.sampled_from(URNS),
    st.dictionaries(st.sampled_from(NAMES), values, min_size=1),
    steps(NAMES, odd=False),
)
def test_every_form_of_a_urn_tells_one_story(kind, urn, first, told):
    tell(Memory(KINDS[kind]), urn, first, told, refusable=False)


@given(
    kinds,
    odd_urns | st.sampled_from(URNS),
    st.dictionaries(st.sampled_from(NAMES + ODD_NAMES) | text, values, min_size=1),
    st.data(),
)
def test_an_odd_urn_or_name_tells_one_story_or_is_refused(kind, urn, first, data):
    told = data.draw(steps([*NAMES, *ODD_NAMES, *first], odd=True))
    tell(Memory(KINDS[kind]), urn, first, told, refusable=True)


@pytest.mark.parametrize("kind", standard.resource_types, ids=lambda kind: kind.name)
@pytest.mark.parametrize("urn", URNS)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("value", ["two", ["two"], {"x": "two"}], ids=["text", "array", "object"])
def test_what_post_stores_patch_changes_in_every_form(kind, form, urn, value):
    server = Memory(kind)
    server.post({urn: {"attr": type(value)(), "k": "v"}})
    assert server.patch(Step("replace", "attr", value, form, False).operation(urn))[urn] == {"attr": value, "k": "v"}
    assert server.patch({"op": "remove", "path": f"{urn}:attr"})[urn] == {"k": "v"}
    assert urn not in server.patch({"op": "remove", "path": urn})


class TestWhereANameLeads:
    def stored(self, resource, *operations, kind=standard.user):
        server = Memory(kind)
        server.stored = resource
        assert server.patch(*operations)
        return {key: value for key, value in server.stored.items() if ":" in key}

    def test_is_the_longest_stored_urn(self):
        two = {"urn:a:b": {"c": {"d": 1}}, "urn:a:b:c": {"d": 1}}
        assert self.stored(two, {"op": "replace", "path": "urn:a:b:c:d", "value": 2}) == two | {"urn:a:b:c": {"d": 2}}
        assert self.stored(two, {"op": "replace", "path": "urn:a:b:c.d", "value": 2}) == two | {"urn:a:b:c": {"d": 2}}
        assert self.stored(two, {"op": "remove", "path": "urn:a:b:c"}) == {"urn:a:b": {"c": {"d": 1}}}

    @pytest.mark.parametrize(
        ("name", "place"),
        [
            ("urn:acme:2.0:User:badge", ("urn:acme:2.0:User", "badge")),
            ("urn:acme:2.0:User.badge", ("urn:acme:2.0:User", "badge")),
            ("urn:acme:2.0:User:door.floor", ("urn:acme:2.0:User", "door", "floor")),
            ("urn:okta:app:1.0:user:custom:dept", ("urn:okta:app:1.0:user:custom", "dept")),
            ("urn:scim:schemas:extension:custom:1.0:attr", ("urn:scim:schemas:extension:custom:1.0", "attr")),
            ("urn:ietf:x:idcs:custom:User:attr", ("urn:ietf:x:idcs:custom:User", "attr")),
            ("urn:ietf:x:idcs:custom:User.attr", ("urn:ietf:x:idcs:custom:User", "attr")),
            ("urn:acme:hr:number", ("urn:acme:hr", "number")),
        ],
    )
    @pytest.mark.parametrize("by", ["path", "key", "post"])
    def test_is_guessed_where_nothing_is_stored(self, name, place, by):
        expected: Any = 7
        for part in reversed(place):
            expected = {part: expected}
        if by == "post":
            server = Memory(standard.user)
            server.post({name: 7})
            assert {key: value for key, value in server.stored.items() if ":" in key} == expected
        else:
            operation = {"op": "add", "path": name, "value": 7} if by == "path" else {"op": "add", "value": {name: 7}}
            assert self.stored({}, operation) == expected

    def test_is_an_extension_of_its_own_where_an_object_is_written(self):
        urn = "urn:okta:onprem_app:1.0:user:custom"
        for operation in ({"op": "add", "path": urn, "value": {"a": 1}}, {"op": "add", "value": {urn: {"a": 1}}}):
            assert self.stored({}, operation) == {urn: {"a": 1}}

    def test_is_the_same_where_one_body_has_the_extension_and_a_part_of_it(self):
        server = Memory(standard.user)
        server.post({"urn:scim:x:1.0:attr": "b", "urn:scim:x:1.0": {"k": "a"}})
        assert server.stored["urn:scim:x:1.0"] == {"k": "a", "attr": "b"}

    def test_is_kept_as_first_written(self):
        server = Memory(standard.user)
        server.post({"urn:ACME:Hr": {"a": 1}})
        assert "urn:ACME:Hr" in server.put({"urn:acme:hr": {"a": 2}})
        assert server.patch({"op": "add", "path": "URN:acme:HR", "value": {"A": 3}})["urn:ACME:Hr"] == {"a": 3}

    @pytest.mark.parametrize(
        ("name", "error"),
        [
            ("urn:x\0y:z", InvalidPath),
            ("urn:acme:flat", InvalidPath),
            ("urn:acme:badges:2.0:User:a b", InvalidPath),
            ('urn:acme:2.0:User:tags[value eq "a"]', InvalidPath),
            ("urn:" + "x" * 5000, InvalidPath),
            (f"{ENTERPRISE}:manager.unknown", InvalidPath),
            ("urn:acme:text:part", InvalidValue | NoTarget),
            ("urn:acme:hr:tags.part", NoTarget),
        ],
    )
    def test_that_is_not_understood_is_an_error(self, name, error):
        stored = {"urn:acme:text": "text", "urn:acme:hr": {"tags": ["a"]}}
        patch = read_patch({"Operations": [{"op": "replace", "path": name, "value": "x"}]}, standard.user)
        outcome = apply_patch(patch, standard.user, stored)
        assert [isinstance(refusal.error, error) for refusal in outcome.refusals] == [True]
        assert outcome.resource == stored

    @pytest.mark.parametrize("name", ["urn:x\0y", "urn:" + "x" * 5000, f"{ENTERPRISE}:manager.unknown"])
    def test_is_no_silent_skip_in_a_body(self, name):
        server = Memory(standard.user)
        assert server.post({name: "x"}) is None
        assert server.post({name: {"a": "x"}}) is None
        assert server.patch({"op": "add", "value": {name: "x"}}) is None


class TestStoredShapes:
    URN = "urn:ietf:params:scim:schemas:extension:acme:2.0:User"
    STORED = {URN: {"tags": ["a", "b", "c"], "name": {"firstName": "fred"}, "doors": [{"id": 1, "n": "x"}, {"id": 2}]}}

    @pytest.mark.parametrize(
        ("operation", "name", "value"),
        [
            (("Remove", "tags", ["a"]), "tags", ["b", "c"]),
            (("remove", "tags", "b"), "tags", ["a", "c"]),
            (("remove", "tags", []), "tags", ["a", "b", "c"]),
            (("remove", "tags", ["nobody"]), "tags", ["a", "b", "c"]),
            (("remove", "tags", ["a", "b", "c"]), "tags", None),
            (("remove", "tags", None), "tags", None),
            (("remove", "doors", [{"id": 1}]), "doors", [{"id": 2}]),
            (("add", "tags", "d"), "tags", ["a", "b", "c", "d"]),
            (("add", "tags", ["a", "d"]), "tags", ["a", "b", "c", "d"]),
            (("add", "tags", []), "tags", ["a", "b", "c"]),
            (("add", "tags", {}), "tags", ["a", "b", "c"]),
            (("add", "doors", {"id": 3}), "doors", [{"id": 1, "n": "x"}, {"id": 2}, {"id": 3}]),
            (("add", "name", {"lastName": "b"}), "name", {"firstName": "fred", "lastName": "b"}),
            (("replace", "name", {"lastName": "b"}), "name", {"firstName": "fred", "lastName": "b"}),
            (("replace", "name", {"firstName": None, "lastName": "b"}), "name", {"lastName": "b"}),
            (("replace", "name.lastName", "b"), "name", {"firstName": "fred", "lastName": "b"}),
            (("remove", "name.firstName"), "name", None),
            (("replace", "name", {}), "name", None),
            (("replace", "tags", "d"), "tags", "d"),
            (("replace", "tags", [{}]), "tags", None),
        ],
    )
    def test_say_what_an_operation_does(self, operation, name, value):
        op, path, *given_value = operation
        server = Memory(standard.user)
        server.stored = dict(self.STORED)
        body = {"op": op, "path": f"{self.URN}:{path}"} | ({"value": given_value[0]} if given_value else {})
        assert server.patch(body)[self.URN] == {
            key: item for key, item in (self.STORED[self.URN] | {name: value}).items() if item is not None
        }

    def test_are_limited_as_all_values_are(self):
        server = Memory(standard.user)
        server.stored = {self.URN: {"tags": list(range(1000))}}
        assert server.patch({"op": "add", "path": f"{self.URN}:tags", "value": "x"}) is None
        deep = f"{self.URN}:" + ".".join("a" * 30)
        assert server.patch({"op": "add", "path": deep, "value": "x"}) is None


class TestUnlistedAttributes:
    """Attributes that the profile's own or the enterprise extension does not list."""

    @pytest.mark.parametrize(
        ("urn", "dialect", "is_group"),
        [
            (ENTERPRISE, standard, False),
            (LAMBDA, lambdatest, False),
            (TESTOMAT, testomat, False),
            (LAMBDA_GROUP, lambdatest, True),
        ],
    )
    @pytest.mark.parametrize("form", FORMS)
    @pytest.mark.parametrize("value", ["R&D", ["a"], {"city": "Rome"}, 7, False], ids=str)
    def test_are_kept_returned_and_patched(self, urn, dialect, is_group, form, value):
        server = Memory(dialect.group if is_group else dialect.user)
        assert server.post({urn: {"Badge": "first"}})[urn] == {"Badge": "first"}
        assert server.patch(Step("replace", "badge", value, form, True).operation(urn))[urn] == {"Badge": value}
        assert server.patch(Step("add", "other", value, form, False).operation(urn))[urn] == {
            "Badge": value,
            "other": value,
        }
        assert server.get(attributes=f"{urn}:other")[urn] == {"other": value}
        assert server.get(excludedAttributes=f"{urn}.badge")[urn] == {"other": value}
        assert server.patch({"op": "remove", "path": f"{urn}.Badge"})[urn] == {"other": value}
        assert urn not in server.patch({"op": "remove", "path": f"{urn}:other"})

    def test_may_come_as_qualified_keys(self):
        server = Memory(lambdatest.user)
        shown = server.post({f"{LAMBDA}:Department": "R&D", f"{ENTERPRISE}:badge": {"n": 1}})
        assert (shown[LAMBDA], shown[ENTERPRISE]) == ({"Department": "R&D"}, {"badge": {"n": 1}})

    def test_follow_the_alias(self):  # P1
        outcome = read_resource({"userName": "a@b", f"{TESTMU}:Department": "x"}, lambdatest.user).replace({})
        assert (outcome.resource[LAMBDA], outcome.spelling) == ({"Department": "x"}, {LAMBDA: TESTMU})
        patch = read_patch(
            {"Operations": [{"op": "add", "path": f"{TESTMU}.Department", "value": "y"}]}, lambdatest.user
        )
        outcome = apply_patch(patch, lambdatest.user, outcome.resource)
        assert (outcome.resource[LAMBDA], outcome.spelling) == ({"Department": "y"}, {LAMBDA: TESTMU})

    @pytest.mark.parametrize("values", [("old", "new"), ("new", "old")])
    def test_in_both_spellings_take_the_value_that_is_new(self, values):  # P1
        value = {LAMBDA: {"Department": values[0]}, TESTMU: {"Department": values[1]}}
        patch = read_patch({"Operations": [{"op": "replace", "value": value}]}, lambdatest.user)
        outcome = apply_patch(patch, lambdatest.user, {LAMBDA: {"Department": "old"}})
        assert outcome.resource == {LAMBDA: {"Department": "new"}}
        assert outcome.spelling == {LAMBDA: TESTMU if values[1] == "new" else LAMBDA}

    def test_leave_the_described_ones_validated(self):
        server = Memory(lambdatest.user)
        assert server.post({LAMBDA: {"Department": "R&D", "OrganizationRole": "Boss"}}) is None
        assert server.post({ENTERPRISE: {"badge": 1, "department": 5}}) is None
        server.post({})
        assert server.patch({"op": "add", "value": {LAMBDA: {"Department": "x", "OrganizationRole": "Boss"}}}) is None
        assert LAMBDA not in server.get()

    def test_that_are_refused_keep_their_value_beside_a_deactivation(self):  # U4
        stored = {"userName": "a@b", "active": True, LAMBDA: {"x": 1}, "urn:a:b:c": {"d": 1}, "urn:e:f": {"g": 1}}
        body = {"active": False, LAMBDA: {"x": 2**70}, "urn:a:b:c": {"d": "\0"}, "urn:e:f:g": 2**70}
        draft = read_resource(body, lambdatest.user)
        assert draft.deactivates
        outcome = draft.replace(stored)
        assert outcome.resource == stored | {"active": False}
        assert len(outcome.refusals) == 3


def test_a_put_may_leave_out_what_nobody_describes():
    server = Memory(lambdatest.user)
    server.post({LAMBDA: {"OrganizationRole": "Guest", "Department": "x"}, "urn:a:b": {"c": 1}})
    assert server.put({})[LAMBDA] == {"OrganizationRole": "Guest"}
    assert "urn:a:b" not in server.stored


def test_a_group_keeps_its_own_extension_where_a_put_leaves_it_out():  # G9
    server = Memory(lambdatest.group)
    server.post({LAMBDA_GROUP: {"Owner": "Ada"}})
    assert server.put({})[LAMBDA_GROUP] == {"Owner": "Ada"}
