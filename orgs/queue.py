"""The queue of people to settle: the only module that writes `Turn` and `Mark`, and the SQL by which others add marks.

All times come from the database's clock, since workers on several machines compare them.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection, transaction

from orgs import change_details, nudge
from orgs.change_details import MarkingDetail
from orgs.models import Change, Mark, Organization, Turn

MARK = "INSERT INTO orgs_mark (org_id, user_id, change_id) SELECT %(org)s, user_id, %(change)s FROM {touched}"
"""Adds a mark for each `user_id` in `touched`; part of the statement that affects these people.

The caller also calls `announce`, and puts the number of marks into the change's detail as `marked`.
"""


MARK_EACH = "INSERT INTO orgs_mark (org_id, user_id, change_id) SELECT %(org)s, user_id, change_id FROM {touched}"
"""The same, for people whom different changes had affected before: `touched` also has `change_id`."""


class Marked(NamedTuple):
    """A person who is marked: the latest change that marked them, and all the marks that were read."""

    user_id: UUID
    change_id: UUID
    mark_ids: list[int]


# Linear whatever statistics say, and of a table that is mostly empty they are mostly wrong: nothing is joined, and the
# last of these people is looked up once. Nobody between the first and the last is missing.
_NEXT = """
SELECT user_id, (array_agg(change_id ORDER BY id DESC))[1], array_agg(id)
FROM orgs_mark
WHERE org_id = %(org)s AND user_id > %(after)s AND user_id <= (
    SELECT user_id FROM (
        SELECT DISTINCT user_id FROM orgs_mark
        WHERE org_id = %(org)s AND user_id > %(after)s ORDER BY user_id LIMIT %(limit)s
    ) AS next_people ORDER BY user_id DESC LIMIT 1
)
GROUP BY user_id ORDER BY user_id
"""
_REACHED = "SELECT reached FROM orgs_turn WHERE org_id = %s"
_DONE = """
WITH done AS (DELETE FROM orgs_mark WHERE id = ANY(%(marks)s))
UPDATE orgs_turn SET reached = %(reached)s WHERE org_id = %(org)s
RETURNING ARRAY(
    SELECT DISTINCT request_id FROM orgs_change WHERE id = ANY(%(changes)s) AND request_id IS NOT NULL
)
"""
_MARKED = "SELECT DISTINCT user_id FROM orgs_mark WHERE org_id = %s AND user_id = ANY(%s)"
FIRST = UUID(int=0)


def mark(org_id: UUID, user_ids: Collection[UUID], change_id: UUID) -> None:
    """Have these people settled by a worker."""
    with connection.cursor() as cursor:
        touched = "unnest(%(users)s::uuid[]) AS touched (user_id)"
        cursor.execute(MARK.format(touched=touched), {"org": org_id, "users": list(user_ids), "change": change_id})
    announce()


def mark_everyone(org: Organization, change_id: UUID) -> int:
    """Have everybody in an org settled whom SCIM has not deleted. Returns how many people that is."""
    with connection.cursor() as cursor:
        everyone = "(SELECT id AS user_id FROM orgs_user WHERE org_id = %(org)s AND deleted_at IS NULL) AS everyone"
        cursor.execute(MARK.format(touched=everyone), {"org": org.pk, "change": change_id})
        marked = cursor.rowcount
    announce()
    return int(marked)


def next_marked(org_id: UUID, limit: int) -> list[Marked]:
    """The people of an org to settle next: those after the last batch, and then from the start again."""
    with connection.cursor() as cursor:
        cursor.execute(_REACHED, [org_id])
        (reached,) = cursor.fetchone() or (None,)
        for after in (reached, FIRST) if reached else (FIRST,):
            cursor.execute(_NEXT, {"org": org_id, "after": after, "limit": limit})
            if rows := cursor.fetchall():
                return [Marked(*row) for row in rows]
    return []


def done(org_id: UUID, marked: Sequence[Marked]) -> list[UUID]:
    """Delete the marks of people who were settled; the next batch starts after the last of them.

    Returns the requests that had marked them, for the log.
    """
    marks = [mark_id for each in marked for mark_id in each.mark_ids]
    with connection.cursor() as cursor:
        changes = list({each.change_id for each in marked})
        cursor.execute(_DONE, {"org": org_id, "marks": marks, "reached": marked[-1].user_id, "changes": changes})
        (requests,) = cursor.fetchone() or ([],)
        return list(requests)


def marked(org_id: UUID, ids: Collection[UUID]) -> set[UUID]:
    """Which of these people are waiting to be settled."""
    with connection.cursor() as cursor:
        cursor.execute(_MARKED, [org_id, list(ids)])
        return {user_id for (user_id,) in cursor.fetchall()}


def is_applying(org: Organization) -> bool:
    """Whether anybody in an org is waiting to be settled."""
    return Mark.objects.for_org(org).exists()


_BACKLOG = """
SELECT
    (SELECT extract(epoch FROM now() - at) FROM orgs_change WHERE id = (
        SELECT change_id FROM orgs_mark
        WHERE org_id <> ALL (ARRAY(SELECT org_id FROM orgs_turn WHERE retry_at > now())) ORDER BY id LIMIT 1
    ))::float,
    extract(epoch FROM now() - max(served_at))::float,
    count(*) FILTER (WHERE retry_at > now())
