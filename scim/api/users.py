"""`/Users` (RFC 7644 §3)."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from groups_provisioning import intake
from orgs import people
from orgs.models import User
from scim.api.base import ScimResponse, ScimView
from scim.mapping import users
from scim.mapping.profiles import dialect
from scim.protocol.dialect import Dialect
from scim.protocol.errors import ScimError
from scim.protocol.patch import read_patch
from scim.protocol.resources import Outcome, read_resource


class UserView(ScimView):
    """What the views of users share."""

    @property
    def dialect(self) -> Dialect:
        return dialect(self.org.profile)

    def answer(self, user: User, status: int = 200) -> ScimResponse:
        """The user's representation, with its ETag."""
        shown = users.render(user, self.dialect, self.call.base_url)
        headers = {"ETag": users.etag(user)}
        if status == 201:
            headers["Location"] = shown["meta"]["location"]
        self.call.target = str(user.id)
        return ScimResponse(shown, status=status, headers=headers)


class Users(UserView):
    """The collection."""

    def post(self, request: Any) -> ScimResponse:
        draft = read_resource(self.message(), self.dialect.user, creating=True)
        outcome = draft.replace({})
        if outcome.refusals:
            raise outcome.refusals[0].error
        facts = users.facts_of(outcome.resource, self.dialect, _spelling(outcome, self.dialect))
        return self.answer(intake.create_user(org=self.org, facts=facts, cause=self.cause()), 201)


class UserDetail(UserView):
    """One user."""

    def get(self, request: Any, user_id: str) -> ScimResponse:
        user = (
            User.objects.for_org(self.org)
            .provisionable()
            .select_related("standing")
            .filter(id=_uuid(user_id))
            .first()
        )
        if user is None:
            raise intake.UnknownUser(user_id)
        return self.answer(user)

    def put(self, request: Any, user_id: str) -> ScimResponse:
        draft = read_resource(self.message(), self.dialect.user)
        return self._change(user_id, draft.replace, draft.deactivates)

    def patch(self, request: Any, user_id: str) -> ScimResponse:
        patch = read_patch(self.message(), self.dialect.user)
        return self._change(user_id, patch.apply, patch.deactivates)

    def delete(self, request: Any, user_id: str) -> ScimResponse:
        intake.delete_user(org=self.org, user_id=_uuid(user_id), cause=self.cause())
        self.call.target = user_id
        return ScimResponse(status=204)

    def _change(self, user_id: str, apply: Callable[[Any], Outcome], deactivates: bool) -> ScimResponse:
        def edit(user: User) -> intake.Edit:
            outcome = apply(users.resource_of(user))
            if outcome.refusals and not deactivates:
                raise outcome.refusals[0].error
            spelling = _spelling(outcome, self.dialect) or user.extension_urn
            facts = users.facts_of(outcome.resource, self.dialect, spelling)
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
