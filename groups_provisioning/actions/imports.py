"""Imports: a file's rows are kept, then taken in order by a worker, to be checked or to be carried out (SPEC E6).

The only module that writes `Import` and `ImportRow`. A batch of rows is one transaction, with where the import has come
to; so what is lost with a worker, or stopped by an admin, is known to the row, and importing the file again goes on
there. Nobody is deactivated by an import, and nothing that an identity provider manages is changed by it.
"""

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple
from uuid import UUID

import orjson
import structlog
from django.db import IntegrityError, connection, transaction
from django.db.models import Count, Q
from django.utils import timezone

from groups_provisioning.actions import imported_groups, imported_people
from groups_provisioning.actions.group_intake import GroupNameTaken
from groups_provisioning.models import Import, ImportRow, Kind, Phase, Verdict
from orgs import history
from orgs.change_details import ImportEnded
from orgs.db.keys import fold
from orgs.db.transactions import command, is_unavailable, violated
from orgs.history import Cause
from orgs.models import Door, Organization
from orgs.people import TakenMeanwhile
from orgs.queue import announce
from orgs.traces import Traces

KEPT = timedelta(days=7)
MOST = 20  # imports of an org that are kept
ATTEMPTS = 5  # to write rows whose names others are just taking
RUNNING = (Phase.CHECKING, Phase.IMPORTING)
AT_ONCE = {
    Kind.PERSON: imported_people.AT_ONCE,
    Kind.GROUP: imported_groups.GROUPS_AT_ONCE,
    Kind.MEMBERSHIP: imported_groups.MEMBERS_AT_ONCE,
}
_INSERTED = 1000  # rows of one statement

log = structlog.get_logger(__name__)


class Running(Exception):
    """Another import of this org is being checked or carried out."""


class Empty(Exception):
    """The file has no row."""


class UnknownImport(Exception):
    """There is no such import in this org, or it is no longer kept."""


class NotChecked(Exception):
    """The import does not wait to be carried out: it runs, or has ended."""


@dataclass(frozen=True, slots=True)
class NewRow:
    """One fact of a file, as it was read; see `ImportRow`. refused: why it cannot be taken, in the words of `judge`."""

    kind: Kind
    place: int
    name: str
    external_id: str = ""
    reference: str = ""
    group: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)
    is_refused: bool = False


@transaction.atomic  # and not @command, which would begin again in the middle of the rows
def begin(
    *, org: Organization, name: str, rows: Iterable[NewRow], check: bool, makes_admins: bool, cause: Cause
) -> Import:
    """Keep the rows of a file for a worker: to check them, or else to carry them out at once.

    rows: read in this transaction; what reading raises leaves nothing. Raises Running, Empty.
    """
    run = Import.objects.create(
        org=org,
        name=name[:200],
        phase=Phase.CHECKED,  # for now: see _go
        makes_admins=makes_admins,
        door=cause.door,
        by_person=cause.person,
        by_key=cause.key,
        asked_at=cause.at,
        served_at=cause.at,
    )
    for batch in _in_batches(rows, _INSERTED):
        with connection.cursor() as cursor:
            told = orjson.dumps([_stored(row) for row in batch]).decode()
            cursor.execute(_INSERT, {"org": org.id, "run": run.id, "rows": told})
        run.rows += len(batch)
    if not run.rows:
        raise Empty
    for column, called in _ONCE:
        _refuse_repeated(run, column, called)
    _go(run, Phase.CHECKING if check else Phase.IMPORTING)
    kept = Import.objects.for_org(org).exclude(phase__in=RUNNING).order_by("-id").values_list("id", flat=True)
    _delete(list(kept[MOST - 1 :]))
    return run


@command
def start(*, org: Organization, import_id: UUID, makes_admins: bool, cause: Cause) -> Import:
    """Have a checked import carried out. Raises UnknownImport, NotChecked, Running."""
    run = _locked(org, import_id)
    if run.phase != Phase.CHECKED:
        raise NotChecked
    run.makes_admins, run.door = makes_admins, cause.door
    run.by_person, run.by_key = cause.person, cause.key
    _go(run, Phase.IMPORTING)
    return run


