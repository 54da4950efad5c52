"""Having a certificate of the identity provider renewed by somebody without an account (SPEC L8)."""

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods

from orgs import setup_links
from orgs.forms import RecipientForm
from orgs.models import Purpose
from orgs.web import link_access
from orgs.web.access import OrgRequest, cause, org_admin, recently_signed_in
from orgs.web.link_access import LinkRequest, through_link
from sso import renewals
from sso.refusals import Refused
from sso.status import status
from sso.web.forms import RenewalForm


@require_http_methods(["GET", "HEAD", "POST"])
@org_admin
@recently_signed_in
@sensitive_variables("made")
def make_link(request: OrgRequest) -> HttpResponse:
    """The secret is in the response to the form and nowhere else."""
    active = renewals.renewable(request.org)
    if active is None:
        return redirect("sso")
    form = RecipientForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = renewals.make_link(org=request.org, cause=cause(request), **form.cleaned_data)
        except setup_links.AlreadyOpen as refusal:
            form.refuse(refusal)
        except renewals.NotByHand:
            return redirect("sso")
        else:
            words = {"link": made.link, "address": link_access.address(made)}
            return render(request, "orgs/setup_link_made.html", words)
    return render(request, "sso/renewal_link.html", {"form": form, "active": active})


@require_http_methods(["GET", "HEAD", "POST"])
@through_link(Purpose.RENEWAL)
def hand_in(request: LinkRequest) -> HttpResponse:
    """The certificates there are, all of which are public, and a form for the next one."""
    found, now = status(request.org, at=timezone.now()), timezone.now()
    if found.active is None:
        return link_access.gone(request)
    form = RenewalForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            brought = form.certificates(found.active, now=now, plain_http=bool(settings.IDP_NETWORKS))
            renewals.add(link=request.link, certificates=brought, cause=link_access.cause())
        except Refused as refused:
            form.refuse(refused)
        else:
            return redirect(link_access.page(request.link))
    words = {"link": request.link, "form": form, "status": found, "draft": renewals.waiting(found), "now": now}
    return render(request, "setup/certificate.html", words)
