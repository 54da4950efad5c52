"""The provisioning log: each SCIM call of the org, with request and response."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from django_htmx.http import push_url

from orgs import past
from orgs.db.keys import as_uuid, id_at
from orgs.models import Change
from orgs.web.access import OrgRequest, org_admin
from orgs.web.downloads import as_csv
from scim import advice, log_words, partitions, provisioning_log
from scim.curl import curl
from scim.forms import LogFilter

LATEST = timedelta(minutes=1)
"""How much the clocks of hosts may differ."""
SHOWN = 16_000  # characters of a body on a page


@require_safe
@org_admin
def log(request: OrgRequest) -> HttpResponse:
    """The list. For htmx, which changes filters and pages, only the part below the filters."""
    form = LogFilter(request.GET, org=request.org)
    wanted = form.wanted()
    filters = request.GET.copy()
    before = as_uuid(filters.pop("before", [""])[-1])
    at = now()
    page = provisioning_log.page(request.org, wanted, before=before)
    return render(
        request,
        "scim/_log.html" if request.htmx else "scim/log.html",
        {
            "form": form,
            "wanted": wanted,
            "page": page,
            "about": _about(request, wanted.about),
            "newest": provisioning_log.newest_shown(page, at=at) if _grows(wanted, before, at) else None,
            "before": before,
            "filters": filters.urlencode(),
            "has_tokens": bool(form.tokens),
            "exported": provisioning_log.EXPORTED,
            "days": settings.SCIM_LOG_DAYS,
        },
    )


@require_safe
@org_admin
def news(request: OrgRequest) -> HttpResponse:
    """How many calls have come since the list was shown, for the list, which polls; anybody else gets the list."""
    filters = request.GET.copy()
    after = as_uuid(filters.pop("after", [""])[-1])
    if after is None or not request.htmx:
        return redirect("scim-log")
    wanted = LogFilter(filters, org=request.org).wanted()
    count = provisioning_log.count_newer(request.org, wanted, after)
    most = provisioning_log.NEWS
    return render(
        request,
        "scim/_log_news.html",
        {"newest": after, "count": min(count, most), "is_more": count > most, "filters": filters.urlencode()},
    )


@require_safe
@org_admin
def entry(request: OrgRequest, request_id: UUID) -> HttpResponse:
    """One call: as a page of its own, or for htmx as the content of the drawer. With the filters of the list, those by
    which one gets to the next call.
    """
    line = provisioning_log.entry(request.org, request_id)
    if line is None:
        return render(request, "scim/log_entry_gone.html", {"days": settings.SCIM_LOG_DAYS}, status=404)
    body = getattr(line.call, "body", None)
    wanted = LogFilter(request.GET, org=request.org).wanted()
    newer, older = provisioning_log.neighbors(request.org, wanted, request_id)
    answer = render(
        request,
        "scim/_log_entry.html" if request.htmx else "scim/log_entry.html",
        {
            "line": line,
            "newer": newer,
            "older": older,
            "pressed": request.htmx.trigger,
            "stays": {"entry-newer": newer, "entry-older": older}.get(request.htmx.trigger or ""),
            "filters": request.GET.urlencode(),
            "kept_until": partitions.kept_until(line.call.at),
            "change": _undoable(request, line),
            "curl": curl(line.call, body.request if body else ""),
            "advice": advice.of(line.call, line.token),
            "bodies": [
                _body("request", _("Request"), body.request if body else "", line.call.request_size),
                _body("response", _("Response"), body.response if body else "", line.call.response_size),
            ],
        },
    )
    return push_url(answer, False)  # the list is still behind the drawer


@require_safe
@org_admin
def export(request: OrgRequest) -> StreamingHttpResponse:
    wanted = LogFilter(request.GET, org=request.org).wanted()
    columns = (
        _("Time"),
        _("Request ID"),
        _("Identity provider"),
        _("Token"),
        _("Action"),
        _("Method"),
        _("Path"),
        _("Target"),
        _("Target ID"),
        _("Status"),
        _("Error type"),
        _("Detail"),
        _("Milliseconds"),
        _("Address"),
        _("User agent"),
    )
    name = f"provisioning-log-{now():%Y-%m-%d}"
    return as_csv(name, columns, _cells(provisioning_log.everything(request.org, wanted)))


def _grows(wanted: provisioning_log.Wanted, before: UUID | None, at: datetime) -> bool:
    """Whether what is to come belongs at the top of this page."""
    return before is None and (wanted.until is None or wanted.until > at)


def _about(request: OrgRequest, id: UUID | None) -> str:
    """The name of whom the list is limited to, or the id where there is none."""
    return provisioning_log.name_of(request.org, id) or str(id) if id else ""


def _cells(lines: Iterator[provisioning_log.Line]) -> Iterator[tuple[Any, ...]]:
    for line in lines:
        call, token = line.call, line.token
        yield (
            call.at.isoformat(timespec="milliseconds"),  # calls come in bursts
            str(call.id),
            str(token.get_idp_display()) if token else "",
            token.name if token else "",
            line.action,
            call.method,
            call.path,
            line.target,
            line.target_id,
            call.status,
            call.scim_type,
            call.detail,
            call.duration / 1000,
            call.address,
            call.agent,
        )


def _undoable(request: OrgRequest, line: provisioning_log.Line) -> Change | None:
    """The change that the call made, if it can be taken back (SPEC T2)."""
    call = line.call
    if not call.token_id or call.status >= 400 or call.method in ("GET", ""):
        return None
    # No index has the request: its change was made while it ran.
    first, last = id_at(call.at - LATEST), id_at(call.at + timedelta(microseconds=call.duration) + LATEST)
    made = Change.objects.for_org(request.org).filter(by_token=call.token_id, id__range=(first, last))
    changes = list(made.filter(request_id=call.id)[:2])  # a request in bulk makes several
    return changes[0] if len(changes) == 1 and changes[0].at >= past.began(request.org) else None


def _body(name: str, title: str, text: str, size: int) -> dict[str, Any]:
    """size: in bytes, as sent."""
    text = log_words.legible(text)
    return {"name": name, "title": title, "text": text[:SHOWN], "is_cut": len(text) > SHOWN, "size": size}
