"""Periodic tasks."""

from celery import shared_task
from django.utils import timezone

from sso import issuers, test_runs


@shared_task(acks_late=True, ignore_result=True)
def forget_issuer_documents() -> None:
    """Whatever address was ever tried would be kept otherwise."""
    issuers.forget(at=timezone.now())


@shared_task(acks_late=True, ignore_result=True)
def forget_test_runs() -> None:
    """They are only refused once they are too old."""
    test_runs.forget(at=timezone.now())
