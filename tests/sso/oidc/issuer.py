"""An OpenID Provider's keys and tokens, good ones and others."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

from sso.fetching import Answer
from sso.oidc.documents import Provider, VerifyingKey, read_keys

ISSUER, CLIENT, SECRET, NONCE = "https://idp.example", "muster", "s" * 40, "the nonce of this sign-in"
NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
AT = NOW.timestamp()


@cache
def rsa(kid: str = "k1") -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig"})


@cache
def ec(kid: str = "e1", curve: str = "P-256") -> ECKey:
    return ECKey.generate_key(curve, {"kid": kid, "use": "sig"})  # type: ignore[arg-type]


@cache
def okp(kid: str = "o1") -> OKPKey:
    return OKPKey.generate_key("Ed25519", {"kid": kid, "use": "sig"})


def published(*keys: Any) -> tuple[VerifyingKey, ...]:
    """What becomes of these keys when they are published and read."""
    return read_keys(answered({"keys": [key.as_dict(private=False) for key in keys]}))


def answered(body: object, *, status: int = 200, url: str = ISSUER, content_type: str = "application/json") -> Answer:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(url, status, content_type, text)


def description(**changes: Any) -> dict[str, Any]:
    """A provider's description of itself; None leaves a member out."""
    said = {
        "issuer": ISSUER,
        "authorization_endpoint": f"{ISSUER}/authorize",
        "token_endpoint": f"{ISSUER}/token",
        "jwks_uri": f"{ISSUER}/keys",
        "userinfo_endpoint": f"{ISSUER}/userinfo",
        "response_types_supported": ["code", "id_token"],
        "id_token_signing_alg_values_supported": ["RS256"],
    } | changes
    return {name: value for name, value in said.items() if value is not None}


def provider(**changes: Any) -> Provider:
    facts: dict[str, Any] = {
        "issuer": ISSUER,
        "authorization_endpoint": f"{ISSUER}/authorize",
        "token_endpoint": f"{ISSUER}/token",
        "jwks_uri": f"{ISSUER}/keys",
        "userinfo_endpoint": f"{ISSUER}/userinfo",
        "client_authentication": "client_secret_basic",
        "names_itself": False,
    }
    return Provider(**facts | changes)


def claims(**changes: Any) -> dict[str, Any]:
    """Of a good ID token; None leaves a claim out."""
    said = {"iss": ISSUER, "sub": "ada", "aud": CLIENT, "exp": AT + 300, "iat": AT, "nonce": NONCE} | changes
    return {name: value for name, value in said.items() if value is not None}


def signed(payload: Mapping[str, Any] | bytes, key: Any = None, *, alg: str = "RS256", **header: Any) -> str:
    """A token; a header of None is left out, and `kid` is k1 unless it is given."""
    head = {name: value for name, value in ({"alg": alg, "kid": "k1"} | header).items() if value is not None}
    text = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    registry = jws.JWSRegistry(algorithms=[alg], strict_check_header=False)
    return jws.serialize_compact(head, text, key or rsa(), registry=registry)


def unsigned(header: Mapping[str, Any] | bytes, payload: Mapping[str, Any], signature: bytes = b"") -> str:
    """A token with any header and any bytes for its signature."""
    parts = (header if isinstance(header, bytes) else json.dumps(header).encode(), json.dumps(payload).encode())
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (*parts, signature))
