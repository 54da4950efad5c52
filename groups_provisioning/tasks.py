"""Work that a nudge or the clock starts."""

from celery import shared_task

from groups_provisioning import worker
from orgs import nudge

SECONDS = 5.0  # of one task, so that others have their turn


@shared_task(acks_late=True, ignore_result=True)
def settle_pending() -> None:
    """Settle whoever waits. Lost, doubled, late or killed half-way, it does no harm: the queue is in the database."""
    if worker.drain(SECONDS):
        nudge.wake()
