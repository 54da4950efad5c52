"""A person as of a moment: roles, assignments and groups of then, and why (SPEC T3)."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from groups_provisioning.engine import as_of
from groups_provisioning.engine.as_of import Recorded
from groups_provisioning.engine.explanation import Explanation
from groups_provisioning.pages.moments import MomentForm
from groups_provisioning.pages.people.views import GROUPS
from orgs.models import Entity, User
from orgs.web.access import OrgRequest, org_admin


@require_safe
@org_admin
def person_then(request: OrgRequest, user_id: UUID) -> HttpResponse:
    user = get_object_or_404(User.objects.for_org(request.org), id=user_id, erased_at=None)
    form = MomentForm(request.GET, org=request.org)
    at, shown, recorded = form.moment, None, None
    if at is not None:
        with as_of.person(request.org, user_id, at) as why:
            shown = why and _shown(why)
        if why is not None:
            recorded = _told(request, as_of.recorded(user_id, at), why)
    context = {"person": user, "form": form, "at": at, "shown": shown, "recorded": recorded}
    return render(request, "groups_provisioning/people/person_then.html", context)


def _shown(why: Explanation) -> SafeString:
    """What is only read as of then while the facts of then are laid; the frame of the page is of now."""
    groups = why.groups()
    return render_to_string(
        "groups_provisioning/people/_person_then.html",
        {
            "person": why.user,
            "then": True,
            "roles": why.why_roles(),
            "places": why.places(),
            "withheld": [(entity, why.why_not(entity)) for entity in why.withheld()],
            "groups": groups[:GROUPS],
            "more_groups": len(groups[GROUPS:]),
        },
    )


def _told(request: OrgRequest, recorded: Recorded, why: Explanation) -> dict[str, list[str]] | None:
    """The ledger's answer, where it is another one than that of the facts."""
    if not recorded.differs(why.effects):
        return None
    entities = Entity.objects.for_org(request.org).filter(id__in=recorded.places).order_by("name_key")
    return {"roles": recorded.roles or [], "places": list(entities.values_list("name", flat=True))}
