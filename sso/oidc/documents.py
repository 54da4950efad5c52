"""What an OpenID Provider publishes: its description (OpenID Connect Discovery 1.0) and its keys (RFC 7517)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from joserfc import jwk
from joserfc.errors import JoseError

from sso import fetching
from sso.fetching import Answer
from sso.refusals import Reason, Refused, quoted

WELL_KNOWN = "/.well-known/openid-configuration"
BASIC, POST = "client_secret_basic", "client_secret_post"

ALGORITHMS = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA", "Ed25519"),
)
"""Signatures that are accepted: those that nobody makes who only has what we have."""

SMALLEST_RSA, LARGEST_RSA = 2048, 16384  # bits: RFC 7518 section 3.3; above, each signature takes long to verify

VerifyingKey = jwk.RSAKey | jwk.ECKey | jwk.OKPKey
_KINDS: Mapping[str, type[VerifyingKey]] = {"RSA": jwk.RSAKey, "EC": jwk.ECKey, "OKP": jwk.OKPKey}


@dataclass(frozen=True, slots=True)
class Provider:
    """issuer: as it is in tokens, to the letter. userinfo_endpoint: None if there is none.

    client_authentication: BASIC or POST. names_itself: every answer to an authorization request has `iss` (RFC 9207).
    """

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    client_authentication: str
    names_itself: bool


def issuer_in(address: str) -> str:
    """The issuer that somebody means who gives it, or the address of its description. Raises Refused: BAD_ADDRESS."""
    issuer = address.strip().removesuffix(WELL_KNOWN)
    parts = fetching.split(issuer)
    if "?" in issuer or parts.fragment or issuer.endswith("#"):
        raise Refused(Reason.BAD_ADDRESS, address)
    return issuer


def description_url(issuer: str) -> str:
    """Where the description of an issuer is."""
    return issuer.rstrip("/") + WELL_KNOWN


def json_object(answer: Answer) -> dict[str, Any]:
    """What an answer says. Raises Refused: REDIRECTED, BAD_STATUS, NOT_JSON."""
    said = parsed_object(fetching.body(answer))
    if said is None:
        raise Refused(Reason.NOT_JSON, f"{answer.url}: {answer.content_type}")
    return said


def parsed_object(text: bytes) -> dict[str, Any] | None:
    """The JSON object in a text that somebody else wrote; None where it is anything else."""
    try:
        said = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def read_description(answer: Answer, *, issuer: str) -> Provider:
    """The provider that is described where `issuer` has its description.

    Raises Refused: as `json_object`, OTHER_ISSUER, INCOMPLETE, BAD_ENDPOINT, NO_CODE_FLOW, NO_CLIENT_SECRET,
    NO_ALGORITHM.
    """
    said = json_object(answer)
    if said.get("issuer") != issuer:
        raise Refused(Reason.OTHER_ISSUER, quoted(said.get("issuer")))
    if "code" not in _strings(said, "response_types_supported", ["code"]):
        raise Refused(Reason.NO_CODE_FLOW)
    methods = _strings(said, "token_endpoint_auth_methods_supported", [BASIC])
    if not {BASIC, POST} & set(methods):
        raise Refused(Reason.NO_CLIENT_SECRET, ", ".join(methods))
    signed = _strings(said, "id_token_signing_alg_values_supported", ALGORITHMS)
    if not set(ALGORITHMS) & set(signed):
        raise Refused(Reason.NO_ALGORITHM, ", ".join(signed))
    return Provider(
        issuer=issuer,
        authorization_endpoint=_endpoint(said, "authorization_endpoint", issuer),
        token_endpoint=_endpoint(said, "token_endpoint", issuer),
        jwks_uri=_endpoint(said, "jwks_uri", issuer),
        userinfo_endpoint=_endpoint(said, "userinfo_endpoint", issuer) if "userinfo_endpoint" in said else None,
        client_authentication=BASIC if BASIC in methods else POST,
        names_itself=said.get("authorization_response_iss_parameter_supported") is True,
    )


def _strings(said: Mapping[str, Any], name: str, default: Sequence[str]) -> Sequence[str]:
    value = said.get(name, default)
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else default


def _endpoint(said: Mapping[str, Any], name: str, issuer: str) -> str:
    """An endpoint is as safe as its issuer: https, or plain http where the operator allowed it for the issuer."""
    url = said.get(name)
    if not isinstance(url, str) or not url:
        raise Refused(Reason.INCOMPLETE, name)
    try:
        parts = fetching.split(url)
    except Refused:
        raise Refused(Reason.BAD_ENDPOINT, f"{name}: {url}") from None
    if parts.fragment or (parts.scheme == "http" and urlsplit(issuer).scheme == "https"):
        raise Refused(Reason.BAD_ENDPOINT, f"{name}: {url}")
    return url


def read_keys(answer: Answer) -> tuple[VerifyingKey, ...]:
    """The keys that may have signed a token; one that cannot be used does not spoil the others.

    Raises Refused: as `json_object`, NO_KEYS.
    """
    found = json_object(answer).get("keys")
    usable = [key for each in (found if isinstance(found, list) else ()) if (key := _usable(each))]
    if not usable:
        raise Refused(Reason.NO_KEYS, answer.url)
    return tuple(usable)


def _usable(said: object) -> VerifyingKey | None:
    """A symmetric key is none: whoever reads it could sign."""
    if not isinstance(said, dict) or said.get("use", "sig") != "sig":
        return None
    kind = _KINDS.get(said["kty"]) if isinstance(said.get("kty"), str) else None
    if kind is None or not isinstance(said.get("kid", ""), str):
        return None
    try:
        key = kind.import_key(said)
        key.check_key_op("verify")
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    if isinstance(key, jwk.RSAKey) and not SMALLEST_RSA <= key.public_key.key_size <= LARGEST_RSA:
        return None
    return key
