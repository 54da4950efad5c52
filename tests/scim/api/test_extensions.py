"""Extensions that nobody described, over HTTP and through the database (SPEC P3)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orgs.models import Organization
from tests.conftest import Idp
from tests.factories import OrganizationFactory, issue_token
from tests.scim.extension_story import NAMES, ODD_NAMES, URNS, odd_urns, steps, tell, text, values
from tests.scim.people import few

LAMBDATEST = "urn:ietf:params:scim:schemas:extension:LambdaTest:2.0:User"


class Resource:
    """One that an identity provider makes, in either kind."""

    def __init__(self, idp: Idp, kind: str) -> None:
        self.idp = idp
        self.kind = kind
        self.name = {"userName": "ada"} if kind == "Users" else {"displayName": "Staff"}

    def read(self, answer: Any) -> dict[str, Any] | None:
        assert answer.status_code < 500, answer.content
        return answer.json() if answer.status_code < 300 else None

    def post(self, body: dict[str, Any]) -> dict[str, Any] | None:
        created = self.read(self.idp.post(f"/{self.kind}", self.name | body))
        self.path = f"/{self.kind}/{created['id']}" if created else ""
        return created

    def put(self, body: dict[str, Any]) -> dict[str, Any] | None:
        return self.read(self.idp.put(self.path, self.name | body))

    def patch(self, operation: dict[str, Any]) -> dict[str, Any] | None:
        return self.read(self.idp.patch(self.path, operation))

    def get(self, **query: str) -> dict[str, Any]:
        answer = self.idp.http.get(self.idp.base_path + self.path, query, headers=self.idp.headers)
        assert answer.status_code == 200
        return answer.json()  # type: ignore[no-any-return]


@few
@given(
    st.sampled_from(["Users", "Groups"]),
    odd_urns | st.sampled_from(URNS),
    st.dictionaries(st.sampled_from(NAMES + ODD_NAMES) | text, values, min_size=1),
    st.data(),
)
def test_any_urn_tells_one_story_or_is_refused(idp: Idp, kind: str, urn: str, first: Any, data: Any) -> None:  # P3
    told = data.draw(steps([*NAMES, *ODD_NAMES, *first], odd=True))
    resource = Resource(idp, kind)
    tell(resource, urn, first, told, refusable=True)
    if resource.path:
        assert idp.delete(resource.path).status_code == 204


@pytest.mark.parametrize("kind", ["Users", "Groups"])
def test_a_value_that_is_refused_changes_nothing(idp: Idp, kind: str) -> None:  # P3, S7
    resource = Resource(idp, kind)
    resource.post({"urn:acme:hr": {"tags": ["a"]}})
    before = resource.get()
    for operation in (
        {"op": "add", "path": "urn:acme:hr:tags.part", "value": "x"},
        {"op": "add", "path": "urn:flat", "value": "x"},
        {"op": "add", "value": {"urn:acme:hr": {"tags": ["b"], "x": 2**70}}},
    ):
        assert resource.patch(operation) is None
        assert resource.get() == before


def test_what_the_profile_s_own_extension_does_not_list_is_kept(db: None) -> None:  # P3
    org: Organization = OrganizationFactory.create(dialect="lambdatest")
    idp = Idp(issue_token(org).secret)
    body = {"userName": "ext@corp.example", LAMBDATEST: {"OrganizationRole": "Guest", "Department": "R&D"}}
    path = f"/Users/{idp.post('/Users', body).json()['id']}"
    assert idp.get(path).json()[LAMBDATEST] == {"OrganizationRole": "Guest", "Department": "R&D"}
    changed = idp.patch(path, {"op": "add", "value": {f"{LAMBDATEST}:Department": "Sales"}})
    assert changed.json()[LAMBDATEST] == {"OrganizationRole": "Guest", "Department": "Sales"}
    assert idp.get("/Users?filter=OrganizationRole+eq+guest").json()["totalResults"] == 1
    assert idp.patch(path, {"op": "remove", "path": f"{LAMBDATEST}.department"}).json()[LAMBDATEST] == {
        "OrganizationRole": "Guest"
    }
