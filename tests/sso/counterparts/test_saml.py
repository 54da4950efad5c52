"""Sign-ins with real SAML identity providers, from our request to who it is."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sso.refusals import Reason, Refused
from sso.saml import metadata, requests, responses
from sso.saml.metadata import IdentityProvider
from sso.saml.responses import Assertion
from tests.sso.counterparts.running import Browser, NotSignedIn, running, simplesamlphp
from tests.sso.saml.identity_provider import ACS, ADA, ENTITY, ours


def sign_in(provider: IdentityProvider, *, sign_request: bool = False) -> tuple[str, str]:
    """The request and the response of a sign-in."""
    request_id = requests.new_request_id()
    url = requests.authentication_url(
        provider.sso_url,
        request_id=request_id,
        entity_id=ENTITY,
        acs_url=ACS,
        now=datetime.now(UTC),
        signed_by=ours() if sign_request else None,
    )
    action, fields = Browser().sign_in(url, username="ada", password="secret")
    assert action == ACS
    assert not fields.get("RelayState")
    return request_id, fields["SAMLResponse"]


def identified(provider: IdentityProvider, request_id: str, response: str, **changes: object) -> Assertion:
    assert responses.request_id_in(response) == request_id
    expected = {
        "issuer": provider.entity_id,
        "certificates": provider.certificates,
        "entity_id": ENTITY,
        "acs_url": ACS,
        "request_id": request_id,
        "now": datetime.now(UTC),
        "key": ours(),
    }
    return responses.verify(response, **expected | changes)


GCM, CBC = b"xmlenc11#aes256-gcm", b"xmlenc#aes256-cbc"


class TestSamlp:
    @pytest.mark.parametrize(
        ("shape", "signatures", "encrypted"),
        [("plain", 1, b""), ("response", 1, b""), ("both", 2, b""), ("gcm", 0, GCM), ("cbc", 0, CBC)],
    )
    def test_signs_ada_in(
        self, node: Callable[[str], tuple[str, str]], keys: Path, shape: str, signatures: int, encrypted: bytes
    ) -> None:  # L2
        with running(*node("samlp_idp.mjs"), str(keys), ENTITY, ACS) as port:
            text = Browser().read(f"http://127.0.0.1:{port}/{shape}/metadata")
            provider = metadata.read(text, now=datetime.now(UTC), plain_http=True)
            request_id, response = sign_in(provider)
        text = base64.b64decode(response)
        assert (text.count(b"<SignedInfo"), encrypted in text) == (signatures, True)
        got = identified(provider, request_id, response)
        assert (got.issuer, got.subject) == (f"https://samlp.example/{shape}", ADA)
        assert got.name_id_format.endswith(":emailAddress")
        assert got.session_index == "_session1"
        assert got.attributes == {"userName": (ADA,), "groups": ("Staff", "Ada's")}


class TestSimpleSamlPhp:
    @pytest.mark.parametrize("encrypts", ["", "1"])
    def test_signs_ada_in_with_her_password(self, php: str, keys: Path, encrypts: str) -> None:  # L2
        with simplesamlphp(php, keys, COUNTERPART_ENCRYPTS=encrypts) as provider:
            request_id, response = sign_in(provider)
        got = identified(provider, request_id, response)
        assert (got.subject, got.attributes) == (ADA, {"mail": (ADA,), "groups": ("Staff", "Ada's")})
        assert got.session_ends_at is not None
        assert got.session_ends_at > datetime.now(UTC) + timedelta(hours=1)
        if encrypts:
            with pytest.raises(Refused) as refused:
                identified(provider, request_id, response, key=None)
            assert refused.value.reason == Reason.ENCRYPTED

    def test_takes_a_request_that_we_sign_and_no_other(self, php: str, keys: Path) -> None:
        with simplesamlphp(php, keys, COUNTERPART_WANTS_SIGNED="1") as provider:
            assert provider.wants_signed_requests
            request_id, response = sign_in(provider, sign_request=True)
            assert identified(provider, request_id, response).subject == ADA
            with pytest.raises(NotSignedIn, match="Validation of received messages enabled"):
                sign_in(provider)
