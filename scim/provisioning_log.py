"""The provisioning log: what an org's admins see of the request log. Reads only.

Nothing here counts rows or reads without a limit: an org may have millions of calls a month.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from groups_provisioning.models import PushedGroup
from orgs.db.keys import as_uuid, fold, id_at, moment_of
from orgs.db.tenancy import TenantQuerySet
from orgs.models import Organization, ScimToken, User
from scim import log_words
from scim.models import RequestLog

PAGE = 50
REACH = 20_000  # calls that one page scans for matches of a filter; about 100 ms
NAMESAKES = 100  # people, and groups, with a matching name whose calls are searched
EXPORTED = 50_000
EXPORTED_AT_ONCE = 1000
NEWS = 99  # new calls that are counted
LATE = timedelta(minutes=1)  # within which a call is in the log, once it has arrived

OUTCOMES = {
    "ok": Q(status__lt=400),
    "error": Q(status__gte=400),
    "refused": Q(status__gte=400, status__lt=500),
    "failed": Q(status__gte=500),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a reader is looking for. outcome: a key of OUTCOMES. error: a scimType. about: the id of a person or group.
    tokens: ids of the tokens that may have sent it. text: part of a name, an id or a filter. since, until: the first
    moment, and the first that is too late. Each may be empty.
    """

    outcome: str = ""
    error: str = ""
    about: UUID | None = None
    method: str = ""
    tokens: Collection[UUID] | None = None
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def __bool__(self) -> bool:
        return self != Wanted()


@dataclass(slots=True)
class Line:
    """One call as the log shows it. target: the name of what it was about, or the value that was looked up; target_id:
    its id, if there is one beside the name.
    """

    call: RequestLog
    token: ScimToken | None
    target: str
    target_id: str = ""
    action: str = field(init=False)
    path: str = field(init=False)
    duration: str = field(init=False)

    def __post_init__(self) -> None:
        self.action, self.path = log_words.action(self.call), log_words.short_path(self.call)
        self.duration = log_words.duration(self.call)

    @property
    def idp(self) -> str:
        return idp_name(self.token)


@dataclass(frozen=True, slots=True)
class Page:
    """Calls, newest first. older: the next page is before this id; None at the end. reached: how far back the search
    went, if it stopped before the page was full.
    """

    lines: list[Line]
    older: UUID | None
    reached: datetime | None


def page(org: Organization, wanted: Wanted, *, before: UUID | None = None, size: int = PAGE) -> Page:
    """The newest matching calls of an org, older than `before`. At most six queries, whatever the size of the log."""
    calls = _between(org, wanted)
    if before:
        calls = calls.filter(id__lt=before)
    found, edge = _scan(calls, _condition(org, wanted), size + 1)
    if len(found) > size:
        return Page(_lines(org, found[:size]), older=found[size - 1].id, reached=None)
    return Page(_lines(org, found), older=edge, reached=moment_of(edge) if edge else None)


def everything(org: Organization, wanted: Wanted) -> Iterator[Line]:
    """The newest EXPORTED matching calls, read in pages."""
    before, left = None, EXPORTED
    while left:
        part = page(org, wanted, before=before, size=min(left, EXPORTED_AT_ONCE))
        yield from part.lines
        left -= len(part.lines)
        before = part.older
        if before is None:
            return


def newest_shown(found: Page, *, at: datetime) -> UUID:
    """After which id a call is new to a reader who was shown the newest page at a moment.

    What is in the log within LATE was shown, or is not wanted: so that nothing older is searched again and again.
    """
    recent = id_at(at - LATE)
    return max(recent, found.lines[0].call.id) if found.lines else recent


def count_newer(org: Organization, wanted: Wanted, after: UUID) -> int:
    """How many matching calls came after one, counted to NEWS + 1. At most four queries, whatever there is."""
    calls = _between(org, wanted).filter(id__gt=after)
    return len(_scan(calls, _condition(org, wanted), NEWS + 1)[0])


def newest_about(calls: QuerySet[RequestLog], org: UUID | None, text: str) -> QuerySet[RequestLog]:
    """Of the newest REACH of these calls, those about something with this text; for a list that pages by itself.

    org: whose people and groups may have the name, if they are the calls of one org.
    """
    return newest(calls).filter(_about(org, text))


def newest(calls: QuerySet[RequestLog]) -> QuerySet[RequestLog]:
    """The newest REACH of these calls."""
    edge = calls.order_by("-id").values_list("id", flat=True)[REACH : REACH + 1].first()
    return calls.filter(id__gte=edge) if edge else calls


def named(text: str, ids: Collection[str]) -> Q:
    """Calls about something with this text in its name, with one of these ids, or with the text in the filter."""
    about = Q(target__icontains=text) | Q(target__in=ids)
    return about | Q(path__icontains=text) | Q(path__icontains=quote(text, safe=""))


def name_of(org: Organization, id: UUID) -> str:
    """What a person or group is called; empty if there is none with this id, or they were erased."""
    names = [
        *_names(User.objects.for_org(org), "user_name", [id]),
        *_names(PushedGroup.objects.for_org(org), "display_name", [id]),
    ]
    return names[0][2] if names else ""


