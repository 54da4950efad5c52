"""Background work, started by a nudge or the clock."""

from datetime import timedelta
from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from groups_provisioning.actions import imports, members
from groups_provisioning.engine import effect_checks, holds, worker
from groups_provisioning.preview import runs
from orgs import feed, nudge, past

SECONDS = 5.0  # per task, so that other tasks get their turn


@shared_task(acks_late=True, ignore_result=True)
def settle_pending() -> None:
    """Settle waiting people, stamp what is new in the feed, then compute previews and take rows of imports.

    Harmless if it is lost, doubled, late or killed half-way.

    The database holds what remains to be done.
    """
    is_unfinished = worker.drain(SECONDS)
    feed.stamp_all()
    if is_unfinished or runs.serve() or imports.serve(SECONDS):
        nudge.wake()


@shared_task(acks_late=True, ignore_result=True)
def check_all_effects() -> None:
    """Start a check for every org, each in its own tasks, and delete old previews, imports and counts."""
    runs.forget(timezone.now())
    imports.forget(timezone.now())
    holds.forget()
    for org_id in effect_checks.org_ids():
        check_effects.delay(str(org_id))


@shared_task(acks_late=True, ignore_result=True)
def drop_past() -> None:
    """Keep what facts were before for PAST_DAYS. Harmless if it is lost, doubled or killed half-way."""
    oldest = timezone.now() - timedelta(days=settings.PAST_DAYS)
    past.drop_before(oldest)
    members.drop_past(before=oldest)


@shared_task(acks_late=True, ignore_result=True)
def check_effects(org_id: str, after: str | None = None) -> None:
    """Check some of an org's people, and start another task for the others. after: the last person checked so far."""
    checked = effect_checks.check(UUID(org_id), after=UUID(after) if after else None, seconds=SECONDS)
    if checked.last:
        check_effects.delay(org_id, str(checked.last))
