"""Conflicts: people whose SCIM groups give assignments that exclude each other, and the decisions (SPEC C3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404, HttpResponse, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
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
from orgs.models import Change, Organization
from orgs.web.access import OrgRequest, cause, org_admin
from orgs.web.downloads import as_csv

PAGE = 50
MOST = 10_000
"""How many conflicts one decision covers at most."""
LISTED = 6
"""How many of these the question names."""


@require_safe
@org_admin
def conflicts(request: OrgRequest) -> HttpResponse:
    """Open conflicts: the same one of several people is one row, unless the list is of one person or one such row.

    For htmx requests, which change filters and pages, only the part below the filters.
    """
    form = ConflictFilter(request.GET)
    wanted = form.wanted()
    is_each = bool(wanted.person or wanted.pair)
    found = open_conflicts.conflicts(request.org, wanted)
    listed = found if is_each else open_conflicts.pairs(request.org, wanted)
    page = Paginator(listed, PAGE).get_page(request.GET.get("page"))
    if wanted.pair and not page.object_list and not request.htmx:
        return redirect(f"{reverse('conflicts')}?{_query(request, 'pair', 'page')}")  # all were decided
    total = page.paginator.count if is_each else found.count()
    context = {
        "form": form,
        "filters": _query(request),
        "page": page,
        "rows": (open_conflicts.rows if is_each else open_conflicts.of_pairs)(request.org, page.object_list),
        "total": total,
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
    """Keep or use: on those that were selected, on one row by its own button, or on all that a filter leaves.

    What was selected is looked for again when it is confirmed: if it is not what was shown, it is shown anew.
    """
    filters = request.POST.get("filters", "")
    back = f"{reverse('conflicts')}?{filters}" if filters else reverse("conflicts")
    action, _colon, single = request.POST.get("action", "").partition(":")
    asked = _Asked.of(request, single)
    chosen, left = asked.found(request.org, filters)
    if action not in ("keep", "use"):
        return _back(request, back, _("Choose whether to keep the current assignment or use the incoming one."))
    if not chosen:
        return _back(
            request,
            back,
            _("These conflicts are no longer open, or a decision is being applied.")
            if asked
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
                "asked": asked,
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
def undo(request: OrgRequest, decision_id: int) -> HttpResponseBase:
    """Undo the decision about one conflict."""
    card = resolved_conflicts.card_of(request.org, decision_id)
    if card is None:
        raise Http404
    (found,) = resolved_conflicts.resolved(request.org, [card])
    if not found.can_be_undone:
        messages.info(
            request, _("This decision can no longer be undone: %(state)s.") % {"state": found.state.label.lower()}
        )
        return redirect("conflicts-resolved")
    return _undo(
        request,
        found.ids,
        title=_("Undo the decision about %(name)s?") % {"name": found.user.label},
        done=_("The decision about %(name)s was undone.") % {"name": found.user.label},
        details="groups_provisioning/conflicts/_decided.html",
        context={"card": found},
    )


@require_http_methods(["GET", "HEAD", "POST"])
@org_admin
def undo_all(request: OrgRequest, change_id: UUID) -> HttpResponseBase:
    """Undo what was decided at once about several people, as far as it has not been undone and has not ended."""
    get_object_or_404(Change.objects.for_org(request.org), id=change_id)
    ids = resolved_conflicts.undoable(request.org, change_id)
    if not ids:
        messages.info(request, _("These decisions can no longer be undone."))
        return redirect("conflicts-resolved")
    people = resolved_conflicts.people(ids)
    count = {"count": intcomma(people)}
    return _undo(
        request,
        ids,
        title=ngettext(
            "Undo the decision about %(count)s person?", "Undo the decisions about %(count)s people?", people
        )
        % count,
        done=ngettext(
            "The decision about %(count)s person was undone.",
            "The decisions about %(count)s people were undone.",
            people,
        )
        % count,
    )


def _undo(
    request: OrgRequest,
    ids: Sequence[int],
    *,
    title: str,
    done: str,
    details: str = "",
    context: Mapping[str, Any] | None = None,
) -> HttpResponseBase:
    query = QueryDict(request.META["QUERY_STRING"], mutable=True)
    query.pop("download", None)

    def carry_out() -> str:
        try:
            commands.undo(org=request.org, decision_ids=ids, cause=cause(request))
        except UnknownDecision as gone:
            raise Outdated from gone
        return done

    return ask(
        request,
        Question(
            title=title,
            verb=_("Undo decision"),
            wish={"do": "undo", "ids": ids},
            back=f"{reverse('conflicts-resolved')}?{query.urlencode()}" if query else reverse("conflicts-resolved"),
            lead=_(
                "People get the assignments that they would have without this decision. If the SCIM groups of both "
                "sides still assign them, the conflict opens again."
            ),
            details=details,
            above=Above("conflicts-resolved", _("Resolved conflicts")),
            context=context or {},
        ),
        carry_out,
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was selected: conflicts by their ids, or by their pairs; or all that the filters leave."""

    all: bool
    ids: tuple[int, ...]
    pairs: tuple[str, ...]

    @classmethod
    def of(cls, request: OrgRequest, single: str) -> "_Asked":
        """single: the row whose own button was pressed."""
        ids = [single] if single else ",".join(request.POST.getlist("conflict")).split(",")
        pairs = [single] if single else ",".join(request.POST.getlist("pair")).split(",")
        return cls(
            all=not single and bool(request.POST.get("all")),
            ids=tuple(int(text) for text in ids if text.isascii() and text.isdecimal() and len(text) < 19),
            pairs=tuple(text for text in pairs if len(text) == open_conflicts.PAIR),
        )

    def __bool__(self) -> bool:
        return self.all or bool(self.ids or self.pairs)

    def found(self, org: Organization, filters: str) -> tuple[list[Conflict], int]:
        """Those that are open, at most MOST, in order; and how many more there are."""
        found = open_conflicts.left_alone(open_conflicts.conflicts(org, ConflictFilter(QueryDict(filters)).wanted()))
        if not self.all:
            shared = open_conflicts.between(found, self.pairs).order_by().values("id")
            one_by_one = Conflict.objects.for_org(org).filter(Q(id__in=self.ids) | Q(id__in=shared))
            found = one_by_one.prefetch_related("user").order_by("since", "id")
        chosen = list(found[: MOST + 1])
        return chosen[:MOST], found.count() - MOST if len(chosen) > MOST else 0


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
    many = _("Use incoming in %(n)s conflicts?") if use_incoming else _("Keep current in %(n)s conflicts?")
    return many % {"n": intcomma(len(chosen))}


def _decided(chosen: Sequence[Conflict]) -> str:
    if len(chosen) == 1:
        return _("The conflict of %(name)s was resolved.") % {"name": chosen[0].user.label}
    return _("%(n)s conflicts were resolved.") % {"n": intcomma(len(chosen))}


def _progress(request: OrgRequest) -> dict[str, Any]:
    """The progress of the last decision about several people."""
    change = open_conflicts.being_settled(request.org)
    if change is None:
        return {}
    left, marked = queue.progress(change)
    return {"change": change, "left": left, "done": max(marked - left, 0), "marked": max(marked, left)}


def _query(request: OrgRequest, *without: str) -> str:
    """The query string without these parameters."""
    query = request.GET.copy()
    for name in without:
        query.pop(name, None)
    return query.urlencode()
