"""What all SCIM views share: a lean base for DRF views, with SCIM bodies and errors."""

import math
from collections.abc import Callable
from typing import Any, cast

import structlog
from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone
from psycopg import errors
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, MethodNotAllowed, NotAuthenticated, Throttled
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from orgs import address_limits, tokens
from orgs.db.transactions import is_unavailable, outlived_its_transaction
from orgs.history import Cause
from orgs.models import Door, MatterKind, Organization, ScimToken
from orgs.web import in_flight, turns
from orgs.web.limits import Buckets, client_address, client_network
from scim.api.answers import ScimResponse
from scim.api.body import read_bytes, read_json
from scim.api.front import Call, ScimRequest, about_token
from scim.mapping.errors import scim_error
from scim.protocol.errors import ScimError, TooMany

RETRY_AFTER = 5  # seconds, when the database is away
CONFIRM = (
    "It was made through a setup link: an admin of the organization has to confirm it first, on the portal's SCIM "
    "provisioning page."
)

_LISTS = ("attributes", "excludedattributes")

log = structlog.get_logger(__name__)
calls = Buckets("scim")
failures = Buckets("scim-failures")


class Bearer(BaseAuthentication):
    """The token alone decides the org (SPEC O5). Clients that guess are slowed down; a valid token never is."""

    def authenticate(self, request: Request) -> tuple[Organization, ScimToken]:
        scheme, _, secret = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        token = tokens.recognise(secret.strip()) if scheme.lower() == "bearer" else None
        if token:
            refused = _refused(token, request._request)
            if refused is None:
                return token.org, token
            call = cast(ScimRequest, request._request).scim
            call.token, call.refused = token, refused
        per_minute = settings.SCIM_FAILURES_PER_MINUTE
        if wait := failures.take(
            client_network(client_address(request._request)), rate=per_minute / 60, burst=per_minute
        ):
            raise Throttled(wait)
        if scheme.lower() != "bearer" or " " in secret.strip():
            raise NotAuthenticated(
                "The Authorization header has to be the word Bearer, a space, and your organization's token. Some "
                "identity providers add the word themselves, others need it in their token field."
            )
        raise AuthenticationFailed(
            "This bearer token is not valid: it may be mistyped, expired, revoked, or limited to other "
            "addresses. "
            "Create a new one on the portal's SCIM provisioning page and enter it in your identity provider."
        )

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="SCIM"'


def _refused(token: ScimToken, request: HttpRequest) -> MatterKind | None:
    """Why a token is not accepted, if it is not. Whoever holds it is not told: the answer is that to any guess."""
    if not token.is_valid(timezone.now()):
        return MatterKind.DEAD_TOKEN
    if token.networks and not address_limits.admits(token.networks, client_address(request)):
        return MatterKind.FOREIGN_ADDRESS
    return None


class Pace(BaseThrottle):
    """The rate limit of each org: more tokens are no more requests."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        self.seconds = calls.take(request.user.id, rate=settings.SCIM_RATE, burst=settings.SCIM_BURST)
        return not self.seconds

    def wait(self) -> float:
        return self.seconds


class ScimView(APIView):
    """A view of the SCIM API. Handlers return a ScimResponse, or raise a ScimError or an error of the domain."""

    authentication_classes = [Bearer]
    throttle_classes = [Pace]
    permission_classes = []
    default_response_headers: dict[str, str] = {}
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]
    leave: Callable[[], None] | None = None
    """Ends what this request has of its org's share, once its answer is sent."""
    operation = ""
    """What a request does, as named in the request log."""
    reading: tuple[str, ...] = ("GET", "HEAD")
    """The methods that only read, which is all that a token may do that waits for an admin."""

    @property
    def org(self) -> Organization:
        return cast(Organization, self.request.user)

    @property
    def call(self) -> Call:
        return cast(ScimRequest, self.request._request).scim

    def cause(self) -> Cause:
        """Who asks, how and when."""
        return Cause(Door.SCIM, timezone.now(), token=self.call.token, request_id=self.call.id)

    def message(self) -> Any:
        """The JSON value in the request's body. Raises ScimError."""
        self.call.body = read_bytes(self.request._request)
        may_deactivate = self.request.method in ("PUT", "PATCH") or self.operation == "bulk"
        content_type = self.request.META.get("CONTENT_TYPE", "")
        return read_json(self.call.body, content_type, any_number=may_deactivate)

    def parameters(self) -> dict[str, str]:
        """The parameters of the URL by their names in lower case; of one that is repeated the last, of lists all.

        `+` is a space, but a plus where the query spells its spaces `%20` (SPEC S3). The charset of the request's
        body says nothing about them.
        """
        query = self.request.META.get("QUERY_STRING", "").encode("iso-8859-1")
        if b"%20" in query:
            query = query.replace(b"+", b"%2B")
        parameters: dict[str, str] = {}
        for name, values in QueryDict(query, encoding="utf-8").lists():
            name = name.lower()
            lists = [parameters[name]] if name in parameters else []
            parameters[name] = ",".join([*lists, *values]) if name in _LISTS else values[-1]
        return parameters

    def names(self) -> tuple[list[str], list[str]]:
        """The names in `attributes` and `excludedAttributes` of the URL."""
        given = self.parameters()
        attributes, excluded = (given.get(name, "").split(",") for name in _LISTS)
        return [name for name in attributes if name], [name for name in excluded if name]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # Whatever `Accept` says, the response has SCIM's media type (SPEC S1): nothing is negotiated.
        self.call.operation = self.operation
        self.perform_authentication(request)
        self.call.token = cast(ScimToken, request.auth)
        if settings.HTTPS and not request.is_secure():
            self.call.news.append(about_token(request._request, self.call, self.call.token, MatterKind.TOKEN_IN_CLEAR))
            self.call.operation = "in_clear"  # the request log has no advice about what was asked for
            raise in_clear(self.call.base_url)
        self.check_throttles(request)
        if self.call.token.waits and request.method not in self.reading:
            raise ScimError(f"This token may not change anything yet. {CONFIRM}", status=403)
        self.leave = turns.enter(self.org.id, self.work())

    def work(self) -> str | None:
        """The kind of work for which requests take turns: None for what cannot take long, whatever it took lately."""
        return self.operation

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        if self.leave:
            in_flight.once_sent(response, self.leave)
        return super().finalize_response(request, response, *args, **kwargs)

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]
        answer, headers = self.explain(exc)
        if answer.status == 405:
            headers["Allow"] = ", ".join(self.allowed_methods)
        self.call.error = answer
        return ScimResponse(answer.body(), status=answer.status, headers=headers)

    def explain(self, error: Exception) -> tuple[ScimError, dict[str, str]]:
        """The response to an exception."""
        if isinstance(error.__cause__, errors.QueryCanceled) and not self.operation.endswith(".list"):
            # Only a query can ask for less; anything else that takes too long may be retried.
            error = OperationalError(str(error))
        return explained(error)


