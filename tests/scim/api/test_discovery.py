"""Discovery says what the org's profile does."""

import pytest

from orgs.models import Organization, Role, SchemaProfile
from tests.conftest import Idp
from tests.factories import OrganizationFactory, issue_token

LAMBDATEST = "urn:ietf:params:scim:schemas:extension:LambdaTest:2.0:User"


def idp_of(dialect: str) -> Idp:
    return Idp(issue_token(OrganizationFactory.create(dialect=dialect)).secret)


def test_the_service_provider_config_says_what_works(idp: Idp) -> None:  # P4
    config = idp.get("/ServiceProviderConfig").json()
    assert config["patch"] == {"supported": True}
    assert config["bulk"]["supported"]
    assert config["filter"] == {"supported": True, "maxResults": 1000}
    assert config["etag"] == config["sort"] == {"supported": True}
    assert config["authenticationSchemes"][0]["type"] == "oauthbearertoken"


def test_cursors_are_announced_only_where_the_profile_says_so(idp: Idp, org: Organization) -> None:  # P4
    assert "pagination" not in idp.get("/ServiceProviderConfig").json()
    assert idp.get("/Users?cursor=&count=1").json()["itemsPerPage"] == 0
    SchemaProfile.objects.filter(id=org.profile_id).update(announces_cursors=True)
    pagination = idp.get("/ServiceProviderConfig").json()["pagination"]
    assert (pagination["cursor"], pagination["defaultPaginationMethod"]) == (True, "index")


def test_the_built_in_profiles_announce_none(db: None) -> None:  # P4
    assert not SchemaProfile.objects.filter(announces_cursors=True).exists()


@pytest.mark.parametrize("dialect", ["standard", "lambdatest", "testomat"])
def test_the_password_is_described_as_never_returned(db: None, dialect: str) -> None:  # P4
    listed = idp_of(dialect).get("/Schemas").json()["Resources"]
    described = [
        attribute for schema in listed for attribute in schema["attributes"] if attribute["name"] == "password"
    ]
    assert [(one["mutability"], one["returned"]) for one in described] == [("writeOnly", "never")]


def test_resource_types_name_the_profile_s_extensions(db: None) -> None:  # P4
    listed = idp_of("lambdatest").get("/ResourceTypes").json()["Resources"]
    user = next(kind for kind in listed if kind["id"] == "User")
    assert {"schema": LAMBDATEST, "required": False} in user["schemaExtensions"]


@pytest.mark.parametrize("alias", [LAMBDATEST, LAMBDATEST.replace("LambdaTest", "TestMu AI"), LAMBDATEST.upper()])
def test_a_schema_is_found_by_its_aliases(db: None, alias: str) -> None:  # P1
    schema = idp_of("lambdatest").get(f"/Schemas/{alias}").json()
    assert schema["id"] == LAMBDATEST
    role = next(attribute for attribute in schema["attributes"] if attribute["name"] == "OrganizationRole")
    assert role["canonicalValues"] == ["Admin", "User", "Guest"]
    assert not role["multiValued"]


def test_the_placement_attribute_is_always_listed(db: None) -> None:  # U10
    org = OrganizationFactory.create(dialect="lambdatest", concurrency_groups=False)
    schema = Idp(issue_token(org).secret).get(f"/Schemas/{LAMBDATEST}").json()
    assert "LambdatestGroup" in [attribute["name"] for attribute in schema["attributes"]]


def test_follows_an_edit_of_the_profile(db: None) -> None:  # P4
    idp = idp_of("testomat")
    profile = SchemaProfile.objects.get(key="testomat")
    Role.objects.create(profile=profile, key="auditor", rank=5)
    SchemaProfile.objects.filter(id=profile.id).update(revision=profile.revision + 1)
    schema = idp.get("/Schemas/urn:ietf:params:scim:schemas:extension:testomat:2.0:User").json()
    assert schema["attributes"][0]["canonicalValues"] == ["manager", "billing", "read", "qa", "auditor"]


@pytest.mark.parametrize("path", ["/Schemas/urn:nobody", "/ResourceTypes/Nobody"])
def test_what_is_not_there_is_404(idp: Idp, path: str) -> None:
    assert idp.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/Schemas", "/ResourceTypes"])
def test_a_filter_is_403(idp: Idp, path: str) -> None:  # RFC 7644 §4
    assert idp.get(f'{path}?filter=id eq "x"').status_code == 403


@pytest.mark.parametrize("path", ["/Me", "/.search"])
def test_what_the_rfc_has_and_we_have_not_is_501(idp: Idp, path: str) -> None:  # S1, S2
    assert idp.get(path).status_code == 501
