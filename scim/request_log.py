"""Writes the request log: a bounded queue and one thread per process, so that a request never waits for its log entry.

Lossy by design. Calls that do not fit into the queue, or that the database refuses, are counted, and a row of the log
reports them once it can be written.
"""

import atexit
import threading
import time
from collections import deque
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any
from uuid import UUID

import structlog
from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError, connection, transaction
from django.utils import timezone
from psycopg import errors

from orgs import matters, metrics, tokens
from orgs.db.keys import uuid7
from orgs.matters import Occurrence
from orgs.per_process import Background, PerProcess
from scim import idp_days, partitions, redaction, request_days
from scim.idp_days import Hour
from scim.request_days import Call

log = structlog.get_logger(__name__)

BODY = 16 * 1024  # bytes stored of each body
QUEUE = 10_000  # calls waiting to be written
QUEUE_BYTES = 32 * 1024 * 1024  # of bodies waiting to be written
BATCH = 500  # calls written at once
LINGER = 0.25  # seconds that a batch waits for more calls
PAUSES = (0.1, 30.0)  # the first and the longest, in seconds, while the database is unavailable
FAREWELL = 2.0  # seconds that an ending process spends on its log
USE_NOTED = timedelta(minutes=1)  # how often a token's last use is written at most
LARGEST = 2**31 - 1  # PostgreSQL integer
LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Entry:
    """One SCIM call, raw: the writer hides what must be hidden.

    id: a UUIDv7 made when the call arrived; `at` the same moment. path: with its query string. operation: as in
    `user.create`. target: the id or name it was about. duration: microseconds. request, response: the bodies; None if
    there is none to store. Their sizes are in bytes; None means the size of the given body. token_id: with is_refused,
    of a token that is not accepted; of its calls the log has one a minute, and the others are only counted. news: what
    admins should know of the call, or no longer need to.
    """

    id: UUID
    at: datetime
    method: str
    path: str
    status: int
    duration: int
    org_id: UUID | None = None
    token_id: UUID | None = None
    operation: str = ""
    target: str = ""
    scim_type: str = ""
    detail: str = ""
    address: str | None = None
    agent: str = ""
    request: bytes | None = None
    response: bytes | None = None
    request_size: int | None = None
    response_size: int | None = None
    is_refused: bool = False
    news: tuple[matters.News, ...] = ()


def write(entry: Entry) -> None:
    """Queue a call to be logged. Never waits, never fails: what does not fit is dropped and counted."""
    _writer().put(_trimmed(entry))


def flush(timeout: float) -> bool:
    """Wait up to `timeout` seconds until everything in the queue is written or given up. Returns whether it is."""
    return _writer().flush(timeout)


def dropped() -> int:
    """How many calls this process has failed to record since it started."""
    return _writer().dropped


