"""Requests about groups, read in the org's dialect and passed to `group_intake`; the same for `/Groups` and `/Bulk`."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings

from groups_provisioning.actions import group_intake, members
from groups_provisioning.actions.group_intake import GroupEdit, MembersChange, UnknownGroup
from groups_provisioning.models import PushedGroup
from orgs.db.keys import as_uuid
from orgs.history import Cause
from orgs.models import MatterKind, Organization
from scim.mapping import groups, listing
from scim.mapping.etags import Expected
from scim.mapping.etags import etag as etag_of
from scim.mapping.profiles import dialect
from scim.protocol.apply import apply_patch
from scim.protocol.budget import Budget
from scim.protocol.dialect import Dialect
from scim.protocol.listing import Query
from scim.protocol.patch import read_patch
from scim.protocol.pieces import Parts
from scim.protocol.projection import Projection
from scim.protocol.resources import Outcome, read_resource
from scim.protocol.schema import ResourceType

noun = "group"
naming = "displayName"
refused = MatterKind.GROUP_REFUSED
unwritten = MatterKind.GROUP_UNWRITTEN
location = groups.location

LARGEST_SHOWN = 500
"""Members up to which a PATCH answers with the group (SPEC G8)."""


def kind(org: Organization) -> ResourceType:
    return dialect(org.profile).group


def find(org: Organization, group_id: str) -> PushedGroup:
    """A group as SCIM sees it. Raises UnknownGroup."""
    found = groups.find(org, read_id(group_id))
    if found is None:
        raise UnknownGroup(group_id)
    return found


def page(org: Organization, query: Query) -> listing.Page[PushedGroup]:
    """The page of groups that a query asks for. Raises ScimError."""
    return listing.page(
        lambda: PushedGroup.objects.for_org(org).live(),
        query,
        org=org,
        whole=groups.with_members if query.projection.wants("members") else groups.whole_list,
        filters=groups.group_filters(dialect(org.profile)),
        keys=groups.cursor_keys,
        read=partial(groups.read, org),
    )


def is_lookup(query: Query) -> bool:
    """Whether a query asks for nothing but the group of one displayName, without its members."""
    return query.only("displayName") is not None and not query.projection.wants("members")


def is_search(org: Organization, query: Query) -> bool:
    """Whether the filter of a query is one for which all groups are looked at."""
    return query.filter is not None and groups.group_filters(dialect(org.profile)).is_search(query.filter)


def shown(
    org: Organization, found: Sequence[PushedGroup], base_url: str, projection: Projection
) -> Iterable[dict[str, Any]]:
    """The representations of groups; members are read only if the client asks for them (SPEC G8).

    Those of several groups are read at once. Of a single one, whose size nobody has looked at, they are read in parts.
    """
    own = dialect(org.profile)
    if not projection.wants("members"):
        yield from (groups.render(group, own, base_url, projection) for group in found)
        return
    if len(found) == 1:
        parts = members.listed_in_parts(found[0])
        shown_members = Parts(groups.rendered_members(part, base_url) for part in parts)
        yield groups.render(found[0], own, base_url, projection, shown_members)
        return
    listed = members.listed([group.id for group in found])
    for group in found:
        ids = groups.rendered_members(listed.get(group.id, []), base_url)
        yield groups.render(group, own, base_url, projection, ids)


def etag(group: PushedGroup) -> str:
    return etag_of(group.revision)


def name_of(group: PushedGroup) -> str:
    """The displayName."""
    return group.display_name


def attributes_of(group: PushedGroup) -> Mapping[str, Any]:
    """What is stored of a group, extensions by their URNs."""
    return group.attributes


def is_shown_after_patch(group: PushedGroup) -> bool:
    """Whether a PATCH returns the group: its size must not affect a client that adds one member (SPEC G8)."""
    return group.member_count <= LARGEST_SHOWN


def create(org: Organization, body: Any, cause: Cause) -> PushedGroup:
    """POST (RFC 7644 §3.3). Raises ScimError and what group_intake.create_group raises."""
    facts, member_ids = read_new(org, body)
    return group_intake.create_group(org=org, facts=facts, member_ids=member_ids, cause=cause)


def read_new(org: Organization, body: Any) -> tuple[group_intake.GroupFacts, Sequence[str]]:
    """What a body says of a new group, and the ids of its members. Raises its first refusal, as ScimError."""
    own = dialect(org.profile)
    draft = read_resource(body, own.group, creating=True)
    return _facts(own, draft.replace({})), draft.members or ()


def replace(org: Organization, group_id: str, body: Any, cause: Cause, expected: Expected = None) -> PushedGroup:
    """PUT (RFC 7644 §3.5.1, SPEC G9). Raises ScimError and what group_intake.change_group raises."""
    own = dialect(org.profile)
    draft = read_resource(body, own.group)
    changes = () if draft.members is None else (MembersChange("replace", draft.members),)

    def edit(group: PushedGroup) -> GroupEdit:
        return GroupEdit(_facts(own, draft.replace(groups.resource_of(group, own)), group), changes)

    return _change(org, group_id, edit, cause, expected)


def patch(
    org: Organization, group_id: str, body: Any, cause: Cause, expected: Expected = None, budget: Budget | None = None
) -> PushedGroup:
    """PATCH (RFC 7644 §3.5.2). Several operations share a `budget` (SPEC S9); none of them is answered by the group.

    Raises ScimError and what group_intake.change_group raises.
    """
    own = dialect(org.profile)
    read = read_patch(body, own.group, max_operations=settings.SCIM_MAX_OPERATIONS)
    changes = [MembersChange(write.op, write.ids) for write in read.members]

    def edit(group: PushedGroup) -> GroupEdit:
        outcome = apply_patch(read, own.group, groups.resource_of(group, own), budget)
        return GroupEdit(_facts(own, outcome, group), changes)

    return _change(org, group_id, edit, cause, expected, listed_up_to=LARGEST_SHOWN if budget is None else 0)


def delete(org: Organization, group_id: str, cause: Cause, expected: Expected = None) -> None:
    """DELETE (RFC 7644 §3.6). Raises what group_intake.delete_group raises."""
    group_intake.delete_group(org=org, group_id=read_id(group_id), cause=cause, expected=expected)


def read_id(text: str) -> UUID:
    """The id that a text spells. Raises UnknownGroup for text that cannot be one of our ids."""
    if (group_id := as_uuid(text)) is None:
        raise UnknownGroup(text)
    return group_id


def _change(
    org: Organization, group_id: str, edit: Any, cause: Cause, expected: Expected, *, listed_up_to: int = 0
) -> PushedGroup:
    return group_intake.change_group(
        org=org,
        group_id=read_id(group_id),
        edit=edit,
        cause=cause,
        expected=expected,
        listed_up_to=listed_up_to,
    )


def _facts(own: Dialect, outcome: Outcome, group: PushedGroup | None = None) -> group_intake.GroupFacts:
    """The facts after a request. Raises its first refusal."""
    if outcome.refusals:
        raise outcome.refusals[0].error
    schema = own.group_extension
    spelled = outcome.spelling.get(schema.id, "") if schema else ""
    urn = spelled or (group.extension_urn if group else "")
    return groups.facts_of(outcome.resource, own, extension_urn=urn)
