"""Processes that a test signs in with, and the browser that goes to them."""

import os
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin
from urllib.request import HTTPCookieProcessor, OpenerDirector, ProxyHandler, build_opener

from lxml import html

from sso.saml import metadata
from sso.saml.metadata import IdentityProvider


@contextmanager
def running(*command: str, environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """The first line that a process says; it is ended afterwards."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, **(environment or {})}
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


class NotSignedIn(Exception):
    """The identity provider shows a page that leads no further; the argument is the page."""


class Browser:
    """Follows redirects and keeps cookies."""

    def __init__(self) -> None:
        self._opener: OpenerDirector = build_opener(ProxyHandler({}), HTTPCookieProcessor(CookieJar()))

    def read(self, url: str, form: Mapping[str, str] | None = None) -> bytes:
        with self._opener.open(url, None if form is None else urlencode(form).encode(), timeout=30) as answer:
            self.url = answer.url
            return answer.read()

    def sign_in(self, url: str, **entered: str) -> tuple[str, dict[str, Any]]:
        """Where the identity provider has the browser post to, and what. entered: in a form that asks for it.

        Raises NotSignedIn.
        """
        text = self.read(url)
        for _ in range(3):
            forms = html.fromstring(text).forms
            if not forms:
                break
            fields = dict(forms[0].fields)
            if "SAMLResponse" in fields:
                return forms[0].action, fields
            text = self.read(urljoin(self.url, forms[0].action or ""), {**fields, **entered})
        raise NotSignedIn(text.decode())


@contextmanager
def simplesamlphp(php: str, home: Path, **switches: str) -> Iterator[IdentityProvider]:
    """It is described by our metadata, as it describes itself by its own."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    folder = Path(__file__).parent / "simplesamlphp"
    environment = {
        "SIMPLESAMLPHP_CONFIG_DIR": str(folder),
        "COUNTERPART_HOME": str(home),
        "COUNTERPART_PORT": str(port),
        **switches,
    }
    server = (php, "-d", "display_errors=0", "-S", f"127.0.0.1:{port}", str(folder / "router.php"))
    with running(*server, environment=environment):
        text = Browser().read(f"http://127.0.0.1:{port}/simplesaml/saml2/idp/metadata.php")
        yield metadata.read(text, now=datetime.now(UTC), plain_http=True)
