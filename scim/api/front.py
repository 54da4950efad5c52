"""The way in for identity providers: everything below the SCIM base URLs is answered here.

It stands before all other middleware, which is about browsers: sessions, cookies, CSRF, redirects, pages of HTML.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.urls import resolve

from orgs.keys import uuid7
from orgs.models import ScimToken

BASES = ("/api/scim", "/scim/v2")
WELL_KNOWN = "/.well-known/scim-configuration"


@dataclass(slots=True)
class Call:
    """One SCIM request on its way. base_url: the one that the client uses, without a slash at its end.

    What views find out is kept here for the request log: the token, the body as sent, the user or group it is about.
    """

    base_url: str
    id: UUID = field(default_factory=uuid7)
    token: ScimToken | None = None
    body: bytes = b""
    target: str = ""


class ScimRequest(HttpRequest):
    """A request that came in by the front door."""

    scim: Call


class ScimFrontDoor:
    """Sends SCIM requests to their views and everything else on (SPEC O5)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        path = request.path_info
        if path == WELL_KNOWN:
            return _answer(request, BASES[0], "/ServiceProviderConfig")
        for base in BASES:
            if path.startswith(base) and path[len(base) : len(base) + 1] in ("", "/"):
                return _answer(request, base, path[len(base) :])
        return self.get_response(request)


def _answer(request: HttpRequest, base: str, path: str) -> HttpResponseBase:
    """path: what follows the base URL, such as `/Users/…`. A slash more, before or after it, means nothing."""
    request.scim = Call(settings.MUSTER_URL + base)  # type: ignore[attr-defined]
    view, args, kwargs = resolve(f"/{path.strip('/')}", urlconf="scim.api.urls")
    return view(request, *args, **kwargs)
