"""Django's PostgreSQL backend, with fewer messages to the server and a pool that notices its restart at once.

A message and its answer cost both sides more than most statements do. So BEGIN is sent with the first statement of a
transaction, and what is postponed with the next statement or with COMMIT.

The pool's own check finds dead connections one by one, with growing pauses: after a restart, requests would fail for
as many seconds as there were idle connections.
"""

import select
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import psycopg
from django.db.backends.postgresql import base
from django.db.backends.postgresql.operations import DatabaseOperations
from django.db.backends.postgresql.psycopg_any import BaseTzLoader
from django.db.backends.utils import debug_transaction
from django.db.utils import DatabaseErrorWrapper, InterfaceError
from django.utils.functional import cached_property
from psycopg import ClientCursor, Connection, OperationalError
from psycopg.errors import FeatureNotSupported
from psycopg.pq import TransactionStatus
from psycopg_pool import ConnectionPool

from orgs.db.prepared import PlanOutdated, Prepared, Rows


@dataclass(slots=True, eq=False)
class Statement:
    """A statement that is yet to be sent. rows: what it returned, once it was sent and if somebody asks for it."""

    sql: str
    params: Sequence[Any] | Mapping[str, Any] | None
    is_question: bool = False
    rows: Rows | None = None


BEGIN = Statement("BEGIN", None)
NAME_CHANGE = Prepared("SELECT set_config('muster.change', %s, true)")

MOST_PREPARED = 100
"""Statements that a connection has prepared. An update has one for each set of columns, and a plan takes memory."""

_prepared: WeakKeyDictionary[Connection[Any], OrderedDict[str, None] | None] = WeakKeyDictionary()
"""The names of what is prepared on each connection to PostgreSQL, the one used last at the end.

None on one that leads through a pooler, or whose plans are outdated.
"""


class Cursor(ClientCursor[Any]):
    """A cursor that sends what is due in one message with its own statement. due: the list of its connection."""

    due: list[Statement] = []

    def execute(self, query: Any, params: Any = None, **options: Any) -> "Cursor":
        if not self.due:
            try:
                return super().execute(self._as_sent(query), params, **options)
            except FeatureNotSupported as error:
                self._give_up_plans(error)
                return super().execute(query, params, **options)
        waiting = self.due[:]
        message = [*waiting, Statement(query, params)]
        try:
            text = "\n;\n".join(self.mogrify(self._as_sent(each.sql), each.params) for each in message)
        except psycopg.Error:
            if self.connection.info.transaction_status == TransactionStatus.INERROR:
                self.due.clear()  # one could not be declared, and what is due would only fail before a ROLLBACK TO
            raise
        self.due.clear()
        try:
            super().execute(text, **options)
        except FeatureNotSupported as error:
            self._give_up_plans(error)
            raise
        except Exception:  # whatever it is, it is raised again
            if self.connection.info.transaction_status == TransactionStatus.IDLE:
                self.due[:0] = waiting  # the server could not read the message, so it has done nothing of it
            raise
        for number, each in enumerate(waiting):
            if each.is_question:
                self.set_result(number)
                each.rows = self.fetchall()
        return self.set_result(-1)

    def _as_sent(self, query: Any) -> Any:
        """The call of what is prepared, which it is from now on; anything else as it is."""
        if not isinstance(query, Prepared):
            return query
        if self.connection not in _prepared:
            _prepared[self.connection] = None if self._is_pooled() else OrderedDict()
        names = _prepared[self.connection]
        if names is None:
            return query
        if query.name in names:
            names.move_to_end(query.name)
        else:
            if len(names) == MOST_PREPARED:
                oldest = next(iter(names))
                super().execute(f"DEALLOCATE {oldest}")
                del names[oldest]
            super().execute(query.declaration)  # by itself: what fails beside it would leave open whether it was read
            names[query.name] = None
        return query.call

    def _give_up_plans(self, error: FeatureNotSupported) -> None:
        """Go on without plans on this connection, where one of them is for other types than the columns have now.

        A migration has changed them; a text returns what there is. Raises PlanOutdated within a transaction, which is
        over, and the error where it is another one.
        """
        if error.diag.source_function != "RevalidateCachedQuery":
            raise error
        _prepared[self.connection] = None
        if self.connection.info.transaction_status != TransactionStatus.IDLE:
            raise PlanOutdated(str(error)) from error

    def _is_pooled(self) -> bool:
        """Whether the other end is a pooler. It makes up its process id, since it has to know whom to cancel."""
        (process,) = super().execute("SELECT pg_backend_pid()").fetchone() or (None,)
        return bool(process != self.connection.info.backend_pid)

    def executemany(self, *args: Any, **options: Any) -> None:
        self._send_due()
        super().executemany(*args, **options)

    def copy(self, *args: Any, **options: Any) -> Any:
        self._send_due()
        return super().copy(*args, **options)

    def _send_due(self) -> None:
        if self.due:
            last = self.due.pop()
            self.execute(last.sql, last.params)
            if last.is_question:
                last.rows = self.fetchall()


