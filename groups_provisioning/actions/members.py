"""Changes to the members of pushed groups, as deltas under the group's row lock (SPEC G3, G8).

The only module that writes `GroupMember`, `NestedGroup` and `EndedMember`; of groups it writes the member count that a
deleted user leaves, and what hides them. Each function runs a bounded number of statements, whatever the size of the
group, and its cost depends on what it changes. The same statement marks everybody it affects for settling.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db import connection
from django.db.models import TextField, Value
from django.db.models.functions import Coalesce, Concat, NullIf, Trim

from groups_provisioning.engine.undo_plan import Pair
from groups_provisioning.models import EndedMember, GroupMember, NestedGroup, PushedGroup
from orgs import past
from orgs.db.prepared import Prepared
from orgs.db.transactions import ask
from orgs.models import Organization, User
from orgs.queue import MARK, announce


class UnknownMembers(Exception):
    """Ids that belong to no user or group of the org; the arguments are the first of them."""


@dataclass(slots=True)
class Delta:
    """What a write did to the members of a group. skipped: users whom SCIM has deleted (SPEC G3)."""

    added: int = 0
    removed: int = 0
    nested: int = 0
    skipped: tuple[UUID, ...] = ()

    def __add__(self, other: "Delta") -> "Delta":
        return Delta(
            self.added + other.added,
            self.removed + other.removed,
            self.nested + other.nested,
            (*self.skipped, *other.skipped),
        )

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.nested)


def _addition(condition: str) -> str:
    # Who is held, and left the group by what is not in effect, has the old time back: it decides what they hold (SPEC
    # C2). OFFSET has it look at the past of each person: a plan might read that of the whole group, once for each.
    return f"""
