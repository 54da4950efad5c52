"""The present state of resources, as it leaves the portal (SPEC E1): by ids, a few statements however many there are.

Only ids of others, never their names: when a team is renamed, its members are not touched. Who is inactive has neither
places nor roles out there, whatever the portal keeps for when they come back.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db import connection

from orgs.feed import Item, Resource
from orgs.models import EntityKind

MOST = 8 * 2**20
"""Bytes of attributes of people, and of groups, that are read at once; the next page has the others."""

State = dict[str, Any]


class Found(NamedTuple):
    """A resource. state: None if it is gone. is_erased: of a person of whom nothing is left."""

    state: State | None
    is_erased: bool = False


GONE = Found(None)
Rows = dict[str, Found | None]
"""By id, what was found; None where it is more than is read at once."""


def present(items: Sequence[Item]) -> dict[Resource, Found]:
    """The states of the resources of these items; of the first at least. Those that are missing come after MOST."""
    by_reader: defaultdict[Callable[[Sequence[str]], Rows], list[Resource]] = defaultdict(list)
    for item in items:
        by_reader[_READERS[item.kind]].append(item.resource)
    found: dict[Resource, Found] = {}
    for read, resources in by_reader.items():
        rows = read([id_ for _, id_ in resources])
        for kind, id_ in resources:
            if (row := rows.get(id_, GONE)) is not None:
                found[kind, id_] = row
    return found


def of_kind(kind: str, ids: Sequence[str]) -> Rows:
    """The states of resources of one kind, by id; None where it is more than is read at once, but not for the first."""
    rows = _READERS[kind](ids)
    return {id_: rows.get(id_, GONE) for id_ in ids}


def one(kind: str, id_: UUID) -> State | None:
    """The state of one resource with its id; None if it is gone."""
    found = of_kind(kind, [str(id_)])[str(id_)]
    return {"id": str(id_)} | found.state if found and found.state is not None else None


# --- People -----------------------------------------------------------------------------------------------------------

_PEOPLE = """
SELECT u.id::text, u.deleted_at IS NOT NULL, u.erased_at IS NOT NULL,
    u.user_name, u.external_id, u.reference, u.display_name, u.given_name, u.family_name, u.active, u.is_owner,
    CASE WHEN p.place = 1 OR sum(octet_length(t.said)) OVER (ORDER BY p.place) <= %(most)s THEN t.said END,
    s.roles,
    (SELECT json_agg(json_build_array(m.kind, m.entity_id) ORDER BY m.entity_id)::text
        FROM groups_provisioning_membership m WHERE m.user_id = u.id),
    EXISTS (SELECT FROM orgs_mark k WHERE k.org_id = u.org_id AND k.user_id = u.id),
    h.at, h.change_id
FROM unnest(%(ids)s::uuid[]) WITH ORDINALITY AS p (id, place)
JOIN orgs_user u ON u.id = p.id
LEFT JOIN orgs_standing s ON s.user_id = u.id
LEFT JOIN groups_provisioning_hold h ON h.user_id = u.id AND NOT h.released
CROSS JOIN LATERAL (SELECT CASE WHEN u.deleted_at IS NULL THEN u.attributes::text ELSE '' END AS said) AS t
"""


def _people(ids: Sequence[str]) -> Rows:
    return {row[0]: _person(*row[1:]) for row in _rows(_PEOPLE, ids)}


def _person(
    is_deleted: bool,
    is_erased: bool,
    user_name: str,
    external_id: str,
    reference: str,
    display_name: str,
    given_name: str,
    family_name: str,
    active: bool,
    is_owner: bool,
    said: str | None,
    roles: list[str] | None,
    places: str | None,
    is_pending: bool,
    held_since: datetime | None,
    held_change: UUID | None,
) -> Found | None:
    if is_deleted:
        return Found(None, is_erased)
    if said is None:
        return None
    attributes = orjson.loads(said)
    by_kind: defaultdict[str, list[str]] = defaultdict(list)
    for kind, entity in orjson.loads(places) if places and active else ():
        by_kind[kind].append(entity)
    return Found(
        {
            "user_name": user_name,
            "external_id": external_id or None,
            "reference": reference or None,
            "active": active,
            "owner": is_owner,
            "display_name": display_name or None,
            "given_name": given_name or None,
            "family_name": family_name or None,
            "emails": attributes.pop("emails", []),
            "attributes": attributes,
            "roles": (roles or []) if active else [],
            "teams": by_kind[EntityKind.TEAM],
            "concurrency_group": next(iter(by_kind[EntityKind.CONCURRENCY_GROUP]), None),
            "sub_organization": next(iter(by_kind[EntityKind.SUB_ORGANIZATION]), None),
            "pending": is_pending,
            "held": {"since": held_since, "change": held_change} if held_since else None,
        }
    )


# --- Entities ---------------------------------------------------------------------------------------------------------

_ENTITIES = """
SELECT id::text, kind, name, session_limit FROM orgs_entity WHERE id = ANY(%(ids)s::uuid[]) AND deleted_at IS NULL
"""


def _entities(ids: Sequence[str]) -> Rows:
    found: Rows = {}
    for id_, kind, name, session_limit in _rows(_ENTITIES, ids):
        more = {"session_limit": session_limit} if kind == EntityKind.CONCURRENCY_GROUP else {}
        found[id_] = Found({"name": name} | more)
    return found


# --- Groups -----------------------------------------------------------------------------------------------------------

_GROUPS = """
SELECT g.id::text, g.display_name, g.external_id, g.reference, g.imported, g.roles,
    CASE WHEN p.place = 1 OR sum(octet_length(t.said)) OVER (ORDER BY p.place) <= %(most)s THEN t.said END,
    (SELECT json_agg(json_build_object('id', m.id, 'kind', m.kind, 'status', m.status, 'role', nullif(m.role, ''),
            'entity', CASE WHEN NOT m.target_deleted THEN m.entity_id END) ORDER BY m.id)::text
        FROM groups_provisioning_mapping m WHERE m.group_id = g.id AND m.status <> 'rejected')
