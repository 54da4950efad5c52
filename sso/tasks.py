"""Periodic tasks."""

import time

from celery import shared_task
from django.utils import timezone

from orgs import sso_sign_ins
from sso import issuers, metadata_addresses, seen

SECONDS = 60  # of one run: other tasks wait meanwhile


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
def read_metadata_again() -> None:
    """Harmless if it is lost, doubled or killed half-way: the next run goes on with what was not read for longest."""
    began = time.monotonic()
    while revision := metadata_addresses.next_to_read(at=timezone.now()):
        metadata_addresses.read_again(revision, at=timezone.now())
        if time.monotonic() - began > SECONDS:
            return read_metadata_again.delay()
    return None