class Writer(Background):
    """The queue of one process and the thread that empties it, which starts with the first entry."""

    thread_name = "request-log"

    def __init__(self) -> None:
        super().__init__()
        self.dropped = 0
        self._told = 0  # how many of `dropped` the log has reported
        self._entries: deque[Entry] = deque()
        self._bytes = 0
        self._in_hand = 0  # entries that the thread has taken but not yet written
        self._hurry = False
        self._changed = threading.Condition()
        self._noted: dict[UUID, datetime] = {}
        self._refused: dict[UUID, datetime] = {}  # tokens that exist, so there is no end of them to fear
        self._heard: dict[UUID, datetime] = {}  # the last hour that is noted of them

    def put(self, entry: Entry) -> None:
        with self._changed:
            if len(self._entries) >= QUEUE or self._bytes >= QUEUE_BYTES:
                self.dropped += 1
                metrics.log_drops.inc()
                return
            self._entries.append(entry)
            self._bytes += _weight(entry)
            self.start()
            if len(self._entries) in (1, BATCH):
                self._changed.notify_all()

    def flush(self, timeout: float) -> bool:
        with self._changed:
            self._hurry = True
            self._changed.notify_all()
            try:
                return self._changed.wait_for(lambda: not self._entries and not self._in_hand, timeout)
            finally:
                self._hurry = False

    def run(self) -> None:
        while True:
            batch, told = self._thinned(self._take())
            try:
                refused = self._store(told) if told else 0
            except Exception:  # whatever happens, the thread keeps running
                log.exception("request_log.failed", calls=len(batch))
                refused = len(told)
            for note in (self._note_uses, self._note_matters, self._note_hours, _count_days):
                try:
                    note(batch)
                except Exception:  # as above
                    log.exception("request_log.not_noted", what=note.__name__)
                finally:
                    connection.close()
            with self._changed:
                self.dropped += refused
                metrics.log_drops.inc(refused)
                self._in_hand = 0
                self._changed.notify_all()

    def _take(self) -> list[Entry]:
        with self._changed:
            self._changed.wait_for(lambda: self._entries)
            self._changed.wait_for(lambda: self._hurry or len(self._entries) >= BATCH, LINGER)
            batch = [self._entries.popleft() for _ in range(min(BATCH, len(self._entries)))]
            self._bytes -= sum(map(_weight, batch))
            self._in_hand = len(batch)
            return batch

    def _store(self, batch: list[Entry]) -> int:
        """Write a batch, however long the database is unavailable. Returns how many calls it refused."""
        rows = [_row(entry) for entry in batch]
        pause, longest = PAUSES
        while True:
            lost = self.dropped
            losses = [_row(_losses(lost - self._told))] if lost > self._told else []
            try:
                refused = _insert(rows + losses)
                break
            except (OperationalError, InterfaceError) as error:
                log.warning("request_log.held_up", error=str(error).strip(), waiting=len(self._entries))
            finally:
                connection.close()  # back to the pool
            time.sleep(pause)
            pause = min(pause * 2, longest)
        self._told = lost
        if losses:
            log.warning("request_log.dropped", calls=lost, since="start of the process")
        return refused

    def _note_uses(self, batch: list[Entry]) -> None:
        """Note the last use of tokens, each at most once per USE_NOTED."""
        uses = {
            entry.token_id: (entry.at, _address(entry.address), tokens.hidden(entry.agent, 200))
            for entry in batch
            if entry.token_id and not entry.is_refused and not self._is_noted(entry.token_id, entry.at)
        }
        if not uses:
            return
        self._noted |= {token_id: at for token_id, (at, _, _) in uses.items()}
        tokens.note_use(uses)

    def _note_matters(self, batch: list[Entry]) -> None:
        """Note what admins should know of these calls; an id is noted only if the log has the call (SPEC N1)."""
        if news := [each for entry in batch for each in entry.news]:
            matters.note(news)

    def _note_hours(self, batch: list[Entry]) -> None:
        """Note in which hours tokens are used, each hour once (SPEC T5)."""
        heard = {Hour(entry.token_id, _hour(entry.at)) for entry in batch if entry.token_id}
        new = [each for each in heard if each.at > self._heard.get(each.token_id, LONG_AGO)]
        idp_days.note(new)
        self._heard |= {each.token_id: each.at for each in sorted(new, key=lambda each: each.at)}

    def _thinned(self, batch: list[Entry]) -> tuple[list[Entry], list[Entry]]:
        """The batch, and those of its calls that the log has: with a token that is not accepted, one a minute."""
        everything, told = [], []
        for entry in batch:
            if entry.is_refused and entry.token_id:
                last = self._refused.get(entry.token_id)
                if last is not None and entry.at < last + USE_NOTED:
                    news = tuple(replace(each, request_id=None) for each in entry.news if isinstance(each, Occurrence))
                    everything.append(replace(entry, news=news))
                    continue
                self._refused[entry.token_id] = entry.at
            everything.append(entry)
            told.append(entry)
        return everything, told

    def _is_noted(self, token_id: UUID, at: datetime) -> bool:
        noted = self._noted.get(token_id)
        return noted is not None and at < noted + USE_NOTED


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _count_days(batch: list[Entry]) -> None:
    request_days.add(Call(each.org_id, each.at, each.operation, each.status) for each in batch if each.org_id)


