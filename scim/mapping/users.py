"""Maps users between SCIM and the portal."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from psycopg.types.json import Jsonb

from groups_provisioning.engine.reconcile import SettledPerson
from orgs.db.cached_select import Joined
from orgs.db.keys import fold
from orgs.models import FeedKind, Organization, User
from orgs.models.people import PROVISIONABLE
from orgs.people import Facts
from scim.mapping.etags import etag
from scim.mapping.filters import FilterSql, Sql, folded, in_document, schema_names
from scim.mapping.whole_lists import WholeList
from scim.protocol.dialect import Dialect
from scim.protocol.projection import Projection
from scim.protocol.resources import canonical, get, put
from scim.protocol.schema import Ref
from scim.protocol.text import is_email

_GROUPS_OF = """
SELECT json_agg(json_build_object('value', g.id, 'display', g.display_name) ORDER BY g.id)::text
FROM groups_provisioning_groupmember m JOIN groups_provisioning_pushedgroup g ON g.id = m.group_id
WHERE m.user_id = {}
""".format
_GROUPS_FOR_FILTERS = """(
    SELECT jsonb_agg(jsonb_build_object('value', g.id, 'display', g.display_name_key, 'type', 'direct'))
    FROM groups_provisioning_groupmember m JOIN groups_provisioning_pushedgroup g ON g.id = m.group_id
    WHERE m.user_id = orgs_user.id
)"""

# Attributes with their own column; the others are in `attributes`, and folded for filters in `folded`.
_COLUMNS = {"userName": "user_name", "externalId": "external_id", "displayName": "display_name"}
_NAME_COLUMNS = {"givenName": "given_name", "familyName": "family_name"}
_OTHER_COLUMNS = ["active", "idp_active", "idp_roles", "extension_urn", "created_at", "modified_at", "revision"]
"""What else `render` looks at. No other columns are read, so that a page takes less time."""


class Shown(NamedTuple):
    """A user as SCIM shows them.

    roles: the effective ones, read if the IdP wrote none (SPEC R1). groups: the id and the name of each pushed
    group that they are in, in the order of their ids (SPEC U9).
    """

    user: User
    roles: Sequence[str]
    groups: Sequence[dict[str, str]]

    @property
    def id(self) -> UUID:
        return self.user.id


def resource_of(user: User, dialect: Dialect) -> dict[str, Any]:
    """What the IdP has written, with canonical names: what PUT and PATCH start from."""
    resource = {name: value for name, column in _COLUMNS.items() if (value := getattr(user, column))}
    resource |= canonical(dialect.user, user.attributes)
    name = {part: value for part, column in _NAME_COLUMNS.items() if (value := getattr(user, column))}
    if name:
        resource["name"] = name | resource.get("name", {})
    resource["active"] = user.activity.said
    return resource


def find(org: Organization, dialect: Dialect, column: str, value: Any) -> Shown | None:
    """The user whom SCIM lists with this value in a unique column."""
    row = _people(dialect.placement is not None).get(column, value, where=PROVISIONABLE, params=[org.id])
    return _shown(row) if row else None


def read(org: Organization, dialect: Dialect, ids: Sequence[str]) -> list[Shown]:
    """The users whom SCIM lists with these ids, in their order."""
    rows = _people(dialect.placement is not None).in_order(ids, where=PROVISIONABLE, params=[org.id])
    return [_shown(row) for row in rows]


def _shown(row: Any) -> Shown:
    groups = orjson.loads(row.shown_groups) if row.shown_groups else []
    return Shown(row, row.effective_roles if row.idp_roles is None else [], groups)


@cache
def _people(with_placement: bool) -> Joined:
    """Users with all that is shown of them.

    Not their `Standing` itself: a user and it would hold each other, until the garbage collector happens to look. A
    subquery, since PostgreSQL would read the standings of everybody to join those of a page.
    """
    return Joined(
        User,
        *(["placement"] if with_placement else []),
        json=["attributes"],
        only=[*_COLUMNS.values(), *_NAME_COLUMNS.values(), *_OTHER_COLUMNS, "placement__name"],
        also={
            "effective_roles": "SELECT roles FROM orgs_standing WHERE user_id = t0.id",
            "shown_groups": _GROUPS_OF("t0.id"),
        },
    )


def written(user: User, settled: SettledPerson) -> Shown:
    """A user whom a command has just written."""
    return Shown(user, settled.roles, [{"value": id_, "display": name} for id_, name in settled.groups])


def etag_of(shown: Shown) -> str:
    """A user's ETag; it also covers the names of their groups."""
    digest = hashlib.sha256(orjson.dumps(shown.groups)).hexdigest()[:12] if shown.groups else ""
    return etag(shown.user.revision, digest)