def neighbors(org: Organization, wanted: Wanted, request_id: UUID) -> tuple[UUID | None, UUID | None]:
    """The matching calls just after and just before one; None if there is none among the next REACH.

    At most six queries, whatever the size of the log.
    """
    calls, condition = _between(org, wanted), _condition(org, wanted)
    newer = _scan(calls.filter(id__gt=request_id), condition, 1, oldest_first=True)[0]
    older = _scan(calls.filter(id__lt=request_id), condition, 1)[0]
    return newer[0].id if newer else None, older[0].id if older else None


def entry(org: Organization, request_id: UUID) -> Line | None:
    """One call with its bodies; None if it is not in the log, or no longer."""
    call = RequestLog.objects.for_org(org).select_related("body").filter(id=request_id).first()
    return _lines(org, [call])[0] if call else None


def lines(calls: list[RequestLog]) -> list[Line]:
    """Calls of any orgs, for support. Three queries."""
    return _lines(None, calls)


def idp_name(token: ScimToken | None) -> str:
    """The name of a token's identity provider, for use in a sentence."""
    return token.idp_name if token else _("your identity provider")


def _between(org: Organization, wanted: Wanted) -> TenantQuerySet[RequestLog]:
    """The calls of the wanted days, about who is wanted. An index has them in the order of ids, which is that of time:
    of other days, and about others, not one is read.
    """
    calls = RequestLog.objects.for_org(org)
    if wanted.about:
        calls = calls.filter(target=str(wanted.about))
    if wanted.since:
        calls = calls.filter(id__gte=id_at(wanted.since))
    if wanted.until:
        calls = calls.filter(id__lt=id_at(wanted.until))
    return calls


def _scan(
    calls: TenantQuerySet[RequestLog], condition: Q, size: int, *, oldest_first: bool = False
) -> tuple[list[RequestLog], UUID | None]:
    """The newest or oldest `size` calls that meet a condition, among the first REACH; and the id up to which those were
    scanned, None if that was all of them, or if there is no condition.
    """
    calls = calls.order_by("id" if oldest_first else "-id")
    if not condition:
        return list(calls[:size]), None
    edge = calls.values_list("id", flat=True)[REACH : REACH + 1].first()
    if edge:
        calls = calls.filter(id__lte=edge) if oldest_first else calls.filter(id__gte=edge)
    return list(calls.filter(condition)[:size]), edge


def _condition(org: Organization, wanted: Wanted) -> Q:
    condition = OUTCOMES.get(wanted.outcome, Q())
    if wanted.error:
        condition &= Q(scim_type=wanted.error)
    if wanted.method:
        condition &= Q(method=wanted.method)
    if wanted.tokens is not None:
        condition &= Q(token__in=wanted.tokens)
    if wanted.text:
        condition &= _about(org, wanted.text)
    return condition


def _about(org: Organization | UUID | None, text: str) -> Q:
    """Calls about something with this text in its name, its id, or the filter of the request. org: whose people and
    groups may have the name; None for those of nobody.
    """
    ids = [str(id_) for id_ in _ids_of(org, text)] if org else []
    return Q(id=as_uuid(text)) | named(text, ids)


def _ids_of(org: Organization | UUID, text: str) -> Iterator[UUID]:
    people = User.objects.for_org(org).filter(user_name_key__contains=fold(text))
    groups = PushedGroup.objects.for_org(org).filter(display_name_key__contains=fold(text))
    for rows in (people, groups):
        yield from rows.values_list("id", flat=True)[:NAMESAKES]


def _lines(org: Organization | None, calls: list[RequestLog]) -> list[Line]:
    """Of one org, or of any. A name is known only in the org of the call."""
    tokens = _of(org, ScimToken).in_bulk({call.token_id for call in calls if call.token_id})
    ids = {id for call in calls if (id := as_uuid(call.target))}
    names: dict[tuple[UUID | None, UUID], str] = {
        (org_id, id): name
        for model, column in ((User, "user_name"), (PushedGroup, "display_name"))
        for org_id, id, name in _names(_of(org, model), column, ids)
    }
    return [_line(call, tokens, names) for call in calls]


def _of(org: Organization | None, model: Any) -> Any:
    return model.objects.for_org(org) if org else model.objects


def _line(call: RequestLog, tokens: dict[UUID, ScimToken], names: dict[tuple[UUID | None, UUID], str]) -> Line:
    token = tokens.get(call.token_id) if call.token_id else None
    id = as_uuid(call.target)
    if id and (name := names.get((call.org_id, id))) is not None:
        return Line(call, token, name or _("somebody who was erased"), str(id))
    return Line(call, token, call.target or log_words.filter_of(call))


def _names(rows: Any, column: str, ids: Collection[UUID]) -> Iterable[tuple[UUID, UUID, str]]:
    return rows.filter(id__in=ids).values_list("org_id", "id", column) if ids else ()