@command
def cancel(*, org: Organization, import_id: UUID, cause: Cause) -> Import:
    """End an import where it stands. One that has ended stays as it is. Raises UnknownImport."""
    run = _locked(org, import_id)
    if run.phase in (*RUNNING, Phase.CHECKED):
        _end(run, Phase.CANCELLED, cause)
    return run


def one(org: Organization, import_id: UUID) -> Import:
    """Raises UnknownImport."""
    run = Import.objects.for_org(org).select_related("by_person", "by_key").filter(id=import_id).first()
    if run is None:
        raise UnknownImport(import_id)
    return run


class Tally(NamedTuple):
    """How many rows of a kind have a verdict. is_final: it was carried out, or refused when it was read."""

    kind: int
    verdict: str | None
    is_final: bool
    rows: int


def tally(run: Import) -> list[Tally]:
    """What becomes, or became, of the rows, counted."""
    rows = ImportRow.objects.filter(run=run).values_list("kind", "verdict", "is_final")
    return [Tally(*row) for row in rows.annotate(rows=Count("id")).order_by("kind", "verdict", "is_final")]


# --- In a worker ------------------------------------------------------------------------------------------------------


def serve(seconds: float) -> bool:
    """Take rows for so long. Returns whether there are more.

    Only one worker at a time does, so that imports never take the last process that could settle people; of several
    orgs, the one that has waited longest is next. What fails ends its import, and says so.
    """
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        run_id = None
        try:
            run_id = _next()
            if run_id is None or not take(run_id):
                return False
        except Exception as error:
            if run_id is None or is_unavailable(error):
                raise
            log.exception("import_failed", import_id=str(run_id))
            _fail(run_id)
    return _next() is not None


def run_to_end(run: Import) -> Import:
    """Take all rows of an import here and now, for the command line."""
    while Import.objects.filter(id=run.id, phase__in=RUNNING).exists():
        if not take(run.id):
            time.sleep(0.1)  # a worker is at it
    return Import.objects.select_related("org").get(id=run.id)


