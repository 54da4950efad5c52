"""The outbox (SPEC N3): every mail is a row, written in the transaction of what it tells of; a worker sends it.

The only module that writes `Mail`. What a mail says may have a link that signs in, so it is sealed while it waits and
gone once the mail server has answered. A row is one mail to one address: one that is refused keeps back no other.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import orjson
import structlog
from django.db import transaction
from django.db.models import Min, Q

from orgs.db.keys import fold, id_at, uuid7
from orgs.db.sealed import Unreadable, seal, unseal
from orgs.db.tenancy import TenantQuerySet
from orgs.models import Mail, MailKind, MailState, Organization, User
from orgs.traces import Traces

LEASE = timedelta(minutes=5)
"""For how long a mail is somebody's who sends it: longer than that can take, see `orgs.mail_sending`."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)
TRIES = 76
"""After so many answers that put it off, a mail is given up: with these pauses, after three days."""
KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A mail before it is put into the outbox.

    org, person, about: as `Mail` has them. text: plain; the HTML part is made of it (`orgs.mail_html`). unsubscribe:
    the address that ends mails of this kind for this reader, if they may be ended.
    """

    kind: MailKind
    to: str
    subject: str
    text: str
    org: Organization | None = None
    person: User | None = None
    about: UUID | None = None
    unsubscribe: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """What a mail says. request_id: of the request that it was written for, for the log; empty if for none."""

    subject: str
    text: str
    unsubscribe: str
    request_id: str = ""


def put(letters: Iterable[Letter], *, at: datetime) -> None:
    """Have these sent, once the caller's transaction is committed. One statement."""
    rows = []
    request_id = structlog.contextvars.get_contextvars().get("request_id", "")
    for letter in letters:
        id_ = uuid7()
        said = {
            "subject": letter.subject,
            "text": letter.text,
            "unsubscribe": letter.unsubscribe,
            "request_id": request_id,
        }
        rows.append(
            Mail(
                id=id_,
                org=letter.org,
                person=letter.person,
                kind=letter.kind,
                about=letter.about,
                address=letter.to,
                content=seal(orjson.dumps(said).decode(), owner=id_) if letter.text else "",
                written_at=at,
                due_at=at,
            )
        )
    Mail.objects.bulk_create(rows)


def take_back(*, about: UUID) -> None:
    """Do not send what waits about this any more. One that is on its way now may still arrive."""
    _waiting().filter(about=about).delete()


# --- Sending ----------------------------------------------------------------------------------------------------------


def claim(count: int, *, at: datetime) -> list[Mail]:
    """The next mails that are due, with org and person, for the caller alone until LEASE is over.

    Whoever does not come back, has perhaps sent one and not said so: it is sent again, with the same Message-ID.
    """
    with transaction.atomic():
        due = _waiting().filter(due_at__lte=at).select_related("org", "person").order_by("due_at", "id")
        mails = list(due.select_for_update(skip_locked=True, of=("self",))[:count])
        if mails:
            Mail.objects.filter(pk__in=[each.pk for each in mails]).update(due_at=at + LEASE)
    return mails


def oldest_untried(*, at: datetime) -> float | None:
    """For how many seconds the oldest mail has waited that was never tried; None if there is none.

    A mail that its receiver puts off waits by itself. A mail server that is away is counted against none of them.
    """
    written = _waiting().filter(tries=0).aggregate(first=Min("written_at"))["first"]
    return (at - written).total_seconds() if written else None


def is_for_nobody(mail: Mail) -> bool:
    """Whether the org or the account that a mail is for was closed since it was written."""
    closed = mail.org is not None and mail.org.closed_at is not None
    return closed or (mail.person is not None and not mail.person.is_active)


def content_of(mail: Mail) -> Content:
    """Raises Unreadable."""
    return Content(**orjson.loads(unseal(mail.content, owner=mail.pk)))


def drop(mail: Mail) -> None:
    _waiting().filter(pk=mail.pk).delete()


def was_sent(mail: Mail, *, at: datetime) -> bool:
    """Note that the mail server has taken a mail. Returns whether it was still in the outbox."""
    return _settle(mail, MailState.SENT, "", at)


def was_refused(mail: Mail, error: str, *, at: datetime) -> bool:
    """Note that the mail server takes this mail neither now nor later. As `was_sent`."""
    return _settle(mail, MailState.REFUSED, error, at)


def was_put_off(mail: Mail, error: str, *, at: datetime) -> None:
    """Note that a mail has to be tried again later, each time after a longer pause."""
    pause = min(FIRST_PAUSE * 2 ** min(mail.tries, 10), LONGEST_PAUSE)
    _waiting().filter(pk=mail.pk).update(tries=mail.tries + 1, error=_line(error), due_at=at + pause)


def release(mails: Collection[Mail], *, due_at: datetime, error: str | None = None) -> None:
    """Give back what was claimed and not tried. error: why, if that is the mail server's doing."""
    if mails:
        noted = {} if error is None else {"error": _line(error)}
        _waiting().filter(pk__in=[each.pk for each in mails]).update(due_at=due_at, **noted)


def _settle(mail: Mail, state: MailState, error: str, at: datetime) -> bool:
    settled = {"state": state, "settled_at": at, "content": "", "error": _line(error), "tries": mail.tries + 1}
    return bool(_waiting().filter(pk=mail.pk).update(**settled))


def _line(error: str) -> str:
    return " ".join(error.split())[:200]


def _waiting() -> TenantQuerySet[Mail]:
    return Mail.objects.filter(state=MailState.WAITING)


# --- Forgetting -------------------------------------------------------------------------------------------------------


def forget(*, at: datetime) -> int:
    """Delete what is older than KEPT. Returns how many."""
    return Mail.objects.filter(pk__lt=id_at(at - KEPT)).delete()[0]


def forget_person(org_id: UUID, traces: Traces, called: Collection[str]) -> int:
    """Delete every mail to somebody who is erased, and those that name them and still wait. Returns how many (SPEC U5).

    called: what the portal called them, folded.
    """
    ours = Mail.objects.for_org(org_id)
    shared = Mail.objects.filter(org__isnull=True, address_key__in=traces.known_by)  # what sign-in pages were asked for
    names = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, called)) or '$.'})(?!\w)")  # without any, it finds nothing
    count = ours.filter(Q(person=traces.id) | Q(address_key__in=traces.known_by)).delete()[0] + shared.delete()[0]
    for mail in ours.filter(state=MailState.WAITING):
        try:
            content = content_of(mail)
        except Unreadable:
            drop(mail)  # nobody can tell whom it names, and nobody can send it
            continue
        text = f"{content.subject}\n{content.text}"
        if traces.found_in(text) or names.search(fold(text)):
            count += ours.filter(pk=mail.pk).delete()[0]
    return count
