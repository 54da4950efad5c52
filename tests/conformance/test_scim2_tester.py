"""scim2-tester's checks against a running server, on the profile that is plain RFC 7643 (SPEC section 2)."""

import httpx2
import pytest

from tests.factories import OrganizationFactory, issue_token


# Each check is made of each attribute, of which groups have few.
@pytest.mark.parametrize(
    ("kinds", "least"),
    [pytest.param(["Group"], 30, id="groups"), pytest.param(None, 100, id="everything", marks=pytest.mark.exhaustive)],
)
def test_passes_completely(kinds: list[str] | None, least: int, base_url: str) -> None:  # S1, P4
    # Imported by the worker that has this test: pydantic takes seconds over its models.
    from scim2_client.engines.httpx2 import SyncSCIMClient
    from scim2_tester import Status, check_server

    secret = issue_token(OrganizationFactory.create(dialect="standard")).secret
    with httpx2.Client(base_url=base_url, headers={"Authorization": f"Bearer {secret}"}, timeout=20) as http:
        results = check_server(SyncSCIMClient(http), resource_types=kinds)
    failures = [f"{r.title}: {r.reason}" for r in results if r.status in (Status.ERROR, Status.CRITICAL)]
    assert failures == []
    assert sum(result.status is Status.SUCCESS for result in results) > least
