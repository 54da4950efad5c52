"""The feed of what leaves the portal (SPEC E1), and the places of history (SPEC E4).

The only module that writes `FeedTouch`, `FeedItem`, `HistoryItem` and `FeedHead`.

A transaction that may have changed the state of a resource names it in the outbox. Once that is committed, it is
stamped: the resource moves to the end of the feed, past every position that anybody has seen. So a reader who asks for
what is newer than a position misses nothing, however late a transaction commits, and no writer waits for another. What
history records is stamped in the same way: each change gets a place, and each batch of effects that it has later.

A worker stamps (`groups_provisioning.tasks`), and so does every read that finds something to stamp, so that the feed
depends on no worker. Whoever stamps has webhooks told. All times and positions come from the database's clock.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db import connection, transaction

from orgs import nudge
from orgs.db.cached_select import array
from orgs.db.prepared import Prepared
from orgs.db.transactions import postpone
from orgs.models import FeedKind, HistoryKind

BATCH = 5000  # touches that are stamped at once
SWEEP = 5  # seconds after which the outbox is looked through from its beginning
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)  # of positions
LATE = 2000  # touches below the last one that are looked at each time: transactions do not commit in the order of ids
MANY = 1000  # touches, of whomever, that are looked at for those of one org

NUMBERS: Mapping[str, int] = {kind.name.lower(): kind.value for kind in FeedKind}
NAMES: Mapping[int, str] = {number: name for name, number in NUMBERS.items()}
"""Of the kinds, as the API calls them."""

Resource = tuple[str, str]
"""A kind, by its name, and an id."""

# --- Touching ---------------------------------------------------------------------------------------------------------

TOUCH = Prepared("""
INSERT INTO orgs_feedtouch (org_id, kind, resource_id, change_id, first_entry, last_entry, entry_count)
SELECT %(org_id)s::uuid, kind, resource_id, change_id, NULL::bigint, NULL::bigint, NULL::int
FROM unnest(%(kinds)s::smallint[], %(resources)s::uuid[], %(changes)s::uuid[]) AS t (kind, resource_id, change_id)
""")
"""Names resources in the outbox; the parameters are those of `touching`. Part of the statement that says why."""

# After TOUCH in the same statement: names also, for the history, what that statement records. `entries` of it are the
# ledger entries.
_CHANGE = f"UNION ALL SELECT %(org_id)s::uuid, {HistoryKind.CHANGE.value}, %(id)s::uuid, %(id)s::uuid"
CHANGE = f"{_CHANGE}, NULL, NULL, NULL"
CHANGE_WITH_ENTRIES = f"{_CHANGE}, min(id), max(id), count(*)::int FROM entries"
EFFECTS = f"""
UNION ALL SELECT %(org_id)s::uuid, {HistoryKind.EFFECTS.value}, change_id, change_id, min(id), max(id), count(*)::int
FROM entries GROUP BY change_id
"""  # noqa: S608 - a number

_TOUCH_EVERYBODY = f"""
INSERT INTO orgs_feedtouch (org_id, kind, resource_id, change_id)
SELECT org_id, {FeedKind.PERSON.value}, id, %(change)s FROM orgs_user WHERE org_id = %(org)s
"""  # noqa: S608 - a number


def touching(touched: Mapping[Resource, UUID | None]) -> dict[str, Any]:
    """The parameters of TOUCH, but for `org_id`. touched: the resources, each with the change that is the reason."""
    return {
        "kinds": array(NUMBERS[kind] for kind, _ in touched),
        "resources": array(id_ for _, id_ in touched),
        "changes": array("NULL" if change_id is None else change_id for change_id in touched.values()),
    }


def touch(org_id: UUID, resources: Iterable[Resource], change_id: UUID | None = None) -> None:
    """Name resources whose state this transaction changes, where no change or ledger entry of it does."""
    postpone(TOUCH, {"org_id": org_id} | touching(dict.fromkeys(resources, change_id)))


def touch_everybody(org_id: UUID, change_id: UUID) -> None:
    """Name all people of an org, the deleted too."""
    postpone(_TOUCH_EVERYBODY, {"org": org_id, "change": change_id})


# --- Stamping ---------------------------------------------------------------------------------------------------------

# The timeline is that of the log that is written now; pg_control_checkpoint() learns of another one later.
_TIMELINE = "substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)"
_SYSTEM = "(SELECT system_identifier FROM pg_control_system())"
_IS_HERE = f"(system_identifier = {_SYSTEM} AND timeline = {_TIMELINE})"
# From where the outbox is looked at. The clock may have been set back.
_FROM = f"""
CASE WHEN swept_at BETWEEN clock_timestamp() - interval '{SWEEP} s' AND clock_timestamp() THEN floor ELSE 0 END
"""

_LOCK = f"SELECT {_IS_HERE} FROM orgs_feedhead FOR UPDATE SKIP LOCKED"  # noqa: S608 - made of constants
_NEW_EPOCH = f"""
UPDATE orgs_feedhead SET epoch = gen_random_uuid(), system_identifier = {_SYSTEM}, timeline = {_TIMELINE}
"""  # noqa: S608

# A statement of its own after the lock, so that its snapshot has what the one before had done.
_STAMP = f"""
WITH here AS MATERIALIZED (
    SELECT {_FROM} AS beginning FROM orgs_feedhead
), batch AS MATERIALIZED (
    SELECT id, org_id, kind, resource_id, change_id, first_entry, last_entry, entry_count FROM orgs_feedtouch
    WHERE id > (SELECT beginning FROM here) ORDER BY id LIMIT {BATCH}
), gone AS (
    DELETE FROM orgs_feedtouch WHERE id IN (SELECT id FROM batch)
), latest AS (
    SELECT org_id, kind, resource_id, first_entry, last_entry, entry_count, max(id) AS id,
        (array_agg(change_id ORDER BY id DESC))[1] AS change_id
    FROM batch GROUP BY org_id, kind, resource_id, first_entry, last_entry, entry_count
), head AS (
    UPDATE orgs_feedhead SET
        position = greatest(position, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
            + (SELECT count(*) FROM latest),
        floor = greatest(floor, (SELECT max(id) FROM batch) - {LATE}),
        swept_at = CASE
            WHEN (SELECT beginning FROM here) = 0 AND (SELECT count(*) FROM batch) < {BATCH} THEN clock_timestamp()
            ELSE swept_at END
    WHERE EXISTS (SELECT FROM batch)
    RETURNING position
), stamped AS MATERIALIZED (
    SELECT head.position - count(*) OVER () + row_number() OVER (ORDER BY latest.id) AS position,
        org_id, kind, resource_id, change_id, first_entry, last_entry, entry_count
    FROM latest, head
), items AS (
    INSERT INTO orgs_feeditem (position, org_id, kind, resource_id, change_id)
    SELECT position, org_id, kind, resource_id, change_id FROM stamped WHERE kind < {HistoryKind.CHANGE.value}
    ON CONFLICT (org_id, kind, resource_id) DO UPDATE SET position = EXCLUDED.position, change_id = EXCLUDED.change_id
), history AS (
    INSERT INTO orgs_historyitem (position, org_id, kind, change_id, first_entry, last_entry, entry_count)
    SELECT position, org_id, kind, change_id, first_entry, last_entry, entry_count FROM stamped
    WHERE kind >= {HistoryKind.CHANGE.value}
)
SELECT count(*) FROM batch
"""  # noqa: S608


@transaction.atomic
def stamp() -> int:
    """Stamp at most BATCH touches. Returns how many; 0 also where another one is stamping."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK)
        row = cursor.fetchone()
        if row is None:
            return 0
        if not row[0]:
            cursor.execute(_NEW_EPOCH)
        cursor.execute(_STAMP)
        (count,) = cursor.fetchone()
    if count:
        # Robust: a commit must not fail because no worker could be told. The periodic task finds what is new.
        transaction.on_commit(nudge.wake_deliveries, robust=True)
    return int(count)


def stamp_all() -> None:
    """Stamp until less than a batch is left."""
    while stamp() == BATCH:
        pass


_OLDEST = f"""
SELECT extract(epoch FROM clock_timestamp() - at)::float FROM orgs_change WHERE id = (
    SELECT change_id FROM orgs_feedtouch
    WHERE id > (SELECT {_FROM} FROM orgs_feedhead) AND change_id IS NOT NULL ORDER BY id LIMIT 1
)
"""  # noqa: S608


def oldest_touch() -> float | None:
    """How many seconds ago what is still to be stamped was changed, at the earliest; None if nothing is."""
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST)
        row = cursor.fetchone()
        return float(row[0]) if row else None


