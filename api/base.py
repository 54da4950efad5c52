"""What all views of the API share: keys, scopes, limits, JSON and problems."""

import math
from collections.abc import Callable, Mapping
from io import BytesIO
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, cast
from uuid import UUID

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.functional import cached_property
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.status import HTTP_201_CREATED, HTTP_204_NO_CONTENT
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from api import bodies, problems, refusals, rehearsal
from api.problems import Problem
from api.serializers import CommandQuery, Exact
from orgs import api_keys
from orgs.db.transactions import command
from orgs.history import Cause
from orgs.models import ApiKey, Door, Organization, Scope
from orgs.web import in_flight
from orgs.web.limits import Buckets, client_address, client_network

PER_MINUTE = 600  # requests with one key
POLICY = f'"key";q={PER_MINUTE};w=60'

calls = Buckets("api")
failures = Buckets("api-failures")


class JsonResponse(HttpResponse):
    """JSON that nobody keeps."""

    def __init__(
        self,
        content: bytes,
        *,
        status: int = 200,
        content_type: str = "application/json",
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(content, status=status, content_type=content_type, headers=headers)
        self["Cache-Control"] = "no-store"
        self["X-Content-Type-Options"] = "nosniff"


def told(problem: Problem) -> JsonResponse:
    """A problem as it is answered."""
    body = orjson.dumps(problem.body())
    return JsonResponse(body, status=problem.status, content_type=problems.CONTENT_TYPE, headers=problem.headers)


class ApiRequest(HttpRequest):
    """A request that came in through the front door. request_id: what log and history call it."""

    request_id: UUID


class Bearer(BaseAuthentication):
    """Clients that guess are slowed down; a valid key never is."""

    def authenticate(self, request: Request) -> tuple[ApiKey, ApiKey]:
        scheme, _, secret = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        key = api_keys.recognise(secret.strip()) if scheme.lower() == "bearer" else None
        if key is not None and key.is_valid(timezone.now()):
            return key, key
        per_minute = settings.SCIM_FAILURES_PER_MINUTE
        whose = client_network(client_address(request._request))
        if wait := failures.take(whose, rate=per_minute / 60, burst=per_minute):
            raise Throttled(wait)
        raise AuthenticationFailed(
            "A valid API key is needed: Authorization: Bearer, and the key. It may be mistyped, expired or revoked."
        )

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="Muster API"'


def _valid(asked: Exact) -> dict[str, Any]:
    if not asked.is_valid():
        raise problems.invalid(asked.errors)
    return cast(dict[str, Any], asked.validated_data)


class Pace(BaseThrottle):
    """The rate limit of each key."""

    seconds: float = 0

    def allow_request(self, request: Request, view: APIView) -> bool:
        self.seconds = calls.take(cast(ApiKey, request.auth).id, rate=PER_MINUTE / 60, burst=PER_MINUTE)
        return not self.seconds

    def wait(self) -> float:
        return self.seconds


class Answer(NamedTuple):
    """What a handler returns where it is not 200."""

    status: int
    value: Any = None
    headers: Mapping[str, str] = MappingProxyType({})


def done(request: Request, status: int, value: Any) -> Answer:
    """The answer to a command. status: with 201, it says where what was made is."""
    made = {"Location": f"{request.path.rstrip('/')}/{value['id']}"} if status == HTTP_201_CREATED else {}
    return Answer(status, value, made)


class ApiView(APIView):
    """A view of the API. Handlers return a JSON value or an Answer, or raise a Problem or what a command raises.

    scope: what a key needs to read here; writes: to change something. request_id: the request's, for history.
    """

    authentication_classes = [Bearer]
    throttle_classes = [Pace]
    permission_classes = []
    default_response_headers: dict[str, str] = {}
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]
    scope: ClassVar[Scope] = Scope.READ
    writes: ClassVar[Scope] = Scope.MANAGE
    key: ApiKey | None = None
    leave: Callable[[], None] | None = None
    """Ends what this request has of its org's share, once its answer is sent."""

    @property
    def key_of(self) -> UUID | None:
        """The org whose key it is; None for the operator's."""
        return cast(ApiKey, self.key).org_id

    @cached_property
    def cause(self) -> Cause:
        """Why the commands of this request are carried out."""
        request = cast(ApiRequest, self.request._request)
        return Cause(Door.API, timezone.now(), key=self.key, request_id=request.request_id)

    def asked(self, request: Request, kind: type[Exact], **context: Any) -> dict[str, Any]:
        """The parameters of the request, as a serializer has them. Raises Problem."""
        sent = request.query_params
        # One of them would be lost: `?preview=true&preview=false` must not carry a command out.
        if repeated := [name for name in sent if len(sent.getlist(name)) > 1]:
            raise problems.invalid({name: ["Send this once."] for name in repeated})
        return _valid(kind(data=sent.dict(), context=context))

    def body(self, request: Request, kind: type[Exact], **context: Any) -> dict[str, Any]:
        """The body of the request, as a serializer has it. Raises Problem."""
        if request._request.content_type != "application/json":
            raise Problem(415, "Send the body as `Content-Type: application/json`.")
        raw = BytesIO()
        bodies.receive(request._request, raw, most=settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
        try:
            sent = orjson.loads(raw.getvalue())
        except orjson.JSONDecodeError as error:
            raise Problem(400, f"The body is no JSON: {error}.", kind="invalid-json") from None
        return _valid(kind(data=sent, context=context))

    def carry_out(
        self,
        request: Request,
        do: Callable[[], Any],
        *,
        status: int = 200,
        query: type[CommandQuery] = CommandQuery,
        besides: Callable[[], dict[str, Any]] = dict,
    ) -> Answer:
        """Run commands in one transaction, and answer with what `do` returns. With `?preview=true` nothing stays of it,
        and the answer is what history would have told.

        status: with 201, the value has the `id` of what is made, whose address is below this one. query: what else may
        be asked. besides: what a preview tells, looked up before.
        """
        if "If-Match" in request.headers:
            detail = "The preview of this command has no fingerprint, so send no `If-Match`."
            raise Problem(412, detail, kind="no-fingerprint")
        if self.asked(request, query)["preview"]:
            told = besides()
            return Answer(200, {"preview": True, "changes": rehearsal.of(do, self.cause)} | told)
        return done(request, status, command(do)())

    def for_the_operator(self) -> None:
        """Raises Problem, unless it is the operator's key: what support does is not for an org's own keys."""
        if self.key_of is not None:
            detail = "This is for keys of the portal's operator, who makes them with `manage.py issue_api_key`."
            raise Problem(403, detail, kind="operator-only")

    def require(self, scope: Scope) -> None:
        """Raises Problem where the key lacks the scope."""
        if scope not in cast(ApiKey, self.key).scopes:
            detail = f"The key lacks the scope {scope.value}."
            raise Problem(403, detail, kind="insufficient-scope")

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # Nothing is negotiated: whatever `Accept` says, the answer is JSON.
        self.perform_authentication(request)
        self.key = key = cast(ApiKey, request.auth)
        if settings.HTTPS and not request.is_secure():
            raise Problem(
                403,
                "This request came over plain HTTP, so its key has travelled in clear. Replace the key, and use "
                f"{settings.MUSTER_URL}.",
            )
        self.check_throttles(request)
        whose = key.org_id or key.id
        in_flight.requests.enter(whose)
        self.leave = lambda: in_flight.requests.leave(whose)
        if request.method in self.allowed_methods:
            self.require(self.scope if request.method in SAFE_METHODS else self.writes)
        operation = getattr(getattr(self, str(request.method).lower(), None), "operation", None)
        if operation and operation.query is None and not (operation.previews or operation.foresees):
            self.asked(request, Exact)  # nothing can be asked here, and a filter must not seem to be heeded
        agent = request.META.get("HTTP_USER_AGENT", "")
        api_keys.note_use(key, address=client_address(request._request), agent=agent)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(response, HttpResponse):
            status, value, headers = response if isinstance(response, Answer) else Answer(200, response)
            content = b"" if status == HTTP_204_NO_CONTENT else orjson.dumps(value, option=orjson.OPT_UTC_Z)
            response = JsonResponse(content, status=status, headers=dict(headers))
        if self.key:
            left = calls.left(self.key.id, rate=PER_MINUTE / 60, burst=PER_MINUTE)
            response["RateLimit-Policy"] = POLICY
            response["RateLimit"] = f'"key";r={left};t={math.ceil((PER_MINUTE - left) / PER_MINUTE * 60)}'
        if self.leave:
            in_flight.once_sent(response, self.leave)
        return super().finalize_response(request, response, *args, **kwargs)

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]
        problem = refusals.told(exc) or problems.of(exc)
        if problem.status == 401:
            problem.headers["WWW-Authenticate"] = 'Bearer realm="Muster API"'
        if problem.status == 405:
            problem.headers["Allow"] = ", ".join(self.allowed_methods)
        return told(problem)


class OrgView(ApiView):
    """What is below an org: for its own keys, and for the operator's."""

    org: Organization

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        key, id_ = cast(ApiKey, self.key), kwargs["org"]
        if key.org_id not in (None, id_):
            raise problems.not_found()
        org = key.org or Organization.objects.select_related("profile").filter(id=id_, closed_at=None).first()
        if org is None:
            raise problems.not_found()
        self.org = org


class CredentialsView(OrgView):
    """What gives access to an org: to see it, and to change it, needs a scope of its own (SPEC E5)."""

    scope = Scope.CREDENTIALS
    writes = Scope.CREDENTIALS


class Unknown(ApiView):
    """Every other address of the API."""

    http_method_names: list[str] = []

    def http_method_not_allowed(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:  # type: ignore[override]
        raise problems.not_found()
