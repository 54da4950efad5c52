"""How commands run: in one transaction, again when they met another one."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import DatabaseError, IntegrityError, OperationalError, connection, transaction
from psycopg import errors

P = ParamSpec("P")
R = TypeVar("R")

ATTEMPTS = 6
CONTENTION = (errors.DeadlockDetected, errors.SerializationFailure, errors.LockNotAvailable)


def command(function: Callable[P, R]) -> Callable[P, R]:
    """Run `function` in one transaction: whole, or not at all (SPEC S7).

    Where it is the outermost one, a deadlock, serialization failure or lock timeout repeats it after a short random
    pause, so that contention alone never shows outside (SPEC S2). Inside another command it is part of that one.
    """

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        attempts = 1 if connection.in_atomic_block else ATTEMPTS
        for attempt in range(1, attempts + 1):
            try:
                with transaction.atomic():
                    return function(*args, **kwargs)
            except OperationalError as error:
                if attempt == attempts or not is_contention(error):
                    raise
                time.sleep(random.uniform(0.005, 0.05) * 2**attempt)  # noqa: S311 - jitter, not a secret
        raise AssertionError("unreachable")

    return run


@contextmanager
def snapshot() -> Iterator[None]:
    """One read-only view of the database; inside another transaction, that one's."""
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield


def is_contention(error: DatabaseError) -> bool:
    """Whether the database gave up for another transaction's sake, so that trying again may succeed."""
    return isinstance(error.__cause__, CONTENTION)


def violated(error: IntegrityError) -> str:
    """The name of the constraint that was violated."""
    cause = error.__cause__
    return (isinstance(cause, errors.Error) and cause.diag.constraint_name) or ""
