"""Mails admins what needs attention: at once, or once a day (SPEC N3).

Each org is looked at every few minutes. What is open and was not before is news, once: it is none again until it has
been over for a while. The only module that writes `MatterRound` and `MailedMatter`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from time import monotonic
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from orgs import admin_mail, mail_choices, open_matters, outbox
from orgs.models import MailedMatter, MailKind, MailTime, MatterRound, Organization, User
from orgs.open_matters import OpenMatter
from orgs.outbox import Letter
from orgs.plain_words import plain

EVERY = timedelta(minutes=5)
OVER = timedelta(hours=1)
"""How long a matter has to be over before it is news again: what comes and goes fills nobody's mailbox."""
DAILY_AT = time(6)  # UTC
MOST = 25
"""Matters of one mail; it says how many more there are."""

_KINDS = {MailTime.AT_ONCE: MailKind.MATTERS, MailTime.DAILY: MailKind.DIGEST}


def look(*, seconds: float) -> bool:
    """Look at orgs, those first that nobody looked at for longest. Returns whether some are left after so long."""
    ends = monotonic() + seconds
    _begin(timezone.now())
    while (turn := _next(timezone.now())) is not None:
        look_at(turn, at=timezone.now())
        if monotonic() > ends:
            return True
    return False


def _begin(at: datetime) -> None:
    """Have new orgs looked at too. Their first daily mail comes on the next day."""
    new = Organization.objects.filter(closed_at=None, matter_round=None).values_list("pk", flat=True)
    rows = [MatterRound(org_id=id_, looked_at=at - EVERY, digest_at=at) for id_ in new]
    if rows:
        MatterRound.objects.bulk_create(rows, ignore_conflicts=True)


@transaction.atomic
def _next(at: datetime) -> MatterRound | None:
    """The next one, which counts as looked at from now on: one that cannot be looked at keeps back no other."""
    due = MatterRound.objects.filter(org__closed_at=None, looked_at__lte=at - EVERY).order_by("looked_at")
    turn = due.select_for_update(skip_locked=True, of=("self",)).first()
    if turn is not None:
        MatterRound.objects.filter(pk=turn.pk).update(looked_at=at)
    return turn


@transaction.atomic
def look_at(turn: MatterRound, *, at: datetime) -> None:
    """Compare what is open in an org with what was, and mail what is new."""
    turn = MatterRound.objects.select_related("org__profile").select_for_update(of=("self",)).get(pk=turn.pk)
    org, is_due = turn.org, _is_digest_due(turn, at)
    found = {matter.key: matter for matter in open_matters.everything(org, at=at)}
    told = {row.key: row for row in MailedMatter.objects.for_org(org)}
    new = [matter for key, matter in found.items() if key not in told]
    _note(org, found, told, at)
    digest = [matter for key, matter in found.items() if key not in told or not told[key].in_digest] if is_due else []
    if new or digest:
        _write(org, new, digest, at)
    if is_due:
        MailedMatter.objects.for_org(org).filter(key__in=[matter.key for matter in digest]).update(in_digest=True)
        MatterRound.objects.filter(pk=turn.pk).update(digest_at=at)


def _note(org: Organization, found: dict[str, OpenMatter], told: dict[str, MailedMatter], at: datetime) -> None:
    MailedMatter.objects.bulk_create(
        MailedMatter(org=org, key=key, opened_at=at, seen_at=at) for key in found if key not in told
    )
    if there := found.keys() & told.keys():
        MailedMatter.objects.for_org(org).filter(key__in=there).update(seen_at=at)
    if [key for key, row in told.items() if key not in found and row.seen_at < at - OVER]:
        MailedMatter.objects.for_org(org).filter(seen_at__lt=at - OVER).delete()


def _is_digest_due(turn: MatterRound, at: datetime) -> bool:
    today = datetime.combine(at.date(), DAILY_AT, tzinfo=at.tzinfo)
    return turn.digest_at < (today if today <= at else today - timedelta(days=1))


def _write(org: Organization, new: Sequence[OpenMatter], digest: Sequence[OpenMatter], at: datetime) -> None:
    readers = admin_mail.readers(org)
    chosen = mail_choices.of_each(readers)
    letters = []
    if unread := [matter for matter in new if matter.kind in mail_choices.ALWAYS and matter.kind not in _read(chosen)]:
        owners = [person for person in readers if person.is_owner] or readers
        letters += [_letter(org, person, unread, MailTime.AT_ONCE, may_stop=False) for person in owners]
    for matters, when in ((new, MailTime.AT_ONCE), (digest, MailTime.DAILY)):
        for person in readers:
            if theirs := [matter for matter in matters if chosen[person.pk][matter.kind] == when]:
                letters.append(_letter(org, person, theirs, when))
    outbox.put(letters, at=at)


def _read(chosen: Mapping[UUID, Mapping[str, MailTime]]) -> set[str]:
    """The kinds of which at least one of them is mailed."""
    return {kind for times in chosen.values() for kind, time in times.items() if time != MailTime.NEVER}


def _letter(
    org: Organization, person: User, matters: Sequence[OpenMatter], when: MailTime, *, may_stop: bool = True
) -> Letter:
    stop = mail_choices.address_to_stop(person, when) if may_stop else ""
    words = {
        "org": org,
        "matters": matters[:MOST],
        "more": len(matters[MOST:]),
        "is_daily": when == MailTime.DAILY,
        "stop": stop,
        "portal": settings.MUSTER_URL,
    }
    return Letter(
        kind=_KINDS[when],
        to=person.login_email or "",
        subject=_subject(org, matters),
        text=render_to_string("orgs/matters_mail.txt", words),
        org=org,
        person=person,
        unsubscribe=stop,
    )


def _subject(org: Organization, matters: Sequence[OpenMatter]) -> str:
    if len(matters) == 1:
        return _("Muster: %(title)s") % {"title": plain(matters[0].title)}
    subject = ngettext(
        "Muster: %(count)s matter at %(org)s needs attention",
        "Muster: %(count)s matters at %(org)s need attention",
        len(matters),
    )
    return subject % {"count": len(matters), "org": plain(org.name)}
