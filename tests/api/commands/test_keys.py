"""Keys to the API, over HTTP."""

from datetime import timedelta

from orgs.models import ApiKey, Organization, Scope
from tests.api.consumer import Consumer
from tests.api.program import Program, problem


class TestAKey:
    def test_made_with_a_key_has_what_that_one_has_without_credentials(self, org: Organization) -> None:  # E5
        maker = Program(org, Scope.CREDENTIALS, Scope.READ)
        for scope in Scope:
            wished = {"name": scope, "scopes": [scope], "expires_in_days": 1}
            answer = maker("POST", f"/organizations/{org.id}/keys", wished)
            if scope == Scope.READ:
                made = answer.json()
                key = ApiKey.objects.get(id=made["id"])
                assert (answer.status_code, key.expires_at - key.created_at) == (201, timedelta(days=1))
                assert Consumer(org, made["secret"]).get().status_code == 200
            else:
                assert problem(answer) == (403, "scope-not-given")

    def test_of_the_operator_makes_none_with_credentials_either(self, org: Organization) -> None:  # E5
        wished = {"name": "CRM", "scopes": ["read", "credentials"], "expires_in_days": None}
        answer = Program(None)("POST", f"/organizations/{org.id}/keys", wished)
        assert problem(answer) == (403, "scope-not-given")

    def test_is_listed_while_it_is_valid_and_can_revoke_itself(self, org: Organization) -> None:
        program = Program(org)
        at = f"/organizations/{org.id}/keys"
        (listed,) = program("GET", at).json()["items"]
        assert listed["id"] == str(program.key.id)
        assert program("DELETE", f"{at}/{listed['id']}").status_code == 204
        assert program("GET", at).status_code == 401
        other = Program(org)
        assert other("GET", f"{at}/{listed['id']}").json()["revoked_at"]
        assert [each["id"] for each in other("GET", at).json()["items"]] == [str(other.key.id)]
