"""`/Users` (RFC 7644 §3)."""

from typing import Any

from django.conf import settings

from groups_provisioning import intake
from orgs.models import User
from scim.api.base import ScimResponse, ScimView
from scim.mapping import listing, user_requests, users
from scim.mapping.etags import etag, revisions
from scim.mapping.profiles import dialect
from scim.protocol.dialect import Dialect
from scim.protocol.listing import Query, list_response, read_query, read_search
from scim.protocol.projection import Projection, read_projection


class UserView(ScimView):
    """What the views of users share."""

    @property
    def dialect(self) -> Dialect:
        return dialect(self.org.profile)

    def answer(self, user: User, status: int = 200) -> ScimResponse:
        """The user's representation as the request wants it, with its ETag."""
        self.call.target = str(user.id)
        headers = {"ETag": etag(user.revision)}
        if status == 201:
            headers["Location"] = users.location(user, self.call.base_url)
        projection = read_projection(*self.names(), self.dialect.user)
        return ScimResponse(self.shown(user, projection), status=status, headers=headers)

    def shown(self, user: User, projection: Projection) -> dict[str, Any]:
        return users.render(user, self.dialect, self.call.base_url, projection)

    def page(self, query: Query) -> ScimResponse:
        """The ListResponse of a query."""
        page = listing.page(
            users.rows(self.org, self.dialect),
            query,
            org=self.org,
            filters=users.user_filters(self.dialect),
            keys=users.cursor_keys,
        )
        return ScimResponse(
            list_response(
                (self.shown(user, query.projection) for user in page.rows),
                total=page.total,
                start_index=query.start_index if page.total is not None else None,
                next_cursor=page.next_cursor,
            )
        )


class Users(UserView):
    """The collection."""

    operations = {"GET": "user.list", "POST": "user.create"}

    def get(self, request: Any) -> ScimResponse:
        parameters = request._request.GET.dict()
        limits = {"default_count": settings.SCIM_PAGE, "max_count": settings.SCIM_MAX_PAGE}
        return self.page(read_query(parameters, self.dialect.user, **limits))

    def post(self, request: Any) -> ScimResponse:
        return self.answer(user_requests.create(self.org, self.message(), self.cause()), 201)


class UserSearch(UserView):
    """Queries whose parameters come in a body (RFC 7644 §3.4.3)."""

    operations = {"POST": "user.list"}

    def post(self, request: Any) -> ScimResponse:
        limits = {"default_count": settings.SCIM_PAGE, "max_count": settings.SCIM_MAX_PAGE}
        return self.page(read_search(self.message(), self.dialect.user, **limits))


class UserDetail(UserView):
    """One user."""

    operations = {"GET": "user.read", "PUT": "user.replace", "PATCH": "user.change", "DELETE": "user.delete"}

    def get(self, request: Any, user_id: str) -> ScimResponse:
        self.call.target = user_id
        try:
            user = users.rows(self.org, self.dialect).get(id=user_requests.read_id(user_id))
        except User.DoesNotExist:
            raise intake.UnknownUser(user_id) from None
        if condition := request.META.get("HTTP_IF_NONE_MATCH"):
            known = revisions(condition)
            if known is None or user.revision in known:
                return ScimResponse(status=304, headers={"ETag": etag(user.revision)})
        return self.answer(user)

    def put(self, request: Any, user_id: str) -> ScimResponse:
        self.call.target = user_id
        return self.answer(
            user_requests.replace(self.org, user_id, self.message(), self.cause(), revisions(self.if_match))
        )

    def patch(self, request: Any, user_id: str) -> ScimResponse:
        self.call.target = user_id
        return self.answer(
            user_requests.patch(self.org, user_id, self.message(), self.cause(), revisions(self.if_match))
        )

    def delete(self, request: Any, user_id: str) -> ScimResponse:
        self.call.target = user_id
        user_requests.delete(self.org, user_id, self.cause(), revisions(self.if_match))
        return ScimResponse(status=204)
