"""Work that a nudge or the clock starts."""

from celery import shared_task

from groups_provisioning import worker
from groups_provisioning.preview import runs
from orgs import nudge

SECONDS = 5.0  # of one task, so that others have their turn


@shared_task(acks_late=True, ignore_result=True)
def settle_pending() -> None:
    """Settle whoever waits; then previews. Lost, doubled, late or killed half-way, it does no harm.

    What there is to do is in the database.
    """
    if worker.drain(SECONDS) or runs.serve():
        nudge.wake()
