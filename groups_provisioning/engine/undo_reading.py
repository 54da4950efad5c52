"""What changes wrote, and what it was before them (SPEC T2): rows with their past, and memberships."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from groups_provisioning.engine import as_of
from groups_provisioning.engine.earlier import Event, Traced, before_last, trace
from groups_provisioning.engine.undo_plan import Pair
from orgs.models import FactKind, Organization

KINDS = (
    FactKind.USER,
    FactKind.GROUP,
    FactKind.MAPPING,
    FactKind.ENTITY,
    FactKind.HAND,
    FactKind.NESTED,
    FactKind.DECISION,
)
"""The facts that tokens write, beside members."""
AT_ONCE = 1_000


_WRITTEN = """
SELECT kind, row, about, min(id), min(at) FROM orgs_past
WHERE change_id = ANY(%(changes)s::uuid[]) AND org_id = %(org)s AND kind = ANY(%(kinds)s) GROUP BY kind, row, about
ORDER BY kind, row
"""
_ROWS = """
SELECT t.id::text, to_jsonb(t), NULL::uuid, NULL::bigint FROM {table} t
WHERE t.org_id = %(org)s AND t.id = ANY(%(ids)s::{type}[])
UNION ALL
SELECT row, was, change_id, id FROM orgs_past
WHERE about = ANY(%(about)s::uuid[]) AND at >= %(since)s AND kind = %(kind)s AND row = ANY(%(rows)s) AND id >= %(first)s
ORDER BY 1, 4 DESC NULLS FIRST
"""


def traced_rows(org: Organization, changes: frozenset[UUID]) -> dict[str, dict[str, Traced]]:
    """By kind and key, the rows that the changes wrote, but for members."""
    found: dict[str, dict[str, Traced]] = {kind: {} for kind in KINDS}
    with connection.cursor() as cursor:
        cursor.execute(_WRITTEN, {"changes": list(changes), "org": org.id, "kinds": list(KINDS)})
        written = cursor.fetchall()
        for kind, of_kind in groupby(written, key=lambda row: row[0]):
            rows = list(of_kind)
            for start in range(0, len(rows), AT_ONCE):
                found[kind] |= _part(cursor, org, kind, rows[start : start + AT_ONCE], changes)
    return found


def _part(
    cursor: Any, org: Organization, kind: str, rows: Sequence[Any], changes: Collection[UUID]
) -> Iterator[tuple[str, Traced]]:
    meta: Any = as_of.TABLES[kind].model._meta
    keys = [row for _, row, _, _, _ in rows]
    about = {
        "org": org.id,
        "kind": kind,
        "ids": keys,
        "rows": keys,
        "about": list({subject for _, _, subject, _, _ in rows}),
        "first": min(first for _, _, _, first, _ in rows),
        "since": min(at for _, _, _, _, at in rows),
    }
    cursor.execute(_ROWS.format(table=meta.db_table, type=meta.pk.db_type(connection).split()[0]), about)
    for key, lines in groupby(cursor.fetchall(), key=lambda line: line[0]):
        now, events = None, []
        for _, row, change_id, number in lines:
            if number is None:
                now = orjson.loads(row)
            else:
                events.append(Event(change_id, row and orjson.loads(row)))
        yield key, trace(kind, now, events, changes)


_OF_CHANGES = """
SELECT group_id, user_id FROM groups_provisioning_groupmember
WHERE added_by_id = ANY(%(changes)s::uuid[]) AND org_id = %(org)s
UNION SELECT group_id, user_id FROM groups_provisioning_groupmember
WHERE written_by_id = ANY(%(changes)s::uuid[]) AND written_by_id > added_by_id AND org_id = %(org)s
UNION SELECT group_id, user_id FROM groups_provisioning_memberpast
WHERE removed_by_id = ANY(%(changes)s::uuid[]) AND org_id = %(org)s
"""
_PAIRS = f"""
WITH pair AS MATERIALIZED ({_OF_CHANGES})
SELECT m.group_id, m.user_id, m.added_at, m.added_by_id, coalesce(m.written_at, m.added_at),
    coalesce(m.written_by_id, m.added_by_id), FALSE, NULL::uuid
FROM pair p JOIN groups_provisioning_groupmember m ON m.group_id = p.group_id AND m.user_id = p.user_id
UNION ALL
SELECT m.group_id, m.user_id, m.added_at, m.added_by_id, coalesce(m.written_at, m.added_at),
    coalesce(m.written_by_id, m.added_by_id), TRUE, m.removed_by_id
FROM pair p JOIN groups_provisioning_memberpast m ON m.group_id = p.group_id AND m.user_id = p.user_id
ORDER BY 1, 2, 5
"""


def memberships(org: Organization, changes: frozenset[UUID]) -> Iterator[Pair | tuple[UUID, UUID]]:
    """Members who would come, go, or have another time; or the group and the user where somebody else's word stands."""
    with connection.cursor() as cursor:
        cursor.execute(_PAIRS, {"changes": list(changes), "org": org.id})
        for (group_id, user_id), lines in groupby(cursor.fetchall(), key=lambda line: line[:2]):
            events: list[tuple[UUID | None, tuple[datetime, UUID] | None]] = []
            for _, _, added_at, added_by, _, written_by, is_past, removed_by in lines:
                events.append((written_by, (added_at, added_by)))
                if is_past:
                    events.append((removed_by, None))
            if not any(change_id in changes for change_id, _ in events):
                continue
            word = before_last(events, changes)
            if word.stays:
                yield group_id, user_id
            elif word.was != events[-1][1]:
                yield Pair(group_id, user_id, word.was)