WITH added AS (
    INSERT INTO groups_provisioning_groupmember (org_id, group_id, user_id, added_at, added_by_id)
    SELECT %(org)s, %(group)s, u.id, coalesce(former.added_at, %(at)s), coalesce(former.added_by_id, %(change)s)
    FROM orgs_user u LEFT JOIN LATERAL (
        SELECT p.added_at, c.id AS added_by_id
        FROM groups_provisioning_hold h CROSS JOIN LATERAL (
            SELECT * FROM groups_provisioning_memberpast WHERE user_id = h.user_id AND removed_at >= h.waited_from
            OFFSET 0
        ) AS p LEFT JOIN orgs_change c ON c.id = p.added_by_id
        WHERE h.user_id = u.id AND NOT h.released AND p.group_id = %(group)s
        ORDER BY p.removed_at LIMIT 1
    ) AS former ON TRUE
    WHERE u.org_id = %(org)s AND {condition} AND u.deleted_at IS NULL AND NOT u.is_owner
    ORDER BY u.id FOR KEY SHARE OF u
    ON CONFLICT (group_id, user_id) DO NOTHING
    RETURNING user_id
), marked AS ({MARK.format(touched="added")})
SELECT count(*) FROM added
"""


_ADD = _addition("u.id = ANY(%(ids)s::uuid[])")
_ADD_ONE = Prepared(_addition("u.id = %(id)s"))

_REST = """
SELECT given.id, u.id IS NOT NULL, g.id IS NOT NULL
FROM unnest(%(ids)s::uuid[]) AS given (id)
LEFT JOIN orgs_user u ON u.org_id = %(org)s AND u.id = given.id AND NOT u.is_owner
LEFT JOIN groups_provisioning_pushedgroup g ON g.org_id = %(org)s AND g.id = given.id AND g.deleted_at IS NULL
WHERE u.id IS NULL OR u.deleted_at IS NOT NULL
"""

_NEST = """
INSERT INTO groups_provisioning_nestedgroup (org_id, group_id, member_id)
SELECT %(org)s, %(group)s, id FROM groups_provisioning_pushedgroup
WHERE org_id = %(org)s AND id = ANY(%(nested)s::uuid[]) AND deleted_at IS NULL
ORDER BY id FOR KEY SHARE
ON CONFLICT (group_id, member_id) DO NOTHING
"""

_MEMBERS = """(
    SELECT DISTINCT user_id FROM groups_provisioning_groupmember WHERE group_id = ANY(%(groups)s::uuid[])
) AS members"""
_MARK_ALL = MARK.format(touched=_MEMBERS)

_LEAVE = """
WITH left_groups AS (
    DELETE FROM groups_provisioning_groupmember WHERE user_id = %(user)s RETURNING group_id
)
UPDATE groups_provisioning_pushedgroup
SET member_count = member_count - 1, revision = revision + 1, modified_at = greatest(modified_at, %(at)s)
WHERE id IN (SELECT group_id FROM left_groups)
"""

_SET_ASIDE = f"""
WITH removed AS (
    DELETE FROM groups_provisioning_groupmember WHERE group_id = %(group)s
    RETURNING org_id, group_id, user_id, added_at, added_by_id
), kept AS (
    INSERT INTO groups_provisioning_endedmember (org_id, group_id, user_id, added_at, added_by_id) SELECT * FROM removed
), marked AS ({MARK.format(touched="removed")})
SELECT count(*) FROM removed
"""

_BRING_BACK = f"""
WITH live AS (
    SELECT u.id, e.added_at, e.added_by_id FROM groups_provisioning_endedmember e JOIN orgs_user u ON u.id = e.user_id
    WHERE e.group_id = %(group)s AND u.deleted_at IS NULL ORDER BY u.id FOR KEY SHARE OF u
), added AS (
    INSERT INTO groups_provisioning_groupmember (org_id, group_id, user_id, added_at, added_by_id)
    SELECT %(org)s, %(group)s, id, added_at, added_by_id FROM live
    RETURNING user_id
), marked AS ({MARK.format(touched="added")})
SELECT count(*) FROM added
"""

_NEST_IN = """
WITH around AS (
    INSERT INTO groups_provisioning_nestedgroup (org_id, group_id, member_id)
    SELECT %(org)s, id, %(group)s FROM groups_provisioning_pushedgroup
    WHERE org_id = %(org)s AND id = ANY(%(around)s::uuid[]) AND deleted_at IS NULL
    RETURNING group_id
)
UPDATE groups_provisioning_pushedgroup SET revision = revision + 1, modified_at = greatest(modified_at, %(at)s)
WHERE id IN (SELECT group_id FROM around)
"""

_TAKE_OUT = """
WITH left_groups AS (
    DELETE FROM groups_provisioning_nestedgroup WHERE member_id = %(group)s RETURNING group_id
)
UPDATE groups_provisioning_pushedgroup SET revision = revision + 1, modified_at = greatest(modified_at, %(at)s)
WHERE id IN (SELECT group_id FROM left_groups)
"""


def _removal(condition: str) -> str:
    return f"""
