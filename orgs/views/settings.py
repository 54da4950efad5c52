"""The settings of an organization."""

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from orgs import sign_in, tokens
from orgs.models import PendingDomain, User
from orgs.web.access import OrgRequest, org_admin


@require_safe
@org_admin
def authentication(request: OrgRequest) -> HttpResponse:
    return render(
        request,
        "orgs/authentication.html",
        {
            "sign_in_address": settings.MUSTER_URL + sign_in.sign_in_path(request.org),
            "missing": tokens.missing_prerequisites(request.org),
            "owner": User.objects.for_org(request.org).filter(is_owner=True).first(),
            "domains": request.org.verified_domains.all(),
            "pending": PendingDomain.objects.for_org(request.org),
        },
    )
