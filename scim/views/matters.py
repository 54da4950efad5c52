"""What needs attention, on the SCIM provisioning page (SPEC N1)."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from orgs import matters
from orgs.web.access import OrgRequest, cause, org_admin


@require_POST
@org_admin
def dismiss(request: OrgRequest, matter_id: UUID) -> HttpResponse:
    try:
        matters.dismiss(org=request.org, matter_id=matter_id, cause=cause(request))
        messages.success(request, _("Dismissed. You will not be told of this again while it goes on."))
    except matters.UnknownMatter:
        messages.info(request, _("This is already over."))
    return redirect(reverse("scim-provisioning") + "#matters")
