"""Errors of the API, as problem details (RFC 9457)."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from rest_framework.exceptions import APIException, Throttled
from rest_framework.status import HTTP_500_INTERNAL_SERVER_ERROR

from api.problem_kinds import GONE, KINDS, name_of
from groups_provisioning import refusals
from orgs.db.transactions import is_unavailable
from orgs.web import in_flight

CONTENT_TYPE = "application/problem+json"
AWAY = 5  # seconds after which to try again, when the database is away

TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    410: "Gone",
    412: "Precondition Failed",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
"""Of problems that are what their status says."""

log = structlog.get_logger(__name__)


class Problem(Exception):
    """What a client is told. kind: what programs tell it by, the end of its `type`. more: further members."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        kind: str = "",
        title: str = "",
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.kind, self.more = status, detail, kind, more
        self.title = title or (KINDS[kind].title if kind in KINDS else TITLES[status])
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        type_ = f"{settings.MUSTER_URL}/problems/{self.kind}" if self.kind else "about:blank"
        return {"type": type_, "title": self.title, "status": self.status, "detail": self.detail} | self.more


def invalid(errors: Mapping[str, Any]) -> Problem:
    """errors: by the name of the parameter or the member of the body, what is wrong with it, as DRF has it."""
    told = dict(_flat(errors))
    detail = " ".join(f"{name}: {' '.join(wrong)}" for name, wrong in told.items())
    return Problem(400, detail, kind="invalid-value", errors=told)


def _flat(errors: Any, path: str = "") -> Iterator[tuple[str, list[str]]]:
    """The same without nesting: `features.teams`, `rules.0`."""
    if isinstance(errors, Mapping):
        for name, wrong in errors.items():
            yield from _flat(wrong, f"{path}.{name}" if path else str(name))
    elif any(isinstance(each, Mapping) for each in errors):
        for place, wrong in enumerate(errors):
            yield from _flat(wrong, f"{path}.{place}" if path else str(place))
    elif errors:
        yield path, [str(each) for each in errors]


def refused(refusal: Exception, detail: str, *, status: int = 409, **more: Any) -> Problem:
    """A command's refusal, told by the name of its exception, see `name_of`. more: members."""
    return Problem(status, detail, kind=name_of(type(refusal)), **more)


def cursor_mismatch() -> Problem:
    detail = (
        "This is no cursor, or was given for another question: another organization, or other parameters. Start "
        "without one."
    )
    return Problem(400, detail, kind="cursor-mismatch")


def not_found() -> Problem:
    return Problem(404, "There is nothing here, or it is not for this key.")


def of(error: Exception) -> Problem:
    """The problem that an exception is to the client."""
    match error:
        case Problem():
            return error
        case Throttled():
            wait = math.ceil(error.wait or 1)  # type: ignore[attr-defined]
            return Problem(429, f"Too many requests. Try again in {wait} s.", headers={"Retry-After": str(wait)})
        case in_flight.Busy():
            wait = in_flight.RETRY_AFTER
            detail = f"As many requests are running as may at once. Try again in {wait} s."
            return Problem(429, detail, headers={"Retry-After": str(wait)})
        case APIException(status_code=status) if status < HTTP_500_INTERNAL_SERVER_ERROR:
            return Problem(status, str(error.detail), title=TITLES.get(status) or str(error.default_detail))
        case RequestDataTooBig():
            most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
            return Problem(413, f"A request may have {most} bytes.")
        case SuspiciousOperation():
            return Problem(400, "The request could not be read.")
        case _ if isinstance(error, refusals.REFUSALS):
            return refused(error, refusals.in_words(error), status=404 if isinstance(error, GONE) else 409)
        case _ if is_unavailable(error):
            log.warning("database_away", error=str(error))
            detail = "The portal's database is not available at the moment. Try again shortly."
            return Problem(503, detail, headers={"Retry-After": str(AWAY)})
        case _:
            log.error("api_request_failed", exc_info=error)
            return Problem(500, "The portal failed to answer; its operator can find the error in the log.")
