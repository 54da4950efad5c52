"""The partitions of the request log: one per day (UTC), made ahead of time, dropped when they are too old."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from orgs.db.keys import id_at, moment_of

# In the order in which everything locks them.
TABLES = ("scim_requestlog", "scim_requestlogbody")
DAYS_AHEAD = 7
# Making or dropping a partition waits for readers of the table, and later readers wait for us: give up soon.
LOCK_TIMEOUT = "2s"
ADVISORY_LOCK = 0x5C1_0106


def keep(now: datetime) -> None:
    """Make the partitions of today and the next days, and drop those older than SCIM_LOG_DAYS.

    Idempotent, even if two processes run it at once. Raises OperationalError if a table stays in use for longer than
    LOCK_TIMEOUT; the next run continues from there.
    """
    today = now.astimezone(UTC).date()
    make(today)
    drop_before(today - timedelta(days=settings.SCIM_LOG_DAYS))


def kept_until(moment: datetime) -> date:
    """The last day, in UTC, on which `keep` leaves what was written at a moment."""
    return moment.astimezone(UTC).date() + timedelta(days=settings.SCIM_LOG_DAYS)


def make(first: date) -> None:
    """Make the missing partitions of the day `first` and the DAYS_AHEAD after it. Blocks no writers or readers."""
    with _alone() as cursor:
        present = set(_partitions(cursor))
        for day in (first + timedelta(days=n) for n in range(DAYS_AHEAD + 1)):
            for table in TABLES:
                if (table, day) in present:
                    continue
                # Unlike CREATE TABLE ... PARTITION OF, ATTACH blocks neither inserts nor reads of the other partitions.
                cursor.execute(f"CREATE TABLE {_name(table, day)} (LIKE {table} INCLUDING ALL)")
                cursor.execute(
                    f"ALTER TABLE {table} ATTACH PARTITION {_name(table, day)} FOR VALUES FROM (%s) TO (%s)",
                    [first_id(day), first_id(day + timedelta(days=1))],
                )


def drop_before(first: date) -> None:
    """Drop the partitions of the days before `first`, each in its own transaction, so that locks are short."""
    with _alone() as cursor:
        old = sorted({day for _, day in _partitions(cursor) if day < first})
    for day in old:
        with _alone() as cursor:
            for table in TABLES:
                cursor.execute(f"DROP TABLE IF EXISTS {_name(table, day)}")


def first_id(day: date) -> UUID:
    """The lowest UUIDv7 of a day in UTC."""
    return id_at(datetime(day.year, day.month, day.day, tzinfo=UTC))


def day_of(id: UUID) -> date:
    """The day (UTC) whose partition a UUIDv7 belongs to."""
    return moment_of(id).date()


@contextmanager
def _alone() -> Iterator[CursorWrapper]:
    """A transaction in which no other maintenance runs."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [LOCK_TIMEOUT])
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ADVISORY_LOCK])
        yield cursor


def _partitions(cursor: CursorWrapper) -> Iterator[tuple[str, date]]:
    """The (table, day) of each existing partition."""
    cursor.execute(
        "SELECT parent.relname, partition.relname FROM pg_inherits"
        " JOIN pg_class parent ON parent.oid = inhparent JOIN pg_class partition ON partition.oid = inhrelid"
        " WHERE inhparent = ANY(%s::regclass[])",
        [list(TABLES)],
    )
    for table, name in cursor.fetchall():
        yield table, datetime.strptime(name.removeprefix(f"{table}_"), "%Y%m%d").date()


def _name(table: str, day: date) -> str:
    return f"{table}_{day:%Y%m%d}"
