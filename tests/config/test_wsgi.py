"""Requests as they come from the server, before any middleware sees them."""

import io
from encodings.aliases import aliases
from typing import Any

import pytest

from config.wsgi import application

CHARSETS = sorted({"undefined", "idna", "punycode", "nonsense", "x" * 300, '"', "", *aliases.values()})
PARAMETERS = [
    *(f"charset={name}" for name in CHARSETS),
    *(f"charset*={name}''%ff" for name in ("bogus", "undefined", "zlib_codec", "utf-16", "")),
]


def environ(content_type: str, method: str = "GET", body: bytes = b"", **more: str) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": method,
        "PATH_INFO": "/health/live",
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        "wsgi.url_scheme": "http",
        **more,
    }


@pytest.mark.parametrize("media_type", ["application/scim+json", "application/x-www-form-urlencoded"])
def test_no_charset_changes_what_a_query_or_a_form_says(media_type: str) -> None:  # S10
    for parameter in PARAMETERS:
        given = environ(f"{media_type}; {parameter}", "POST", b"name=Zo%C3%AB", QUERY_STRING="filter=%C3%AB")
        request = application.request_class(given)
        assert request.GET == {"filter": ["ë"]}
        assert request.content_type == media_type
        if media_type.endswith("urlencoded"):
            assert request.POST == {"name": ["Zoë"]}


def test_no_charset_fails_before_there_is_anybody_to_answer(db: None) -> None:  # S2
    for parameter in PARAMETERS:
        started: list[str] = []
        application(environ(f"text/plain; {parameter}"), lambda status, headers, to=started: to.append(status))
        assert started == ["200 OK"], parameter
