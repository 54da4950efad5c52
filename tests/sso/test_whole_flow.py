"""The parts together, with a provider on the other side of TLS."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings

from sso import fetching, issuers
from sso.oidc import flow
from sso.oidc.flow import Attempt
from sso.oidc.tokens import verify_id_token
from sso.refusals import Reason, Refused
from tests.sso.oidc.issuer import CLIENT, NOW, SECRET
from tests.sso.open_id_provider import OpenIdProvider

BACK = "https://muster.example/back"

pytestmark = pytest.mark.django_db


def sign_in(idp: OpenIdProvider, *, secret: str = SECRET, now: datetime = NOW, **changes: str) -> dict[str, Any]:
    """changes: of what was kept with the browser, once it is on its way."""
    provider = issuers.provider(idp.issuer, now=now)
    attempt = Attempt()
    brought = idp.authorize(flow.authorization_url(provider, attempt, client_id=CLIENT, redirect_uri=BACK))
    attempt = replace(attempt, **changes)
    code = flow.read_callback(brought, provider=provider, state=attempt.state)
    request = flow.token_request(
        provider, code=code, verifier=attempt.verifier, redirect_uri=BACK, client_id=CLIENT, client_secret=secret
    )
    networks = settings.IDP_NETWORKS
    answer = fetching.fetch(provider.token_endpoint, networks=networks, form=request.form, headers=request.headers)
    token = flow.read_tokens(answer).id_token
    return issuers.with_keys(
        provider,
        lambda keys: verify_id_token(
            token, keys=keys, issuer=provider.issuer, client_id=CLIENT, nonce=attempt.nonce, now=now
        ),
        now=now,
    )


def test_somebody_signs_in(idp: OpenIdProvider) -> None:  # L2
    idp.claims = {"sub": "ada", "preferred_username": "ada@acme.example"}
    assert sign_in(idp)["preferred_username"] == "ada@acme.example"
    assert idp.asked == ["/.well-known/openid-configuration", "/token", "/keys"]
    assert sign_in(idp, now=NOW + timedelta(minutes=1))
    assert idp.asked[3:] == ["/token"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"verifier": "v" * 43}, Reason.CODE_REFUSED),
        ({"state": "s"}, Reason.STATE),
        ({"nonce": "n"}, Reason.NONCE),
        ({"secret": "former"}, Reason.SECRET_REFUSED),
    ],
)
def test_somebody_else_does_not(idp: OpenIdProvider, changes: dict[str, str], reason: Reason) -> None:  # L2
    with pytest.raises(Refused) as refused:
        sign_in(idp, **changes)
    assert refused.value.reason == reason
