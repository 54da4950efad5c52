"""Deleting an organization: first it is closed, then a worker takes its rows away in bounded steps.

The order follows from the models: a table is emptied before those that its rows point to. So a table that is added
later has its place, and a test compares the tables with PostgreSQL's catalogue. Each step is a transaction that notes
how far it came; whatever ends between two steps goes on there.
"""

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from graphlib import TopologicalSorter
from time import monotonic
from typing import Any
from uuid import UUID

import structlog
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, connection, models, transaction
from django.utils import timezone

from orgs import feed, queue
from orgs.db.keys import as_uuid
from orgs.db.transactions import command
from orgs.history import Cause
from orgs.models import FeedTouch, Organization, OrgDeletion, Session, SignInFailures, User
from orgs.web import limits

CHUNK = 1000  # rows of one step
PARENTS = 5000  # rows that one step looks for others by
GRACE = timedelta(seconds=60)
"""How long after the org was closed the last look comes: requests of before have then ended, and are in the log."""

log = structlog.get_logger(__name__)


@command
def begin(*, org: Organization, cause: Cause) -> OrgDeletion:
    """Close an org for good and have it deleted: from now on its tokens are refused, and nobody signs in to it."""
    locked = Organization.objects.select_for_update().get(pk=org.pk)
    if locked.closed_at is not None:
        return locked.deletion
    locked.closed_at = cause.at
    locked.save(update_fields=["closed_at"])
    queue.leave(locked)
    feed.touch(locked.pk, [("organization", str(locked.pk))])
    told = {"org": str(locked.pk), "slug": locked.slug, "key": str(cause.key.id) if cause.key else None}
    transaction.on_commit(lambda: log.warning("org.deleting", **told))
    return OrgDeletion.objects.create(
        org=locked, name=locked.name, slug=locked.slug, asked_by=cause.person, asked_at=cause.at
    )


def advance(*, seconds: float) -> bool:
    """Go on with deletions for some time. Returns whether there is more to do at once."""
    ends = monotonic() + seconds
    while monotonic() < ends:
        try:
            if not _step():
                return False
        except IntegrityError:  # something was written meanwhile that points to what should go
            _start_over()
            return False
    return True


def progress(deletion: OrgDeletion) -> tuple[int, int]:
    """How many of how many stages are done."""
    names = list(_stages())
    return (names.index(deletion.stage) if deletion.stage in names else 0), len(names)


@command
def _step() -> bool:
    """One step of the deletion that was asked for first, unless another worker has it. Returns whether it moved."""
    waiting = OrgDeletion.objects.filter(finished_at=None).order_by("asked_at")
    deletion = waiting.select_for_update(skip_locked=True).first()
    if deletion is None:
        return False
    stages = list(_stages().items())
    names = [name for name, _ in stages]
    place = names.index(deletion.stage) if deletion.stage in names else 0
    assert deletion.org_id
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # a table has rows of other orgs too
        cursor.execute("SET LOCAL muster.keep_past = 'off'")  # what goes has no past either
    rows, reached = stages[place][1](deletion.org_id, deletion.reached)
    deletion.rows += rows
    if reached is not None:
        deletion.stage, deletion.reached = names[place], reached
    elif place + 1 < len(stages):
        deletion.stage, deletion.reached = names[place + 1], ""
    else:
        return _finish(deletion)
    deletion.save(update_fields=["rows", "stage", "reached"])
    return True


@command
def _start_over() -> None:
    OrgDeletion.objects.filter(finished_at=None).update(stage="", reached="")


def _finish(deletion: OrgDeletion) -> bool:
    """Delete the org itself, unless something has come after all: then once more from the beginning."""
    org_id = deletion.org_id
    assert org_id
    if timezone.now() < deletion.asked_at + GRACE:
        return False
    Organization.objects.select_for_update().get(pk=org_id)  # from here on nothing can point to it
    feed.forget(org_id)
    if late := sum(table.delete(org_id, "")[0] for table in _tables() if table.via is None):
        deletion.rows, deletion.stage, deletion.reached = deletion.rows + late, "", ""
        deletion.save(update_fields=["rows", "stage", "reached"])
        return True
    deletion.org, deletion.stage, deletion.finished_at = None, "", timezone.now()
    deletion.rows += 1
    deletion.save()
    with connection.cursor() as cursor:  # the ORM would look into every table first
        cursor.execute(_DELETE_ORG, [org_id])
    feed.touch(org_id, [("organization", str(org_id))])  # its tombstone is all that stays
    limits.forget(str(org_id))
    log.warning("org.deleted", slug=deletion.slug, rows=deletion.rows)
    return True


