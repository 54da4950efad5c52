"""Setup links as admins see them: making one, and revoking it (SPEC L8)."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_safe

from orgs import setup_links, tokens
from orgs.forms import SetupLinkForm
from orgs.models import Purpose
from orgs.web.access import OrgRequest, cause, org_admin, recently_signed_in
from orgs.web.link_access import address


@require_safe
@org_admin
def link_list(request: OrgRequest) -> HttpResponse:
    found = setup_links.open_in(request.org, at=timezone.now()).select_related("made_by")
    return render(request, "orgs/setup_links.html", {"links": found})


@require_http_methods(["GET", "HEAD", "POST"])
@org_admin
@recently_signed_in
@sensitive_variables("made")
def new(request: OrgRequest) -> HttpResponse:
    """The secret is in the response to the form and nowhere else."""
    wanted = request.GET.get("purpose")
    form = SetupLinkForm(request.POST or None, initial={"purpose": wanted if wanted in Purpose.values else None})
    if request.method == "POST" and form.is_valid():
        try:
            made = setup_links.make(org=request.org, cause=cause(request), **form.cleaned_data)
        except (setup_links.AlreadyOpen, tokens.PrerequisiteMissing) as refusal:
            form.refuse(refusal)
        else:
            return render(request, "orgs/setup_link_made.html", {"link": made.link, "address": address(made)})
    return render(request, "orgs/setup_link_new.html", {"form": form})


@require_http_methods(["GET", "HEAD", "POST"])
@org_admin
def revoke(request: OrgRequest, link_id: UUID) -> HttpResponse:
    if request.method == "POST":
        try:
            ended = setup_links.revoke(org=request.org, link_id=link_id, cause=cause(request))
        except setup_links.NotOpen:
            messages.info(request, _("This link has ended already."))
        else:
            words = _("The setup link for %(recipient)s is revoked. It no longer works.")
            messages.success(request, words % {"recipient": ended.recipient})
        return redirect("setup-links")
    found = setup_links.open_in(request.org, at=timezone.now())
    return render(request, "orgs/setup_link_revoke.html", {"link": get_object_or_404(found, id=link_id)})
