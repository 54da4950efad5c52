"""What a worker does: it settles batch after batch, each from the org that has waited longest (SPEC C4, section 7)."""

import time

import structlog
from django.db import OperationalError, transaction

from groups_provisioning.engine import reconcile
from orgs import metrics, queue
from orgs.db.transactions import is_contention

log = structlog.get_logger(__name__)

BATCH = 500  # people; one transaction
REASON = 500  # characters of the reason that are stored


def drain(seconds: float) -> bool:
    """Settle waiting people for about `seconds` at most. Returns whether time ran out before the queue was empty."""
    deadline = time.monotonic() + seconds
    while serve() is not None:
        if time.monotonic() > deadline:
            return True
    return False


def serve() -> int | None:
    """Settle one batch in one transaction. Returns how many people it settled, or None if no org is waiting.

    A failure does not block other orgs: the org is put on hold for a while, and its marks stay. Returns 0 then.
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
            metrics.settling_failures.inc()
        return 0


def _reason(error: Exception) -> str:
    """The first line of the exception: PostgreSQL's other lines quote rows."""
    return f"{type(error).__name__}: {error}".partition("\n")[0][:REASON]
