"""Mails admins what needs attention: at once, or once a day (SPEC N3).

Each org is looked at every few minutes, many at once. What is open and was not before is news, once: it is none again
until it has been over for a while. The only module that writes `MatterRound` and `MailedMatter`.
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

BATCH = 100
"""Orgs that are looked at together."""
News = dict[UUID, list[OpenMatter]]
"""By the id of the org."""

_KINDS = {MailTime.AT_ONCE: MailKind.MATTERS, MailTime.DAILY: MailKind.DIGEST}


def look(*, seconds: float) -> bool:
    """Look at orgs, those first that nobody looked at for longest. Returns whether some are left after so long.

    Raises what kept it from looking at one of them, when it has looked at the others of its batch.
    """
    ends = monotonic() + seconds
    _begin(timezone.now())
    while turns := _next(timezone.now()):
        try:
            look_at(turns, at=timezone.now())
        except Exception:
            if len(turns) == 1:
                raise
            _one_by_one(turns)
        if monotonic() > ends:
            return True
    return False


def _one_by_one(turns: Sequence[UUID]) -> None:
    """Look at each by itself, so that one that cannot be looked at keeps back no other. Raises the last such error."""
    failed: Exception | None = None
    for turn in turns:
        try:
            look_at([turn], at=timezone.now())
        except Exception as error:
            failed = error
    if failed is not None:
        raise failed


def _begin(at: datetime) -> None:
    """Have new orgs looked at too. Their first daily mail comes on the next day."""
    new = Organization.objects.filter(closed_at=None, matter_round=None).values_list("pk", flat=True)
    rows = [MatterRound(org_id=id_, looked_at=at - EVERY, digest_at=at) for id_ in new]
    if rows:
        MatterRound.objects.bulk_create(rows, ignore_conflicts=True)


@transaction.atomic
def _next(at: datetime) -> list[UUID]:
    """The next orgs, which count as looked at from now on: what fails is tried again when it is due, and not before."""
    due = MatterRound.objects.filter(org__closed_at=None, looked_at__lte=at - EVERY).order_by("looked_at")
    turns = [turn.pk for turn in due.select_for_update(skip_locked=True, of=("self",))[:BATCH]]
    if turns:
        MatterRound.objects.filter(pk__in=turns).update(looked_at=at)
    return turns


@transaction.atomic
def look_at(turns: Sequence[UUID], *, at: datetime) -> None:
    """Compare what is open in orgs with what was, and mail what is new. As many statements for many as for one."""
    locked = MatterRound.objects.select_related("org__profile").select_for_update(of=("self",))
    rounds = list(locked.filter(pk__in=turns).order_by("pk"))
    orgs = {turn.pk: turn.org for turn in rounds}
    due = {turn.pk for turn in rounds if _is_digest_due(turn, at)}
    found = open_matters.of_each(list(orgs.values()), at=at)
    told = {(row.org_id, row.key): row for row in MailedMatter.objects.filter(org__in=orgs)}
    new: News = {}
    digest: News = {}
    for org_id, matters in found.items():
        for matter in {each.key: each for each in matters}.values():
            row = told.get((org_id, matter.key))
            if row is None:
                new.setdefault(org_id, []).append(matter)
            if org_id in due and (row is None or not row.in_digest):
                digest.setdefault(org_id, []).append(matter)
    _note(_keys(found), _keys(digest), told, at)
    if new or digest:
        _write([orgs[id_] for id_ in {**new, **digest}], new, digest, at)
    if due:
        MatterRound.objects.filter(pk__in=due).update(digest_at=at)


def _keys(news: News) -> set[tuple[UUID, str]]:
    return {(org_id, matter.key) for org_id, matters in news.items() for matter in matters}


def _note(
    present: set[tuple[UUID, str]],
    in_digest: set[tuple[UUID, str]],
    told: Mapping[tuple[UUID, str], MailedMatter],
    at: datetime,
) -> None:
    rows = [
        MailedMatter(org_id=org_id, key=key, opened_at=at, seen_at=at, in_digest=(org_id, key) in in_digest)
        for org_id, key in sorted(present - told.keys())
    ]
    if rows:
        MailedMatter.objects.bulk_create(rows)
    if seen := [row.pk for key, row in told.items() if key in present]:
        MailedMatter.objects.filter(pk__in=seen).update(seen_at=at)
    if sent := [row.pk for key, row in told.items() if key in in_digest]:
        MailedMatter.objects.filter(pk__in=sent).update(in_digest=True)
    if over := [row.pk for key, row in told.items() if key not in present and row.seen_at < at - OVER]:
        MailedMatter.objects.filter(pk__in=over).delete()


def _is_digest_due(turn: MatterRound, at: datetime) -> bool:
    today = datetime.combine(at.date(), DAILY_AT, tzinfo=at.tzinfo)
    return turn.digest_at < (today if today <= at else today - timedelta(days=1))


def _write(orgs: Sequence[Organization], new: News, digest: News, at: datetime) -> None:
    readers = admin_mail.readers_of(orgs)
    chosen = mail_choices.of_each([person for people in readers.values() for person in people])
    letters = []
    for org in orgs:
        people, news = readers[org.pk], new.get(org.pk, [])
        read = {kind for person in people for kind, when in chosen[person.pk].items() if when != MailTime.NEVER}
        if unread := [each for each in news if each.kind in mail_choices.ALWAYS and each.kind not in read]:
            owners = [person for person in people if person.is_owner] or people
            letters += [_letter(org, person, unread, MailTime.AT_ONCE, may_stop=False) for person in owners]
        for matters, when in ((news, MailTime.AT_ONCE), (digest.get(org.pk, []), MailTime.DAILY)):
            for person in people:
                if theirs := [matter for matter in matters if chosen[person.pk][matter.kind] == when]:
                    letters.append(_letter(org, person, theirs, when))
    outbox.put(letters, at=at)


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
