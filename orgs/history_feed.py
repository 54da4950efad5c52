"""History in the order in which it was committed (SPEC E4), after a position of the feed. Reads only.

The id and the time of a change are older than its commit, so whoever goes on after one of them misses what commits
late. Positions are given after the commit (`orgs.feed`), to changes and to the effects that they have later.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from orgs import feed
from orgs.models import HistoryKind, LedgerEntry
from orgs.models.history import PLACES

LOOKED = 20_000
"""Items that one page looks at where only some are wanted."""
MOST = 4 * 2**20
"""Bytes of details and effects, about, after which a page ends."""
ENTRY = 200
"""Bytes of an effect, about."""
SKEW = timedelta(hours=1)
"""How far the clock of a host, by which changes have their time, may be ahead of the database's."""

NAMES = {kind.value: kind.name.lower() for kind in HistoryKind}
"""Of the kinds, as the API calls them."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a reader wants. All conditions hold for the change, that of an item of effects too.

    org_id: None for all orgs. since, until: the first moment, and the first that is too late. verbs: any of them; empty
    for all. resource: the id of whatever the detail names, or somebody or an entity that an effect of the item is on.
    """

    org_id: UUID | None
    since: datetime | None = None
    until: datetime | None = None
    verbs: frozenset[str] = frozenset()
    resource: UUID | None = None

    @property
    def is_part(self) -> bool:
        return bool(self.since or self.until or self.verbs or self.resource)


class Item(NamedTuple):
    """The place of a change in history, or of effects that it had later. first, last: ids of its ledger entries."""

    position: int
    kind: str
    change_id: UUID
    first: int | None
    last: int | None


class Page(NamedTuple):
    """Items in order. end: the position to go on after; has_more: whether there may be more at once."""

    items: list[Item]
    end: int
    has_more: bool


_PLACES = ", ".join(f"'{place}'" for place in PLACES)
_FIND = f"""
WITH looked AS MATERIALIZED (
    SELECT position, org_id, kind, change_id, first_entry, last_entry, entry_count FROM orgs_historyitem
    WHERE position > %(after)s AND (%(org)s::uuid IS NULL OR org_id = %(org)s)
    ORDER BY position LIMIT %(looked)s
), effective AS MATERIALIZED (
    SELECT change_id FROM orgs_ledgerentry WHERE user_id = %(resource)s
    UNION
    SELECT e.change_id FROM orgs_entity n
    JOIN orgs_ledgerentry e ON e.org_id = n.org_id AND e.now = to_jsonb(n.id::text) AND e.slot IN ({_PLACES})
    WHERE n.id = %(resource)s
    UNION
    SELECT e.change_id FROM orgs_entity n
    JOIN orgs_ledgerentry e ON e.org_id = n.org_id AND e.was = to_jsonb(n.id::text) AND e.slot IN ({_PLACES})
    WHERE n.id = %(resource)s
), found AS (
    SELECT l.position, l.kind, l.change_id, l.first_entry, l.last_entry,
        sum(w.bytes) OVER (ORDER BY l.position) - w.bytes AS before
    FROM looked l
    JOIN orgs_change c ON c.id = l.change_id
    CROSS JOIN LATERAL (
        SELECT CASE l.kind WHEN {HistoryKind.CHANGE.value} THEN pg_column_size(c.detail) ELSE 0 END
            + coalesce(l.entry_count, 0) * {ENTRY} AS bytes
    ) AS w
    WHERE EXISTS (SELECT FROM orgs_organization o WHERE o.id = l.org_id AND o.closed_at IS NULL)
        AND (%(since)s::timestamptz IS NULL OR c.at >= %(since)s)
        AND (%(until)s::timestamptz IS NULL OR c.at < %(until)s)
        AND (%(verbs)s::text[] = '{{}}' OR c.verb = ANY(%(verbs)s::text[]))
        AND (%(resource)s::uuid IS NULL
            OR jsonb_path_exists(c.detail, '$.** ? (@ == $id)', jsonb_build_object('id', %(resource)s::uuid))
            OR l.change_id IN (SELECT change_id FROM effective) AND EXISTS (
                SELECT FROM orgs_ledgerentry e
                WHERE e.change_id = l.change_id AND e.id BETWEEN l.first_entry AND l.last_entry
                    AND (e.user_id = %(resource)s OR to_jsonb(%(resource)s::uuid) IN (e.was, e.now))))
    ORDER BY l.position LIMIT %(limit)s
)
SELECT s.looked, s.last, f.* FROM (SELECT count(*) AS looked, max(position) AS last FROM looked) AS s
LEFT JOIN found f ON true ORDER BY f.position
"""  # noqa: S608 - numbers and names of slots


def page(wanted: Wanted, after: int, limit: int) -> Page:
    """The first items that are wanted, in the caller's snapshot.

    It ends early where it has grown large, and where only some are wanted after LOOKED items: it may then be empty.
    """
    looked = LOOKED if wanted.is_part else limit + 1
    params = {
        "org": wanted.org_id,
        "after": max(after, _first_position(wanted.since)) if wanted.since else after,
        "since": wanted.since,
        "until": wanted.until,
        "verbs": sorted(wanted.verbs),
        "resource": wanted.resource,
        "looked": looked,
        "limit": limit + 1,
    }
    with connection.cursor() as cursor:
        cursor.execute(feed.HEAD)
        (head,) = cursor.fetchone()
        cursor.execute(_FIND, params)
        rows = cursor.fetchall()
    count, last = rows[0][:2]
    found = [(Item(position, NAMES[kind], *about), before) for _, _, position, kind, *about, before in rows if position]
    items = [item for item, before in found[:limit] if before < MOST]
    if len(items) < len(found):
        return Page(items, items[-1].position, has_more=True)
    if count == looked:
        return Page(items, last, has_more=True)
    return Page(items, head, has_more=False)


def _first_position(since: datetime) -> int:
    """A position that those of all changes since then are beyond: none is below the clock at which it was given."""
    return (since - SKEW - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


_ENTRIES = """
SELECT e.*, i.position
FROM unnest(%s::bigint[], %s::uuid[], %s::bigint[], %s::bigint[]) AS i (position, change_id, first, last)
CROSS JOIN LATERAL (
    SELECT * FROM orgs_ledgerentry WHERE change_id = i.change_id AND id BETWEEN i.first AND i.last OFFSET 0
) AS e
ORDER BY e.id
"""


def entries(items: Sequence[Item]) -> dict[int, list[LedgerEntry]]:
    """By position, the ledger entries of items, in their order."""
    told = [item for item in items if item.first is not None]
    found: dict[int, list[LedgerEntry]] = {}
    if told:
        columns = [list(column) for column in zip(*told, strict=True)]
        positions, _, changes, firsts, lasts = columns
        rows: Any = LedgerEntry.objects.raw(_ENTRIES, [positions, changes, firsts, lasts])
        for entry in rows:
            found.setdefault(entry.position, []).append(entry)
    return found
