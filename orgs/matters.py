"""What an admin should act on (SPEC N1): the only module that begins and ends rows of `Matter`.

A matter is stored only where no other table says it: what calls that were refused, or values that nobody described,
would otherwise leave in the request log alone, which forgets. What other tables do say (open conflicts, pending
mappings, tokens that expire) is read from them instead, and so ends by itself: `orgs.open_matters` has all of them.

Each kind begins with an `Occurrence`, which whoever meets it makes, and ends as follows.

- Tokens that have ended, or are used from elsewhere: a day after the last call.
- Tokens sent in clear: 30 days after the last call, since a call that has ended does not take the token back.
- Refused creates: when a person, or group, of that name is written; or 30 days after the last attempt.
- Refused changes of a person or group: when one is accepted, or they are deleted; or 30 days after the last attempt.
- Groups that are pushed while group provisioning is off: when it is switched on; or 30 days after the last attempt.
- People whom SCIM deactivated although it had not made them: when they are active or deleted; or 30 days later.
- Groups that were ended by hand and are still written: when the group is back; or 30 days after the last attempt.
- Undescribed attributes: when the resource that was last written with it is written without it; or 30 days later.

What an admin dismisses stays out of sight for as long as it goes on, up to FORGOTTEN after the last occurrence.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

import orjson
from django.db import connection
from django.db.models import Case, Exists, OuterRef, Q, UUIDField, When
from django.db.models.functions import Cast

from orgs import history, tokens
from orgs.change_details import MatterDismissed
from orgs.db.keys import fold, uuid7
from orgs.db.tenancy import TenantQuerySet
from orgs.db.transactions import command
from orgs.models import Matter, MatterKind, Organization, ScimToken, User
from orgs.traces import Traces

FORGOTTEN = timedelta(days=30)
LASTS = {MatterKind.DEAD_TOKEN: timedelta(days=1), MatterKind.FOREIGN_ADDRESS: timedelta(days=1)}
"""How long a kind lasts after its last occurrence, if it is less than FORGOTTEN."""
URGENT = frozenset((MatterKind.DEAD_TOKEN, MatterKind.FOREIGN_ADDRESS, MatterKind.TOKEN_IN_CLEAR))
"""Those about a token, whose id is their subject."""
MOST = 200  # of one kind in one org; the oldest go
LENGTH = 255  # characters of a subject, and of a text in `detail`
GROUPS = "groups"
"""The subject of what is about all groups of an org."""


class UnknownMatter(Exception):
    """This org has no such matter, or no longer."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Something that an admin should know happened. detail: texts. request_id: None where the log does not have it."""

    org_id: UUID
    kind: MatterKind
    subject: str
    at: datetime
    request_id: UUID | None = None
    detail: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Written:
    """A person or group was written: what that ends.

    refused: the kind of their refused creates. name: theirs; empty if they were deleted. undescribed: the subjects of
    the undescribed attributes that they now have.
    """

    org_id: UUID
    at: datetime
    resource_id: UUID
    refused: MatterKind
    name: str = ""
    undescribed: tuple[str, ...] = ()


News = Occurrence | Written


@command
def note(news: Sequence[News]) -> None:
    """Begin, continue and end matters by what happened, at the times that it says. At most five statements.

    Texts may be an IdP's own; they are cut, and tokens in them are hidden.
    """
    written = [each for each in news if isinstance(each, Written)]
    found = _summed(each for each in news if isinstance(each, Occurrence))
    with connection.cursor() as cursor:
        if found:
            cursor.execute(_BEGIN, {"rows": orjson.dumps(found).decode()})
            orgs = list({row["org_id"] for row in found})
            cursor.execute(_CAP, {"orgs": orgs, "most": MOST})
        if written:
            _end(cursor, written)