# --- Stages -----------------------------------------------------------------------------------------------------------

Stage = Callable[[UUID, str], tuple[int, str | None]]
"""Deletes some rows of an org, from a key on. Returns how many, and where to go on; None if it is done."""


@cache
def _stages() -> dict[str, Stage]:
    """What is emptied, in this order. What points to people by their id alone goes while they are known."""
    first: dict[str, Stage] = {"orgs_session": _sessions, "django_admin_log": _admin_log}
    return first | {table.name: table.delete for table in _tables()} | {"orgs_signinfailures": _sign_in_failures}


def _sessions(org_id: UUID, after: str) -> tuple[int, str | None]:
    theirs = Session.objects.filter(user__in=User.objects.for_org(org_id))[:CHUNK].values("pk")
    gone, _ = Session.objects.filter(pk__in=theirs).delete()
    return gone, after if gone == CHUNK else None


def _admin_log(org_id: UUID, after: str) -> tuple[int, str | None]:
    """What support did to rows of the org, in Django's own log, which names them."""
    rows = list(LogEntry.objects.filter(id__gt=int(after or 0)).order_by("id")[:CHUNK])
    by_kind: dict[int | None, list[LogEntry]] = {}
    for row in rows:
        by_kind.setdefault(row.content_type_id, []).append(row)
    theirs: list[int] = []
    for kind, entries in by_kind.items():
        model = ContentType.objects.get_for_id(kind).model_class() if kind else None
        if model is Organization:
            theirs += [entry.pk for entry in entries if entry.object_id == str(org_id)]
        elif model in _tenants():
            known = {entry.object_id for entry in entries if entry.object_id and _is_key(model, entry.object_id)}
            found = {str(key) for key in _of_org(model, org_id).filter(pk__in=known).values_list("pk", flat=True)}
            theirs += [entry.pk for entry in entries if entry.object_id in found]
    LogEntry.objects.filter(id__in=theirs).delete()
    return len(theirs), str(rows[-1].pk) if len(rows) == CHUNK else None


def _is_key(model: Any, text: str) -> bool:
    return as_uuid(text) is not None if isinstance(model._meta.pk, models.UUIDField) else text.isdecimal()


def _of_org(model: Any, org_id: UUID) -> Any:
    return model._default_manager.for_org(org_id)


def _sign_in_failures(org_id: UUID, after: str) -> tuple[int, str | None]:
    """Those that stand in for accounts of the org that there are not; they are kept for a day at most."""
    gone, _ = SignInFailures.objects.filter(subject__endswith=f" {org_id}").delete()
    return gone, None