FROM unnest(%(ids)s::uuid[]) WITH ORDINALITY AS p (id, place)
JOIN groups_provisioning_pushedgroup g ON g.id = p.id AND g.deleted_at IS NULL
CROSS JOIN LATERAL (SELECT g.attributes::text AS said) AS t
"""


def _groups(ids: Sequence[str]) -> Rows:
    found: Rows = {}
    for id_, display_name, external_id, reference, imported, roles, said, mappings in _rows(_GROUPS, ids):
        found[id_] = (
            None
            if said is None
            else Found(
                {
                    "display_name": display_name,
                    "external_id": external_id or None,
                    "reference": reference or None,
                    "imported": imported,
                    "attributes": orjson.loads(said),
                    "roles": roles,
                    "mappings": orjson.loads(mappings) if mappings else [],
                }
            )
        )
    return found


# --- Organizations ----------------------------------------------------------------------------------------------------

_SWITCHES = ("user_provisioning", "group_provisioning", "teams", "concurrency_groups", "sub_organizations")
_ORGANIZATIONS = f"""
SELECT o.id::text, o.name, o.slug, o.plan, p.key,
    ARRAY(SELECT name FROM orgs_verifieddomain d WHERE d.org_id = o.id ORDER BY name), o.two_persons,
    {", ".join(_SWITCHES)}
FROM orgs_organization o JOIN orgs_schemaprofile p ON p.id = o.profile_id
WHERE o.id = ANY(%(ids)s::uuid[]) AND o.closed_at IS NULL
"""  # noqa: S608 - names of columns


def _organizations(ids: Sequence[str]) -> Rows:
    found: Rows = {}
    for id_, name, slug, plan, profile, domains, two_persons, *switches in _rows(_ORGANIZATIONS, ids):
        found[id_] = Found(
            {
                "name": name,
                "slug": slug,
                "plan": plan,
                "profile": profile,
                "domains": domains,
                "two_persons": two_persons,
                "features": dict(zip(_SWITCHES, switches, strict=True)),
            }
        )
    return found


_READERS: Mapping[str, Callable[[Sequence[str]], Rows]] = {
    "person": _people,
    "group": _groups,
    "organization": _organizations,
} | dict.fromkeys(EntityKind.values, _entities)


def _rows(sql: str, ids: Sequence[str]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"ids": list(ids), "most": MOST})
        return cursor.fetchall()


# --- Why --------------------------------------------------------------------------------------------------------------

_CHANGES = "SELECT id, verb, at, door FROM orgs_change WHERE id = ANY(%(ids)s::uuid[])"
_DIFFERED = """
SELECT p.user_id::text, array_agg(DISTINCT l.slot ORDER BY l.slot)
FROM unnest(%(users)s::uuid[], %(changes)s::uuid[]) AS p (user_id, change_id)
CROSS JOIN LATERAL (
    SELECT slot FROM orgs_ledgerentry WHERE user_id = p.user_id AND change_id = p.change_id OFFSET 0
) AS l
GROUP BY p.user_id
"""


def last_changes(items: Sequence[Item]) -> dict[Resource, dict[str, Any]]:
    """The change that last touched each of these resources; of people also which of their effects differed then."""
    ids = {item.change_id for item in items if item.change_id}
    if not ids:
        return {}
    changes: dict[UUID, dict[str, Any]] = {
        id_: {"id": str(id_), "verb": verb, "at": at, "door": door}
        for id_, verb, at, door in _rows(_CHANGES, [str(id_) for id_ in ids])
    }
    people = [item for item in items if item.kind == "person" and item.change_id]
    differed: dict[str, list[str]] = {}
    if people:
        with connection.cursor() as cursor:
            users, why = [item.id for item in people], [item.change_id for item in people]
            cursor.execute(_DIFFERED, {"users": users, "changes": why})
            differed = dict(cursor.fetchall())
    told = {}
    for item in items:
        if item.change_id in changes:
            slots = {"differed": differed.get(item.id, [])} if item.kind == "person" else {}
            told[item.resource] = changes[item.change_id] | slots
    return told
