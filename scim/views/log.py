"""The provisioning log: each SCIM call of the org, with request and response."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from django_htmx.http import push_url

from orgs.db.keys import as_uuid
from orgs.web.access import OrgRequest, org_admin
from orgs.web.downloads import as_csv
from scim import advice, log_words, partitions, provisioning_log
from scim.curl import curl
from scim.forms import LogFilter

SHOWN = 16_000  # characters of a body on a page


@require_safe
@org_admin
def log(request: OrgRequest) -> HttpResponse:
    """The list. For htmx, which changes filters and pages, only the part below the filters."""
    form = LogFilter(request.GET, org=request.org)
    wanted = form.wanted()
    filters = request.GET.copy()
    before = as_uuid(filters.pop("before", [""])[-1])
    return render(
        request,
        "scim/_log.html" if request.htmx else "scim/log.html",
        {
            "form": form,
            "wanted": wanted,
            "page": provisioning_log.page(request.org, wanted, before=before),
            "before": before,
            "filters": filters.urlencode(),
            "has_tokens": bool(form.tokens),
            "exported": provisioning_log.EXPORTED,
            "days": settings.SCIM_LOG_DAYS,
        },
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
            "curl": curl(line.call, body.request if body else ""),
            "advice": advice.of(line.call, line.token),
            "bodies": [
                _body(_("Request"), body.request if body else "", line.call.request_size),
                _body(_("Response"), body.response if body else "", line.call.response_size),
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


def _body(title: str, text: str, size: int) -> dict[str, Any]:
    """size: in bytes, as sent."""
    text = log_words.legible(text)
    return {"title": title, "text": text[:SHOWN], "is_cut": len(text) > SHOWN, "size": size}