WITH removed AS (
    DELETE FROM groups_provisioning_groupmember WHERE group_id = %(group)s AND {condition} RETURNING user_id
), marked AS ({MARK.format(touched="removed")})
SELECT count(*) FROM removed
"""


_REMOVE = _removal("user_id = ANY(%(ids)s::uuid[])")
_REMOVE_ONE = Prepared(_removal("user_id = %(id)s"))
# `<> ALL` of constants is a hash look-up from PostgreSQL 15 on; an anti-join with unnest() became a nested loop there.
_KEEP = _removal("user_id <> ALL(%(ids)s::uuid[])")
_UNNEST = "DELETE FROM groups_provisioning_nestedgroup WHERE group_id = %(group)s AND member_id = ANY(%(ids)s::uuid[])"
_UNNEST_ONE = Prepared("DELETE FROM groups_provisioning_nestedgroup WHERE group_id = %(group)s AND member_id = %(id)s")
_KEEP_NESTED = """
DELETE FROM groups_provisioning_nestedgroup WHERE group_id = %(group)s AND NOT member_id = ANY(%(ids)s::uuid[])
"""


def add(group: PushedGroup, ids: Iterable[str], *, change_id: UUID, at: datetime) -> Delta:
    """Add users, and nest groups. Existing members stay as they are; who is held has an old time back (SPEC T1).

    group: locked. change_id: of the Change that is written in the same transaction. ids: as sent; one that is listed
    twice counts once. Raises UnknownMembers; what was added by then is rolled back with the transaction.
    """
    wished, strange = _uuids(ids)
    if strange:
        raise UnknownMembers(*strange[:5])
    if not wished:
        return Delta()
    about: dict[str, Any] = {"org": group.org_id, "group": group.id, "at": at, "change": change_id}
    about |= {"id": wished[0], "ids": wished}
    with connection.cursor() as cursor:
        added = _touch(cursor, _ADD_ONE if len(wished) == 1 else _ADD, about)
        delta = Delta(added=added)
        if added < len(wished):
            _add_rest(cursor, delta, about)
    return delta


def _add_rest(cursor: Any, delta: Delta, about: dict[str, Any]) -> None:
    """Handle the ids that are not live users: nested groups, users whom SCIM has deleted, and unknown ids."""
    cursor.execute(_REST, about)
    rest = cursor.fetchall()
    nobody = [str(id_) for id_, is_user, is_group in rest if not is_user and not is_group]
    if nobody:
        raise UnknownMembers(*nobody[:5])
    delta.skipped = tuple(id_ for id_, is_user, _ in rest if is_user)
    if nested := [id_ for id_, _, is_group in rest if is_group]:
        cursor.execute(_NEST, about | {"nested": nested})
        delta.nested = cursor.rowcount


def remove(group: PushedGroup, ids: Iterable[str], *, change_id: UUID) -> Delta:
    """Remove users and nested groups; ids of non-members, known or not, are ignored (SPEC G3)."""
    wished, _ = _uuids(ids)
    if len(wished) == 1:
        return _take(group, wished, change_id, _REMOVE_ONE, _UNNEST_ONE)
    return _take(group, wished, change_id, _REMOVE, _UNNEST) if wished else Delta()


def keep_only(group: PushedGroup, ids: Iterable[str], *, change_id: UUID) -> Delta:
    """Remove all members except these; adds nobody."""
    wished, _ = _uuids(ids)
    return _take(group, wished, change_id, _KEEP, _KEEP_NESTED)


_HAS_OTHERS = """
SELECT EXISTS (
    SELECT FROM groups_provisioning_groupmember WHERE group_id = %(group)s AND user_id <> ALL(%(ids)s::uuid[])
)
"""


def has_others(group: PushedGroup, ids: Iterable[str]) -> bool:
    """Whether a group has members besides these."""
    known, _ = _uuids(ids)
    with connection.cursor() as cursor:
        cursor.execute(_HAS_OTHERS, {"group": group.id, "ids": known})
        return bool(cursor.fetchone()[0])


def set_aside(group: PushedGroup, *, change_id: UUID) -> Delta:
    """Remove all members, and keep who they were and since when, for `bring_back` (SPEC G10)."""
    about = {"org": group.org_id, "group": group.id, "change": change_id}
    with connection.cursor() as cursor:
        removed = _touch(cursor, _SET_ASIDE, about)
        cursor.execute(_KEEP_NESTED, about | {"ids": []})
        return Delta(removed=removed, nested=cursor.rowcount)


def bring_back(
    group: PushedGroup, *, change_id: UUID, at: datetime, inside: Sequence[UUID], around: Sequence[UUID]
) -> tuple[Delta, int]:
    """Make those members again who were set aside, with their times, and nest groups as they were.

    inside, around: the groups that were in it, and that it was in; they are locked. Returns also how many people do not
    come back, since SCIM deleted them.
    """
    about: dict[str, Any] = {"org": group.org_id, "group": group.id, "change": change_id, "at": at}
    lost = EndedMember.objects.filter(group=group).count()
    with connection.cursor() as cursor:
        delta = Delta(added=_touch(cursor, _BRING_BACK, about))
        cursor.execute(_NEST, about | {"nested": list(inside)})
        delta.nested = cursor.rowcount
        cursor.execute(_NEST_IN, about | {"around": list(around)})
    return delta, lost - delta.added


def forget_set_aside(group: PushedGroup) -> None:
    """Delete what was kept of the members of a group that is back."""
    EndedMember.objects.filter(group=group).delete()


def hide(group: PushedGroup, *, at: datetime) -> None:
    """Hide a group from SCIM, and take it out of the groups that it is nested in, which changes them (SPEC G4).

    group: locked, and its members are gone.
    """
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_OUT, {"group": group.id, "at": at})
    group.member_count = 0
    group.revision += 1
    group.deleted_at = group.modified_at = at
    group.save(update_fields=["member_count", "revision", "deleted_at", "modified_at"])


def mark_all(*groups: PushedGroup, change_id: UUID) -> int:
    """Mark every member of these groups, which belong to one org. Returns how many were marked."""
    if not groups:
        return 0
    about: dict[str, Any] = {"org": groups[0].org_id, "groups": [group.id for group in groups], "change": change_id}
    with connection.cursor() as cursor:
        cursor.execute(_MARK_ALL, about)
        if cursor.rowcount:
            announce()
        return int(cursor.rowcount)


def drop_past(*, before: datetime) -> int:
    """Drop memberships that ended before then, once nobody can ask for them any more. Returns how many."""
    return past.drop_rows("groups_provisioning_memberpast", "removed_at", before)


def lock_groups_of(user_id: UUID) -> None:
    """Lock the groups that a user is in, in the order of their ids."""
    groups = PushedGroup.objects.filter(memberships__user=user_id).order_by("id")
    list(groups.select_for_update(of=("self",)).values_list("id", flat=True))


def lock_groups_around(org: Organization, group_id: UUID) -> None:
    """Lock a group and those that it is nested in, in the order of their ids."""
    ids = [group_id, *NestedGroup.objects.filter(member=group_id).values_list("group", flat=True)]
    groups = PushedGroup.objects.for_org(org).filter(id__in=ids)
    list(groups.order_by("id").select_for_update().values_list("id", flat=True))


def leave_all(user_id: UUID, *, at: datetime) -> None:
    """Take a user, who is locked, out of every group; this changes the groups (SPEC U5)."""
    with connection.cursor() as cursor:
        cursor.execute(_LEAVE, {"user": user_id, "at": at})


_TAKE_BACK = """
WITH pair AS MATERIALIZED (
    SELECT * FROM unnest(%(groups)s::uuid[], %(users)s::uuid[]) AS p (group_id, user_id)
), removed AS (
    DELETE FROM groups_provisioning_groupmember m USING pair p
    WHERE m.group_id = p.group_id AND m.user_id = p.user_id RETURNING m.group_id
), counted AS (
    UPDATE groups_provisioning_pushedgroup g SET member_count = member_count - r.count
    FROM (SELECT group_id, count(*) FROM removed GROUP BY group_id) r WHERE g.id = r.group_id
)
SELECT count(*) FROM removed
"""
# A change that history no longer has cannot be named.
_GIVE_BACK = """
WITH pair AS MATERIALIZED (
    SELECT p.group_id, p.user_id, p.added_at, coalesce(c.id, %(change)s) AS added_by
    FROM unnest(%(groups)s::uuid[], %(users)s::uuid[], %(times)s::timestamptz[], %(changes)s::uuid[])
        AS p (group_id, user_id, added_at, added_by)
    JOIN orgs_user u ON u.id = p.user_id LEFT JOIN orgs_change c ON c.id = p.added_by
    WHERE u.org_id = %(org)s AND u.deleted_at IS NULL ORDER BY u.id FOR KEY SHARE OF u
), rewritten AS (
    UPDATE groups_provisioning_groupmember m SET added_at = p.added_at, added_by_id = p.added_by
    FROM pair p WHERE m.group_id = p.group_id AND m.user_id = p.user_id RETURNING m.group_id, m.user_id
), added AS (
    INSERT INTO groups_provisioning_groupmember (org_id, group_id, user_id, added_at, added_by_id)
    SELECT %(org)s, group_id, user_id, added_at, added_by FROM pair
    WHERE (group_id, user_id) NOT IN (SELECT group_id, user_id FROM rewritten)
    RETURNING group_id
), counted AS (
    UPDATE groups_provisioning_pushedgroup g SET member_count = member_count + a.count
    FROM (SELECT group_id, count(*) FROM added GROUP BY group_id) a WHERE g.id = a.group_id
)
SELECT count(*) FROM added
"""
GIVEN_BACK = 5_000
"""Memberships that one statement takes or gives back."""


def take_back(pairs: Sequence[Pair]) -> int:
    """Take people out of groups, which are locked (SPEC T2). The caller marks them. Returns how many memberships."""
    return sum(_each_part(_TAKE_BACK, pairs))


def give_back(org: Organization, pairs: Sequence[Pair], *, change_id: UUID) -> int:
    """Have people in groups, which are locked, since they were before (SPEC T2). The caller marks them.

    Returns how many memberships are new. Nobody whom SCIM has deleted comes back.
    """
    return sum(_each_part(_GIVE_BACK, pairs, org=org.id, change=change_id))


def _each_part(statement: str, pairs: Sequence[Pair], **about: Any) -> Iterator[int]:
    with connection.cursor() as cursor:
        for start in range(0, len(pairs), GIVEN_BACK):
            part = pairs[start : start + GIVEN_BACK]
            columns: dict[str, Any] = {
                "groups": [pair.group_id for pair in part],
                "users": [pair.user_id for pair in part],
            }
            if about:
                columns |= {"times": [pair.was and pair.was[0] for pair in part]}
                columns |= {"changes": [pair.was and pair.was[1] for pair in part]}
            cursor.execute(statement, about | columns)
            yield cursor.fetchone()[0]


def restore_nested(org: Organization, rows: Sequence[Mapping[str, Any]], gone: Sequence[Mapping[str, Any]]) -> None:
    """Nest groups, which are locked, as they were before (SPEC T2). rows: with their ids; gone: those that go."""
    NestedGroup.objects.for_org(org).filter(id__in=[row["id"] for row in gone]).delete()
    NestedGroup.objects.bulk_create(NestedGroup(**row) for row in rows)


class Listed(NamedTuple):
    """A member in a list: a user, or a nested group. name: "" if a user has only a userName."""

    id: UUID
    name: str
    is_user: bool


PART = 2_000
"""Members of one group that are read at once."""

# A function, since planning this takes longer than running it, and PostgreSQL keeps the plans of functions.
LISTED_FUNCTION = f"""
CREATE FUNCTION members_listed(a_group uuid) RETURNS TABLE (users bytea, nested bytea, first_names text)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY SELECT (
        SELECT string_agg(uuid_send(m.user_id), ''::bytea ORDER BY m.id)
        FROM groups_provisioning_groupmember m WHERE m.group_id = a_group
    ), (
        SELECT string_agg(uuid_send(n.member_id), ''::bytea ORDER BY n.id)
        FROM groups_provisioning_nestedgroup n WHERE n.group_id = a_group
    ), (
        SELECT json_object_agg(
            u.id, coalesce(nullif(u.display_name, ''), trim(u.given_name || ' ' || u.family_name))
        )::text
        FROM (
            SELECT m.user_id FROM groups_provisioning_groupmember m WHERE m.group_id = a_group
            ORDER BY m.id LIMIT {PART}
        ) AS first_members JOIN orgs_user u ON u.id = first_members.user_id
    );
