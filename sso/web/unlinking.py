"""Ending the links of people to their accounts at the identity provider (SPEC L4)."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from orgs.models import IdentityLink, User
from orgs.people import UnknownPerson
from orgs.web.access import OrgRequest, cause, org_admin, recently_signed_in
from sso import links


@require_http_methods(["GET", "HEAD", "POST"])
@org_admin
@recently_signed_in
def unlink(request: OrgRequest, user_id: UUID) -> HttpResponse:
    """Of one person: whoever comes next with their userName is linked to them."""
    if request.method == "POST":
        try:
            if links.unlink(org=request.org, user_id=user_id, cause=cause(request)):
                messages.success(request, _("Unlinked. The next sign-in links them again."))
        except UnknownPerson:
            messages.info(request, _("This person is gone."))
            return redirect("people")
        return redirect("person", user_id)
    person = get_object_or_404(User.objects.for_org(request.org).provisionable(), id=user_id)
    found = IdentityLink.objects.for_org(request.org).filter(user=person)
    return render(request, "sso/unlink.html", {"person": person, "links": found})


@require_http_methods(["GET", "HEAD", "POST"])
@org_admin
@recently_signed_in
def unlink_all(request: OrgRequest) -> HttpResponse:
    if request.method == "POST":
        ended = links.unlink_all(org=request.org, cause=cause(request))
        words = ngettext("%(count)d person is unlinked.", "%(count)d people are unlinked.", ended)
        messages.success(request, words % {"count": ended})
        return redirect("sso")
    return render(request, "sso/unlink_all.html", {"count": IdentityLink.objects.for_org(request.org).count()})
