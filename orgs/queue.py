"""The queue of people to settle: the only module that writes `Mark`, and says how others do in their statements."""

from collections.abc import Collection, Sequence
from typing import NamedTuple
from uuid import UUID

from django.db import connection

MARK = "INSERT INTO orgs_mark (org_id, user_id, change_id) SELECT %(org)s, user_id, %(change)s FROM {touched}"
"""Marks for the column `user_id` of what `touched` names; part of the statement that touches these people."""


class Marked(NamedTuple):
    """Somebody who is marked: by which change at last, and all marks that were read."""

    user_id: UUID
    change_id: UUID
    mark_ids: list[int]


_NEXT = """
WITH next_people AS (
    SELECT DISTINCT user_id FROM orgs_mark
    WHERE org_id = %(org)s AND user_id > %(after)s ORDER BY user_id LIMIT %(limit)s
)
SELECT m.user_id, (array_agg(m.change_id ORDER BY m.id DESC))[1], array_agg(m.id)
FROM orgs_mark m JOIN next_people USING (user_id)
WHERE m.org_id = %(org)s GROUP BY m.user_id ORDER BY m.user_id
"""
_REACHED = "SELECT reached FROM orgs_turn WHERE org_id = %s"
_DONE = """
WITH done AS (DELETE FROM orgs_mark WHERE id = ANY(%(marks)s))
UPDATE orgs_turn SET reached = %(reached)s WHERE org_id = %(org)s
"""
FIRST = UUID(int=0)


def mark(org_id: UUID, user_ids: Collection[UUID], change_id: UUID) -> None:
    """Have these people settled by a worker."""
    with connection.cursor() as cursor:
        touched = "unnest(%(users)s::uuid[]) AS touched (user_id)"
        cursor.execute(MARK.format(touched=touched), {"org": org_id, "users": list(user_ids), "change": change_id})


def next_marked(org_id: UUID, limit: int) -> list[Marked]:
    """The people of an org to settle next: those after whom the last batch reached, and from the start again."""
    with connection.cursor() as cursor:
        cursor.execute(_REACHED, [org_id])
        (reached,) = cursor.fetchone() or (None,)
        for after in (reached, FIRST) if reached else (FIRST,):
            cursor.execute(_NEXT, {"org": org_id, "after": after, "limit": limit})
            if rows := cursor.fetchall():
                return [Marked(*row) for row in rows]
    return []


def done(org_id: UUID, marked: Sequence[Marked]) -> None:
    """Delete the marks of people who were settled; the next batch begins after the last of them."""
    marks = [mark_id for each in marked for mark_id in each.mark_ids]
    with connection.cursor() as cursor:
        cursor.execute(_DONE, {"org": org_id, "marks": marks, "reached": marked[-1].user_id})


def marked(org_id: UUID, ids: Collection[UUID]) -> set[UUID]:
    """Who of these people waits to be settled."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT user_id FROM orgs_mark WHERE org_id = %s AND user_id = ANY(%s)", [org_id, list(ids)]
        )
        return {user_id for (user_id,) in cursor.fetchall()}
