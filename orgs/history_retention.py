"""Deletes history that is older than the operator keeps it (HISTORY_DAYS). Unless that is set, it is kept for ever.

What explains the present stays, however old it is: a change that a fact points to, and the ledger entry that began what
is so for a person now, with its change. Readers of history find no place of what is gone.
"""

import time
from datetime import datetime, timedelta
from functools import cache
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import ForeignObjectRel

from orgs import feed
from orgs.db.keys import id_at
from orgs.models import Change

BATCH = 1000
FIRST = UUID(int=0)

_PLACES = """
DELETE FROM orgs_historyitem WHERE position IN (
    SELECT position FROM orgs_historyitem WHERE position <= %s ORDER BY position LIMIT %s
)
"""
_LOOK = "SELECT id FROM orgs_change WHERE id > %s AND id < %s ORDER BY id LIMIT %s"
# What the entry began has ended, by a later one; a value that was refused was refused again.
_ENTRIES = """
WITH ended AS MATERIALIZED (
    SELECT e.id FROM orgs_ledgerentry e WHERE e.change_id = ANY(%(ids)s) AND EXISTS (
        SELECT FROM orgs_ledgerentry l WHERE l.user_id = e.user_id AND l.slot = e.slot AND l.id > e.id
            AND (l.was IS NOT DISTINCT FROM e.now OR e.slot = 'refused' AND l.was IS NOT DISTINCT FROM e.was)
    )
), notices AS (
    DELETE FROM orgs_supportnotice WHERE entry_id IN (SELECT id FROM ended)
)
DELETE FROM orgs_ledgerentry WHERE id IN (SELECT id FROM ended)
"""
_CHANGES = "DELETE FROM orgs_change c WHERE c.id = ANY(%(ids)s)"
_UNLESS = " AND NOT EXISTS (SELECT FROM {table} r WHERE r.org_id = c.org_id AND r.{column} = c.id)"


def forget(*, at: datetime, after: UUID = FIRST, seconds: float) -> UUID | None:
    """Delete for so long what is too old at a time, of changes from after this id on.

    Returns the id after which to go on; None if that was all.
    """
    if not settings.HISTORY_DAYS:
        return None
    before, deadline = at - timedelta(days=settings.HISTORY_DAYS), time.monotonic() + seconds
    while looked := _forget_some(before, after):
        after = looked
        if time.monotonic() > deadline:
            return after
    return None


@transaction.atomic
def _forget_some(before: datetime, after: UUID) -> UUID | None:
    """Delete what may go of a batch. Returns the last change of it, or None once there are no more."""
    with connection.cursor() as cursor:
        cursor.execute(_PLACES, [feed.position_at(before), BATCH])
        has_places = cursor.rowcount == BATCH
        cursor.execute(_LOOK, [after, id_at(before), BATCH])
        ids = [id_ for (id_,) in cursor.fetchall()]
        if ids:
            cursor.execute(_ENTRIES, {"ids": ids})
            cursor.execute(_delete_changes(), {"ids": ids})
    return ids[-1] if ids else after if has_places else None


@cache
def _delete_changes() -> str:
    relations = [each for each in Change._meta.get_fields(include_hidden=True) if isinstance(each, ForeignObjectRel)]
    references = [(each.related_model._meta.db_table, each.field.column) for each in relations]
    return _CHANGES + "".join(_UNLESS.format(table=table, column=column) for table, column in references)
