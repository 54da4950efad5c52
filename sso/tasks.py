"""Periodic tasks."""

from celery import shared_task
from django.utils import timezone

from sso import issuers


@shared_task(acks_late=True, ignore_result=True)
def forget_issuer_documents() -> None:
    """Whatever address was ever tried would be kept otherwise."""
    issuers.forget(at=timezone.now())
