"""Everything that the portal knows about the people of one org, as one JSON document.

Facts and effects are separate: the engine derives the `roles` and `places` of a person and the `conflicts`; `waiting`
is the queue, and everything else is fact. Rows are sorted by ID, and rules by list and position, so that the same state
gives the same bytes. Times are UTC and have the same width, so that they compare as text. The document contains no
passwords, tokens or sessions.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from django.db.models import Model, QuerySet

from groups_provisioning.models import (
    Conflict,
    Decision,
    EndedGroup,
    EndedMapping,
    EndedMember,
    GroupMapping,
    GroupMember,
    Hold,
    MappingRule,
    Membership,
    NestedGroup,
    PushedGroup,
)
from orgs import entities
from orgs.db.keyset import chunks
from orgs.models import Entity, HandPlacement, LastAdmin, Mark, Organization, User

PERSON = (
    "user_name",
    "login_email",
    "external_id",
    "display_name",
    "given_name",
    "family_name",
    "reference",
    "attributes",
    "extension_urn",
    "is_owner",
    "scim_managed",
    "active",
    "idp_active",
    "deactivated_at",
    "idp_roles",
    "manual_roles",
    "placement",
    "created_at",
    "modified_at",
    "deleted_at",
    "erased_at",
    "revision",
)
ENTITY = ("id", "kind", "name", "former_keys", "session_limit", "created_at", "deleted_at")
GROUP = (
    "id",
    "display_name",
    "external_id",
    "reference",
    "imported",
    "attributes",
    "extension_urn",
    "roles",
    "out_of_sync",
    "created_at",
    "modified_at",
    "deleted_at",
    "revision",
)
RULE = ("id", "position", "pattern_type", "pattern", "kind", "role", "auto_approve", "created_at")
MAPPING = (
    "id",
    "group",
    "kind",
    "role",
    "entity",
    "status",
    "reason",
    "rule",
    "target_deleted",
    "barred",
    "switched_at",
    "created_at",
    "change",
)
DECISION = ("id", "user", "winner", "loser", "at", "change", "undone_by")
END = ("group", "change", "nested", "nested_in", "missed")
ENDED_MAPPING = ("mapping", "status", "reason", "switched_at", "change")
ENDED_MEMBER = ("user", "added_at", "added_by")
CONFLICT = ("user", "incoming", "holders", "since")
HOLD = ("user", "breach", "change", "at", "kept", "released")
WAITING = ("user", "change")
GROUPS_AT_ONCE = 50
SMALL = 100  # members, so that those of several groups are read at once


def text(org: Organization) -> Iterator[str]:
    """Yield the document in pieces, one row per line; people and members are loaded a few thousand at a time."""
    yield f'{{"organization": {_json(_organization(org))}'
    for name, rows in _tables(org):
        yield f',\n"{name}": ['
        for number, row in enumerate(rows):
            yield ",\n" if number else "\n"
            yield from _pieces(row)
        yield "]"
    yield "}\n"


def _pieces(row: dict[str, Any]) -> Iterator[str]:
    """A row as JSON. A value that is an iterator is a long array, of which it gives many elements at a time."""
    long = {name: value for name, value in row.items() if isinstance(value, Iterator)}
    if not long:
        yield _json(row)
        return
    yield _json({name: value for name, value in row.items() if name not in long})[:-1]
    for name, parts in long.items():
        yield f',"{name}":['
        for number, part in enumerate(parts):
            yield f"{',' if number else ''}{_json(part)[1:-1]}"
        yield "]"
    yield "}"


def _tables(org: Organization) -> Iterator[tuple[str, Iterable[dict[str, Any]]]]:
    yield "people", _people(org)
    yield "entities", _values(Entity.objects.for_org(org).order_by("id"), ENTITY)
    yield "groups", _groups(org)
    yield "rules", _values(MappingRule.objects.for_org(org).order_by("gives_role", "position"), RULE)
    yield "mappings", _values(GroupMapping.objects.for_org(org).order_by("id"), MAPPING)
    yield "decisions", _values(Decision.objects.for_org(org).order_by("id"), DECISION)
    yield "ends", _ends(org)
    yield "holds", _values(Hold.objects.for_org(org).order_by("user"), HOLD)
    yield "conflicts", _values(Conflict.objects.for_org(org).order_by("user", "incoming"), CONFLICT)
    yield "waiting", _values(Mark.objects.for_org(org).order_by("user", "change").distinct(), WAITING)


def _ends(org: Organization) -> Iterator[dict[str, Any]]:
    """What is kept of groups that were ended by hand (SPEC G10)."""
    for end in EndedGroup.objects.for_org(org).order_by("group"):
        row = {name: getattr(end, _column(EndedGroup, name)) for name in END}
        mappings = EndedMapping.objects.filter(mapping__group=end.group_id).order_by("mapping")
        members = EndedMember.objects.filter(group=end.group_id)
        yield row | {
            "mappings": list(_values(mappings, ENDED_MAPPING)),
            "members": (
                [dict(zip(ENDED_MEMBER, values, strict=True)) for values in chunk]
                for chunk in chunks(members, [_column(EndedMember, name) for name in ENDED_MEMBER], tie="user_id")
            ),
        }


def _organization(org: Organization) -> dict[str, Any]:
    last_admin = LastAdmin.objects.for_org(org).first()
    on = entities.kinds_on(org)
    return {
        "id": org.id,
        "name": org.name,
        "slug": org.slug,
        "profile": org.profile.key,
        "role_policy": org.profile.role_policy,
        "roles": [
            {"key": role.key, "default": role.is_default, "admin": role.is_admin}
            for role in org.profile.roles.order_by("-rank")
        ],
        "kinds": {
            kind: {"on": kind in on, "switched_at": times} for kind, times in entities.kinds_switched_at(org).items()
        },
        "last_admin": last_admin and last_admin.user_id,
    }


def _people(org: Organization) -> Iterator[dict[str, Any]]:
    columns = ("id", "standing__roles", *(_column(User, name) for name in PERSON))
    for chunk in chunks(User.objects.for_org(org), columns, tie="id"):
        ids = [row[0] for row in chunk]
        by_hand, places = _by_hand(ids), _places(ids)
        for id_, roles, *values in chunk:
            facts = dict(zip(PERSON, values, strict=True))
            yield {
                "id": id_,
                "deleted": facts["deleted_at"] is not None,
                "facts": facts | {"by_hand": by_hand.get(id_, [])},
                "roles": roles or [],
                "places": places.get(id_, []),
            }


def _by_hand(people: Sequence[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    found: dict[UUID, list[dict[str, Any]]] = {}
    rows = HandPlacement.objects.filter(user__in=people).order_by("entity")
    for user, *values in rows.values_list("user_id", "entity_id", "placed", "change__at", "change_id"):
        found.setdefault(user, []).append(dict(zip(("entity", "placed", "at", "change"), values, strict=True)))
    return found


def _places(people: Sequence[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    found: dict[UUID, list[dict[str, Any]]] = {}
    rows = Membership.objects.filter(user__in=people).order_by("entity")
    for user, *values in rows.values_list("user_id", "kind", "entity_id", "entity__name", "source", "mapping_id"):
        place = dict(zip(("kind", "entity", "name", "source", "mapping"), values, strict=True))
        found.setdefault(user, []).append(place)
    return found


def _groups(org: Organization) -> Iterator[dict[str, Any]]:
    columns = ("member_count", *GROUP)
    for chunk in chunks(PushedGroup.objects.for_org(org), columns, tie="id", size=GROUPS_AT_ONCE):
        groups = [(count, dict(zip(GROUP, values, strict=True))) for count, *values in chunk]
        small = _members_of_small([group["id"] for count, group in groups if count <= SMALL])
        nested: dict[UUID, list[Any]] = {group["id"]: [] for _, group in groups}
        rows = NestedGroup.objects.filter(group__in=nested).order_by("member")
        for group_id, member_id in rows.values_list("group_id", "member_id"):
            nested[group_id].append(member_id)
        for _, group in groups:
            members = small.get(group["id"])
            yield group | {
                "nested": nested[group["id"]],
                "members": _members(group["id"]) if members is None else members,
            }


def _members_of_small(groups: Sequence[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    """The members of groups that have few, by group."""
    found: dict[UUID, list[dict[str, Any]]] = {id_: [] for id_ in groups}
    rows = GroupMember.objects.filter(group__in=groups).order_by("user")
    for group_id, user_id, added_at in rows.values_list("group_id", "user_id", "added_at"):
        found[group_id].append({"user": user_id, "added_at": added_at})
    return found


def _members(group: UUID) -> Iterator[list[dict[str, Any]]]:
    for chunk in chunks(GroupMember.objects.filter(group=group), ("user_id", "added_at"), tie="user_id"):
        yield [{"user": user_id, "added_at": added_at} for user_id, added_at in chunk]


def _values(rows: QuerySet[Any], names: Sequence[str]) -> Iterator[dict[str, Any]]:
    columns = [_column(rows.model, name) for name in names]
    for row in rows.values_list(*columns).iterator():
        yield dict(zip(names, row, strict=True))


def _column(model: type[Model], name: str) -> str:
    field: Any = model._meta.get_field(name)
    return str(field.attname)


def _json(value: Any) -> str:
    return orjson.dumps(value, default=_moment, option=orjson.OPT_PASSTHROUGH_DATETIME).decode()


def _moment(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    raise TypeError(f"{type(value)} has no form in the document")
