"""What is counted and logged of each request, and the ID that all log lines of it share.

The ID is that of the request log and of the changes that the request makes (`orgs.history.Cause`). Background work that
a request asks for has it in its lines too (`orgs.nudge`, `orgs.queue`).
"""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from uuid import UUID

import structlog
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from orgs import metrics
from orgs.db.keys import uuid7

READS = ("GET", "HEAD", "OPTIONS")

log = structlog.get_logger(__name__)


def of(request_id: UUID) -> AbstractContextManager[None]:
    """Every line that is logged within has the request's ID."""
    return structlog.contextvars.bound_contextvars(request_id=str(request_id))


def ended(
    door: str, request_id: UUID, method: str | None, endpoint: str, status: int, seconds: float, idp: str = ""
) -> None:
    """Count an answered request, and log it if it may have changed something or has failed.

    endpoint: a name; paths have IDs, and some have secrets. Reads that succeed are only counted: they are most of all
    requests, cause no work elsewhere, and a line of each would take longer than everything else here.
    """
    metrics.count_request(door, endpoint, status, seconds, idp=idp)
    if method in READS and status < 500:
        return
    log.info(
        "request",
        request_id=str(request_id),
        door=door,
        method=method,
        endpoint=endpoint,
        status=status,
        milliseconds=round(seconds * 1000, 1),
    )


class OfPages:
    """Middleware for what neither the front door of SCIM nor that of the API answers, nor is a static file."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began, request_id = time.perf_counter(), uuid7()
        with of(request_id):
            response = self.get_response(request)
        endpoint = request.resolver_match.view_name if request.resolver_match else "none"
        ended("page", request_id, request.method, endpoint, response.status_code, time.perf_counter() - began)
        return response
