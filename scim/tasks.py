"""Periodic tasks."""

from celery import shared_task
from django.utils import timezone

from scim import partitions


@shared_task(acks_late=True, ignore_result=True)
def keep_request_log_partitions() -> None:
    partitions.keep(timezone.now())