FROM orgs_turn
"""
STALLED = 60.0  # seconds


class Backlog(NamedTuple):
    """How the queue does. oldest: for how many seconds the first mark has waited, None if nobody waits or only people
    of orgs on hold do. served: for how many seconds no worker has served any org. held: orgs on hold.
    """

    oldest: float | None
    served: float | None
    held: int

    @property
    def is_stalled(self) -> bool:
        """Whether people wait and nobody settles them: no worker runs, or none of them works."""
        return (self.oldest or 0) > STALLED and (self.served is None or self.served > STALLED)


def backlog() -> Backlog:
    with connection.cursor() as cursor:
        cursor.execute(_BACKLOG)
        return Backlog(*cursor.fetchone())


# --- Whose turn it is -------------------------------------------------------------------------------------------------

_WAITS = """
(retry_at IS NULL OR retry_at <= now())
-- OFFSET keeps this an index look-up for one org at a time: a join would read all marks for every batch.
AND EXISTS (SELECT FROM orgs_mark WHERE orgs_mark.org_id = orgs_turn.org_id OFFSET 0)
"""

# Materialized: otherwise a plan might run the subquery once per row and lock a different row each time.
_TAKE = f"""
WITH longest AS MATERIALIZED (
    SELECT org_id, served_at FROM orgs_turn WHERE {_WAITS} ORDER BY served_at LIMIT 1 FOR UPDATE SKIP LOCKED
)
UPDATE orgs_turn SET served_at = clock_timestamp(), held_reason = '', retry_at = NULL
FROM longest WHERE orgs_turn.org_id = longest.org_id
RETURNING orgs_turn.org_id, longest.served_at
"""  # noqa: S608 - made of constants

# Writes nothing if another worker has served the org since, or is about to.
_STILL = """
WHERE org_id IN (
    SELECT org_id FROM orgs_turn WHERE org_id = %(org)s AND served_at = %(served_at)s FOR UPDATE SKIP LOCKED
)
"""

_STEP_BACK = f"UPDATE orgs_turn SET served_at = clock_timestamp() {_STILL}"  # noqa: S608

# The last pause is the difference between the two times; `greatest` and `least` ignore null.
_HOLD = f"""
UPDATE orgs_turn SET
    served_at = now(),
    held_reason = %(reason)s,
    retry_at = now() + least(greatest(2 * (retry_at - served_at), interval '5 s'), interval '5 min')
{_STILL}
"""  # noqa: S608


class Taken(NamedTuple):
    """A turn that a worker has taken. served_at: when the org's previous turn was."""

    org_id: UUID
    served_at: datetime


def enrol(org: Organization, *, at: datetime) -> None:
    """Add a new org to the queue."""
    Turn.objects.create(org=org, served_at=at)


def leave(org: Organization) -> None:
    """Have no worker settle the people of an org any more, since it is being deleted."""
    Turn.objects.for_org(org).delete()


def announce() -> None:
    """Have a worker look at the queue once this transaction is committed."""
    # Robust: a commit must not fail because no worker could be told. The periodic task finds the marks.
    transaction.on_commit(nudge.wake, robust=True)


def take_turn() -> Taken | None:
    """The turn of the org that has waited longest, locked for this transaction; None if no org is waiting.

    An org that another worker is busy with, or that is on hold, is not waiting.
    """
    with connection.cursor() as cursor:
        cursor.execute(_TAKE)
        row = cursor.fetchone()
    return Taken(*row) if row else None


def step_back(taken: Taken) -> None:
    """Let the other orgs go first; for a turn that had no result and was rolled back."""
    with connection.cursor() as cursor:
        cursor.execute(_STEP_BACK, {"org": taken.org_id, "served_at": taken.served_at})


def hold(taken: Taken, *, reason: str) -> None:
    """Put an org on hold for 5 s, and for twice as long each time that it fails again, up to 5 minutes.

    For a turn that failed and was rolled back.
    """
    with connection.cursor() as cursor:
        cursor.execute(_HOLD, {"org": taken.org_id, "served_at": taken.served_at, "reason": reason})


def release(org_ids: Iterable[UUID]) -> int:
    """Retry orgs that are on hold at once. Returns how many of these were on hold."""
    with transaction.atomic():
        released = Turn.objects.filter(org__in=org_ids, retry_at__isnull=False).update(retry_at=None)
        announce()
    return released


def progress(change: Change) -> tuple[int, int]:
    """How many of the people that a change marked are still to be settled, and how many it marked."""
    detail = change_details.read(change.verb, change.detail)
    marked = detail.marked if isinstance(detail, MarkingDetail) else 0
    return Mark.objects.filter(change=change).count(), marked