@dataclass(frozen=True, slots=True)
class Row:
    """What is stored of one call: the columns of its row in LOG, and its redacted bodies."""

    id: UUID
    log: tuple[Any, ...]
    bodies: tuple[str, str]


LOG = (
    "COPY scim_requestlog (id, at, method, path, operation, target, status, scim_type, detail, duration, address,"
    " agent, request_size, response_size, org_id, token_id) FROM STDIN"
)
BODIES = "COPY scim_requestlogbody (id, request, response) FROM STDIN"


def _insert(rows: list[Row]) -> int:
    """Write every row that can be written. Returns how many could not. Raises OperationalError, InterfaceError."""
    try:
        try:
            _copy(rows)
        except IntegrityError as error:
            if not isinstance(error.__cause__, errors.CheckViolation):
                raise
            # A day without a partition: no worker has made them for a while.
            partitions.make(partitions.day_of(min(row.id for row in rows)))
            _copy(rows)
    except (OperationalError, InterfaceError):
        raise
    except DatabaseError as error:
        if len(rows) > 1:
            return sum(_insert([row]) for row in rows)
        if isinstance(error.__cause__, errors.UniqueViolation):
            return 0  # written by an attempt whose connection was lost before it was confirmed
        log.error("request_log.refused", request_id=str(rows[0].id), error=str(error).strip())
        return 1
    return 0


def _copy(rows: list[Row]) -> None:
    with transaction.atomic(), connection.cursor() as cursor, connection.wrap_database_errors:
        with cursor.copy(LOG) as copy:
            for row in rows:
                copy.write_row(row.log)
        with cursor.copy(BODIES) as copy:
            for row in rows:
                if any(row.bodies):
                    copy.write_row((row.id, *row.bodies))


def _row(entry: Entry) -> Row:
    request_size = _size(entry.request, entry.request_size)
    response_size = _size(entry.response, entry.response_size)
    return Row(
        id=entry.id,
        log=(
            entry.id,
            entry.at,
            tokens.hidden(entry.method, 10),
            tokens.hidden(redaction.path(entry.path), 1000),
            tokens.hidden(entry.operation, 50),
            tokens.hidden(redaction.line(entry.target), 255),
            entry.status,
            tokens.hidden(entry.scim_type, 30),
            tokens.hidden(redaction.line(entry.detail), 1000),
            min(entry.duration, LARGEST),
            _address(entry.address),
            tokens.hidden(entry.agent, 200),
            request_size,
            response_size,
            entry.org_id,
            entry.token_id,
        ),
        bodies=(_body(entry.request, request_size), _body(entry.response, response_size)),
    )


def _losses(calls: int) -> Entry:
    """A row that reports missing calls."""
    now = timezone.now()
    detail = f"Calls that were not recorded before this time: {calls}."
    return Entry(id=uuid7(), at=now, method="", path="", status=0, duration=0, operation="log.dropped", detail=detail)


def _trimmed(entry: Entry) -> Entry:
    """The entry with its bodies cut, so that long ones do not fill the memory."""
    if _weight(entry) <= BODY:
        return entry
    return replace(
        entry,
        request=entry.request and entry.request[:BODY],
        response=entry.response and entry.response[:BODY],
        request_size=_size(entry.request, entry.request_size),
        response_size=_size(entry.response, entry.response_size),
    )


def _weight(entry: Entry) -> int:
    return len(entry.request or b"") + len(entry.response or b"")


def _size(body: bytes | None, size: int | None) -> int:
    return min(len(body or b"") if size is None else size, LARGEST)


def _body(body: bytes | None, size: int) -> str:
    return tokens.hidden(redaction.body(body, size=size)) if body else ""


def _address(text: str | None) -> str | None:
    try:
        return str(ip_address((text or "").partition("%")[0]))
    except ValueError:
        return None


_writer = PerProcess(Writer)
atexit.register(lambda: flush(FAREWELL))