def facts_of(
    resource: Mapping[str, Any],
    dialect: Dialect,
    *,
    extension_urn: str = "",
    placement_id: UUID | None = None,
    wrote_roles: bool = False,
) -> Facts:
    """The columns of a resource with canonical names.

    extension_urn: the alias under which the profile's extension was written. placement_id: what the placement attribute
    names. wrote_roles: the IdP has written roles before, so that a resource without roles means none.
    """
    name = dict(resource.get("name") or {})
    parts = {column: name.pop(part, "") for part, column in _NAME_COLUMNS.items()}
    attributes = {
        key: value for key, value in resource.items() if key not in _COLUMNS and key not in ("active", "name")
    }
    if name:
        attributes["name"] = name
    emails = [element.get("value") for element in resource.get("emails", ())]
    return Facts(
        **{column: resource.get(key, "") for key, column in _COLUMNS.items()},
        **parts,
        login_email=fold(resource["userName"]) if is_email(resource["userName"]) else None,
        active=resource.get("active", True),
        email_keys=tuple(dict.fromkeys(fold(email) for email in emails if email)),
        attributes=attributes,
        folded=folded(resource, dialect.user, without=("userName", "externalId", "active"))
        | {"schemas": _schemas(resource, dialect)},
        extension_urn=extension_urn,
        placement_id=placement_id,
        idp_roles=dialect.user_roles(resource) if wrote_roles or get(resource, dialect.role) is not None else None,
    )


def render(shown: Shown, dialect: Dialect, base_url: str, projection: Projection) -> dict[str, Any]:
    """The representation of a user (RFC 7643 §4.1)."""
    user = shown.user
    resource: dict[str, Any] = {"id": str(user.id)} | resource_of(user, dialect)
    if user.idp_roles is None:
        _show_effective_roles(resource, shown.roles, dialect.role)
    if dialect.placement and user.placement:
        put(resource, dialect.placement, user.placement.name)
    if shown.groups:
        resource["groups"] = _rendered_groups(shown.groups, f"{base_url}/Groups/")
    resource["meta"] = {
        "resourceType": "User",
        "created": moment(user.created_at),
        "lastModified": moment(user.modified_at),
        "location": location(shown, base_url),
        "version": etag_of(shown),
    }
    own = dialect.user_extension
    return projection.apply(resource, {own.id: user.extension_urn} if own and user.extension_urn else {})


def _rendered_groups(groups: Sequence[dict[str, str]], url: str) -> list[dict[str, str]]:
    return [
        {"value": (id_ := group["value"]), "$ref": url + id_, "display": group["display"], "type": "direct"}
        for group in groups
    ]


def _show_effective_roles(resource: dict[str, Any], roles: Sequence[str], role: Ref) -> None:
    """Show the effective roles if the IdP wrote none (SPEC R1)."""
    assert role.attribute is not None
    effective: Any = roles
    if role.attribute.sub_attributes:
        effective = [{"value": key} for key in effective]
    elif not role.attribute.multi_valued:
        effective = effective[0]
    put(resource, role, effective)


def _schemas(resource: Mapping[str, Any], dialect: Dialect) -> list[str]:
    """The URNs of a user's schemas; there is always an effective role to show (SPEC R1)."""
    own = dialect.role.schema
    return schema_names([*resource, own.id] if own else resource, dialect.user)


def location(shown: Shown, base_url: str) -> str:
    """The URI of a user."""
    return f"{base_url}/Users/{shown.id}"


def moment(at: datetime) -> str:
    """A time, which is in UTC, as SCIM writes it (RFC 7643 §2.3.5)."""
    return at.isoformat()[:-6] + "Z"