# --- Reading ----------------------------------------------------------------------------------------------------------
# org: null for all of them.

_OF_SCOPE = """
position > %(after)s AND (%(org)s::uuid IS NULL OR org_id = %(org)s) AND kind = ANY(%(kinds)s::smallint[])
"""
_LOOK_FOR = """
SELECT position, epoch, {is_here}, EXISTS (SELECT FROM orgs_feedtouch WHERE id > {beginning}), EXISTS ({newer}),
    %(org)s::uuid IS NULL OR EXISTS (SELECT FROM orgs_organization WHERE id = %(org)s AND closed_at IS NULL)
FROM orgs_feedhead
"""
_LOOK = _LOOK_FOR.format(
    is_here=_IS_HERE,
    beginning=_FROM,
    newer=f"SELECT FROM orgs_feeditem WHERE {_OF_SCOPE}",
)
_LOOK_AT_HISTORY = _LOOK_FOR.format(
    is_here=_IS_HERE,
    beginning=_FROM,
    newer="""
        SELECT FROM orgs_historyitem
        WHERE position > %(after)s AND (%(org)s::uuid IS NULL OR org_id = %(org)s)
    """,
)
# What is left of an org that is being deleted is no longer anybody's state: its own tombstone stands for it.
_PAGE = f"""
SELECT kind, resource_id::text, org_id, position, change_id FROM orgs_feeditem i
WHERE {_OF_SCOPE} AND (kind = {FeedKind.ORGANIZATION.value}
    OR EXISTS (SELECT FROM orgs_organization o WHERE o.id = i.org_id AND o.closed_at IS NULL))
ORDER BY position LIMIT %(limit)s
"""  # noqa: S608
HEAD = "SELECT position FROM orgs_feedhead"
_NEWER = """
SELECT newer.count, newer.first
FROM jsonb_to_recordset(%(wanted)s) AS w (place int, after bigint, kinds smallint[])
CROSS JOIN LATERAL (
    SELECT count(*) AS count, min(position) AS first FROM (
        SELECT f.position FROM orgs_feeditem f
        WHERE f.position > w.after AND f.kind = ANY(w.kinds) {of_org} ORDER BY f.position LIMIT %(most)s
    ) AS each
) AS newer
ORDER BY w.place
"""
_NEWER_OF_ORG = _NEWER.format(of_org="AND f.org_id = %(org)s")
_NEWER_OF_ALL = _NEWER.format(of_org="")
# Ordered, so that an index of positions is read, and not all that the org has of the kind.
SINCE = f"""
SELECT head.position, head.epoch, is_waiting, (
    NOT is_waiting AND head.epoch = %(epoch)s AND head.position >= %(position)s AND NOT EXISTS (
        SELECT FROM (
            SELECT kind FROM orgs_feeditem WHERE org_id = %(org)s AND position > %(position)s ORDER BY position OFFSET 0
        ) AS newer WHERE kind = %(kind)s
    )
) IS TRUE AS is_same
FROM orgs_feedhead head, (
    SELECT count(*) = {MANY} OR count(*) FILTER (WHERE org_id = %(org)s AND kind = %(kind)s) > 0
    FROM (SELECT org_id, kind FROM orgs_feedtouch ORDER BY id LIMIT {MANY}) AS touch
) AS outbox (is_waiting)
"""  # noqa: S608 - numbers
"""SQL for whether what an org has of a kind is the same as at an end of the feed that was read before: `epoch` and
`position`, null for none. Also the end as it is now. What is read in the same statement may be kept with it, unless
`is_waiting`: something is yet to be stamped, or so much is that nobody looks.
"""


