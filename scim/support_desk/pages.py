"""The pages of the support desk, which `config.admin` adds to the admin."""

import re
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from unfold.dataclasses import SearchResult

from orgs import support_views
from orgs.admin.mirror import cause, may
from orgs.db.keys import as_uuid
from orgs.models import Organization
from orgs.web import viewing
from orgs.web.signing_in import wanted
from scim import log_words, request_days
from scim.models import RequestLog
from scim.support_desk import cockpit, retries, search

ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
IDS = 3  # of a link that are looked for
LONGEST = 200


def urls() -> list[URLPattern]:
    site = admin.site
    return [
        path("find/", site.admin_view(find), name="find"),
        path("opened/", site.admin_view(opened), name="opened"),
        path("org/<uuid:org_id>/", site.admin_view(org_page), name="org"),
        path("org/<uuid:org_id>/view/", site.admin_view(view_as), name="view_as"),
        path("try-again/<uuid:request_id>/", site.admin_view(try_again), name="try_again"),
    ]


@require_safe
def find(request: HttpRequest) -> HttpResponse:
    """The search over all organizations, or with `org` over one."""
    text = request.GET.get("q", "")[:LONGEST].replace("\0", "")
    org_id = as_uuid(request.GET.get("org", ""))
    org = Organization.objects.filter(pk=org_id).select_related("profile").first() if org_id else None
    words: dict[str, Any] = {"text": text, "org": org, "sections": search.find(text, at=timezone.now(), org=org)}
    return _page(request, "find", _("Search"), words)


def palette(request: HttpRequest, text: str) -> list[SearchResult]:
    """The search as unfold's palette shows it (⌘K), which `settings.UNFOLD` names."""
    found = []
    for section in search.find(text[:LONGEST].replace("\0", ""), at=timezone.now()):
        for each in section.found:
            where = f"{section.title} · {each.org.name}" if each.org else str(section.title)
            found.append(SearchResult(each.title, where, each.address, icon=None))
    return found


@require_safe
def org_page(request: HttpRequest, org_id: UUID) -> HttpResponse:
    org = get_object_or_404(Organization.objects.select_related("profile"), pk=org_id)
    words = {
        "org": org,
        "switches": cockpit.switches(org),
        "tokens": cockpit.tokens(org),
        "domains": cockpit.domains(org),
        "queue": cockpit.queue_of(org),
        "matters": cockpit.matters(org, at=timezone.now()),
        "chart": request_days.of(org, at=timezone.now()),
        "requests": cockpit.requests(org),
        "changes": cockpit.changes(org),
        "views": cockpit.views(org),
        "lists": cockpit.lists(org),
    }
    return _page(request, "org", org.name, words)


@require_safe
def opened(request: HttpRequest) -> HttpResponse:
    """Where a link to a page of an organization leads support: to that page as its admins see it, or to the admin's.

    page: the address, with an ID in it. Whatever is nowhere leads to the search.
    """
    link = urlsplit(request.GET.get("page", "")[:2000])
    page = f"{link.path}?{link.query}" if link.query else link.path
    ids = [UUID(found) for found in ID.findall(page)[:IDS]]
    rows = [(row, org) for id_ in ids for row in search.rows_with(id_) if (org := search.org_of(row))]
    present = viewing.begun(request)
    if not rows:
        if present is not None:
            raise Http404
        if ids:
            messages.warning(request, _("Nothing has the ID of that link, or has it any more."))
        return redirect("admin:find")
    row, org = rows[0]
    words = {
        "row": row,
        "org": org,
        "kind": capfirst(str(row._meta.verbose_name)),
        "page": page,
        "address": search.page_of(row),
        "is_viewed": present is not None and present.org_id == org.pk,
        "present": present,
        "here": request.get_full_path(),
    }
    return _page(request, "opened", _("A page of %(org)s") % {"org": org.name}, words)


@require_POST
def view_as(request: HttpRequest, org_id: UUID) -> HttpResponse:
    """Begin to look at an organization's own pages; `next` is the first."""
    org = get_object_or_404(Organization, pk=org_id)
    try:
        view = support_views.begin(org=org, cause=cause(request))
    except support_views.OrgClosed:
        messages.error(request, _("%(org)s is being deleted: its pages are closed.") % {"org": org.name})
        return redirect("admin:org", org.pk)
    request.session[viewing.VIEW] = str(view.pk)
    return redirect(wanted(request) or reverse("overview"))


@require_http_methods(["GET", "HEAD", "POST"])
def try_again(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """Try a refused request again, and take it back; asked first, since the organization's history says so."""
    if not may(request, "change", RequestLog._meta):
        raise PermissionDenied
    call = get_object_or_404(RequestLog.objects.select_related("body"), pk=request_id)
    if not log_words.is_refused_change(call):
        raise Http404
    org, by = get_object_or_404(Organization.objects.select_related("profile"), pk=call.org_id), cause(request)
    obstacle = retries.obstacle(call, org)
    words = {
        "call": call,
        "org": org,
        "action": log_words.action(call),
        "obstacle": obstacle,
        "warnings": retries.warnings(call, org, by),
        "outcome": retries.try_again(call, org, by) if request.method == "POST" and not obstacle else None,
    }
    return _page(request, "try_again", _("Try a refused request again"), words)


def _page(request: HttpRequest, name: str, title: str, words: dict[str, Any]) -> HttpResponse:
    context = {**admin.site.each_context(request), "title": title, **words}
    answer = TemplateResponse(request, f"admin/support_desk/{name}.html", context)
    answer["Cache-Control"] = "no-store"
    return answer