# --- Tables -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose rows belong to orgs.

    via: where no index begins with the org, the column by which rows are found, and the table that it points to.
    with_it: the tables whose rows have the ids of these, with their key columns.
    """

    name: str
    key: str
    via: tuple[str, str] | None
    with_it: tuple[tuple[str, str], ...]

    def delete(self, org_id: UUID, after: str) -> tuple[int, str | None]:
        """As `Stage`."""
        column, parent = self.via or ("", "")
        with_it = "".join(
            _WITH_IT.format(number=number, table=table, key=key) for number, (table, key) in enumerate(self.with_it)
        )
        sql = (_BY_PARENT if self.via else _BY_ORG) + with_it + _DELETE
        about: dict[str, Any] = {"org": org_id, "after": after or UUID(int=0), "rows": CHUNK, "parents": PARENTS}
        with connection.cursor() as cursor:
            cursor.execute(sql.format(table=self.name, key=self.key, column=column, parent=parent), about)
            gone, found, parents, last, last_parent = cursor.fetchone()
        if found == CHUNK:
            return gone, str(last or "")
        return gone, str(last_parent) if parents == PARENTS else None


_BY_ORG = """
WITH parents AS (SELECT NULL::uuid AS id WHERE false), doomed AS MATERIALIZED (
    SELECT {key} AS key, NULL::uuid AS parent FROM {table} WHERE org_id = %(org)s LIMIT %(rows)s
)
"""
# Each step goes on at the parent where the last one ended: looking again through those without rows would be quadratic.
_BY_PARENT = """
WITH parents AS MATERIALIZED (
    SELECT id FROM {parent} WHERE org_id = %(org)s AND id >= %(after)s ORDER BY id LIMIT %(parents)s
), doomed AS MATERIALIZED (
    SELECT c.key, p.id AS parent
    FROM parents p CROSS JOIN LATERAL (SELECT {key} AS key FROM {table} WHERE {column} = p.id LIMIT %(rows)s) c
    LIMIT %(rows)s
)
"""
_WITH_IT = ", gone_{number} AS (DELETE FROM {table} WHERE {key} IN (SELECT key FROM doomed))\n"
_DELETE_ORG = "DELETE FROM orgs_organization WHERE id = %s"
_DELETE = """, gone AS (DELETE FROM {table} WHERE {key} IN (SELECT key FROM doomed) RETURNING 1)
SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM doomed), (SELECT count(*) FROM parents),
    (SELECT parent FROM doomed ORDER BY parent DESC LIMIT 1), (SELECT id FROM parents ORDER BY id DESC LIMIT 1)
"""


@cache
def _tables() -> tuple[Table, ...]:
    """Every table with rows of orgs, each before those that its rows point to."""
    tenants, leading = _tenants(), _leading_columns()
    direct = {model for model in tenants if (model._meta.db_table, "org_id") in leading}
    points_to: TopologicalSorter[Any] = TopologicalSorter()
    for model in tenants:
        points_to.add(model)
        for key in _foreign_keys(model):
            if key.related_model in tenants and key.related_model is not model:
                points_to.add(key.related_model, model)
    found = []
    for model in points_to.static_order():
        via = None if model in direct else next(_ways(model, direct, leading))
        others: Any = [other for other in apps.get_models() if other not in tenants]
        keys = [(other._meta.db_table, other._meta.pk) for other in others]
        with_it = tuple((table, key.column) for table, key in keys if key.related_model is model)
        found.append(Table(model._meta.db_table, model._meta.pk.column, via, with_it))
    return tuple(found)


def _ways(model: Any, direct: set[Any], leading: set[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The columns that rows of an org can be found by, each with the table that it points to."""
    for key in _foreign_keys(model):
        if key.related_model in direct and (model._meta.db_table, key.column) in leading:
            yield key.column, key.related_model._meta.db_table


@cache
def _tenants() -> tuple[Any, ...]:
    """The models whose rows belong to orgs, in a fixed order. The record of a deletion outlives its org, and what is in
    the outbox of the feed goes by itself.
    """
    found = [
        model
        for model in apps.get_models()
        if model not in (OrgDeletion, FeedTouch)
        and any(key.name == "org" and key.related_model is Organization for key in _foreign_keys(model))
    ]
    return tuple(sorted(found, key=lambda model: model._meta.label))


def _foreign_keys(model: Any) -> list[Any]:
    return [field for field in model._meta.concrete_fields if isinstance(field, models.ForeignKey)]


def _leading_columns() -> set[tuple[str, str]]:
    """(table, column) for the first column of each index of all rows."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, a.attname FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid"
            " JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]"
            " WHERE i.indpred IS NULL AND c.relnamespace = current_schema()::regnamespace"
        )
        return set(cursor.fetchall())


def counts(org: Organization, kinds: Container[Any]) -> list[tuple[str, int]]:
    """How many rows go of each of these models, in words; MOST + 1 for any more."""
    direct = {table.name for table in _tables() if table.via is None}
    found = []
    for model in _tenants():
        if model in kinds and model._meta.db_table in direct:
            rows = _of_org(model, org.pk).order_by().values("pk")[: MOST + 1].count()
            found.append((str(model._meta.verbose_name_plural), rows))
    return sorted(found, key=lambda each: (-each[1], each[0]))


MOST = 10_000
