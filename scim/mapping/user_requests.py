"""Requests about users, read in the org's dialect and passed to `user_intake`; the same for `/Users` and `/Bulk`."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings

from groups_provisioning.actions import user_intake
from orgs import entities, entity_names, history
from orgs.db.keys import as_uuid, fold
from orgs.history import Cause
from orgs.models import EntityKind, MatterKind, Organization, User
from orgs.people import Facts
from scim.mapping import listing, users
from scim.mapping.etags import Expected
from scim.mapping.profiles import dialect
from scim.mapping.users import Shown
from scim.protocol.apply import apply_patch
from scim.protocol.budget import Budget
from scim.protocol.dialect import Dialect
from scim.protocol.errors import InvalidValue, quote
from scim.protocol.listing import Query
from scim.protocol.patch import read_patch
from scim.protocol.projection import Projection
from scim.protocol.resources import Outcome, get, put, read_resource
from scim.protocol.schema import ResourceType
from scim.protocol.values import Refusal

ECHO = timedelta(minutes=5)
"""For how long an IdP may send back the effective roles that it has read."""


noun = "user"
naming = "userName"
refused = MatterKind.USER_REFUSED
unwritten = MatterKind.USER_UNWRITTEN
etag = users.etag_of
location = users.location


def kind(org: Organization) -> ResourceType:
    return dialect(org.profile).user


def find(org: Organization, user_id: str) -> Shown:
    """A user as SCIM sees them. Raises intake.UnknownUser."""
    found = users.find(org, dialect(org.profile), "id", read_id(user_id))
    if found is None:
        raise user_intake.UnknownUser(user_id)
    return found


def page(org: Organization, query: Query) -> listing.Page[Shown]:
    """The page of users that a query asks for. Raises ScimError."""
    own = dialect(org.profile)
    if (name := _only_name(query)) is not None:
        one = users.find(org, own, "user_name_key", fold(name))
        return listing.Page([[one]] if one else [], total=1 if one else 0)
    return listing.page(
        lambda: User.objects.for_org(org).provisionable(),
        query,
        org=org,
        whole=users.whole_list,
        filters=users.user_filters(own),
        keys=users.cursor_keys,
        read=partial(users.read, org, own),
    )


def is_lookup(query: Query) -> bool:
    """Whether a query asks for nothing but the user of one userName, as each look-up of an identity provider does."""
    return _only_name(query) is not None


def is_search(org: Organization, query: Query) -> bool:
    """Whether the filter of a query is one for which everybody is looked at."""
    return query.filter is not None and users.user_filters(dialect(org.profile)).is_search(query.filter)


def _only_name(query: Query) -> str | None:
    """The userName, if somebody of that name is all that a query asks for."""
    return query.only("userName") if query.count else None


def shown(org: Organization, found: Sequence[Shown], base_url: str, projection: Projection) -> Iterable[dict[str, Any]]:
    """The representations of users."""
    own = dialect(org.profile)
    return (users.render(each, own, base_url, projection) for each in found)


def name_of(user: Shown) -> str:
    """The userName."""
    return user.user.user_name


def attributes_of(user: Shown) -> Mapping[str, Any]:
    """What is stored of a user, extensions by their URNs."""
    return user.user.attributes


def is_shown_after_patch(user: Shown) -> bool:
    """A PATCH always returns the user."""
    return True


def create(org: Organization, body: Any, cause: Cause) -> Shown:
    """POST (RFC 7644 §3.3). Raises ScimError and what intake.create_user raises."""
    return _shown(user_intake.create_user(org=org, facts=read_new(org, body), cause=cause))


def read_new(org: Organization, body: Any) -> Facts:
    """What a body says of somebody new. Raises its first refusal, as ScimError."""
    own = dialect(org.profile)
    outcome = read_resource(body, own.user, creating=True).replace({})
    if outcome.refusals:
        raise outcome.refusals[0].error
    placement_id = placed_by(org, own, outcome.resource)
    urn = _extension_urn(own, outcome)
    return users.facts_of(outcome.resource, own, extension_urn=urn, placement_id=placement_id)


def replace(org: Organization, user_id: str, body: Any, cause: Cause, expected: Expected = None) -> Shown:
    """PUT (RFC 7644 §3.5.1, SPEC U7). Raises ScimError and what intake.change_user raises."""
    own = dialect(org.profile)
    draft = read_resource(body, own.user)

    def edit(user: User) -> user_intake.Edit:
        outcome = draft.replace(users.resource_of(user, own))
        if user.idp_roles is None and _is_echo(own, outcome.resource, user, cause):
            put(outcome.resource, own.role, None)
        return _edit(org, user, outcome, draft.deactivates)

    return _shown(user_intake.change_user(org=org, user_id=read_id(user_id), edit=edit, cause=cause, expected=expected))


def patch(
    org: Organization, user_id: str, body: Any, cause: Cause, expected: Expected = None, budget: Budget | None = None
) -> Shown:
    """PATCH (RFC 7644 §3.5.2). Several operations share a `budget` (SPEC S9).

    Raises ScimError and what intake.change_user raises.
    """
    own = dialect(org.profile)
    read = read_patch(body, own.user, max_operations=settings.SCIM_MAX_OPERATIONS)

    def edit(user: User) -> user_intake.Edit:
        return _edit(org, user, apply_patch(read, own.user, users.resource_of(user, own), budget), read.deactivates)

    return _shown(user_intake.change_user(org=org, user_id=read_id(user_id), edit=edit, cause=cause, expected=expected))


def delete(org: Organization, user_id: str, cause: Cause, expected: Expected = None) -> None:
    """DELETE (RFC 7644 §3.6). Raises what intake.delete_user raises."""
    user_intake.delete_user(org=org, user_id=read_id(user_id), cause=cause, expected=expected)


def read_id(text: str) -> UUID:
    """The id that a text spells. Raises intake.UnknownUser for text that cannot be one of our ids."""
    if (user_id := as_uuid(text)) is None:
        raise user_intake.UnknownUser(text)
    return user_id


def _shown(written: user_intake.Written) -> Shown:
    return users.written(written.user, written.settled)


def _edit(org: Organization, user: User, outcome: Outcome, deactivates: bool) -> user_intake.Edit:
    """What a request turns `user` into. Raises its first refusal, unless it deactivates (SPEC U4)."""
    own = dialect(org.profile)
    refusals = list(outcome.refusals)
    placement_id = user.placement_id
    try:
        placement_id = placed_by(org, own, outcome.resource, user)
        if own.placement and placement_id and placement_id == user.placement_id:
            # An IdP that sends the group's present name, as it read it, does not change what was written.
            put(outcome.resource, own.placement, get(users.resource_of(user, own), own.placement))
    except InvalidValue as error:
        assert own.placement is not None
        refusals.append(Refusal(own.placement.name, error))
        put(outcome.resource, own.placement, get(users.resource_of(user, own), own.placement))
    if refusals and not deactivates:
        raise refusals[0].error
    facts = users.facts_of(
        outcome.resource,
        own,
        extension_urn=_extension_urn(own, outcome, before=user.extension_urn),
        placement_id=placement_id,
        # Core `roles` that were removed stay removed (RFC 7644 §3.5.2.2); the effective ones do not replace them.
        wrote_roles=own.role.schema is None and user.idp_roles is not None,
    )
    return user_intake.Edit(facts, deactivates, {refusal.name: refusal.error.detail for refusal in refusals})


def placed_by(org: Organization, own: Dialect, resource: Mapping[str, Any], user: User | None = None) -> UUID | None:
    """The concurrency group that the placement attribute names (SPEC U10); None for the default one.

    user: as stored. The stored name, and the name that was shown, are never refused, whatever became of the group. A
    former name means the same group, unless another group has it now. A deleted group gives way to a new one of the
    same name. Raises InvalidValue.
    """
    name = _placement_in(resource, own)
    if name is None or own.placement is None:
        return None
    stored = _placement_in(users.resource_of(user, own), own) if user is not None else None
    known = user.placement if user is not None else None
    shown = {fold(stored or ""), fold(known.name)} if known is not None else set()
    if known is not None and known.deleted_at is None and fold(name) in shown:
        return known.id
    # Also if concurrency groups are off: the reference is stored, and takes effect when they are switched on.
    entity_id = entities.named(org, EntityKind.CONCURRENCY_GROUP, name)
    if entity_id is None and known is not None and fold(name) in {*shown, *known.former_keys}:
        return known.id
    unrefused = (fold(stored or ""), fold(entity_names.DEFAULT_GROUP))
    if entity_id is None and org.concurrency_groups and fold(name) not in unrefused:
        raise InvalidValue(
            f"{own.placement.name}: there is no concurrency group {quote(name)}. Create it in the portal first, "
            "or correct the mapping in the identity provider."
        )
    return entity_id


def _placement_in(resource: Mapping[str, Any], own: Dialect) -> str | None:
    name = get(resource, own.placement) if own.placement else None
    return name if isinstance(name, str) else None  # It may be older than the attribute's description (SPEC P3).


def _is_echo(own: Dialect, resource: Mapping[str, Any], user: User, cause: Cause) -> bool:
    """Whether a PUT only repeats the effective roles that are shown now or were shown within ECHO (SPEC R1)."""
    roles = own.user_roles(resource)
    if not roles:
        return False
    shown = [user.standing.roles, *history.former(user, "roles", since=cause.at - ECHO)]
    return any(set(roles) == set(effective) for effective in shown if effective)


def _extension_urn(own: Dialect, outcome: Outcome, before: str = "") -> str:
    """The alias under which the profile's extension is shown from now on; "" for its own URN (SPEC P1)."""
    schema = own.user_extension
    if schema is None or schema.id not in outcome.spelling:
        return before
    written = outcome.spelling[schema.id]
    return "" if written == schema.id else written
