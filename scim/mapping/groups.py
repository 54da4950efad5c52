"""Maps pushed groups between SCIM and the portal. The resource from which changes start never contains the members."""

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from groups_provisioning.actions.group_intake import GroupFacts
from groups_provisioning.actions.members import Listed
from groups_provisioning.models import PushedGroup
from groups_provisioning.models.groups import LIVE
from orgs.db.cached_select import Joined
from orgs.models import FeedKind, Organization
from scim.mapping.etags import etag
from scim.mapping.filters import FilterSql, Sql, folded, in_document, schema_names
from scim.mapping.users import moment
from scim.mapping.whole_lists import WholeList
from scim.protocol.dialect import Dialect
from scim.protocol.pieces import Parts
from scim.protocol.projection import Projection
from scim.protocol.resources import canonical

_COLUMNS = {"displayName": "display_name", "externalId": "external_id"}


def resource_of(group: PushedGroup, dialect: Dialect) -> dict[str, Any]:
    """What the IdP has written, except the members, with canonical names."""
    resource = {name: value for name, column in _COLUMNS.items() if (value := getattr(group, column))}
    return resource | canonical(dialect.group, group.attributes)


def find(org: Organization, group_id: UUID) -> PushedGroup | None:
    """The group that SCIM lists with this id."""
    return _groups().get("id", group_id, where=LIVE, params=[org.id])


def read(org: Organization, ids: Sequence[str]) -> list[PushedGroup]:
    """The groups that SCIM lists with these ids, in their order."""
    return _groups().in_order(ids, where=LIVE, params=[org.id])


@cache
def _groups() -> Joined:
    return Joined(PushedGroup, json=["attributes"])


def facts_of(resource: Mapping[str, Any], dialect: Dialect, *, extension_urn: str = "") -> GroupFacts:
    """The columns of a resource with canonical names."""
    return GroupFacts(
        **{column: resource.get(name, "") for name, column in _COLUMNS.items()},
        attributes={name: value for name, value in resource.items() if name not in _COLUMNS},
        folded=folded(resource, dialect.group, without=tuple(_COLUMNS))
        | {"schemas": schema_names(resource, dialect.group)},
        extension_urn=extension_urn,
        roles=dialect.group_roles(resource),
    )


def render(
    group: PushedGroup,
    dialect: Dialect,
    base_url: str,
    projection: Projection,
    members: list[dict[str, str]] | Parts | None = None,
) -> dict[str, Any]:
    """The representation of a group (RFC 7643 §4.2). members: None if they were not requested."""
    resource: dict[str, Any] = {"id": str(group.id)} | resource_of(group, dialect)
    if members is not None:
        resource["members"] = members
    resource["meta"] = {
        "resourceType": "Group",
        "created": moment(group.created_at),
        "lastModified": moment(group.modified_at),
        "location": location(group, base_url),
        "version": etag(group.revision),
    }
    own = dialect.group_extension
    return projection.apply(resource, {own.id: group.extension_urn} if own and group.extension_urn else {})


def rendered_members(listed: list[Listed], base_url: str) -> list[dict[str, str]]:
    """Members as SCIM shows them, with their names if they have one (SPEC S10)."""
    kinds = {True: ("User", f"{base_url}/Users/"), False: ("Group", f"{base_url}/Groups/")}
    rendered = []
    for id_, name, is_user in listed:
        kind, url = kinds[is_user]
        member = {"value": (text := str(id_)), "$ref": url + text, "type": kind}
        if name:
            member["display"] = name
        rendered.append(member)
    return rendered


def location(group: PushedGroup, base_url: str) -> str:
    """The URI of a group."""
    return f"{base_url}/Groups/{group.id}"


_TABLE = "groups_provisioning_pushedgroup"
_FILTER_COLUMNS = {
    "id": f'{_TABLE}.id::text COLLATE "C"',
    "displayName": f"{_TABLE}.display_name_key",
    "externalId": f"NULLIF({_TABLE}.external_id, '') COLLATE \"C\"",
    "meta.resourceType": "'Group'::text COLLATE \"C\"",
    "meta.created": f"{_TABLE}.created_at",
    "meta.lastModified": f"{_TABLE}.modified_at",
    "meta.location": None,
    "meta.version": None,
    "meta": None,
}
_MEMBERS = f"""(
    SELECT jsonb_agg(jsonb_build_object('value', id, 'type', type, 'display', name)) FROM (
        SELECT u.id, 'user' AS type, COALESCE(u.folded ->> 'displayName', NULLIF(trim(concat_ws(
            ' ', u.folded -> 'name' ->> 'givenName', u.folded -> 'name' ->> 'familyName'
        )), '')) AS name
        FROM groups_provisioning_groupmember m JOIN orgs_user u ON u.id = m.user_id WHERE m.group_id = {_TABLE}.id
        UNION ALL
        SELECT g.id, 'group', g.display_name_key
        FROM groups_provisioning_nestedgroup n JOIN {_TABLE} g ON g.id = n.member_id WHERE n.group_id = {_TABLE}.id
    ) AS members
)"""


@lru_cache(maxsize=256)
def group_filters(dialect: Dialect) -> FilterSql:
    """The attributes of groups for filters and sorting: those that `render` shows."""
    core = Jsonb(schema_names((), dialect.group))
    homes: dict[str, Sql] = {
        "members": (_MEMBERS, []),
        "schemas": (f"COALESCE({_TABLE}.folded -> 'schemas', %s)", [core]),
    }
    if dialect.group_role:
        homes[dialect.group_role.name] = in_document(f"{_TABLE}.folded", dialect.group_role)
    return FilterSql(
        document=f"{_TABLE}.folded",
        columns=_FILTER_COLUMNS,
        indexed=("displayName",),
        homes=homes,
        shortcuts={
            "externalId": lambda value: (f"({_TABLE}.external_id = %s AND {_TABLE}.external_id <> '')", [value]),
        },
        lookups={"id": lambda value: _by_id(value, f"{_TABLE}.id = %s"), "members.value": _has_member},
    )


def _has_member(value: str) -> Sql:
    sql, params = _by_id(
        value,
        f"{_TABLE}.id IN (SELECT group_id FROM groups_provisioning_groupmember WHERE user_id = %s"
        " UNION ALL SELECT group_id FROM groups_provisioning_nestedgroup WHERE member_id = %s)",
    )
    return sql, params * 2


def _by_id(value: str, condition: str) -> Sql:
    try:
        return condition, [UUID(value)]
    except ValueError:
        return "FALSE", []


_WEIGHT = """
(SELECT 500 + octet_length(concat(attributes, display_name)) FROM groups_provisioning_pushedgroup WHERE id = listed.id)
"""
_MEMBERS_WEIGHT = """
250 * (SELECT member_count FROM groups_provisioning_pushedgroup WHERE id = listed.id)
+ 250 * (SELECT count(*) FROM groups_provisioning_nestedgroup WHERE group_id = listed.id)
"""

whole_list = WholeList(_TABLE, LIVE, FeedKind.GROUP, _WEIGHT)
with_members = whole_list._replace(weight=f"{_WEIGHT} + {_MEMBERS_WEIGHT}")

# The attributes by which a cursor can page through groups.
cursor_keys = {"id": "id", "displayName": "display_name_key"}
