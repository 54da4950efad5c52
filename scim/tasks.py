"""Periodic tasks."""

from celery import shared_task
from django.utils import timezone

from scim import erasing, filter_copies, idp_days, partitions, request_days

SECONDS = 5.0  # per task, so that other tasks get their turn


@shared_task(acks_late=True, ignore_result=True)
def keep_request_log_partitions() -> None:
    now = timezone.now()
    partitions.keep(now)
    request_days.forget(at=now)
    idp_days.forget()


@shared_task(acks_late=True, ignore_result=True)
def note_additions_and_removals() -> None:
    """Harmless if it is lost, doubled or late by less than `idp_days.AGAIN`: it reads history again so far back."""
    idp_days.read_history(at=timezone.now())


@shared_task(acks_late=True, ignore_result=True)
def refresh_filter_copies() -> None:
    """Harmless if it is lost, doubled or late: the database holds what remains to be done."""
    if filter_copies.refresh(seconds=SECONDS):
        refresh_filter_copies.delay()


@shared_task(acks_late=True, ignore_result=True)
def finish_erasures() -> None:
    """Harmless if it is lost, doubled or late: the database holds what remains to be done."""
    if erasing.work(now=timezone.now(), seconds=SECONDS):
        finish_erasures.delay()