def take(run_id: UUID) -> bool:
    """Take the next rows of an import. Returns whether that was possible: another worker may be at it."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _take(run_id)
        except (TakenMeanwhile, GroupNameTaken):
            if attempt == ATTEMPTS:
                raise
    raise AssertionError("unreachable")


@command
def _take(run_id: UUID) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_ALONE)
        (alone,) = cursor.fetchone()
    waiting = Import.objects.select_related("org__profile").select_for_update(of=("self",), skip_locked=True)
    run = waiting.filter(id=run_id, phase__in=RUNNING).first() if alone else None
    if run is None:
        return False
    cause = _cause(run)
    rows = _next_rows(run)
    if not rows:
        if run.phase == Phase.CHECKING:
            run.phase = Phase.CHECKED
            run.save(update_fields=["phase"])
        else:
            _end(run, Phase.DONE, cause)
        return True
    _judge(run, rows, cause)
    is_final = run.phase == Phase.IMPORTING
    _keep_verdicts(
        [
            {"id": row.id, "verdict": row.verdict, "told": row.told, "subject": row.subject, "is_final": is_final}
            for row in rows
        ]
    )
    run.reached_kind, run.reached_id = rows[-1].kind, rows[-1].pk
    run.taken += len(rows)
    run.served_at = cause.at
    run.save(update_fields=["reached_kind", "reached_id", "taken", "served_at"])
    return True


def _refuse_repeated(run: Import, column: str, called: str) -> None:
    """Refuse people, and groups, that have a value in common with an earlier row. called: what a file calls it."""
    with connection.cursor() as found:
        found.execute(_REPEATED.format(column=column), {"run": run.id})
        while batch := found.fetchmany(_INSERTED):
            _keep_verdicts(
                [
                    {
                        "id": id_,
                        "verdict": Verdict.REFUSED,
                        "told": {"why": "repeated", "by": called, "place": place},
                        "subject": None,
                        "is_final": True,
                    }
                    for id_, place in batch
                ]
            )


def _keep_verdicts(judged: Sequence[Mapping[str, Any]]) -> None:
    """Write what `ImportRow.judge` sets, of a batch of rows."""
    with connection.cursor() as cursor:
        cursor.execute(_JUDGED, {"rows": orjson.dumps(judged).decode()})


def _judge(run: Import, rows: Sequence[ImportRow], cause: Cause) -> None:
    """Judge rows of one kind, and carry them out where it is time for that."""
    writes = run.phase == Phase.IMPORTING
    match rows[0].kind:
        case Kind.PERSON:
            wishes = imported_people.plan(run, rows, lock=writes)
            if writes:
                imported_people.carry_out(run, wishes, cause)
        case Kind.GROUP:
            groups = imported_groups.plan(run, rows, lock=writes)
            if writes:
                imported_groups.carry_out(run, groups, cause)
        case _:
            additions = imported_groups.plan_memberships(run, rows, lock=writes)
            if writes:
                imported_groups.add_members(run, additions, cause)


def _next() -> UUID | None:
    """The import that has waited longest."""
    waiting = Import.objects.filter(phase__in=RUNNING, org__closed_at=None)
    return waiting.order_by("served_at").values_list("id", flat=True).first()


def _next_rows(run: Import) -> list[ImportRow]:
    """The next rows, all of one kind."""
    for kind in Kind:
        if kind >= run.reached_kind:
            after = run.reached_id if kind == run.reached_kind else 0
            waiting = ImportRow.objects.filter(run=run, kind=kind, id__gt=after, is_final=False).order_by("id")
            if rows := list(waiting[: AT_ONCE[kind]]):
                return rows
    return []


def _go(run: Import, phase: Phase) -> None:
    """Begin a phase at the first row. Raises Running."""
    run.phase, run.reached_kind, run.reached_id = phase, 0, 0
    run.taken = ImportRow.objects.filter(run=run, is_final=True).count()
    try:
        run.save()
    except IntegrityError as error:
        if violated(error) == "import_one_at_a_time":
            raise Running from error
        raise
    announce()


def _end(run: Import, phase: Phase, cause: Cause) -> None:
    """End an import; history has what came of it, unless it was only checked."""
    was_importing = run.phase == Phase.IMPORTING
    run.phase, run.ended_at = phase, cause.at
    run.save(update_fields=["phase", "ended_at"])
    if not was_importing:
        return
    counts: dict[str, int] = {}
    left = 0
    for each in tally(run):
        if each.is_final and each.verdict:
            counts[each.verdict] = counts.get(each.verdict, 0) + each.rows
        else:
            left += each.rows
    ImportRow.objects.filter(run=run, is_final=False).update(facts={}, verdict=None)
    detail = ImportEnded(imported=str(run.id), file=run.name, phase=phase.value, counts=counts, left=left)
    history.record(run.org, cause, detail)


@command
def _fail(run_id: UUID) -> None:
    run = Import.objects.select_related("org").select_for_update(of=("self",)).filter(id=run_id).first()
    if run is not None and run.phase in RUNNING:
        _end(run, Phase.FAILED, _cause(run))


def _cause(run: Import) -> Cause:
    return Cause(Door(run.door), timezone.now(), person=run.by_person, key=run.by_key)


def _locked(org: Organization, import_id: UUID) -> Import:
    run = Import.objects.for_org(org).select_related("org").select_for_update(of=("self",)).filter(id=import_id).first()
    if run is None:
        raise UnknownImport(import_id)
    return run


# --- What is not kept -------------------------------------------------------------------------------------------------


@command
def forget(now: datetime) -> None:
    """Delete imports whose time is over."""
    old = Import.objects.filter(asked_at__lt=now - KEPT).exclude(phase__in=RUNNING)
    _delete(list(old.values_list("id", flat=True)))


@command
def forget_person(org_id: UUID, traces: Traces, *, reference: str) -> int:
    """Delete the rows that show somebody who was erased (SPEC U5), also by the id in the former system alone, as
    memberships do. Returns how many.
    """
    with connection.cursor() as cursor:
        cursor.execute(_CANDIDATES, {"org": org_id, "pattern": traces.candidates()})
        found = [id_ for id_, *texts in cursor.fetchall() if traces.found_in(*texts)]
    shown = Q(id__in=found)
    if reference:
        shown |= Q(kind=Kind.MEMBERSHIP, name=reference) | Q(kind=Kind.PERSON, reference=reference)
    return ImportRow.objects.for_org(org_id).filter(shown).delete()[0]


def _delete(ids: Collection[UUID]) -> None:
    if ids:
        with connection.cursor() as cursor:
            cursor.execute(_DELETE_ROWS, [list(ids)])
        Import.objects.filter(id__in=ids).delete()


# --- SQL --------------------------------------------------------------------------------------------------------------

_ALONE = "SELECT pg_try_advisory_xact_lock(hashtextextended('imports', 0))"
_INSERT = """
INSERT INTO groups_provisioning_importrow
    (org_id, run_id, kind, place, name, name_key, external_id, reference, "group", facts, verdict, told, is_final)
