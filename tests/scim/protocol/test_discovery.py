import pytest
import scim2_models
from hypothesis import given
from hypothesis import strategies as st

from scim.protocol.discovery import Limits, resource_type_document, schema_document, service_provider_config
from scim.protocol.projection import everything
from scim.protocol.resources import read_resource

from .profiles import CORE, ENTERPRISE, LAMBDA, LAMBDA_GROUP, TESTMU, lambdatest, standard, testomat

BASE = "https://example.com/scim"
DIALECTS = [standard, lambdatest, testomat]


def attribute(schema, *names):
    found = {"subAttributes": schema_document(schema, BASE)["attributes"]}
    for name in names:
        found = next(sub for sub in found["subAttributes"] if sub["name"] == name)
    return found


def characteristics(document):
    """An attribute without its prose, as the oracle and we both say it."""
    kept = ("type", "multiValued", "required", "caseExact", "mutability", "returned", "uniqueness")
    return {key: document[key] for key in kept}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_documents_are_valid_scim(dialect):
    for schema in dialect.schemas:
        scim2_models.Schema.model_validate(schema_document(schema, BASE))
    for kind in dialect.resource_types:
        scim2_models.ResourceType.model_validate(resource_type_document(kind, BASE))
    limits = Limits(default_page_size=100, max_page_size=200, max_bulk_operations=1000, max_payload_size=1 << 20)
    config = service_provider_config(BASE, limits)
    assert scim2_models.ServiceProviderConfig.model_validate(config).bulk.max_operations == 1000
    assert "pagination" not in config
    announced = service_provider_config(BASE, limits, announce_cursors=True)
    assert announced["pagination"]["defaultPaginationMethod"] == "index"
    assert announced == config | {"pagination": announced["pagination"]}
    scim2_models.ServiceProviderConfig.model_validate(announced)


@pytest.mark.parametrize(
    ("schema", "model", "differences"),
    [
        (standard.schema(CORE), scim2_models.User, {("active",)}),  # U1: always has a value
        # P5: a manager without a value is none, but no error.
        (standard.schema(ENTERPRISE), scim2_models.EnterpriseUser, {("manager", "value"), ("manager", "$ref")}),
        # G2: unique. Names of members are read from the members.
        (standard.group.schema, scim2_models.Group, {("displayName",), ("members", "display")}),
    ],
)
def test_schemas_are_those_of_rfc_7643(schema, model, differences):
    oracle = model.to_schema().model_dump()
    differing = set()
    for theirs in oracle["attributes"]:
        ours = attribute(schema, theirs["name"])
        if characteristics(ours) != characteristics(theirs):
            differing.add((theirs["name"],))
        subs = {sub["name"]: characteristics(sub) for sub in ours.get("subAttributes", ())}
        their_subs = {sub["name"]: characteristics(sub) for sub in theirs.get("subAttributes") or ()}
        differing |= {
            (theirs["name"], name) for name in subs.keys() | their_subs.keys() if subs.get(name) != their_subs.get(name)
        }
    assert differing == differences


class TestSchemas:
    def test_say_what_the_profile_does(self):  # P4
        assert attribute(lambdatest.user.schema, "userName")["mutability"] == "immutable"
        assert attribute(standard.user.schema, "userName")["mutability"] == "readWrite"
        assert attribute(lambdatest.schema(LAMBDA), "OrganizationRole")["canonicalValues"] == ["Admin", "User", "Guest"]
        assert attribute(lambdatest.schema(LAMBDA), "LambdatestGroup")["type"] == "string"  # U10
        assert attribute(lambdatest.schema(LAMBDA_GROUP), "LambdatestRoles")["multiValued"] is True

    def test_have_primary_on_addresses(self):  # U8
        assert attribute(standard.user.schema, "addresses", "primary")["type"] == "boolean"

    def test_describe_the_password_as_never_returned(self):  # P4: clients that build their models from here send one
        described = attribute(standard.user.schema, "password")
        assert (described["mutability"], described["returned"]) == ("writeOnly", "never")

    def test_are_found_by_urn_and_alias_in_any_case(self):  # P1
        assert lambdatest.schema(TESTMU.upper()) is lambdatest.schema(LAMBDA)
        assert standard.schema(LAMBDA) is None

    def test_are_listed_with_their_resource_types(self):
        document = resource_type_document(lambdatest.user, BASE)
        assert [extension["schema"] for extension in document["schemaExtensions"]] == [ENTERPRISE, LAMBDA]
        assert document["meta"]["location"] == f"{BASE}/ResourceTypes/User"


words = st.text("abc", min_size=1, max_size=4)
values = {
    "string": words,
    "boolean": st.booleans(),
    "reference": st.builds("https://example.com/{}".format, words),
    "binary": st.just("TUlJ"),
}


def sendable(attributes):
    fields = {}
    for attribute in attributes:
        if attribute.mutability == "readOnly" or attribute.returned == "never" or attribute.name == "$ref":
            continue
        value = values.get(attribute.type) if not attribute.sub_attributes else sendable(attribute.sub_attributes)
        fields[attribute.name] = st.lists(value, min_size=1, max_size=1) if attribute.multi_valued else value
    return st.fixed_dictionaries({}, optional=fields)


@given(sendable(standard.user.schema.attributes))
def test_what_the_schema_describes_is_accepted_and_returned_unchanged(body):
    body = {"userName": "babs", "active": True} | body
    draft = read_resource(body, standard.user, creating=True)
    assert draft.refusals == []
    shown = everything(standard.user).apply(draft.replace({}).resource)
    kept = {name: value for name, value in body.items() if value not in ({}, [{}])}
    assert shown == {"schemas": [CORE]} | kept
    # The oracle reads it as a user; it only refuses e-mail addresses of special domains (P7).
    scim2_models.User.model_validate({key: value for key, value in shown.items() if key != "emails"})
