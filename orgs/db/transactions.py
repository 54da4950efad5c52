"""How commands run: in one transaction, repeated when it collides with another one."""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError, connection, transaction
from psycopg import errors
from psycopg_pool import PoolTimeout

from orgs.db.keys import uuid7
from orgs.db.prepared import PlanOutdated, Rows

P = ParamSpec("P")
R = TypeVar("R")

ATTEMPTS = 6
CONTENTION = (errors.DeadlockDetected, errors.SerializationFailure, errors.LockNotAvailable, PlanOutdated)


@dataclass(slots=True)
class _Naming:
    """The change that the outermost command under way is about to record, or has recorded; and all that it has."""

    id: UUID = field(default_factory=uuid7)
    is_recorded: bool = False
    recorded: list[UUID] = field(default_factory=list)


_naming: ContextVar[_Naming | None] = ContextVar("naming", default=None)


def command(function: Callable[P, R]) -> Callable[P, R]:
    """Run `function` in one transaction: all of it, or nothing (SPEC S7).

    In the outermost command, a deadlock, serialization failure or lock timeout repeats it after a short random pause,
    so that contention alone is not visible to clients (SPEC S2). A nested command joins the outer transaction.

    The facts that it writes name its change as what changed them (SPEC T3, `change_id`).
    """

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        attempts = 1 if connection.in_atomic_block else ATTEMPTS
        for attempt in range(1, attempts + 1):
            try:
                with transaction.atomic(), _named():
                    return function(*args, **kwargs)
            except OperationalError as error:
                if attempt == attempts or not is_contention(error):
                    raise
                time.sleep(random.uniform(0.005, 0.05) * 2**attempt)  # noqa: S311 - jitter, not a secret
        raise AssertionError("unreachable")

    return run


@contextmanager
def _named() -> Iterator[None]:
    if naming := _naming.get():  # a nested command
        if naming.is_recorded:
            next_change()
        yield
        return
    token = _naming.set(_Naming())
    try:
        next_change()
        yield
        connection.name_change(None)  # type: ignore[attr-defined]  # what follows is nobody's
    finally:
        _naming.reset(token)


def next_change() -> UUID:
    """A new ID for the change that the command under way records next. What it writes from now on names it.

    For after a lock: whoever waited for one has the later ID.
    """
    naming = _naming.get()
    if naming is None:
        return uuid7()
    naming.id, naming.is_recorded = uuid7(), False
    connection.name_change(naming.id)  # type: ignore[attr-defined]  # config.postgresql
    return naming.id


def change_id() -> UUID:
    """The ID of the change that the command under way records next, for rows that point to it."""
    naming = _naming.get()
    return next_change() if naming is None or naming.is_recorded else naming.id


def recorded(change: UUID) -> None:
    """A change has been recorded. If it is the one under way, the next of the same command has an ID of its own."""
    naming = _naming.get()
    if naming:
        naming.recorded.append(change)
        if naming.id == change:
            naming.is_recorded = True


def all_recorded() -> list[UUID]:
    """The changes that the command under way, those within it included, has recorded so far."""
    naming = _naming.get()
    return list(naming.recorded) if naming else []


def postpone(sql: str, params: Mapping[str, Any] | Sequence[Any]) -> None:
    """Run a statement of this transaction together with the next one, or with its COMMIT.

    For writes and locks of every request whose result nobody looks at: each message to the server that is saved is
    worth more than most statements. What the statement raises is raised there too, so it has to be a defect or a
    contention; nothing else may depend on it. Outside a transaction it runs at once.
    """
    connection.postpone(sql, params)  # type: ignore[attr-defined]  # config.postgresql


def ask(sql: str, params: Mapping[str, Any] | Sequence[Any]) -> Callable[[], Rows]:
    """Ask the database something together with the next statement of this transaction. Returns what gives the rows.

    If no statement is sent before the rows are wanted, the question is; so several questions cost one message. Each
    statement of a message sees what those before it did, and what was committed by then. Outside a transaction it is
    asked at once.
    """
    return connection.ask(sql, params)  # type: ignore[attr-defined]  # config.postgresql


@contextmanager
def snapshot() -> Iterator[None]:
    """One read-only snapshot of the database; inside another transaction, that one's view."""
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield


def is_contention(error: DatabaseError) -> bool:
    """Whether the database gave up because of another transaction, so that a retry may succeed."""
    return isinstance(error.__cause__, CONTENTION)


def is_unavailable(error: BaseException | None) -> bool:
    """Whether the database is away, or ended what took too long, so that the same request may succeed later."""
    return isinstance(error, OperationalError | InterfaceError | PoolTimeout) or outlived_its_transaction(error)


def outlived_its_transaction(error: BaseException | None) -> bool:
    """Whether PostgreSQL ended a transaction in which nothing was asked for too long."""
    return error is not None and isinstance(error.__cause__, errors.IdleInTransactionSessionTimeout)


def violated(error: IntegrityError) -> str:
    """The name of the constraint that was violated."""
    cause = error.__cause__
    return (isinstance(cause, errors.Error) and cause.diag.constraint_name) or ""
