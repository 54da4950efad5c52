"""`/Users` (RFC 7644 §3)."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings

from groups_provisioning import intake
from orgs.models import User
from scim.api.base import ScimResponse, ScimView
from scim.mapping import listing, users
from scim.mapping.profiles import dialect
from scim.protocol.apply import apply_patch
from scim.protocol.dialect import Dialect
from scim.protocol.listing import list_response, read_query
from scim.protocol.patch import read_patch
from scim.protocol.projection import Projection, read_projection
from scim.protocol.resources import Outcome, read_resource


class UserView(ScimView):
    """What the views of users share."""

    @property
    def dialect(self) -> Dialect:
        return dialect(self.org.profile)

    def answer(self, user: User, status: int = 200) -> ScimResponse:
        """The user's representation as the request wants it, with its ETag."""
        self.call.target = str(user.id)
        headers = {"ETag": users.etag(user)}
        if status == 201:
            headers["Location"] = users.location(user, self.call.base_url)
        projection = read_projection(*self.names(), self.dialect.user)
        return ScimResponse(self.shown(user, projection), status=status, headers=headers)

    def shown(self, user: User, projection: Projection) -> dict[str, Any]:
        return users.render(user, self.dialect, self.call.base_url, projection)

    def extension_urn(self, outcome: Outcome) -> str:
        """The URN that the profile's own extension was written with, if it was (SPEC P1)."""
        own = self.dialect.role.schema
        return outcome.spelling.get(own.id, "") if own else ""


class Users(UserView):
    """The collection."""

    operations = {"GET": "user.list", "POST": "user.create"}

    def get(self, request: Any) -> ScimResponse:
        paging = {"default_count": settings.SCIM_PAGE, "max_count": settings.SCIM_MAX_PAGE}
        query = read_query(request.GET.dict(), self.dialect.user, **paging)
        rows = User.objects.for_org(self.org).provisionable().select_related("standing")
        page = listing.page(rows, query, org=self.org, filters=users.user_filters, keys=users.cursor_keys)
        return ScimResponse(
            list_response(
                (self.shown(user, query.projection) for user in page.rows),
                total=page.total,
                start_index=query.start_index if page.total is not None else None,
                next_cursor=page.next_cursor,
            )
        )

    def post(self, request: Any) -> ScimResponse:
        draft = read_resource(self.message(), self.dialect.user, creating=True)
        outcome = draft.replace({})
        if outcome.refusals:
            raise outcome.refusals[0].error
        facts = users.facts_of(outcome.resource, self.dialect, self.extension_urn(outcome))
        return self.answer(intake.create_user(org=self.org, facts=facts, cause=self.cause()), 201)


class UserDetail(UserView):
    """One user."""

    operations = {"GET": "user.read", "PUT": "user.replace", "PATCH": "user.change", "DELETE": "user.delete"}

    def get(self, request: Any, user_id: str) -> ScimResponse:
        user = (
            User.objects.for_org(self.org).provisionable().select_related("standing").filter(id=_uuid(user_id)).first()
        )
        if user is None:
            raise intake.UnknownUser(user_id)
        return self.answer(user)

    def put(self, request: Any, user_id: str) -> ScimResponse:
        draft = read_resource(self.message(), self.dialect.user)
        return self._change(user_id, draft.replace, draft.deactivates)

    def patch(self, request: Any, user_id: str) -> ScimResponse:
        patch = read_patch(self.message(), self.dialect.user)
        apply = partial(apply_patch, patch, self.dialect.user)
        return self._change(user_id, apply, patch.deactivates)

    def delete(self, request: Any, user_id: str) -> ScimResponse:
        intake.delete_user(org=self.org, user_id=_uuid(user_id), cause=self.cause())
        self.call.target = user_id
        return ScimResponse(status=204)

    def _change(self, user_id: str, apply: Callable[[Any], Outcome], deactivates: bool) -> ScimResponse:
        def edit(user: User) -> intake.Edit:
            outcome = apply(users.resource_of(user))
            if outcome.refusals and not deactivates:
                raise outcome.refusals[0].error
            extension_urn = self.extension_urn(outcome) or user.extension_urn
            facts = users.facts_of(outcome.resource, self.dialect, extension_urn)
            refused = {refusal.name: refusal.error.detail for refusal in outcome.refusals}
            return intake.Edit(facts, deactivates, refused)

        user = intake.change_user(org=self.org, user_id=_uuid(user_id), edit=edit, cause=self.cause())
        return self.answer(user)


def _uuid(text: str) -> UUID:
    """Raises intake.UnknownUser for what cannot be one of our ids."""
    try:
        return UUID(text)
    except ValueError:
        raise intake.UnknownUser(text) from None
