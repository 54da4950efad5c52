"""Periodic tasks."""

from celery import shared_task
from django.utils import timezone

from orgs import support


@shared_task(acks_late=True, ignore_result=True)
def tell_support() -> None:
    """Runs outside requests, which neither wait for a mail nor fail with it. Running twice or late does no harm."""
    support.tell(at=timezone.now())
