"""Conflicts: people whose SCIM groups give assignments that exclude each other, and the decisions (SPEC C3)."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from groups_provisioning.actions import conflict_decisions as commands
from groups_provisioning.actions.conflict_decisions import Card, ConflictGone, UnknownDecision
from groups_provisioning.models import Conflict
from groups_provisioning.pages.conflicts import open_conflicts, resolved_conflicts
from groups_provisioning.pages.conflicts.forms import ConflictFilter
from groups_provisioning.pages.deciding import Above, Question
from groups_provisioning.pages.deciding import decide as ask
from groups_provisioning.pages.groups import group_list
from groups_provisioning.pages.search import Search
from groups_provisioning.preview.runs import Outdated
from orgs import queue
from orgs.web.access import OrgRequest, cause, org_admin
from orgs.web.downloads import as_csv

PAGE = 50
MOST = 1000
"""How many conflicts one decision covers at most."""
LISTED = 6
"""How many of these the question names."""


@require_safe
@org_admin
def conflicts(request: OrgRequest) -> HttpResponse:
    """Open conflicts. For htmx requests, which change filters and pages, only the part below the filters."""
    form = ConflictFilter(request.GET)
    page = Paginator(open_conflicts.conflicts(request.org, form.wanted()), PAGE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "filters": _filters(request),
        "page": page,
        "rows": open_conflicts.rows(request.org, page.object_list),
        "most": MOST,
    }
    if request.htmx:
        return render(request, "groups_provisioning/conflicts/_conflicts.html", context)
    tabs = group_list.tabs(request.org)
    return render(
        request, "groups_provisioning/conflicts/conflicts.html", context | {"tabs": tabs, **_progress(request)}
    )


@require_safe
@org_admin
def export(request: OrgRequest) -> StreamingHttpResponse:
    header = (
        _("userName"),
        _("Name"),
        _("Kind"),
        _("Current"),
        _("Current: groups"),
        _("Incoming"),
        _("Incoming: group"),
        _("Open since"),
        _("ID"),
    )
    found = open_conflicts.conflicts(request.org, ConflictFilter(request.GET).wanted())
    return as_csv(f"conflicts-{now():%Y-%m-%d}", header, open_conflicts.file_rows(request.org, found))


@require_POST
@org_admin
def decide(request: OrgRequest) -> HttpResponseBase:
    """Keep or use: on those that were selected, on one by its own button, or on all that a filter leaves."""
    filters = request.POST.get("filters", "")
    back = f"{reverse('conflicts')}?{filters}" if filters else reverse("conflicts")
    action, _colon, single = request.POST.get("action", "").partition(":")
    chosen, left = _chosen(request, single)
    if action not in ("keep", "use"):
        return _back(request, back, _("Choose whether to keep the current assignment or use the incoming one."))
    if not chosen:
        is_asked = bool(single or request.POST.get("conflict") or request.POST.get("all"))
        return _back(
            request,
            back,
            _("These conflicts are no longer open, or a decision is being applied.")
            if is_asked
            else _("Select the conflicts first."),
        )
    cards = [Card.of(conflict) for conflict in chosen]
    use_incoming = action == "use"

    def carry_out() -> str:
        try:
            commands.decide(org=request.org, cards=cards, use_incoming=use_incoming, cause=cause(request))
        except ConflictGone as gone:
            raise Outdated from gone
        return _decided(chosen)

    return ask(
        request,
        Question(
            title=_title(chosen, use_incoming),
            verb=_("Use incoming") if use_incoming else _("Keep current"),
            wish={
                "do": "decide",
                "cards": [[str(card.user_id), str(card.incoming_id), [*map(str, card.holders)]] for card in cards],
                "use_incoming": use_incoming,
            },
            back=back,
            lead=_("Your decision is remembered, so you will not be asked again. You can undo it under Resolved."),
            details="groups_provisioning/conflicts/_chosen_conflicts.html",
            above=Above("conflicts", _("Conflicts")),
            context={
                "rows": open_conflicts.rows(request.org, chosen[:LISTED]),
                "chosen": ",".join(str(conflict.id) for conflict in chosen),
                "others": len(chosen[LISTED:]),
                "left": left,
                "filters": filters,
                "action": action,
            },
        ),
        carry_out,
    )


@require_safe
@org_admin
def resolved(request: OrgRequest) -> HttpResponse:
    """Decided conflicts, newest first."""
    form = Search(request.GET, for_people=True)
    page = Paginator(resolved_conflicts.cards(request.org, form.chosen("q")), PAGE).get_page(request.GET.get("page"))
    context = {"form": form, "page": page, "rows": resolved_conflicts.resolved(request.org, page.object_list)}
    if request.htmx:
        return render(request, "groups_provisioning/conflicts/_resolved_conflicts.html", context)
    tabs = group_list.tabs(request.org)
    return render(request, "groups_provisioning/conflicts/resolved_conflicts.html", context | {"tabs": tabs})


@require_safe
@org_admin
def export_resolved(request: OrgRequest) -> StreamingHttpResponse:
    header = (
        _("userName"),
        _("Name"),
        _("Current"),
        _("Incoming"),
        _("Decision"),
        _("By"),
        _("Time"),
        _("Status"),
        _("Undone"),
        _("ID"),
    )
    found = resolved_conflicts.cards(request.org, Search(request.GET).chosen("q"))
    return as_csv(f"resolved-conflicts-{now():%Y-%m-%d}", header, resolved_conflicts.file_rows(request.org, found))


@require_http_methods(["GET", "HEAD", "POST"])
@org_admin
def undo(request: OrgRequest, decision_id: int) -> HttpResponse:
    """Undo the decision about one conflict, after a confirmation."""
    card = resolved_conflicts.card_of(request.org, decision_id)
    if card is None:
        raise Http404
    (found,) = resolved_conflicts.resolved(request.org, [card])
    if not found.can_be_undone:
        messages.info(
            request, _("This decision can no longer be undone: %(state)s.") % {"state": found.state.label.lower()}
        )
        return redirect("conflicts-resolved")
    if request.method == "POST":
        try:
            commands.undo(org=request.org, decision_ids=found.ids, cause=cause(request))
        except UnknownDecision:
            messages.info(request, _("Somebody has already undone this decision."))
        else:
            messages.success(request, _("The decision about %(name)s was undone.") % {"name": found.user.label})
        return redirect("conflicts-resolved")
    template = "_undo_decision.html" if request.htmx else "undo_decision.html"
    return render(request, f"groups_provisioning/conflicts/{template}", {"card": found, "decision_id": decision_id})


def _chosen(request: OrgRequest, single: str) -> tuple[list[Conflict], int]:
    """The selected open conflicts, at most MOST, in order; and how many more match the filter."""
    if request.POST.get("all") and not single:
        wanted = ConflictFilter(QueryDict(request.POST.get("filters", ""))).wanted()
        found = open_conflicts.left_alone(open_conflicts.conflicts(request.org, wanted))
        # In the order in which they are found again by their ids, or what is confirmed would not be what was shown.
        return sorted(found[:MOST], key=lambda each: (each.since, each.id)), max(found.count() - MOST, 0)
    texts = [single] if single else ",".join(request.POST.getlist("conflict")).split(",")
    ids = [int(text) for text in texts if text.isdecimal() and len(text) < 19][:MOST]
    found = Conflict.objects.for_org(request.org).filter(id__in=ids)
    return list(found.select_related("user").order_by("since", "id")), 0


def _back(request: OrgRequest, address: str, words: str) -> HttpResponse:
    messages.info(request, words)
    return HttpResponseClientRedirect(address) if request.htmx else redirect(address)


def _title(chosen: Sequence[Conflict], use_incoming: bool) -> str:
    if len(chosen) == 1:
        asked = (
            _("Use the incoming assignment of %(name)s?")
            if use_incoming
            else _("Keep the current assignment of %(name)s?")
        )
        return asked % {"name": chosen[0].user.label}
    many = _("Use incoming in %(n)d conflicts?") if use_incoming else _("Keep current in %(n)d conflicts?")
    return many % {"n": len(chosen)}


def _decided(chosen: Sequence[Conflict]) -> str:
    if len(chosen) == 1:
        return _("The conflict of %(name)s was resolved.") % {"name": chosen[0].user.label}
    return _("%(n)d conflicts were resolved.") % {"n": len(chosen)}


def _progress(request: OrgRequest) -> dict[str, Any]:
    """The progress of the last decision about several people."""
    change = open_conflicts.being_settled(request.org)
    if change is None:
        return {}
    left, marked = queue.progress(change)
    return {"change": change, "left": left, "done": max(marked - left, 0), "marked": max(marked, left)}


def _filters(request: OrgRequest) -> str:
    filters = request.GET.copy()
    filters.pop("page", None)
    return filters.urlencode()
