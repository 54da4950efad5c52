"""Hands the mails of the outbox to the mail server (SPEC N3).

Each mail is noted as sent before the next one is begun. A worker that is killed in between leaves one mail of which
nobody knows whether it was taken: it comes again, word for word and with the same Message-ID, by which mail programs
and servers know it. Nothing else is ever sent twice, and nothing is lost.
"""

from datetime import datetime, timedelta
from email.utils import format_datetime, parseaddr
from smtplib import SMTPDataError, SMTPException, SMTPNotSupportedError, SMTPRecipientsRefused
from time import monotonic
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.db import transaction

from orgs import invitations, mail_html, metrics, outbox, sign_in
from orgs.db.sealed import Unreadable
from orgs.models import Mail, MailKind
from orgs.outbox import Content

AT_ONCE = 100  # mails that are claimed together
AWAY = timedelta(minutes=1)
"""For how long mails rest when the mail server does not answer, which is counted against none of them."""

log = structlog.get_logger(__name__)


class _Refused(Exception):
    """The mail server, or Python, will never take this mail."""


class _PutOff(Exception):
    """The mail server does not take this mail now."""


class _Away(Exception):
    """The mail server cannot be spoken to. midway: while a mail was being handed over."""

    def __init__(self, error: BaseException, *, midway: bool) -> None:
        super().__init__(_words(error))
        self.midway = midway


def send(*, at: datetime, seconds: float) -> int:
    """Send what is due, for so long. Returns how many mails the mail server took.

    at: the time of the run. seconds: after which no other mail is begun; with the longest that one can take, less than
    outbox.LEASE.
    """
    ends, sent = monotonic() + seconds, 0
    while monotonic() < ends and (mails := outbox.claim(AT_ONCE, at=at)):
        taken, is_there = _send(mails, at=at, ends=ends)
        sent += taken
        if not is_there:
            break
    return sent


def _send(mails: list[Mail], *, at: datetime, ends: float) -> tuple[int, bool]:
    """Returns how many were taken, and whether the mail server is there."""
    server, sent, left = get_connection(), 0, list(mails)
    due_at, error = at, None
    try:
        _open(server)
        while left and monotonic() < ends:
            mail = left[0]
            if _is_of_no_use(mail):
                outbox.drop(mail)
            elif mail.is_question:
                _answer_question(mail, at)
            elif _send_one(mail, server, at):
                sent += 1
            left.pop(0)
    except _Away as away:
        log.warning("mail.server_away", error=str(away))
        if away.midway:  # it may be this mail's doing, so that the others go first from now on
            outbox.was_put_off(left.pop(0), str(away), at=at)
        if not sent:  # otherwise it may have had enough of this connection
            due_at, error = at + AWAY, str(away)
    finally:
        outbox.release(left, due_at=due_at, error=error)
        _close(server)
    return sent, error is None


def _is_of_no_use(mail: Mail) -> bool:
    invitation = _invitation(mail)
    return outbox.is_for_nobody(mail) or (invitation is not None and not invitations.is_open(invitation))


def _answer_question(mail: Mail, at: datetime) -> None:
    """Put in its place what was asked for, which may be nothing."""
    with transaction.atomic():
        outbox.drop(mail)
        sign_in.answer(mail.kind, mail.address, at=at)


def _send_one(mail: Mail, server: Any, at: datetime) -> bool:
    """Returns whether it was taken. Raises _Away."""
    about = {"mail": str(mail.pk), "kind": mail.kind, "org": str(mail.org_id)}
    try:
        content = _content(mail)
        if content.request_id:
            about["request_id"] = content.request_id
        _hand_over(mail, content, server)
    except (_Refused, _PutOff) as refusal:
        error = str(refusal)
        if isinstance(refusal, _PutOff) and mail.tries + 1 < outbox.TRIES:
            log.info("mail.put_off", **about, error=error)
            metrics.mails.labels("put_off").inc()
            outbox.was_put_off(mail, error, at=at)
        else:
            log.warning("mail.refused", **about, error=error)
            metrics.mails.labels("refused").inc()
            with transaction.atomic():
                if outbox.was_refused(mail, error, at=at) and (invitation := _invitation(mail)):
                    invitations.was_refused(invitation)
        return False
    log.info("mail.sent", **about)
    metrics.mails.labels("sent").inc()
    if invitation := _invitation(mail):
        with transaction.atomic():
            if outbox.was_sent(mail, at=at):
                invitations.was_sent(invitation, at=at)
    else:
        outbox.was_sent(mail, at=at)
    return True


def _content(mail: Mail) -> Content:
    """Raises _PutOff."""
    try:
        return outbox.content_of(mail)
    except Unreadable:
        raise _PutOff("It was sealed with a SECRET_KEY that is not known here.") from None


def _invitation(mail: Mail) -> UUID | None:
    """The id of the invitation that a mail is of, if it is of one."""
    return mail.about if mail.kind == MailKind.INVITATION else None


def _hand_over(mail: Mail, content: Content, server: Any) -> None:
    try:
        _message(mail, content, server).send()
    except SMTPRecipientsRefused as error:
        code, said = next(iter(error.recipients.values()))
        raise _answer(code, said) from error
    except SMTPDataError as error:
        raise _answer(error.smtp_code, error.smtp_error) from error
    except (ValueError, SMTPNotSupportedError) as error:  # what cannot be written as a mail, or not for this server
        raise _Refused(_words(error)) from error
    except (SMTPException, OSError) as error:
        raise _Away(error, midway=True) from error


def _answer(code: int, said: bytes | str) -> Exception:
    """What an answer about one mail means: from 500 on it is final (RFC 5321, 4.2.1); 421 is about the server."""
    words = f"{code} {said.decode('utf-8', 'replace') if isinstance(said, bytes) else said}"
    if code == 421:
        return _Away(OSError(words), midway=True)
    return _Refused(words) if code >= 500 else _PutOff(words)


def _message(mail: Mail, content: Content, server: Any) -> EmailMultiAlternatives:
    """The same for each try, but for the boundaries of its parts."""
    headers = {
        "Message-ID": f"<{mail.pk}@{_host()}>",
        "Date": format_datetime(mail.written_at),
        "Auto-Submitted": "auto-generated",  # RFC 3834: no answers by machines
    }
    if content.unsubscribe:  # RFC 8058
        headers["List-Unsubscribe"] = f"<{content.unsubscribe}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message = EmailMultiAlternatives(
        content.subject, content.text, to=[mail.address], headers=headers, connection=server
    )
    message.attach_alternative(mail_html.made_of(content.text, subject=content.subject), "text/html")
    return message


def _host() -> str:
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"


def _open(server: Any) -> None:
    try:
        server.open()
    except (SMTPException, OSError) as error:
        raise _Away(error, midway=False) from error


def _close(server: Any) -> None:
    """Whatever goes wrong here, the mails are sent."""
    try:
        server.close()
    except (SMTPException, OSError) as error:
        log.info("mail.farewell_failed", error=_words(error))


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
