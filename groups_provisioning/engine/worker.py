"""What a worker does: batch after batch, each of the org that waits longest (SPEC C4, section 7)."""

import time

import structlog
from django.db import OperationalError, transaction

from groups_provisioning.engine import reconcile
from orgs import queue
from orgs.db.transactions import is_contention

log = structlog.get_logger(__name__)

BATCH = 500  # people; one transaction
REASON = 500  # characters of it that are kept


def drain(seconds: float) -> bool:
    """Settle whoever waits, for about that long at most; whether time was up before the queue was empty."""
    deadline = time.monotonic() + seconds
    while serve() is not None:
        if time.monotonic() > deadline:
            return True
    return False


def serve() -> int | None:
    """Settle one batch in one transaction; how many people it was, or None where no org waits.

    What goes wrong keeps nobody else waiting: the org is held for a while, and its marks stay.
    """
    taken = None
    try:
        with transaction.atomic():
            taken = queue.take_turn()
            return reconcile.settle_marked(taken.org_id, BATCH) if taken else None
    except Exception as error:
        if taken is None:
            raise
        if isinstance(error, OperationalError) and is_contention(error):
            queue.step_back(taken)
        else:
            log.exception("settling_failed", org=str(taken.org_id))
            queue.hold(taken, reason=_reason(error))
        return 0


def _reason(error: Exception) -> str:
    """The exception in one line; PostgreSQL's further lines quote rows."""
    return f"{type(error).__name__}: {error}".partition("\n")[0][:REASON]
