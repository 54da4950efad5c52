"""The discovery documents of every built-in profile, and resources, as typed clients of two ages read them (SPEC P4).

scim2-models refuses a whole document for one attribute that it does not know. 0.6.12 is what Canaille 0.3.6 is locked
to, and older than RFC 9865; the suite's own is the newest.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.fixture(params=["lambdatest", "standard", "testomat"])
def documents(request: pytest.FixtureRequest, db: None) -> dict[str, object]:
    """What is discovered, and a person and a group that has her, in an org with this profile."""
    idp = Idp(issue_token(OrganizationFactory.create(dialect=request.param)).secret)
    person = idp.post("/Users", PERSON).json()
    group = idp.post("/Groups", {"displayName": "Engineers", "members": [{"value": person["id"]}]}).json()
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

    def test_would_be_refused_by_them_if_pagination_were_announced(
        self, documents, canaille_python: Path
    ) -> None:  # P4
        documents["config"]["pagination"] = {"cursor": True}
        assert "Extra inputs are not permitted" in read_by(canaille_python, documents)
