"""Background work, started by a nudge or the clock."""

from celery import current_app, shared_task

from api.webhooks import deliveries

QUEUE = "webhooks"
"""Of `deliver` alone (CELERY_TASK_ROUTES): its workers wait for receivers, and settling does not wait for them."""
MOST = 16  # deliveries that are asked for at once
SECONDS = 5.0  # per delivery, so that a worker that is asked to stop is soon done
EXPIRES = 30  # seconds


@shared_task(acks_late=True, ignore_result=True)
def wake_deliveries() -> None:
    """Ask for as many deliveries as webhooks have something to send, unless they are asked for already.

    So nothing piles up where no worker serves that queue.
    """
    if not (due := deliveries.count_due(MOST)):
        return
    with current_app.connection_for_write() as connection:
        waiting = connection.default_channel.client.llen(QUEUE)
        for _ in range(due - waiting):
            deliver.apply_async(connection=connection, expires=EXPIRES)


@shared_task(acks_late=True, ignore_result=True)
def deliver() -> None:
    """Send what is new to webhooks. Harmless if it is lost, doubled, late or killed half-way."""
    if deliveries.serve(SECONDS):
        deliver.apply_async(expires=EXPIRES)


@shared_task(acks_late=True, ignore_result=True)
def forget_attempts() -> None:
    """Otherwise they would be kept for ever."""
    deliveries.forget_attempts()
