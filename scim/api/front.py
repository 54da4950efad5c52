"""The way in for identity providers: everything below the SCIM base URLs is answered here.

It comes before all other middleware, which is for browsers: sessions, cookies, CSRF, redirects, HTML pages.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import resolve
from django.utils import timezone

from orgs.db.keys import uuid7
from orgs.matters import News, Occurrence
from orgs.models import MatterKind, ScimToken
from orgs.web import request_lines
from orgs.web.limits import client_address
from scim import redaction, request_log
from scim.addresses import ALIAS_PATH, BASE_PATH
from scim.api.answers import ScimStream
from scim.protocol.errors import ScimError

BASES = (BASE_PATH, ALIAS_PATH)
WELL_KNOWN = "/.well-known/scim-configuration"


@dataclass(slots=True)
class Call:
    """One SCIM request in progress. base_url: the one that the client uses, without a trailing slash.

    Views store here what the request log needs: the token, the operation (`user.create`) and its target, the body as
    sent, and the error in the response. refused: of a token that is known but not accepted, why (SPEC O4). news: what
    the call means for matters.
    """

    base_url: str
    id: UUID = field(default_factory=uuid7)
    at: datetime = field(default_factory=timezone.now)
    started: float = field(default_factory=time.perf_counter)
    token: ScimToken | None = None
    operation: str = ""
    target: str = ""
    body: bytes = b""
    error: ScimError | None = None
    refused: MatterKind | None = None
    news: list[News] = field(default_factory=list)


class ScimRequest(HttpRequest):
    """A request that came in through the front door."""

    scim: Call


class ScimFrontDoor:
    """Sends SCIM requests to their views and passes everything else on (SPEC O5)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        path = request.path_info
        if path == WELL_KNOWN:
            return _answer(request, BASE_PATH, "/ServiceProviderConfig")
        for base in BASES:
            if path.startswith(base) and path[len(base) : len(base) + 1] in ("", "/"):
                return _answer(request, base, path[len(base) :])
        return self.get_response(request)


def _answer(request: HttpRequest, base: str, path: str) -> HttpResponseBase:
    """path: what follows the base URL, such as `/Users/…`. An extra slash before or after it is ignored."""
    call = Call(settings.MUSTER_URL + base)
    request.scim = call  # type: ignore[attr-defined]
    with request_lines.of(call.id):
        view, args, kwargs = resolve(f"/{path.strip('/')}", urlconf="scim.api.urls")
        response = view(request, *args, **kwargs)
        if isinstance(response, ScimStream):
            response.on_end(lambda: _log(request, call, response))
        else:
            _log(request, call, response)
    return response


def _log(request: HttpRequest, call: Call, response: HttpResponse | ScimStream) -> None:
    body, size, broke_off = (
        (response.begin, response.size, response.error)
        if isinstance(response, ScimStream)
        else (response.content, None, "")
    )
    if call.token and call.refused and not call.token.waits:  # nobody has vouched for that one yet
        call.news.append(about_token(request, call, call.token, call.refused))
    seconds = time.perf_counter() - call.started
    idp = call.token.idp if call.token else ""
    request_lines.ended("scim", call.id, request.method, call.operation or "none", response.status_code, seconds, idp)
    request_log.write(
        request_log.Entry(
            id=call.id,
            at=call.at,
            method=request.method or "",
            path=request.get_full_path(),
            status=response.status_code,
            duration=round(seconds * 1_000_000),
            org_id=call.token.org_id if call.token else None,
            token_id=call.token.id if call.token else None,
            operation=call.operation,
            target=call.target,
            scim_type=(call.error and call.error.scim_type) or "",
            detail=call.error.detail if call.error else broke_off,
            address=client_address(request),
            agent=request.META.get("HTTP_USER_AGENT", ""),
            # Whoever has lost a token learns who uses it, not what they sent.
            request=None if call.refused else call.body,
            response=None if call.refused else body,
            response_size=size,
            is_refused=call.refused is not None,
            news=tuple(call.news),
        )
    )


def about_token(request: HttpRequest, call: Call, token: ScimToken, kind: MatterKind) -> Occurrence:
    """What is kept of a call with a token that is known, but not accepted (SPEC O4) or sent in clear (SPEC S10)."""
    detail = {
        "method": request.method or "",
        "path": redaction.path(request.get_full_path()),
        "address": client_address(request),
        "agent": request.META.get("HTTP_USER_AGENT", ""),
    }
    return Occurrence(token.org_id, kind, str(token.id), call.at, call.id, detail)
