"""Everybody in an org, or all its groups, in the order of their ids: what an identity provider walks through.

How many there are, and where the last page began, is kept for as long as it is exact. The feed says how long: whoever
creates or deletes somebody names them in its outbox in the same transaction, and then they move to its end
(`orgs.feed.SINCE`). So a walk neither counts everybody again for each page nor skips again what it has read. Each
process keeps its own, and none can be wrong about what is committed.
"""

import time
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from orgs.feed import SINCE
from orgs.models import FeedKind

NOBODY = str(UUID(int=0))
"""An id before all others."""
MOST = 10_000
"""Lists of which something is kept."""
SECONDS = 60
"""For how long a count is kept at most, since no outbox has what an operator changes by SQL."""


class _Kept(NamedTuple):
    """Of a list as it was at a position of the feed: how many are in it, and who comes after the first `skipped`."""

    epoch: UUID | None = None
    position: int | None = None
    total: int = 0
    counted: float = 0
    skipped: int = 0
    first: str = NOBODY


_NOTHING = _Kept()
_kept: dict[tuple[UUID, FeedKind], _Kept] = {}

Weighed = list[tuple[str, int]]
"""Ids, each with about how many bytes there are to show."""


class WholeList(NamedTuple):
    """What SCIM lists without a filter.

    table, listed: where it is, and SQL for what of it (see `orgs.db.cached_select`). kind: what it is in the feed.
    weight: SQL for about how many bytes the resource with the id `listed.id` has.
    """

    table: str
    listed: str
    kind: FeedKind
    weight: str

    def page(self, org_id: UUID, *, skip: int, count: int) -> tuple[Weighed, int]:
        """A page of an org's list, and how many are in the list: in one statement, and so at one time."""
        now = time.monotonic()
        kept = _kept.get((org_id, self.kind), _NOTHING)
        if now - kept.counted > SECONDS:
            kept = _NOTHING
        skipped, first = (kept.skipped, kept.first) if kept.skipped <= skip else (0, NOBODY)
        params: dict[str, Any] = {
            "org": org_id,
            "kind": self.kind.value,
            "epoch": kept.epoch,
            "position": kept.position,
            "skip": skip,
            "count": count,
            "first": first,
            "rest": skip - skipped,
        }
        with connection.cursor() as cursor:
            cursor.execute(_sql(self), params)
            position, epoch, is_waiting, is_same, total, ids, weights = cursor.fetchone()
        if not is_same:
            kept = _Kept(total=total, counted=now)
        if not is_waiting:
            if len(_kept) >= MOST:
                _kept.clear()
            place = {"skipped": skip, "first": ids[0]} if skip and ids else {}
            _kept[org_id, self.kind] = kept._replace(epoch=epoch, position=position, **place)
        return list(zip(ids or (), weights or (), strict=True)), kept.total


@cache
def _sql(whole: WholeList) -> str:
    rows = f"FROM {whole.table} t0 WHERE {whole.listed % '%(org)s'}"
    return f"""
    WITH since AS MATERIALIZED ({SINCE})
    SELECT position, epoch, is_waiting, is_same, CASE WHEN NOT is_same THEN (SELECT count(*) {rows}) END, ids, weights
    FROM since, (
        SELECT array_agg(listed.id::text), array_agg({whole.weight}) FROM (
            SELECT t0.id {rows}
            AND t0.id >= (SELECT CASE WHEN is_same THEN %(first)s::uuid ELSE '{NOBODY}' END FROM since)
            ORDER BY t0.id LIMIT %(count)s OFFSET (SELECT CASE WHEN is_same THEN %(rest)s ELSE %(skip)s END FROM since)
        ) AS listed
    ) AS page (ids, weights)
    """  # noqa: S608 - no words of others