def explained(error: Exception) -> tuple[ScimError, dict[str, str]]:
    """The SCIM error for an exception, and the headers that go with it (RFC 7644 §3.12, SPEC S2)."""
    headers = {}
    match error:
        case ScimError():
            answer = error
        case NotAuthenticated() | AuthenticationFailed():
            answer = ScimError(str(error.detail), status=401)
            headers["WWW-Authenticate"] = 'Bearer realm="SCIM"'
        case Throttled():
            wait = math.ceil(error.wait or 1)  # type: ignore[attr-defined]
            answer = ScimError(f"Too many requests. Try again in {wait} s.", status=429)
            headers["Retry-After"] = str(wait)
        case turns.NoTurn():
            answer = ScimError(
                "Slow down: searches and requests that take long are carried out one at a time for an organization. "
                f"Try again in {in_flight.RETRY_AFTER} s.",
                status=429,
            )
            headers["Retry-After"] = str(in_flight.RETRY_AFTER)
        case in_flight.Busy():
            answer = ScimError(
                "Your organization has as many requests running as it may have at once. "
                f"Try again in {in_flight.RETRY_AFTER} s.",
                status=429,
            )
            headers["Retry-After"] = str(in_flight.RETRY_AFTER)
        case MethodNotAllowed():
            answer = ScimError(str(error.detail), status=405)
        case OperationalError(__cause__=errors.QueryCanceled()):
            answer = TooMany("This filter takes too long. Filter by userName, externalId, emails or id.")
        case _ if outlived_its_transaction(error):
            answer = ScimError("This took too long and was not done. Try again with less in one request.", status=503)
            headers["Retry-After"] = str(RETRY_AFTER)
        case _ if is_unavailable(error):
            log.warning("database_away", error=str(error))
            answer = ScimError("The portal's database is not available at the moment. Try again shortly.", status=503)
            headers["Retry-After"] = str(RETRY_AFTER)
        case SuspiciousOperation():
            answer = ScimError("The request could not be read.", status=400)
        case _:
            answer = scim_error(error) or _defect(error)
    return answer, headers


def _defect(error: Exception) -> ScimError:
    log.error("scim_request_failed", exc_info=error)
    return ScimError("The portal failed to answer; its operator can find the error in the log.", status=500)


def in_clear(base_url: str) -> ScimError:
    """The refusal of a request over plain HTTP, where the public address is https (SPEC S10)."""
    return ScimError(
        f"This request came over plain HTTP, so its token has travelled in clear. Use {base_url} as the base URL, and "
        "replace the token: create a new one on the portal's SCIM provisioning page, and revoke this one.",
        status=403,
    )


class Refusal(ScimView):
    """A URL that answers every method with the same error."""

    http_method_names: list[str] = []
    error: ScimError

    def http_method_not_allowed(self, request: Request, *args: Any, **kwargs: Any) -> ScimResponse:  # type: ignore[override]
        raise self.error


class Unknown(Refusal):
    """Every other URL below the base URL."""

    error = ScimError("There is no such endpoint. Check the SCIM base URL in your identity provider.", status=404)


class Unsupported(Refusal):
    """What RFC 7644 defines and this service provider does not support."""

    error = ScimError("This endpoint is not supported; use /Users.", status=501)
