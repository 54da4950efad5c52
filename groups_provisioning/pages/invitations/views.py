"""Inviting people by mail, and accepting an invitation (SPEC U13)."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from groups_provisioning import refusals
from groups_provisioning.actions import accepting
from groups_provisioning.actions.accepting import Name
from groups_provisioning.pages.deciding import run
from groups_provisioning.pages.invitations.forms import InvitationsForm, JoinForm
from groups_provisioning.preview.plans import Wish
from groups_provisioning.proposals import gate
from orgs import invitations, proposals, sign_in
from orgs.models import Ending, Invitation, Proposal, User
from orgs.web.access import OrgRequest, cause, org_admin, require_recent
from orgs.web.long_list import LongList
from orgs.web.second_admin import second_asked

PAGE = 50


@require_safe
@org_admin
def invitation_list(request: OrgRequest) -> HttpResponse:
    found = Invitation.objects.for_org(request.org).select_related("invited_by", "user")
    page = LongList(found, PAGE).get_page(request.GET.get("page"))
    _describe(page.object_list, timezone.now())
    return render(request, "groups_provisioning/invitations/invitations.html", {"page": page})


def _describe(rows: Iterable[Invitation], at: datetime) -> None:
    """Set `state`, what became of each, and `person`, who has its address although nobody accepted it."""
    waiting = {row.address_key: row for row in rows if row.ended_at is None}
    people = {}
    if waiting:
        org_id = next(iter(waiting.values())).org_id
        named = User.objects.for_org(org_id).provisionable().filter(user_name_key__in=waiting)
        people = {user.user_name_key: user for user in named.defer("attributes", "folded")}
    for row in rows:
        row.person = people.get(row.address_key) if row.ended_at is None else row.user  # type: ignore[attr-defined]
        row.state = _state(row, at)  # type: ignore[attr-defined]


def _state(row: Invitation, at: datetime) -> str:
    if row.ending:
        return Ending(row.ending).value
    if row.person is not None:  # type: ignore[attr-defined]
        return "person"
    if row.refused:
        return "refused"
    if row.expires_at <= at:
        return "expired"
    return "open" if row.sent_at else "waiting"


@require_http_methods(["GET", "HEAD", "POST"])
@org_admin
def new(request: OrgRequest) -> HttpResponseBase:
    """One or several addresses. The admin role is asked about twice, and needs a recent sign-in (SPEC L6)."""
    form = InvitationsForm(request.POST or None, org=request.org)
    found: tuple[invitations.Conflict, ...] = ()
    if request.method == "POST" and form.is_valid():
        if form.makes_admins:
            require_recent(request)
        found = tuple(invitations.conflicts(request.org, form.cleaned_data["addresses"]))
        wish: Wish = {"do": "invite", **form.cleaned_data}
        if form.makes_admins and not found and "seen" not in request.POST:
            words = {"form": form, "asks_second": gate.needs_second(request.org, wish, cause(request))}
            return render(request, "groups_provisioning/invitations/admins.html", words)
        try:
            made = run(request, wish)
        except invitations.Conflicts as refusal:
            found = refusal.conflicts
        except proposals.TooManyProposals as too_many:
            form.add_error(None, refusals.in_words(too_many))
        except invitations.TooMany:
            form.add_error(
                None,
                _("Your organization may invite %(most)d people an hour. Try again later.")
                % {"most": invitations.AN_HOUR},
            )
        else:
            if isinstance(made, Proposal):
                return second_asked(request, made)
            told = ngettext("%(count)d invitation is being sent.", "%(count)d invitations are being sent.", len(made))
            messages.success(request, told % {"count": len(made)})
            return redirect("invitations")
    return render(request, "groups_provisioning/invitations/new.html", {"form": form, "conflicts": found})


@require_POST
@org_admin
def resend(request: OrgRequest, invitation_id: UUID) -> HttpResponseBase:
    wish: Wish = {"do": "resend", "invitation": str(invitation_id)}
    try:
        sent = run(request, wish, back=reverse("invitations"))
    except invitations.NotOpen:
        messages.error(request, _("This invitation has ended."))
    except proposals.TooManyProposals as refusal:
        messages.error(request, refusals.in_words(refusal))
    except invitations.SentJustNow:
        messages.info(request, _("This invitation was sent a moment ago. Give the mail a few minutes to arrive."))
    else:
        if isinstance(sent, Proposal):
            return second_asked(request, sent)
        words = _("Another mail is being sent to %(address)s. The link in the last one no longer works.")
        messages.success(request, words % {"address": sent.address})
    return redirect("invitations")


@require_http_methods(["GET", "HEAD", "POST"])
@org_admin
def revoke(request: OrgRequest, invitation_id: UUID) -> HttpResponse:
    if request.method == "POST":
        try:
            ended = invitations.revoke(org=request.org, invitation_id=invitation_id, cause=cause(request))
        except invitations.NotOpen:
            messages.error(request, _("This invitation has ended."))
        else:
            words = _("The invitation of %(address)s is revoked. Its link no longer works.")
            messages.success(request, words % {"address": ended.address})
        return redirect("invitations")
    waiting = Invitation.objects.for_org(request.org).filter(ended_at=None)
    invitation = get_object_or_404(waiting, id=invitation_id)
    return render(request, "groups_provisioning/invitations/revoke.html", {"invitation": invitation})


@sensitive_post_parameters("new_password1", "new_password2")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, secret: str) -> HttpResponse:
    """Opened from the mail. Only the form accepts: programs that look into mails open links too."""
    at = timezone.now()
    try:
        invitation = invitations.of_secret(secret, at=at)
        found = invitations.conflicts(invitation.org, [invitation.address], invited=False)
        if found:
            raise invitations.Conflicts(*found)
        if invitation.org.sso_connection is not None:
            raise invitations.ThroughProvider
        form = JoinForm(request.POST or None, address=invitation.address)
        if request.method != "POST" or not form.is_valid():
            words = {"form": form, "invitation": invitation}
            return render(request, "registration/join.html", words)
        name = Name(form.cleaned_data["given_name"], form.cleaned_data["family_name"])
        user = accepting.accept(secret=secret, name=name, password=form.cleaned_data["new_password1"], at=at)
    except invitations.NotOpen:
        return render(request, "registration/join.html", status=404)
    except invitations.ThroughProvider:
        there = sign_in.sign_in_path(invitation.org)
        return render(request, "registration/join.html", {"provider": there, "invitation": invitation})
    except invitations.Conflicts as refusal:
        words = {"conflict": refusal.conflicts[0], "invitation": invitation}
        return render(request, "registration/join.html", words, status=409)
    messages.success(request, _("Your account is ready. Sign in with your password."))
    return redirect(sign_in.sign_in_path(user.org))
