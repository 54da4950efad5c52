"""A preview that a worker is computing: the page polls its progress."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from groups_provisioning import refusals
from groups_provisioning.models import Preview
from groups_provisioning.preview import runs, shown
from orgs.web.access import OrgRequest, org_admin


@require_safe
@org_admin
def preview(request: OrgRequest, run_id: UUID) -> HttpResponse:
    run = get_object_or_404(Preview.objects.for_org(request.org), id=run_id)
    try:
        outlook = runs.look(request.org, run.wish)
    except refusals.REFUSALS as refusal:
        return render(request, "groups_provisioning/_run.html", {"refusal": refusals.in_words(refusal)})
    context = {"outlook": outlook, "outcome": shown.show(request.org, outlook)}
    return render(request, "groups_provisioning/_run.html", context)