@dataclass(frozen=True, slots=True)
class Range:
    """A part of the feed. org_id: None for all orgs. kinds: by their names. after: the position before it."""

    org_id: UUID | None
    kinds: frozenset[str]
    after: int = 0

    def params(self) -> dict[str, Any]:
        return {"org": self.org_id, "after": self.after, "kinds": sorted(NUMBERS[kind] for kind in self.kinds)}


class Look(NamedTuple):
    """The end of the feed, and whether there is anything after the position. is_open: whether the org is there."""

    position: int
    epoch: UUID
    is_newer: bool
    is_open: bool


class Item(NamedTuple):
    """The place of a resource in the feed. change_id: the last change that touched it."""

    kind: str
    id: str
    org_id: UUID
    position: int
    change_id: UUID | None

    @property
    def resource(self) -> Resource:
        return self.kind, self.id


class Newer(NamedTuple):
    """What a range has. items: how many, up to a number; first: the position of the first one, if there is one."""

    items: int
    first: int | None


class Page(NamedTuple):
    """Items in order. end: the position to go on after; has_more: whether there is more at once."""

    items: list[Item]
    end: int
    has_more: bool


def look(range_: Range) -> Look:
    """Look whether there is anything, once everything that was committed is stamped. One statement, if it was."""
    return _look(_LOOK, range_.params())


