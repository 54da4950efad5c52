"""Periodic tasks."""

from celery import shared_task
from django.utils import timezone

from orgs import sso_sign_ins
from sso import connection_mail, issuers, seen


@shared_task(acks_late=True, ignore_result=True)
def forget_issuer_documents() -> None:
    """Whatever address was ever tried would be kept otherwise."""
    issuers.forget(at=timezone.now())


@shared_task(acks_late=True, ignore_result=True)
def forget_seen_tokens() -> None:
    """What is too old is refused for that."""
    seen.forget(at=timezone.now())


@shared_task(acks_late=True, ignore_result=True)
def forget_sign_ins() -> None:
    """They would be kept for ever otherwise."""
    sso_sign_ins.forget(at=timezone.now())


@shared_task(acks_late=True, ignore_result=True)
def tell_of_connections() -> None:
    """Runs outside requests, which neither wait for a mail nor fail with it. Running twice or late does no harm."""
    connection_mail.tell()
