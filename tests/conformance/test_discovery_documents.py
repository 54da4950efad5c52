"""The discovery documents of every built-in profile, and resources, as typed clients of two ages read them (SPEC P4).

scim2-models refuses a whole document for one attribute that it does not know. 0.6.12 is what Canaille 0.3.6 is locked
to, and older than RFC 9865; the suite's own is the newest.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from orgs.models import Organization, SchemaProfile
from tests.conftest import Idp
from tests.factories import OrganizationFactory, issue_token

PROGRAM = Path(__file__).with_name("typed_models.py")
PERSON = {
    "userName": "ada@corp.example",
    "externalId": "1",
    "active": True,
    "name": {"givenName": "Ada", "familyName": "Lovelace"},
    "emails": [{"value": "ada@corp.example", "type": "work", "primary": True}],
    "addresses": [{"locality": "London", "type": "work", "primary": True}],
    "phoneNumbers": [{"value": "+44 1234"}],
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "R&D", "manager": {"value": "7"}},
}


# One of every type, with one value and with several, for users and for groups.
EXTENSION = "urn:ietf:params:scim:schemas:extension:LambdaTest:2.0:{}"
DESCRIBED = {
    "string": "x",
    "boolean": True,
    "integer": 7,
    "decimal": 1.5,
    "dateTime": "2024-01-01T00:00:00Z",
    "reference": "https://corp.example/7",
}
VALUES = {f"one-{type_}": value for type_, value in DESCRIBED.items()}
VALUES |= {f"many-{type_}": [value] for type_, value in DESCRIBED.items()}


def described() -> Organization:
    profile = SchemaProfile.objects.get(key="lambdatest")
    for carrier in ("user", "group"):
        for name in VALUES:
            count, type_ = name.split("-")
            profile.attributes.create(carrier=carrier, name=name, type=type_, multi_valued=count == "many")
    SchemaProfile.objects.filter(pk=profile.pk).update(revision=30_000)  # what is compiled is kept by revision
    profile.refresh_from_db()
    return OrganizationFactory.create(profile=profile)  # type: ignore[no-any-return]


@pytest.fixture(params=["lambdatest", "standard", "testomat", "described"])
def documents(request: pytest.FixtureRequest, db: None) -> dict[str, object]:
    """What is discovered, and a person and a group that has her, in an org with this profile."""
    full = request.param == "described"
    idp = Idp(issue_token(described() if full else OrganizationFactory.create(dialect=request.param)).secret)
    person = idp.post("/Users", PERSON | ({EXTENSION.format("User"): VALUES} if full else {})).json()
    team = {"displayName": "Engineers", "members": [{"value": person["id"]}]}
    group = idp.post("/Groups", team | ({EXTENSION.format("Group"): VALUES} if full else {})).json()
    return {
        "config": idp.get("/ServiceProviderConfig").json(),
        "types": idp.get("/ResourceTypes").json(),
        "schemas": idp.get("/Schemas").json(),
        "resources": {
            "User": idp.get(f"/Users/{person['id']}").json(),
            "Group": idp.get(f"/Groups/{group['id']}").json(),
        },
    }


def read_by(python: str | Path, documents: dict[str, object]) -> str:
    read = subprocess.run(
        [str(python), str(PROGRAM)], input=json.dumps(documents), capture_output=True, text=True, check=False
    )
    return read.stdout + read.stderr


class TestTheDocumentsOfABuiltInProfile:
    def test_are_read_by_scim2_models_of_before_rfc_9865(self, documents, canaille_python: Path) -> None:  # P4
        assert read_by(canaille_python, documents) == "User\nGroup\n"

    def test_are_read_by_the_newest_scim2_models(self, documents) -> None:  # P4
        assert read_by(sys.executable, documents) == "User\nGroup\n"

    @pytest.mark.parametrize("documents", ["standard"], indirect=True)
    def test_would_be_refused_by_the_older_ones_if_pagination_were_announced(
        self, documents, canaille_python: Path
    ) -> None:  # P4
        documents["config"]["pagination"] = {"cursor": True}
        assert "Extra inputs are not permitted" in read_by(canaille_python, documents)
