"""ID tokens (OpenID Connect Core 1.0) and logout tokens (OpenID Connect Back-Channel Logout 1.0), verified.

Signatures are joserfc's work; which key and which algorithm may have made them, and what the claims have to be, is said
here.
"""

import base64
import hmac
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from joserfc import jwk, jws
from joserfc.errors import JoseError

from sso.oidc.documents import ALGORITHMS, VerifyingKey, parsed_object
from sso.refusals import Reason, Refused, quoted

LONGEST = 64 * 1024
LONGEST_HEADER = 16 * 1024  # a chain of certificates (x5c) is longer than joserfc's 512 bytes
LONGEST_SUBJECT = 255
LEEWAY = 120  # seconds by which clocks may differ
OLDEST_LOGOUT = 600  # seconds since a token that ends sessions was issued
REVOCATION = "global-token-revocation+jwt"
BACKCHANNEL_LOGOUT = "http://schemas.openid.net/event/backchannel-logout"

_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "EdDSA": "Ed25519", "Ed25519": "Ed25519"}


class _Registry(jws.JWSRegistry):
    max_header_length = LONGEST_HEADER


# Headers that nobody knows are allowed, as RFC 7515 section 4 has it; `crit` is refused before.
_REGISTRY = _Registry(algorithms=ALGORITHMS, strict_check_header=False)


@dataclass(frozen=True, slots=True)
class Logout:
    """Whose sessions end: that of `sid`, otherwise all of `subject`.

    token_id: of this token; to be remembered until `until`, when it is too old anyway.
    """

    subject: str | None
    sid: str | None
    token_id: str
    until: datetime


def verify_id_token(
    token: str, *, keys: Sequence[VerifyingKey], issuer: str, client_id: str, nonce: str, now: datetime
) -> dict[str, Any]:
    """The claims of an ID token that was asked for with this nonce. `sub` is a text that can be kept.

    Raises Refused. UNKNOWN_KEY: the provider may have new keys, so it may be worth while to read them again.
    """
    claims = _verified(token, keys, types=("jwt",))
    _check_parties(claims, issuer=issuer, client_id=client_id)
    _check_times(claims, now)
    if "events" in claims:
        raise Refused(Reason.TOKEN_TYPE, "events")
    if not isinstance(claims.get("nonce"), str) or not same(claims["nonce"], nonce):
        raise Refused(Reason.NONCE)
    _text(claims, "sub")
    return claims


def verify_logout_token(
    token: str, *, keys: Sequence[VerifyingKey], issuer: str, client_id: str, now: datetime
) -> Logout:
    """Whose sessions a provider wants ended. Raises Refused, as `verify_id_token`.

    The caller refuses a token that it has seen before.
    """
    claims = _verified(token, keys, types=("jwt", "logout+jwt"))
    _check_parties(claims, issuer=issuer, client_id=client_id)
    _check_times(claims, now)
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(BACKCHANNEL_LOGOUT), dict):
        raise Refused(Reason.NOT_A_LOGOUT, "events")
    if "nonce" in claims:
        raise Refused(Reason.NOT_A_LOGOUT, "nonce")
    until = _until(claims, now)
    subject, sid = (_text(claims, name) if claims.get(name) is not None else None for name in ("sub", "sid"))
    if subject is None and sid is None:
        raise Refused(Reason.BAD_CLAIM, "sub, sid")
    return Logout(
        subject=subject,
        sid=sid,
        token_id=_text(claims, "jti"),
        until=until,
    )


def verify_revocation_token(
    token: str, *, keys: Sequence[VerifyingKey], issuer: str, audience: str, now: datetime
) -> tuple[str, datetime]:
    """The id of a token that shows who asks for a global revocation, and until when it has to be remembered.

    audience: the address that was asked. The standard (draft-parecki-oauth-global-token-revocation) leaves open how a
    provider shows who it is; this is Okta's way. Raises Refused, as `verify_logout_token`.
    """
    claims = _verified(token, keys, types=(REVOCATION,))
    _check_parties(claims, issuer=issuer, client_id=audience)
    _check_times(claims, now)
    return _text(claims, "jti"), _until(claims, now)


