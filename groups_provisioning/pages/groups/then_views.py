"""A group as of a moment: its name, roles, mappings and members of then (SPEC T3)."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from groups_provisioning.engine import as_of
from groups_provisioning.models import GroupMapping, GroupMember, PushedGroup
from groups_provisioning.pages.moments import MomentForm
from orgs.db.transactions import snapshot
from orgs.models.history import with_causers
from orgs.web.access import OrgRequest, org_admin
from orgs.web.long_list import LongList

PAGE = 50


@require_safe
@org_admin
def group_then(request: OrgRequest, group_id: UUID) -> HttpResponse:
    found = get_object_or_404(PushedGroup.objects.for_org(request.org), id=group_id)
    form = MomentForm(request.GET, org=request.org)
    at = form.moment
    context: dict[str, Any] = {"group": found, "form": form, "at": at}
    if at is not None:
        context["asked"] = urlencode({"at": at.isoformat()})
        with snapshot():
            with as_of.laid(as_of.of_group(found.id, at)):
                context["then"] = PushedGroup.objects.filter(id=found.id).first()
                mappings = GroupMapping.objects.live().filter(group=found.id).order_by("id").defer("change__detail")
                context["mappings"] = list(mappings.select_related("entity", *with_causers("change")))
            with as_of.members_laid(at):
                members = GroupMember.objects.filter(group=found.id).order_by("user_id")
                members = members.select_related("user", *with_causers("added_by")).defer(
                    "user__attributes", "user__folded"
                )
                context["page"] = page = LongList(members, PAGE).get_page(request.GET.get("page"))
                context["rows"] = list(page)
    return render(request, "groups_provisioning/groups/group_then.html", context)
