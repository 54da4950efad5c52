"""The rules as of a moment (SPEC T3)."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from groups_provisioning.engine import as_of
from groups_provisioning.models import MappingRule
from groups_provisioning.pages.moments import MomentForm
from orgs.db.transactions import snapshot
from orgs.web.access import OrgRequest, org_admin


@require_safe
@org_admin
def rules_then(request: OrgRequest) -> HttpResponse:
    form = MomentForm(request.GET, org=request.org)
    at = form.moment
    context: dict[str, Any] = {"form": form, "at": at}
    if at is not None:
        with snapshot(), as_of.laid(as_of.of_rules(request.org.id, at)):
            context["rules"] = list(MappingRule.objects.for_org(request.org).order_by("gives_role", "position"))
    return render(request, "groups_provisioning/rules/rules_then.html", context)
