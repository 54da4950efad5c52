"""The endpoints of every resource type (RFC 7644 §3)."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

from django.conf import settings
from django.http import HttpResponse

from orgs.history import Cause
from orgs.models import MatterKind, Organization
from orgs.web import turns
from scim.api import news
from scim.api.answers import Answer, ScimResponse, answer
from scim.api.base import CONFIRM, ScimView
from scim.mapping.etags import Expected, revisions, unchanged
from scim.mapping.listing import Page
from scim.protocol.budget import Budget
from scim.protocol.errors import ScimError
from scim.protocol.listing import Query, list_pieces, read_query, read_search
from scim.protocol.pieces import resource_pieces
from scim.protocol.projection import Projection, read_projection
from scim.protocol.schema import ResourceType

NOTHING: Page[Any] = Page((), total=0)
WRITES = (".replace", ".change", ".delete")
"""The ends of the operations that change a resource that is there."""


class Requests(Protocol):
    """What `user_requests` and `group_requests` have in common: reading a resource type and requesting changes.

    naming: the attribute by which people know a resource, and name_of its value. refused, unwritten: the kinds of
    matter that a refused create is, and a refused change. attributes_of: what is stored of a resource but for what has
    a column of its own. Rows are of the type's own model; ids are passed as sent. Everything may raise ScimError or a
    domain error.
    """

    noun: str
    naming: str
    refused: MatterKind
    unwritten: MatterKind

    def kind(self, org: Organization) -> ResourceType: ...
    def find(self, org: Organization, id_: str, /) -> Any: ...
    def page(self, org: Organization, query: Query) -> Page[Any]: ...
    def is_lookup(self, query: Query, /) -> bool: ...
    def is_search(self, org: Organization, query: Query, /) -> bool: ...
    def shown(
        self, org: Organization, found: Sequence[Any], base_url: str, projection: Projection
    ) -> Iterable[dict[str, Any]]: ...
    def etag(self, row: Any, /) -> str: ...
    def name_of(self, row: Any, /) -> str: ...
    def attributes_of(self, row: Any, /) -> Mapping[str, Any]: ...
    def location(self, row: Any, base_url: str, /) -> str: ...
    def is_shown_after_patch(self, row: Any, /) -> bool: ...
    def create(self, org: Organization, body: Any, cause: Cause) -> Any: ...
    def replace(self, org: Organization, id_: str, body: Any, cause: Cause, expected: Expected = None, /) -> Any: ...
    def patch(
        self,
        org: Organization,
        id_: str,
        body: Any,
        cause: Cause,
        expected: Expected = None,
        budget: Budget | None = None,
        /,
    ) -> Any: ...
    def delete(self, org: Organization, id_: str, cause: Cause, expected: Expected = None, /) -> None: ...


class ResourceView(ScimView):
    """What the endpoints of a resource type share; `verbs` says what each method does to a resource."""

    requests: Requests = None  # type: ignore[assignment]  # passed to as_view()
    verbs: dict[str, str] = {}

    @property
    def waits(self) -> bool:
        """Whether the token has to be confirmed first."""
        return self.call.token is not None and self.call.token.waits

    def initial(self, request: Any, *args: Any, **kwargs: Any) -> None:
        verb = self.verbs.get(request.method or "")
        self.operation = f"{self.requests.noun}.{verb}" if verb else ""
        super().initial(request, *args, **kwargs)

    def answer(self, row: Any, status: int = 200) -> Answer:
        """The representation of one resource as the request asks for it, with its ETag and Location (SPEC S10)."""
        self.call.target = str(row.id)
        headers = {"ETag": self.requests.etag(row), "Location": self.requests.location(row, self.call.base_url)}
        projection = read_projection(*self.names(), self.requests.kind(self.org))
        (shown,) = self.requests.shown(self.org, [row], self.call.base_url, projection)
        return answer(resource_pieces(shown), status=status, headers=headers)

    def work_of(self, query: Query) -> str:
        """The kind of work that a query is."""
        return turns.SEARCH if self.requests.is_search(self.org, query) else self.operation

    def page(self, query: Query) -> Answer:
        """The ListResponse of a query. A token that waits sees nobody, so that a test of the connection succeeds."""
        page = NOTHING if self.waits else self.requests.page(self.org, query)
        return answer(
            list_pieces(
                (
                    shown
                    for rows in page.portions
                    for shown in self.requests.shown(self.org, rows, self.call.base_url, query.projection)
                ),
                total=page.total,
                start_index=query.start_index if page.total is not None else None,
                next_cursor=page.next_cursor,
            )
        )


class Collection(ResourceView):
    """`/Users`: queries and creation."""

    verbs = {"GET": "list", "POST": "create"}

    @cached_property
    def query(self) -> Query:
        return read_query(self.parameters(), self.requests.kind(self.org), **_limits())

    def work(self) -> str | None:
        if self.request.method != "GET":
            return self.operation
        return None if self.requests.is_lookup(self.query) else self.work_of(self.query)

    def get(self, request: Any) -> Answer:
        return self.page(self.query)

    def post(self, request: Any) -> Answer:
        body = self.message()
        name = body.get(self.requests.naming) if isinstance(body, dict) else None
        self.call.target = name if isinstance(name, str) else ""  # all that identifies it if it is refused
        row = self.requests.create(self.org, body, self.cause())
        news.tell_written(self.call, self.requests, row)
        return self.answer(row, 201)

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]
        answer = super().handle_exception(exc)
        if self.operation.endswith(".create") and self.call.error:
            news.tell_refused(self.call, self.requests, self.call.target, exc, self.call.error)
        return answer


class Search(ResourceView):
    """`/Users/.search`: queries with their parameters in the body (RFC 7644 §3.4.3)."""

    verbs = {"POST": "list"}
    reading = ("POST",)

    @cached_property
    def query(self) -> Query:
        return read_search(self.message(), self.requests.kind(self.org), **_limits())

    def work(self) -> str | None:
        return self.work_of(self.query) if self.request.method == "POST" else self.operation

    def post(self, request: Any) -> Answer:
        return self.page(self.query)


class Detail(ResourceView):
    """`/Users/{id}`: one resource."""

    verbs = {"GET": "read", "PUT": "replace", "PATCH": "change", "DELETE": "delete"}

    def initial(self, request: Any, *args: Any, resource_id: str) -> None:
        self.call.target = resource_id
        super().initial(request, *args)
        self.expected = revisions(request.META.get("HTTP_IF_MATCH"))

    def get(self, request: Any, resource_id: str) -> Answer:
        if self.waits:
            raise ScimError(f"This token finds nothing yet. {CONFIRM}", status=404)
        row = self.requests.find(self.org, resource_id)
        etag = self.requests.etag(row)
        if unchanged(request.META.get("HTTP_IF_NONE_MATCH"), etag):
            return ScimResponse(status=304, headers={"ETag": etag})
        return self.answer(row)

    def put(self, request: Any, resource_id: str) -> Answer:
        row = self.requests.replace(self.org, resource_id, self.message(), self.cause(), self.expected)
        news.tell_written(self.call, self.requests, row)
        return self.answer(row)

    def patch(self, request: Any, resource_id: str) -> Answer:
        row = self.requests.patch(self.org, resource_id, self.message(), self.cause(), self.expected)
        news.tell_written(self.call, self.requests, row)
        wanted, _ = self.names()
        if wanted or self.requests.is_shown_after_patch(row):  # RFC 7644 §3.5.2: a request for attributes gets 200
            return self.answer(row)
        return ScimResponse(status=204, headers={"ETag": self.requests.etag(row)})

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]
        answer = super().handle_exception(exc)
        if self.call.operation.endswith(WRITES) and self.call.error and not self.waits:
            news.tell_unwritten(self.call, self.requests, self.call.target, exc, self.call.error)
        return answer

    def delete(self, request: Any, resource_id: str) -> ScimResponse:
        self.requests.delete(self.org, resource_id, self.cause(), self.expected)
        news.tell_deleted(self.call, self.requests, resource_id)
        return ScimResponse(status=204)


def _limits() -> dict[str, int]:
    return {"default_count": settings.SCIM_PAGE, "max_count": settings.SCIM_MAX_PAGE}