def look_at_history(org_id: UUID | None, after: int) -> Look:
    """The same for the history of an org, or of all."""
    return _look(_LOOK_AT_HISTORY, {"org": org_id, "after": after})


def _look(sql: str, params: Mapping[str, Any]) -> Look:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        position, epoch, is_here, is_waiting, is_newer, is_open = cursor.fetchone()
        if is_waiting or not is_here:
            stamp_all()
            cursor.execute(sql, params)
            position, epoch, _, _, is_newer, is_open = cursor.fetchone()
    return Look(position, epoch, is_newer, is_open)


def page(range_: Range, limit: int) -> Page:
    """The first items of a range, in the caller's snapshot."""
    with connection.cursor() as cursor:
        cursor.execute(HEAD)
        (head,) = cursor.fetchone()
        cursor.execute(_PAGE, range_.params() | {"limit": limit + 1})
        found = [Item(NAMES[kind], *rest) for kind, *rest in cursor.fetchall()]
    has_more = len(found) > limit
    items = found[:limit]
    return Page(items, items[-1].position if has_more else head, has_more)


def newer(org_id: UUID | None, ranges: Iterable[tuple[int, Iterable[str]]], most: int) -> list[Newer]:
    """How many items there are after positions, of kinds each, up to a number: in one statement, for pages.

    ranges: the positions with the names of kinds, all in one org, or all in all orgs. What is yet to be stamped is left
    out.
    """
    wanted = [
        {"place": place, "after": after, "kinds": [NUMBERS[kind] for kind in kinds]}
        for place, (after, kinds) in enumerate(ranges)
    ]
    params = {"wanted": orjson.dumps(wanted).decode(), "org": org_id, "most": most}
    with connection.cursor() as cursor:
        cursor.execute(_NEWER_OF_ALL if org_id is None else _NEWER_OF_ORG, params)
        return [Newer(*row) for row in cursor.fetchall()]


def position_at(at: datetime) -> int:
    """The position after which is everything that was stamped at this time or later: positions are microseconds."""
    return (at - EPOCH) // timedelta(microseconds=1) - 1


def time_of(position: int) -> datetime:
    """About when something got this position."""
    return EPOCH + timedelta(microseconds=position)


# --- Orgs that go -----------------------------------------------------------------------------------------------------

_FORGET = "DELETE FROM orgs_feedtouch WHERE org_id = %s"


def forget(org_id: UUID) -> None:
    """Forget what of an org is yet to be stamped, in the last step of its deletion, when nothing can be added.

    Items that others stamp meanwhile are there afterwards, for the caller to delete.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FORGET, [org_id])