class Errors(DatabaseErrorWrapper):
    """What psycopg itself says of a connection that has ended is an outage, whatever it takes it for.

    Where PostgreSQL ends a connection, PgBouncer says so once more, and psycopg expects one answer to COMMIT and COPY.
    """

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        connection = self.wrapper.connection  # type: ignore[attr-defined]  # missing from its stub
        is_psycopgs = isinstance(error, psycopg.Error | ValueError) and not getattr(error, "sqlstate", None)
        if is_psycopgs and connection and connection.broken:
            kind, error = OperationalError, OperationalError(str(error))
        super().__exit__(kind, error, traceback)


class UtcLoader(BaseTzLoader):
    """Reads times by Python's own parser, which takes a fifth as long as psycopg's."""

    timezone = UTC

    def load(self, data: Any) -> datetime:
        try:
            return datetime.fromisoformat(str(data, "ascii")).astimezone(UTC)
        except (ValueError, OverflowError):  # infinite, or out of Python's range: psycopg says so
            return super().load(data)


class Operations(DatabaseOperations):
    def last_executed_query(self, cursor: Any, sql: Any, params: Any) -> Any:
        """Of what is prepared the text, which says more than its call."""
        if isinstance(sql, Prepared):
            return self.compose_sql(sql, params)
        return super().last_executed_query(cursor, sql, params)


class DatabaseWrapper(base.DatabaseWrapper):
    ops_class = Operations

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._due: list[Statement] = []

    @cached_property
    def wrap_database_errors(self) -> Errors:
        return Errors(self)

    def get_connection_params(self) -> dict[str, Any]:
        params = super().get_connection_params()
        if self.timezone is UTC:
            params["context"].register_loader("timestamptz", UtcLoader)  # of the one map of all connections
        return params | {"cursor_factory": Cursor}

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection that works when it is handed out; one dead connection causes all idle ones to be dropped."""
        self._due.clear()
        connection = super().get_new_connection(conn_params)
        if self.pool:
            try:
                if not _is_quiet(connection):
                    ConnectionPool.check_connection(connection)
            except OperationalError:
                self.pool.putconn(connection)
                self.pool.drain()
                connection = super().get_new_connection(conn_params)
        return connection

    def create_cursor(self, name: str | None = None) -> Any:
        cursor = super().create_cursor(name)
        cursor.due = self._due
        return cursor

    def postpone(self, sql: str, params: Any) -> None:
        """See `orgs.db.transactions.postpone`."""
        if not self.in_atomic_block:
            with self.cursor() as cursor:
                cursor.execute(sql, params)
            return
        self.validate_no_broken_transaction()
        self._due.append(Statement(sql, params))
        self._log(sql)

    def ask(self, sql: str, params: Any) -> Callable[[], Rows]:
        """See `orgs.db.transactions.ask`."""
        question = Statement(sql, params, is_question=True)
        if self.in_atomic_block:
            self.validate_no_broken_transaction()
            self._due.append(question)
        else:
            self._send(question)
        return partial(self._answer, question)

    def _answer(self, question: Statement) -> Rows:
        if question.rows is None:
            if question not in self._due:
                raise InterfaceError("A question was never sent: its transaction was rolled back.")
            last = self._due.pop()
            for each in self._due:
                if each.is_question:
                    self._log(each.sql)
            self._send(last)
        assert question.rows is not None
        return question.rows

    def _send(self, last: Statement) -> None:
        """Send a statement together with what is due before it."""
        with self.cursor() as cursor:
            cursor.execute(last.sql, last.params)
            if last.is_question:
                last.rows = cursor.fetchall()

    def _log(self, sql: str) -> None:
        """Have Django list a statement that goes with another one."""
        if self.queries_logged:
            self.queries_log.append({"sql": sql, "time": "0"})

    def name_change(self, id: UUID | None) -> None:
        """Have what this transaction writes from now on name this change as its own (`orgs.models.past.Past`)."""
        if self.in_atomic_block:
            self._forget_last_name()
            self._due.append(Statement(NAME_CHANGE, [str(id or "")]))

    def _forget_last_name(self) -> None:
        """Take back the name of a change under which nothing was written."""
        if self._due and self._due[-1].sql is NAME_CHANGE:
            self._due.pop()

    def _start_transaction_under_autocommit(self) -> None:
        """Django's hook for drivers that do not begin transactions by themselves: psycopg stays in autocommit."""
        self._due[:] = [BEGIN]

    def _set_autocommit(self, autocommit: bool) -> None:
        if self.connection.autocommit != autocommit:
            super()._set_autocommit(autocommit)  # type: ignore[misc]

    def _commit(self) -> None:
        self._forget_last_name()
        if not self._due:
            super()._commit()  # type: ignore[misc]
        elif self._due == [BEGIN]:
            self._due.clear()  # nothing was asked
        else:
            with debug_transaction(self, "COMMIT"), self.wrap_database_errors:
                self.create_cursor().execute("COMMIT")

    def _rollback(self) -> None:
        self._due.clear()
        super()._rollback()  # type: ignore[misc]


def _is_quiet(connection: Connection[Any]) -> bool:
    """Whether the server has sent nothing since its last answer. One that has ended the connection has; to ask the
    operating system costs a hundredth of what it costs to ask the server.
    """
    waiting = select.poll()
    waiting.register(connection.pgconn.socket, select.POLLIN | select.POLLRDHUP)
    return not waiting.poll(0)