_BEGIN = """
INSERT INTO orgs_matter AS m
    (id, org_id, kind, subject, subject_key, first_at, last_at, count, request_id, detail)
SELECT r.id, org_id, kind, subject, subject_key, first_at, last_at, count, request_id, detail
FROM jsonb_to_recordset(%(rows)s) AS r (id uuid, org_id uuid, kind text, subject text, subject_key text,
    first_at timestamptz, last_at timestamptz, count bigint, request_id uuid, detail jsonb)
JOIN orgs_organization o ON o.id = r.org_id
ON CONFLICT (org_id, kind, subject_key) DO UPDATE SET
    first_at = CASE WHEN {is_over} THEN excluded.first_at ELSE least(m.first_at, excluded.first_at) END,
    last_at = greatest(m.last_at, excluded.last_at),
    count = CASE WHEN {is_over} THEN 0 ELSE m.count END + excluded.count,
    subject = CASE WHEN excluded.last_at >= m.last_at THEN excluded.subject ELSE m.subject END,
    request_id = CASE WHEN excluded.last_at >= m.last_at THEN coalesce(excluded.request_id, m.request_id)
        ELSE m.request_id END,
    detail = CASE WHEN excluded.last_at >= m.last_at THEN excluded.detail ELSE m.detail END
"""
_IS_OVER = "m.dismissed_at IS NULL AND m.last_at < excluded.first_at - CASE m.kind {} ELSE interval '{} s' END"
_BEGIN = _BEGIN.format(
    is_over=_IS_OVER.format(
        " ".join(f"WHEN '{kind.value}' THEN interval '{span.total_seconds()} s'" for kind, span in LASTS.items()),
        FORGOTTEN.total_seconds(),
    )
)
_CAP = """
DELETE FROM orgs_matter WHERE id IN (
    SELECT id FROM (
        SELECT id, row_number() OVER (PARTITION BY org_id, kind ORDER BY last_at DESC, id DESC) AS place
        FROM orgs_matter WHERE org_id = ANY(%(orgs)s::uuid[])
    ) AS each WHERE place > %(most)s
)
"""
_REFUSED_CHANGES = [MatterKind.USER_UNWRITTEN, MatterKind.GROUP_UNWRITTEN, MatterKind.GROUP_ENDED]
"""Those about a person or group that is there, by id, which end with any accepted change of it."""
_SUCCEEDED = """
DELETE FROM orgs_matter m
USING jsonb_to_recordset(%(rows)s) AS r (org_id uuid, at timestamptz, refused text, key text)
WHERE m.org_id = r.org_id AND m.kind = r.refused AND m.subject_key = r.key AND m.last_at <= r.at
"""
_NO_LONGER = """
DELETE FROM orgs_matter m
USING jsonb_to_recordset(%(rows)s) AS r (org_id uuid, at timestamptz, resource text, keys jsonb)
WHERE m.org_id = r.org_id AND m.kind = %(undescribed)s AND m.detail ->> 'resource' = r.resource
    AND m.last_at <= r.at AND NOT r.keys ? m.subject_key
"""
_ACCEPTED = """
DELETE FROM orgs_matter m
USING jsonb_to_recordset(%(rows)s) AS r (org_id uuid, at timestamptz, resource text)
WHERE m.org_id = r.org_id AND m.kind = ANY(%(refused_changes)s) AND m.subject_key = r.resource AND m.last_at <= r.at
"""


def _end(cursor: Any, written: Sequence[Written]) -> None:
    rows = [
        {
            "org_id": each.org_id,
            "at": each.at,
            "refused": each.refused,
            "key": fold(_cut(each.name)),
            "resource": str(each.resource_id),
            "keys": [fold(_cut(subject)) for subject in each.undescribed],
        }
        for each in written
    ]
    kinds = {"undescribed": MatterKind.UNDESCRIBED.value, "refused_changes": _REFUSED_CHANGES}
    about = {"rows": orjson.dumps(rows).decode(), **kinds}
    for sql in (_SUCCEEDED, _NO_LONGER, _ACCEPTED):
        cursor.execute(sql, about)


def _summed(occurrences: Iterable[Occurrence]) -> list[dict[str, Any]]:
    """One row per matter, in the order in which every process locks them."""
    rows: dict[tuple[str, str, str], dict[str, Any]] = {}
    for each in occurrences:
        subject = _cut(each.subject)
        key = str(each.org_id), each.kind.value, fold(subject)
        row = rows.setdefault(
            key,
            {
                "id": uuid7(),
                "org_id": each.org_id,
                "kind": each.kind.value,
                "subject_key": key[2],
                "first_at": each.at,
                "count": 0,
                "request_id": None,
            },
        )
        row["count"] += 1
        row |= {"subject": subject, "last_at": each.at, "request_id": each.request_id or row["request_id"]}
        row["detail"] = {name: _cut(value) for name, value in each.detail.items()}
    return [rows[key] for key in sorted(rows)]


def _cut(text: str) -> str:
    return tokens.hidden(text, LENGTH)


def open_in(org: Organization, *, at: datetime) -> TenantQuerySet[Matter]:
    """The stored matters of an org that an admin should see, the latest first."""
    return _open(at).for_org(org)


def open_in_all_orgs(*, at: datetime) -> TenantQuerySet[Matter]:
    """The stored matters that the admins of any org should see, the latest first."""
    return _open(at)


