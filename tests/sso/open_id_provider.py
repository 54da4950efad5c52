"""An OpenID Provider on this machine that does what the standard asks of it, and what a test asks instead."""

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

from tests.sso.oidc.issuer import CLIENT, SECRET, rsa, signed
from tests.sso.servers import Server, answer, certified, serving

HOST = "idp.example"


class OpenIdProvider:
    """claims: of everybody who signs in, beside what a token has to have. userinfo: None without the endpoint."""

    def __init__(self, server: Server, now: float, *, site: str = f"https://{HOST}") -> None:
        self.issuer = f"{site}:{server.port}"
        self.now = now
        self.claims: dict[str, Any] = {"sub": "ada"}
        self.secret = SECRET
        self.userinfo: dict[str, Any] | None = None
        self.documents: dict[str, bytes] = {}  # what else is there, by path
        self.asked: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}
        server.says = self._answer

    def authorize(self, url: str) -> dict[str, list[str]]:
        """What the browser that was sent to this URL brings back."""
        assert url.startswith(f"{self.issuer}/authorize?")
        query = {name: value for name, (value,) in parse_qs(urlsplit(url).query).items()}
        assert (query["response_type"], query["client_id"]) == ("code", CLIENT)
        code = f"code-{len(self._codes)}"
        self._codes[code] = query
        return {"state": [query["state"]], "code": [code], "iss": [self.issuer]}

    def _answer(self, request: bytes) -> list[bytes]:
        head, _, body = request.decode().partition("\r\n\r\n")
        path = head.split(" ")[1]
        self.asked.append(path)
        if path in self.documents:
            return [answer(self.documents[path], content_type=b"application/samlmetadata+xml")]
        if path.startswith("/authorize?"):
            return [answer(self._page(path).encode(), content_type=b"text/html")]
        if path == "/.well-known/openid-configuration":
            places = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
            said: Any = {name: f"{self.issuer}/{place}" for name, place in places.items()}
            said |= {"issuer": self.issuer, "authorization_response_iss_parameter_supported": True}
            said |= {} if self.userinfo is None else {"userinfo_endpoint": f"{self.issuer}/userinfo"}
        elif path == "/userinfo":
            assert "\r\nAuthorization: Bearer x" in head
            said = self.userinfo
        elif path == "/keys":
            said = {"keys": [rsa().as_dict(private=False)]}
        elif path == "/favicon.ico":
            return [answer(b"", status=b"404 Not Found")]
        else:
            return [self._token(head, {name: value for name, (value,) in parse_qs(body).items()})]
        return [answer(json.dumps(said).encode())]

    def _page(self, path: str) -> str:
        """What somebody sees there, with the way back."""
        brought = urlencode(self.authorize(self.issuer + path), doseq=True)
        (back,) = parse_qs(urlsplit(path).query)["redirect_uri"]
        return f'<!doctype html><title>Provider</title><a href="{back}?{escape(brought)}">Yes, it is me</a>'

    def _token(self, head: str, form: dict[str, str]) -> bytes:
        basic = next(line.split(" ")[2] for line in head.split("\r\n") if line.startswith("Authorization: Basic "))
        client, _, secret = base64.b64decode(basic).decode().partition(":")
        if (unquote_plus(client), unquote_plus(secret)) != (CLIENT, self.secret):
            return answer(b'{"error":"invalid_client"}', status=b"401 Unauthorized")
        asked = self._codes.pop(form["code"], None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).decode()
        if (
            asked is None
            or asked["code_challenge"] != challenge.rstrip("=")
            or asked["redirect_uri"] != form["redirect_uri"]
        ):
            return answer(b'{"error":"invalid_grant"}', status=b"400 Bad Request")
        times = {"iat": self.now, "exp": self.now + 300}
        token = signed({"iss": self.issuer, "aud": CLIENT, "nonce": asked["nonce"], **times, **self.claims})
        return answer(json.dumps({"id_token": token, "access_token": "x", "token_type": "Bearer"}).encode())


@contextmanager
def open_id_provider(folder: Path, now: float) -> Iterator[OpenIdProvider]:
    """folder: for its certificate; whoever trusts `ca.pem` there, trusts it."""
    with serving(tls=certified(HOST, folder)) as server:
        yield OpenIdProvider(server, now)