END
$$
"""
"""The ids of all members of a group, and the names of those in the first part.

What a migration has made; one that changes it gives it another name, since processes of before still call it.
"""

_LISTED = Prepared("SELECT users, nested, first_names FROM members_listed(%s)")


def listed(group_ids: Sequence[UUID]) -> dict[UUID, list[Listed]]:
    """The members of groups, in order."""
    found: dict[UUID, list[Listed]] = {}
    users = GroupMember.objects.filter(group__in=group_ids).order_by("id")
    for group_id, user_id, shown in users.values_list("group_id", "user_id", _name("user__")):
        found.setdefault(group_id, []).append(Listed(user_id, shown, True))
    nested = NestedGroup.objects.filter(group__in=group_ids).order_by("id")
    for group_id, member_id, shown in nested.values_list("group_id", "member_id", "member__display_name"):
        found.setdefault(group_id, []).append(Listed(member_id, shown, False))
    return found


def ask_listed(group: PushedGroup) -> None:
    """Ask for the members of a group that is being written, for `listed_in_parts`, together with what is sent next."""
    group.listing = ask(_LISTED, [group.id])


def listed_in_parts(group: PushedGroup) -> Iterator[list[Listed]]:
    """The members that one group has when the first part is asked for, in order; their names as each part is read.

    Their ids are held all the time, 16 bytes each, so that no part is of another time than the others.
    """
    ((users, nested, first),) = (group.listing or ask(_LISTED, [group.id]))()
    for number, ids in enumerate(_in_parts(users)):
        if number:
            names = dict(User.objects.filter(id__in=ids).values_list("id", _name()))
        else:
            names = {UUID(id_): name for id_, name in orjson.loads(first).items()}
        yield [Listed(id_, names[id_], True) for id_ in ids if id_ in names]
    for ids in _in_parts(nested):
        names = dict(PushedGroup.objects.filter(id__in=ids).values_list("id", "display_name"))
        yield [Listed(id_, names[id_], False) for id_ in ids if id_ in names]


def _in_parts(joined: bytes | None) -> Iterator[list[UUID]]:
    """UUIDs out of the 16 bytes of each."""
    joined = joined or b""
    for start in range(0, len(joined), 16 * PART):
        part = joined[start : start + 16 * PART]
        yield [UUID(bytes=part[at : at + 16]) for at in range(0, len(part), 16)]


def _name(prefix: str = "") -> Coalesce:
    """The name by which a user is listed."""
    parts = Trim(Concat(f"{prefix}given_name", Value(" "), f"{prefix}family_name", output_field=TextField()))
    return Coalesce(NullIf(f"{prefix}display_name", Value("")), parts, output_field=TextField())


def _take(group: PushedGroup, ids: list[UUID], change_id: UUID, users: str, nested: str) -> Delta:
    about: dict[str, Any] = {"org": group.org_id, "group": group.id, "change": change_id}
    about |= {"id": next(iter(ids), None), "ids": ids}
    with connection.cursor() as cursor:
        removed = _touch(cursor, users, about)
        cursor.execute(nested, about)
        return Delta(removed=removed, nested=cursor.rowcount)


def _touch(cursor: Any, sql: str, about: dict[str, Any]) -> int:
    """Run a statement that marks and counts the people it affects. Returns the count."""
    cursor.execute(sql, about)
    (count,) = cursor.fetchone()
    if count:
        announce()
    return int(count)


def _uuids(ids: Iterable[str]) -> tuple[list[UUID], list[str]]:
    """The distinct ids as UUIDs, and the texts that cannot be ids."""
    known: dict[UUID, None] = {}
    strange = []
    for text in ids:
        try:
            known[UUID(text)] = None
        except ValueError:
            strange.append(text)
    return list(known), strange