def _open(at: datetime) -> TenantQuerySet[Matter]:
    over = Q(last_at__lt=at - FORGOTTEN)
    for kind, lasts in LASTS.items():
        over |= Q(kind=kind, last_at__lt=at - lasts)
    # The log is written a moment later than what it tells of, so a switch may come between.
    over |= Q(kind=MatterKind.GROUPS_OFF, org__group_provisioning=True)
    # Only ids are cast: the planner may look at any row's subject.
    id_ = Case(When(kind=MatterKind.USER_TAKEN, then=Cast("subject_key", UUIDField())))
    inactive = User.objects.filter(id=OuterRef("taken"), active=False, deleted_at=None)
    is_over = Q(kind=MatterKind.USER_TAKEN) & ~Q(Exists(inactive))
    found = cast(TenantQuerySet[Matter], Matter.objects.alias(taken=id_).filter(dismissed_at=None))
    return found.exclude(over | is_over).order_by("-last_at", "-id")


def about(org: Organization, *subjects: tuple[MatterKind, str], at: datetime) -> TenantQuerySet[Matter]:
    """The open ones of these kinds and subjects, compared without case."""
    wanted = Q(pk__in=())
    for kind, subject in subjects:
        wanted |= Q(kind=kind, subject_key=fold(_cut(subject)))
    return open_in(org, at=at).filter(wanted)


def subjects_of(org: Organization, kinds: Collection[MatterKind], ids: Collection[UUID], *, at: datetime) -> set[UUID]:
    """Those of the ids that an open one of these kinds is about."""
    found = open_in(org, at=at).filter(kind__in=kinds, subject_key__in=[str(id_) for id_ in ids])
    return {UUID(subject) for subject in found.values_list("subject_key", flat=True)}


def refused_creates(org: Organization, kind: MatterKind, text: str, *, at: datetime) -> TenantQuerySet[Matter]:
    """The open ones of this kind whose name has the text in it, or the words of the text in any order."""
    found = open_in(org, at=at).filter(kind=kind)
    for word in fold(text).split():
        found = found.filter(subject_key__contains=word)
    return found


def end_about_group(org_id: UUID, group_id: UUID) -> None:
    """End what is about refused changes of a group, in the command that ends the group or brings it back."""
    kinds = (MatterKind.GROUP_ENDED, MatterKind.GROUP_UNWRITTEN)
    Matter.objects.for_org(org_id).filter(kind__in=kinds, subject_key=str(group_id)).delete()


def end_about_the_switch(org_id: UUID) -> None:
    """End that groups are pushed while group provisioning is off, in the command that switches it on."""
    Matter.objects.for_org(org_id).filter(kind=MatterKind.GROUPS_OFF).delete()


@command
def dismiss(*, org: Organization, matter_id: UUID, cause: history.Cause) -> Matter:
    """Keep a matter out of sight while it goes on: an admin has seen it. Again, it changes nothing.

    Raises UnknownMatter.
    """
    matter = Matter.objects.for_org(org).select_for_update().filter(id=matter_id).first()
    if matter is None:
        raise UnknownMatter(matter_id)
    if matter.dismissed_at is None:
        matter.dismissed_at = cause.at
        matter.save(update_fields=["dismissed_at"])
        token = ScimToken.objects.for_org(org).filter(id=matter.subject).first() if matter.kind in URGENT else None
        about = token.name if token else matter.detail.get("name") or matter.subject
        history.record(org, cause, MatterDismissed(kind=matter.kind, name=about))
    return matter


def forget(*, at: datetime) -> None:
    """Delete what has not occurred for FORGOTTEN, dismissed or not."""
    Matter.objects.filter(last_at__lt=at - FORGOTTEN).delete()


def forget_person(org_id: UUID, traces: Traces, *, until: datetime) -> int:
    """End what is about a person, and empty what else shows them, up to then (SPEC U5). Returns how many rows."""
    count = 0
    for matter in Matter.objects.for_org(org_id).filter(last_at__lte=until).select_for_update().order_by("id"):
        if traces.found_in(matter.subject, matter.detail.get("resource", "")):
            matter.delete()
        elif found := [name for name, text in matter.detail.items() if traces.found_in(text)]:
            # A path keeps what was asked of whom, without the query.
            paths = {name: matter.detail[name].partition("?")[0] for name in found if name == "path"}
            kept = {name: "" if traces.found_in(path) else path for name, path in paths.items()}
            matter.detail = matter.detail | dict.fromkeys(found, "") | kept
            matter.save(update_fields=["detail"])
        else:
            continue
        count += 1
    return count
