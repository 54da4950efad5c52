"""The pages of the support desk, which `config.admin` adds to the admin."""

import re
from functools import partial
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

from groups_provisioning import refusals
from groups_provisioning.actions import held_changes
from groups_provisioning.pages.deciding import OUTDATED
from groups_provisioning.pages.held import held_list
from groups_provisioning.pages.proposals import shown_proposal
from groups_provisioning.preview import runs, shown
from groups_provisioning.preview.plans import Wish
from groups_provisioning.proposals import approving
from orgs import proposals, support_views
from orgs.admin.mirror import cause, may
from orgs.db.keys import as_uuid
from orgs.models import Organization, ScimToken
from orgs.roles import catalogue
from orgs.web import viewing
from orgs.web.access import require_recent
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
        path("org/<uuid:org_id>/hold/<uuid:token_id>/", site.admin_view(hold), name="hold"),
        path("org/<uuid:org_id>/release/<uuid:breach_id>/", site.admin_view(release), name="release"),
        path("org/<uuid:org_id>/second/<uuid:proposal_id>/", site.admin_view(second), name="second"),
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
    held = held_list.summaries(org)
    words = {
        "org": org,
        "switches": cockpit.switches(org),
        "tokens": cockpit.tokens(org, held),
        "held": held,
        "waiting": cockpit.waiting(org, at=timezone.now()),
        "may_hold": may(request, "change", ScimToken._meta) and org.closed_at is None,
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
def hold(request: HttpRequest, org_id: UUID, token_id: UUID) -> HttpResponse:
    """Hold all that a token takes away from now on; asked first."""
    org = _org_to_act_on(request, org_id)
    token = get_object_or_404(ScimToken.objects.for_org(org), pk=token_id, revoked_at=None)
    if request.method == "POST":
        if held_changes.hold(org=org, token=token, cause=cause(request)):
            messages.success(request, _("What the token “%(token)s” does is held.") % {"token": token.name})
        else:
            messages.info(request, _("What the token “%(token)s” does is held already.") % {"token": token.name})
        return redirect("admin:org", org.pk)
    title = _("Hold what the token “%(token)s” does?") % {"token": token.name}
    return _page(request, "hold", title, {"org": org, "token": token})


@require_http_methods(["GET", "HEAD", "POST"])
def release(request: HttpRequest, org_id: UUID, breach_id: UUID) -> HttpResponse:
    """Let through what is held because of one token, and end support's hold of it, after a look at the effects."""
    org = _org_to_act_on(request, org_id)
    summary = next((each for each in held_list.summaries(org) if each.breach.id == breach_id), None)
    if summary is None:
        messages.info(request, _("Nothing is held there any more."))
        return redirect("admin:org", org.pk)
    wish: Wish = {"do": "let_through", "breach": str(breach_id)}
    try:
        outlook = runs.look(org, wish)
        if outlook.summary and outlook.summary.gaining(catalogue(org.profile).admin):
            require_recent(request)
        if outlook.summary and request.POST.get("_seen") == outlook.fingerprint:
            do = partial(held_changes.let_through, org=org, breach_id=breach_id, cause=cause(request))
            runs.confirmed(org, wish, outlook.fingerprint, do)
            messages.success(request, _("What was held is let through."))
            return redirect("admin:org", org.pk)
    except held_changes.NothingHeld as refusal:
        messages.error(request, refusals.in_words(refusal))
        return redirect("admin:org", org.pk)
    except runs.Outdated:
        return redirect("admin:release", org.pk, breach_id)
    if "_seen" in request.POST:
        messages.info(request, OUTDATED)
    words = {
        "org": org,
        "summary": summary,
        "run": outlook.run,
        "outcome": shown.show(org, outlook),
        "is_ready": outlook.summary is not None,
        "seen": outlook.fingerprint,
    }
    title = _("Let through what is held because of the token “%(token)s”?") % {"token": summary.breach.token.name}
    return _page(request, "release", title, words)


@require_http_methods(["GET", "HEAD", "POST"])
def second(request: HttpRequest, org_id: UUID, proposal_id: UUID) -> HttpResponse:
    """Agree as the second person to what an admin asks who is alone, after a look at the effects (SPEC T6)."""
    org = _org_to_act_on(request, org_id)
    require_recent(request)
    waiting = {
        proposal.pk: (proposal, what)
        for proposal, what, is_alone in cockpit.waiting(org, at=timezone.now())
        if is_alone
    }
    if proposal_id not in waiting:
        messages.info(request, _("This does not wait for support."))
        return redirect("admin:org", org.pk)
    proposal, what = waiting[proposal_id]
    if fingerprint := request.POST.get("_seen"):
        try:
            approving.approve(org=org, proposal_id=proposal_id, seen=fingerprint, cause=cause(request))
            messages.success(request, _("Approved, and done."))
            return redirect("admin:org", org.pk)
        except runs.Outdated:
            messages.info(request, OUTDATED)
        except (proposals.ProposalEnded, proposals.NotTheSecond):
            messages.info(request, _("This does not wait for support."))
            return redirect("admin:org", org.pk)
        except shown_proposal.REFUSALS as refusal:
            messages.error(request, shown_proposal.in_words(refusal))
    words = {"org": org, "proposal": proposal, **shown_proposal.seen(org, proposal)}
    return _page(request, "second", _("Be the second person: %(what)s") % {"what": what}, words)


def _org_to_act_on(request: HttpRequest, org_id: UUID) -> Organization:
    if not may(request, "change", ScimToken._meta):
        raise PermissionDenied
    return get_object_or_404(Organization.objects.select_related("profile"), pk=org_id, closed_at=None)


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
