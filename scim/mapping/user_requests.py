"""Requests about users, read in the org's dialect and handed to `intake`: the same from `/Users` and `/Bulk`."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from uuid import UUID

from groups_provisioning import intake
from orgs.history import Cause
from orgs.models import Organization, User
from scim.mapping import users
from scim.mapping.etags import Expected
from scim.mapping.profiles import dialect
from scim.protocol.apply import apply_patch
from scim.protocol.patch import read_patch
from scim.protocol.resources import Outcome, read_resource


def create(org: Organization, body: Any, cause: Cause) -> User:
    """POST (RFC 7644 §3.3). Raises ScimError and what intake.create_user raises."""
    draft = read_resource(body, dialect(org.profile).user, creating=True)
    outcome = draft.replace({})
    if outcome.refusals:
        raise outcome.refusals[0].error
    facts = users.facts_of(outcome.resource, dialect(org.profile), _extension_urn(org, outcome))
    return intake.create_user(org=org, facts=facts, cause=cause)


def replace(org: Organization, user_id: str, body: Any, cause: Cause, expected: Expected = None) -> User:
    """PUT (RFC 7644 §3.5.1, SPEC U7). Raises ScimError and what intake.change_user raises."""
    draft = read_resource(body, dialect(org.profile).user)
    return _change(org, user_id, draft.replace, draft.deactivates, cause, expected)


def patch(org: Organization, user_id: str, body: Any, cause: Cause, expected: Expected = None) -> User:
    """PATCH (RFC 7644 §3.5.2). Raises ScimError and what intake.change_user raises."""
    kind = dialect(org.profile).user
    read = read_patch(body, kind)
    return _change(org, user_id, partial(apply_patch, read, kind), read.deactivates, cause, expected)


def delete(org: Organization, user_id: str, cause: Cause, expected: Expected = None) -> None:
    """DELETE (RFC 7644 §3.6). Raises what intake.delete_user raises."""
    intake.delete_user(org=org, user_id=read_id(user_id), cause=cause, expected=expected)


def read_id(text: str) -> UUID:
    """Raises intake.UnknownUser for what cannot be one of our ids."""
    try:
        return UUID(text)
    except ValueError:
        raise intake.UnknownUser(text) from None


def _change(
    org: Organization,
    user_id: str,
    apply: Callable[[Mapping[str, Any]], Outcome],
    deactivates: bool,
    cause: Cause,
    expected: Expected,
) -> User:
    def edit(user: User) -> intake.Edit:
        outcome = apply(users.resource_of(user))
        if outcome.refusals and not deactivates:
            raise outcome.refusals[0].error
        extension_urn = _extension_urn(org, outcome) or user.extension_urn
        facts = users.facts_of(outcome.resource, dialect(org.profile), extension_urn)
        return intake.Edit(facts, deactivates, {refusal.name: refusal.error.detail for refusal in outcome.refusals})

    return intake.change_user(org=org, user_id=read_id(user_id), edit=edit, cause=cause, expected=expected)


def _extension_urn(org: Organization, outcome: Outcome) -> str:
    """The URN that the profile's own extension was written with, if it was (SPEC P1)."""
    own = dialect(org.profile).role.schema
    return outcome.spelling.get(own.id, "") if own else ""