def _has_id(value: str) -> Sql:
    try:
        return "orgs_user.id = %s", [UUID(value)]
    except ValueError:
        return "FALSE", []


def _is_in_group(value: str) -> Sql:
    sql = "orgs_user.id IN (SELECT user_id FROM groups_provisioning_groupmember WHERE group_id = %s)"
    try:
        return sql, [UUID(value)]
    except ValueError:
        return "FALSE", []


_FILTER_COLUMNS = {
    "id": 'orgs_user.id::text COLLATE "C"',
    "userName": "orgs_user.user_name_key",
    "externalId": "NULLIF(orgs_user.external_id, '') COLLATE \"C\"",
    "active": "COALESCE(orgs_user.idp_active, orgs_user.active)",
    "meta.resourceType": "'User'::text COLLATE \"C\"",
    "meta.created": "orgs_user.created_at",
    "meta.lastModified": "orgs_user.modified_at",
    "meta.location": None,
    "meta.version": None,
    "meta": None,
}
_LOOKUPS = {"id": _has_id, "groups.value": _is_in_group}
_SHORTCUTS = {
    "externalId": lambda value: ("(orgs_user.external_id = %s AND orgs_user.external_id <> '')", [value]),
    "emails.value": lambda value: ("orgs_user.email_keys @> ARRAY[%s]", [value]),
}


@lru_cache(maxsize=256)
def user_filters(dialect: Dialect) -> FilterSql:
    """The attributes of users for filters and sorting: those that `render` shows."""
    homes = {
        "schemas": _shown_schemas(dialect),
        "groups": (_GROUPS_FOR_FILTERS, []),
        dialect.role.name: _shown_roles(dialect),
    }
    if dialect.placement:
        homes[dialect.placement.name] = _shown_placement(dialect.placement)
    return FilterSql(
        document="orgs_user.folded",
        columns=_FILTER_COLUMNS,
        indexed=("userName",),
        homes=homes,
        shortcuts=_SHORTCUTS,
        lookups=_LOOKUPS,
    )


def _shown_schemas(dialect: Dialect) -> Sql:
    """The URNs of a user's schemas and all their aliases (SPEC P1)."""
    return "COALESCE(orgs_user.folded -> 'schemas', %s)", [Jsonb(_schemas({}, dialect))]


def _shown_roles(dialect: Dialect) -> Sql:
    """The role attribute, or the effective roles if the IdP wrote none (SPEC R1)."""
    role = dialect.role
    assert role.attribute is not None
    shown = "%s -> key"
    if role.attribute.sub_attributes:
        shown = f"jsonb_build_object('value', {shown})"
    shown = f"jsonb_agg({shown} ORDER BY place)"
    if not role.attribute.multi_valued:
        shown += " -> 0"
    effective = (
        f"SELECT {shown} FROM orgs_standing, unnest(roles) WITH ORDINALITY AS role(key, place)"  # noqa: S608
        " WHERE orgs_standing.user_id = orgs_user.id"
    )
    written, names = in_document("orgs_user.folded", role)
    keys = Jsonb({key: fold(key) for key in dialect.roles})
    return f"CASE WHEN orgs_user.idp_roles IS NULL THEN ({effective}) ELSE {written} END", [keys, *names]


def _shown_placement(placement: Ref) -> Sql:
    """The present name of the concurrency group that the placement attribute named (SPEC U10)."""
    written, names = in_document("orgs_user.folded", placement)
    present = "SELECT to_jsonb(name_key) FROM orgs_entity WHERE orgs_entity.id = orgs_user.placement_id"
    return f"COALESCE(({present}), {written})", names


_WEIGHT = """
(SELECT 500 + octet_length(concat(attributes, display_name, given_name, family_name))
 FROM orgs_user WHERE id = listed.id)
+ 200 * (SELECT count(*) FROM groups_provisioning_groupmember WHERE user_id = listed.id)
"""

whole_list = WholeList("orgs_user", PROVISIONABLE, FeedKind.PERSON, _WEIGHT)

# The attributes by which a cursor can page through users.
cursor_keys = {"id": "id", "userName": "user_name_key"}
