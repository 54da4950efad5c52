"""Periodic tasks."""

import time
from contextlib import suppress
from uuid import UUID

from celery import shared_task
from django.utils import timezone

from orgs import (
    deletions,
    domains,
    history_retention,
    mail_sending,
    matter_mail,
    matters,
    outbox,
    proposals,
    sessions,
    sign_in_failures,
    support,
    support_views,
    txt_records,
)

SECONDS = 5.0  # per task, so that other tasks get their turn
MAIL_SECONDS = 20.0


@shared_task(acks_late=True, ignore_result=True)
def tell_support() -> None:
    """Running twice or late does no harm."""
    support.tell(at=timezone.now())


@shared_task(acks_late=True, ignore_result=True)
def forget_sign_in_failures() -> None:
    """Addresses that were typed are kept no longer than they count for anything."""
    sign_in_failures.forget_faded(at=timezone.now())


@shared_task(acks_late=True, ignore_result=True)
def forget_expired_sessions() -> None:
    """Until then they are only not accepted."""
    sessions.forget_expired()


@shared_task(acks_late=True, ignore_result=True)
def forget_matters() -> None:
    """What has not happened for long is no matter any more, and is not kept."""
    matters.forget(at=timezone.now())


@shared_task(acks_late=True, ignore_result=True)
def read_domains_again() -> None:
    """Harmless if it is lost, doubled or killed half-way: the next run goes on with what was not read for longest."""
    began = time.monotonic()
    while domain := domains.next_to_read(at=timezone.now()):
        with suppress(domains.NotProven, txt_records.Unanswered):  # it is noted, and told on the org's pages
            domains.read_again(domain, at=timezone.now())
        if time.monotonic() - began > SECONDS:
            return read_domains_again.delay()
    return None


@shared_task(acks_late=True, ignore_result=True)
def send_mails() -> None:
    """Runs outside requests, which neither wait for a mail server nor fail with it. Running twice or late does no
    harm.
    """
    mail_sending.send(at=timezone.now(), seconds=MAIL_SECONDS)


@shared_task(acks_late=True, ignore_result=True)
def mail_matters() -> None:
    """Harmless if it is lost, doubled or killed half-way: what is missed now, the next round finds."""
    if matter_mail.look(seconds=SECONDS):
        mail_matters.delay()


@shared_task(acks_late=True, ignore_result=True)
def forget_mails() -> None:
    """That somebody was mailed is of no use to anybody after a month."""
    outbox.forget(at=timezone.now())


@shared_task(acks_late=True, ignore_result=True)
def forget_history(after: str = str(history_retention.FIRST)) -> None:
    """Harmless if it is lost, doubled or killed half-way: the next night looks from the beginning. after: a change."""
    if reached := history_retention.forget(at=timezone.now(), after=UUID(after), seconds=SECONDS):
        forget_history.delay(str(reached))


@shared_task(acks_late=True, ignore_result=True)
def end_support_views() -> None:
    support_views.end_due(at=timezone.now())


@shared_task(acks_late=True, ignore_result=True)
def end_proposals() -> None:
    """Until then nobody can agree to them either. Running twice or late does no harm."""
    proposals.sweep(timezone.now())


@shared_task(acks_late=True, ignore_result=True)
def delete_orgs() -> None:
    """Harmless if it is lost, doubled, late or killed half-way: the database holds how far each deletion is."""
    if deletions.advance(seconds=SECONDS):
        delete_orgs.delay()
