"""What waits for a second admin, agreeing to it or not, and the switch for it (SPEC T6)."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from groups_provisioning.pages import changing
from groups_provisioning.pages.activity import change_words
from groups_provisioning.pages.activity.change_list import Wanted
from groups_provisioning.pages.deciding import run
from groups_provisioning.pages.proposals import proposal_words, shown_proposal
from groups_provisioning.preview import runs
from groups_provisioning.preview.plans import Wish
from groups_provisioning.proposals import approving
from orgs import proposals, roles
from orgs.models import Change, Organization, Proposal, ProposalState
from orgs.models.history import BY
from orgs.organizations import TWO
from orgs.web.access import OrgRequest, cause, org_admin, recently_signed_in, require_recent
from orgs.web.second_admin import second_asked

PAGE = 20
DONE = 10  # changes of one decision; Activity has the rest


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        required=False,
        max_length=500,
        help_text=gettext_lazy("Optional. Whoever asked sees it."),
    )


@require_safe
@org_admin
def proposal_list(request: OrgRequest) -> HttpResponse:
    """Those that wait, and those that were decided, the newest first."""
    now = timezone.now()
    waiting = proposals.going_on(request.org, at=now).select_related("asked_by", "asked_key").order_by("-id")
    decided = Proposal.objects.for_org(request.org).exclude(id__in=waiting.values("id"))
    found = decided.select_related("asked_by", "asked_key", "decided_by")
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    context = {
        "now": now,
        "waiting": _told(request.org, waiting),
        "page": page,
        "decided": _told(request.org, page.object_list),
    }
    return render(request, "groups_provisioning/proposals/proposals.html", context)


def _told(org: Organization, rows: Iterable[Proposal]) -> list[tuple[Proposal, str]]:
    found = list(rows)
    return list(zip(found, proposal_words.told(org, [row.wish for row in found]), strict=True))


@require_http_methods(["GET", "HEAD", "POST"])
@org_admin
def proposal(request: OrgRequest, proposal_id: UUID) -> HttpResponseBase:
    """What is asked for, with the effects that it has now; whoever may agree does so here."""
    found = _found(request.org, proposal_id)
    if request.method == "POST":
        require_recent(request)
        try:
            approving.approve(
                org=request.org, proposal_id=found.id, seen=request.POST.get("seen", ""), cause=cause(request)
            )
            messages.success(request, _("Approved, and done."))
        except runs.Outdated:
            messages.info(
                request, _("Not done yet: the effects have changed since you saw them. Review them, then approve.")
            )
        except (proposals.ProposalEnded, proposals.NotTheSecond) as refusal:
            messages.error(request, _not_decided(refusal))
        except shown_proposal.REFUSALS as refusal:
            words = _("This cannot be done at present, so it keeps waiting.")
            messages.error(request, f"{words} {shown_proposal.in_words(refusal)}")
        return redirect("proposal", found.id)
    return render(request, "groups_provisioning/proposals/proposal.html", _described(request, found))


def _described(request: OrgRequest, found: Proposal) -> dict[str, Any]:
    """What the page of a proposal says."""
    org, now, by = request.org, timezone.now(), cause(request)
    (what,) = proposal_words.told(org, [found.wish])
    context: dict[str, Any] = {"proposal": found, "what": what, "now": now}
    if found.state != ProposalState.OPEN:
        return context | {"done": _done(org, found)}
    seconds = proposals.seconds(found)
    context |= {
        "is_waiting": found.expires_at > now and not proposals.is_asker_gone(found, at=now),
        "is_asker": proposals.is_asker(found, by),
        "may_approve": request.user in seconds,
        "seconds": seconds,
        "form": ReasonForm(),
    }
    if context["is_waiting"]:
        context |= shown_proposal.seen(org, found)
    return context


def _done(org: Organization, found: Proposal) -> list[tuple[Change, str]]:
    """The changes that approving it made, in words, as far as history still has them."""
    changes = list(Change.objects.for_org(org).select_related(*BY).filter(id__in=found.changes).order_by("id")[:DONE])
    known = change_words.names(org, changes, [], Wanted())
    return [(each, change_words.change(each, known)) for each in changes]


@require_POST
@org_admin
def refuse(request: OrgRequest, proposal_id: UUID) -> HttpResponse:
    form = ReasonForm(request.POST)
    reason = form.cleaned_data["reason"] if form.is_valid() else ""
    try:
        proposals.refuse(org=request.org, proposal_id=proposal_id, reason=reason, cause=cause(request))
        messages.success(request, _("Refused."))
    except proposals.UnknownProposal as refusal:
        raise Http404 from refusal
    except (proposals.ProposalEnded, proposals.NotTheSecond) as refusal:
        messages.error(request, _not_decided(refusal))
    return redirect("proposal", proposal_id)


@require_POST
@org_admin
def withdraw(request: OrgRequest, proposal_id: UUID) -> HttpResponse:
    try:
        proposals.withdraw(org=request.org, proposal_id=proposal_id, cause=cause(request))
        messages.success(request, _("Withdrawn."))
    except proposals.UnknownProposal as refusal:
        raise Http404 from refusal
    except proposals.NotTheAsker:
        messages.error(request, _("Only whoever asked can withdraw it. You can refuse it."))
    except proposals.ProposalEnded as refusal:
        messages.error(request, _not_decided(refusal))
    return redirect("proposal", proposal_id)


@changing.changing("two-persons")
@recently_signed_in
def two_persons(request: OrgRequest) -> HttpResponseBase:
    """The switch; it needs a second admin itself, in both directions."""
    if request.method == "POST":
        wish: Wish = {"do": "two_persons", "on": "on" in request.POST}
        if wish["on"] == request.org.two_persons:
            return redirect("two-persons")
        done = run(request, wish)
        assert isinstance(done, Proposal)
        return second_asked(request, done)
    admins = list(roles.admins(request.org))
    context = {
        "admins": [each for each in admins if each != request.user],
        "is_possible": len(admins) >= TWO,
    }
    return render(request, "groups_provisioning/proposals/two_persons.html", context)


def _not_decided(refusal: proposals.ProposalEnded | proposals.NotTheSecond) -> str:
    if isinstance(refusal, proposals.NotTheSecond):
        return _("You cannot decide about this: you asked for it yourself, or were not an admin when it was asked.")
    (found,) = refusal.args
    if found.state == ProposalState.APPROVED:
        return _("%(name)s has approved this already.") % {"name": found.decided_by.label}
    return _("This no longer waits for a second admin.")


def _found(org: Organization, proposal_id: UUID) -> Proposal:
    try:
        return proposals.found(org, proposal_id)
    except proposals.UnknownProposal as unknown:
        raise Http404 from unknown