def same(given: str, wanted: str) -> bool:
    """Whether a text that came from outside is the one that is wanted, in the same time whatever it is."""
    return hmac.compare_digest(given.encode(errors="replace"), wanted.encode())


def _verified(token: str, keys: Sequence[VerifyingKey], *, types: Sequence[str]) -> dict[str, Any]:
    """The claims of a token that one of the keys signed. types: what `typ` may be; most leave it out."""
    header = _header(token)
    algorithm, key_id, kind = header.get("alg"), header.get("kid"), header.get("typ", "jwt")
    if algorithm not in ALGORITHMS:
        raise Refused(Reason.ALGORITHM, quoted(algorithm))
    if not isinstance(kind, str) or kind.lower().removeprefix("application/") not in types:
        raise Refused(Reason.TOKEN_TYPE, quoted(kind))
    fitting = [key for key in keys if _fits(key, algorithm)]
    if "kid" in header:
        fitting = [key for key in fitting if key.kid == key_id]
    elif len(fitting) > 1:  # OpenID Connect Core section 10.1
        raise Refused(Reason.NO_KEY_ID)
    if not fitting:
        raise Refused(Reason.UNKNOWN_KEY, f"{quoted(key_id)}, {algorithm}" if "kid" in header else algorithm)
    for key in fitting:
        try:
            signed = jws.deserialize_compact(token, key, registry=_REGISTRY)
        except (JoseError, ValueError, TypeError):
            continue
        claims = parsed_object(signed.payload)
        if claims is None:
            raise Refused(Reason.MALFORMED)
        return claims
    raise Refused(Reason.SIGNATURE)


def _header(token: str) -> dict[str, Any]:
    first, _, _ = token.partition(".")
    if len(token) > LONGEST or len(first) > LONGEST_HEADER or not token.isascii() or token.count(".") != 2:
        raise Refused(Reason.MALFORMED)
    try:
        header = parsed_object(base64.b64decode(first + "=" * (-len(first) % 4), altchars=b"-_", validate=True))
    except ValueError:
        header = None
    if header is None or "crit" in header:  # RFC 7515 section 4.1.11: no extension is understood
        raise Refused(Reason.MALFORMED)
    return header


def _fits(key: VerifyingKey, algorithm: str) -> bool:
    if isinstance(key, jwk.RSAKey):
        return algorithm.startswith(("RS", "PS"))
    return key.curve_name == _CURVES.get(algorithm)


def _check_parties(claims: Mapping[str, Any], *, issuer: str, client_id: str) -> None:
    """OpenID Connect Core section 3.1.3.7, steps 2 to 5."""
    if claims.get("iss") != issuer:
        raise Refused(Reason.ISSUER, quoted(claims.get("iss")))
    audience = claims.get("aud")
    if not isinstance(audience, list):
        audience = [audience]
    if client_id not in audience:
        raise Refused(Reason.AUDIENCE, ", ".join(map(quoted, audience)))
    if (len(audience) > 1 or "azp" in claims) and claims.get("azp") != client_id:
        raise Refused(Reason.AUDIENCE, f"azp: {quoted(claims.get('azp'))}")


def _check_times(claims: Mapping[str, Any], now: datetime) -> None:
    at = now.timestamp()
    if _time(claims, "exp") + LEEWAY < at:
        raise Refused(Reason.EXPIRED)
    for name in ("iat", "nbf") if "nbf" in claims else ("iat",):
        if _time(claims, name) - LEEWAY > at:
            raise Refused(Reason.NOT_YET_VALID, name)


def _until(claims: Mapping[str, Any], now: datetime) -> datetime:
    """When a token that ends sessions is too old, whatever it says of its own end. Raises Refused: TOO_OLD."""
    if claims["iat"] < now.timestamp() - OLDEST_LOGOUT:
        raise Refused(Reason.TOO_OLD)
    return datetime.fromtimestamp(claims["iat"] + OLDEST_LOGOUT, UTC)


def _time(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise Refused(Reason.BAD_CLAIM, name)
    return value


def _text(claims: Mapping[str, Any], name: str) -> str:
    """A text of a length that is kept, without what the database does not take."""
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_SUBJECT or not value.isprintable():
        raise Refused(Reason.BAD_CLAIM, name)
    return value
