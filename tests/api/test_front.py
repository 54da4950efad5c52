"""What the front door of the API answers when something around its views fails."""

from typing import Any

import pytest
from django.test import Client

from api.changes import OrgChanges
from orgs.models import Organization
from tests.api.consumer import key_of


def test_what_fails_around_a_view_is_a_problem_too(org: Organization, monkeypatch: pytest.MonkeyPatch) -> None:  # E2
    def no_json(*args: Any, **kwargs: Any) -> object:
        return object()

    monkeypatch.setattr(OrgChanges, "get", no_json)
    client = Client(headers={"Authorization": f"Bearer {key_of(org).secret}"}, raise_request_exception=False)
    answer = client.get(f"/api/v1/organizations/{org.id}/changes")
    assert (answer.status_code, answer["Content-Type"]) == (500, "application/problem+json")
    assert answer.json()["status"] == 500