SELECT %(org)s, %(run)s, kind, place, name, name_key, external_id, reference, "group", facts, verdict, told, is_final
FROM jsonb_to_recordset(%(rows)s) AS r (kind smallint, place int, name text, name_key text, external_id text,
    reference text, "group" text, facts jsonb, verdict text, told jsonb, is_final boolean)
"""
_JUDGED = """
UPDATE groups_provisioning_importrow w
SET verdict = r.verdict, told = r.told, subject = r.subject, is_final = r.is_final,
    facts = CASE WHEN r.is_final THEN '{}' ELSE facts END
FROM jsonb_to_recordset(%(rows)s) AS r (id bigint, verdict text, told jsonb, subject uuid, is_final boolean)
WHERE w.id = r.id
"""
_ONCE = (("name_key", "name"), ("external_id", "externalId"), ("reference", "id"))
"""What two rows of people, or of groups, cannot have in common: the column, and what a file calls it."""
# Without a join to the rows themselves: where the table was empty when it was last looked at, the planner takes it for
# one row, and goes through all of them for each.
_REPEATED = """
SELECT id, first_place FROM (
    SELECT id, first_value(id) OVER first_ones AS first, first_value(place) OVER first_ones AS first_place
    FROM groups_provisioning_importrow
    WHERE run_id = %(run)s AND kind < 3 AND {column} <> '' AND NOT is_final
    WINDOW first_ones AS (PARTITION BY kind, {column} ORDER BY id)
) AS each WHERE first <> id
"""
_DELETE_ROWS = "DELETE FROM groups_provisioning_importrow WHERE run_id = ANY(%s)"
_CANDIDATES = """
SELECT id, name, external_id, reference, facts::text, told::text FROM groups_provisioning_importrow
WHERE org_id = %(org)s AND (%(pattern)s = ''
    OR concat_ws(' ', name, external_id, reference, facts, told) ~* %(pattern)s)
"""


def _stored(row: NewRow) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "place": row.place,
        "name": row.name,
        "name_key": fold(row.name),
        "external_id": row.external_id,
        "reference": row.reference,
        "group": row.group,
        "facts": row.facts,
        "verdict": Verdict.REFUSED if row.is_refused else None,
        "told": row.told,
        "is_final": row.is_refused,
    }


def _in_batches(rows: Iterable[NewRow], size: int) -> Iterator[list[NewRow]]:
    rows = iter(rows)
    while batch := list(islice(rows, size)):
        yield batch
