"""The authorization code flow of OpenID Connect Core 1.0 with PKCE (RFC 7636): what is sent, and what comes back.

Nothing here sends or keeps anything.
"""

import base64
import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

from sso.fetching import Answer
from sso.oidc.documents import BASIC, Provider, json_object, parsed_object
from sso.oidc.tokens import same
from sso.refusals import Reason, Refused, quoted

SCOPE = "openid profile email"


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one sign-in is recognised by; it is kept with the browser that began, and used once.

    state: comes back with the browser. nonce: comes back in the ID token. verifier: shows that the code is ours.
    """

    state: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))


@dataclass(frozen=True, slots=True)
class Request:
    """What to POST to the token endpoint."""

    form: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Tokens:
    """access_token: for the userinfo endpoint; None if there is none that can be sent."""

    id_token: str
    access_token: str | None


def authorization_url(
    provider: Provider, attempt: Attempt, *, client_id: str, redirect_uri: str, max_age: int | None = None
) -> str:
    """Where to send the browser. max_age: after how many seconds somebody has to show again who they are."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(attempt.verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": SCOPE,
        "state": attempt.state,
        "nonce": attempt.nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    } | ({} if max_age is None else {"max_age": str(max_age)})
    return f"{provider.authorization_endpoint}{'&' if urlsplit(provider.authorization_endpoint).query else '?'}" + (
        urlencode(query)
    )


def read_callback(parameters: Mapping[str, Sequence[str]], *, provider: Provider, state: str) -> str:
    """The code that the browser brought back. parameters: all values of each.

    Nothing is believed, an error neither, before it is clear that this browser began, and with this provider.
    Raises Refused: BAD_PARAMETERS, STATE, MIXED_UP, CANCELLED, PROVIDER_ERROR.
    """
    known = ("state", "iss", "error", "error_description", "code")
    given = {name: values[0] for name in known if (values := parameters.get(name))}
    if repeated := [name for name in given if len(parameters[name]) > 1]:  # RFC 6749 section 3.1
        raise Refused(Reason.BAD_PARAMETERS, ", ".join(repeated))
    if not same(given.get("state", ""), state):
        raise Refused(Reason.STATE)
    if given.get("iss", None if provider.names_itself else provider.issuer) != provider.issuer:  # RFC 9207
        raise Refused(Reason.MIXED_UP, given.get("iss", ""))
    if "error" in given:
        said = f"{given['error']} {given.get('error_description', '')}".strip()
        raise Refused(Reason.CANCELLED if given["error"] == "access_denied" else Reason.PROVIDER_ERROR, said)
    if not given.get("code"):
        raise Refused(Reason.BAD_PARAMETERS, "code")
    return given["code"]


def token_request(
    provider: Provider, *, code: str, verifier: str, redirect_uri: str, client_id: str, client_secret: str
) -> Request:
    """What turns a code into tokens."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": verifier,
    }
    if provider.client_authentication == BASIC:  # RFC 6749 section 2.3.1: each part is encoded as in a form
        pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}".encode()
        headers = {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    else:
        form |= {"client_id": client_id, "client_secret": client_secret}
        headers = {}
    return Request(urlencode(form, errors="replace").encode(), headers)


def read_tokens(answer: Answer) -> Tokens:
    """The tokens that a code was exchanged for.

    Raises Refused: SECRET_REFUSED, CODE_REFUSED, TOKEN_REFUSED, PROVIDER_FAILED, REDIRECTED, BAD_STATUS, NOT_JSON,
    NO_ID_TOKEN.
    """
    if answer.status >= 500:
        raise Refused(Reason.PROVIDER_FAILED, str(answer.status))
    if answer.status >= 400:
        said = parsed_object(answer.body) or {}
        error = said.get("error")
        told = " ".join(quoted(said[name]) for name in ("error", "error_description") if said.get(name))
        if error == "invalid_client" or (answer.status == 401 and not error):
            raise Refused(Reason.SECRET_REFUSED, told)
        if error == "invalid_grant":
            raise Refused(Reason.CODE_REFUSED, told)
        raise Refused(Reason.TOKEN_REFUSED, f"{answer.status} {told}".strip())
    said = json_object(answer)
    if not isinstance(said.get("id_token"), str):
        raise Refused(Reason.NO_ID_TOKEN)
    access_token = said.get("access_token")
    sendable = isinstance(access_token, str) and access_token.isascii() and access_token.isprintable()
    return Tokens(said["id_token"], access_token if sendable else None)


def add_userinfo(claims: Mapping[str, Any], answer: Answer) -> dict[str, Any]:
    """The claims of an ID token, with what the userinfo endpoint adds to them.

    Raises Refused: as `json_object`, OTHER_SUBJECT where it is about somebody else.
    """
    more = json_object(answer)
    if more.get("sub") != claims["sub"]:
        raise Refused(Reason.OTHER_SUBJECT, quoted(more.get("sub")))
    return {**more, **claims}
