"""Work that a nudge or the clock starts."""

from uuid import UUID

from celery import shared_task
from django.utils import timezone

from groups_provisioning.engine import effect_checks, worker
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


@shared_task(acks_late=True, ignore_result=True)
def check_all_effects() -> None:
    """Have every org checked, each by tasks of its own; and let go of old previews."""
    runs.forget(timezone.now())
    for org_id in effect_checks.org_ids():
        check_effects.delay(str(org_id))


@shared_task(acks_late=True, ignore_result=True)
def check_effects(org_id: str, after: str | None = None) -> None:
    """Check some of an org's people, those after this one, and leave the others to the next task."""
    checked = effect_checks.check(UUID(org_id), after=UUID(after) if after else None, seconds=SECONDS)
    if checked.last:
        check_effects.delay(org_id, str(checked.last))
