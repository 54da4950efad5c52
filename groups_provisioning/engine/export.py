"""Everything that the portal knows about the people of one org, as one JSON document.

Facts and effects are separate: the engine derives the `roles` and `places` of a person and the `conflicts`; `waiting`
is the queue, and everything else is fact. Rows are sorted by ID and rules by position, so that the same state gives the
same bytes. Times are UTC and have the same width, so that they compare as text. The document contains no passwords,
tokens or sessions.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from django.db.models import Model, Prefetch, QuerySet

from groups_provisioning.models import (
    Conflict,
    Decision,
    GroupMapping,
    GroupMember,
    MappingRule,
    Membership,
    NestedGroup,
    PushedGroup,
)
from orgs import entities
from orgs.models import Entity, HandPlacement, LastAdmin, Mark, Organization, User

PERSON = (
    "user_name",
    "login_email",
    "external_id",
    "display_name",
    "given_name",
    "family_name",
    "attributes",
    "extension_urn",
    "is_owner",
    "scim_managed",
    "active",
    "deactivated_at",
    "idp_roles",
    "manual_roles",
    "placement",
    "created_at",
    "modified_at",
    "deleted_at",
    "revision",
)
ENTITY = ("id", "kind", "name", "former_keys", "session_limit", "created_at", "deleted_at")
GROUP = (
    "id",
    "display_name",
    "external_id",
    "attributes",
    "extension_urn",
    "roles",
    "out_of_sync",
    "created_at",
    "modified_at",
    "deleted_at",
    "revision",
)
RULE = ("id", "position", "pattern_type", "pattern", "kind", "auto_approve", "created_at")
MAPPING = (
    "id",
    "group",
    "kind",
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
CONFLICT = ("user", "incoming", "holders", "since")
WAITING = ("user", "change")
CHUNK = 1000
GROUPS_AT_ONCE = 50


def text(org: Organization) -> Iterator[str]:
    """Yield the document in pieces, one row per line; people are loaded 1,000 at a time."""
    yield f'{{"organization": {_json(_organization(org))}'
    for name, rows in _tables(org):
        yield f',\n"{name}": ['
        for number, row in enumerate(rows):
            yield f"{',' if number else ''}\n{_json(row)}"
        yield "]"
    yield "}\n"


def _tables(org: Organization) -> Iterator[tuple[str, Iterable[dict[str, Any]]]]:
    yield "people", map(_person, _people(org))
    yield "entities", _values(Entity.objects.for_org(org).order_by("id"), ENTITY)
    yield "groups", _groups(org)
    yield "rules", _values(MappingRule.objects.for_org(org).order_by("position"), RULE)
    yield "mappings", _values(GroupMapping.objects.for_org(org).order_by("id"), MAPPING)
    yield "decisions", _values(Decision.objects.for_org(org).order_by("id"), DECISION)
    yield "conflicts", _values(Conflict.objects.for_org(org).order_by("user", "incoming"), CONFLICT)
    yield "waiting", _values(Mark.objects.for_org(org).order_by("user", "change").distinct(), WAITING)


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


def _people(org: Organization) -> Iterator[User]:
    by_hand = HandPlacement.objects.select_related("change").order_by("entity")
    places = Membership.objects.select_related("entity").order_by("entity")
    people = User.objects.for_org(org).order_by("id").select_related("standing")
    people = people.prefetch_related(Prefetch("hand_placements", by_hand), Prefetch("places", places))
    chunk = list(people[:CHUNK])
    while chunk:
        yield from chunk
        chunk = list(people.filter(id__gt=chunk[-1].id)[:CHUNK])


def _person(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "deleted": user.deleted_at is not None,
        "facts": {
            **{name: getattr(user, _column(User, name)) for name in PERSON},
            "by_hand": [
                {"entity": hand.entity_id, "placed": hand.placed, "at": hand.change.at, "change": hand.change_id}
                for hand in user.hand_placements.all()
            ],
        },
        "roles": user.standing.roles if hasattr(user, "standing") else [],
        "places": [
            {
                "kind": place.kind,
                "entity": place.entity_id,
                "name": place.entity.name,
                "source": place.source,
                "mapping": place.mapping_id,
            }
            for place in user.places.all()
        ],
    }


def _groups(org: Organization) -> Iterator[dict[str, Any]]:
    groups = list(PushedGroup.objects.for_org(org).order_by("id"))
    for start in range(0, len(groups), GROUPS_AT_ONCE):
        chunk = groups[start : start + GROUPS_AT_ONCE]
        members: dict[UUID, list[Any]] = {group.id: [] for group in chunk}
        nested: dict[UUID, list[Any]] = {group.id: [] for group in chunk}
        rows = GroupMember.objects.filter(group__in=chunk).order_by("user")
        for group_id, user_id, added_at in rows.values_list("group_id", "user_id", "added_at").iterator():
            members[group_id].append({"user": user_id, "added_at": added_at})
        for group_id, member_id in (
            NestedGroup.objects.filter(group__in=chunk).order_by("member").values_list("group_id", "member_id")
        ):
            nested[group_id].append(member_id)
        for group in chunk:
            yield {
                **{name: getattr(group, name) for name in GROUP},
                "members": members[group.id],
                "nested": nested[group.id],
            }


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
