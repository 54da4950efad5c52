"""scim2-tester's checks against a running server, on the profile that is plain RFC 7643 (SPEC section 2)."""

import httpx2

from tests.factories import OrganizationFactory, issue_token


def test_passes_completely(base_url: str) -> None:  # S1, P4
    # Imported by the worker that has this test: pydantic takes seconds over its models.
    from scim2_client.engines.httpx2 import SyncSCIMClient
    from scim2_tester import Status, check_server

    secret = issue_token(OrganizationFactory.create(dialect="standard")).secret
    with httpx2.Client(base_url=base_url, headers={"Authorization": f"Bearer {secret}"}, timeout=20) as http:
        results = check_server(SyncSCIMClient(http))
    failures = [f"{r.title}: {r.reason}" for r in results if r.status in (Status.ERROR, Status.CRITICAL)]
    assert failures == []
    assert sum(result.status is Status.SUCCESS for result in results) > 100
