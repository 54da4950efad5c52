"""A team or the like as of a moment: its name, its mapping and its people of then (SPEC T3)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from groups_provisioning.engine import as_of
from groups_provisioning.models import GroupMapping, Membership
from groups_provisioning.pages.entities.kind_words import WORDS
from groups_provisioning.pages.moments import MomentForm
from orgs.db.transactions import snapshot
from orgs.models import Entity, EntityKind, LedgerEntry, User
from orgs.models.history import PLACES
from orgs.web.access import OrgRequest, org_admin
from orgs.web.long_list import LongList

PAGE = 50


@require_safe
@org_admin
def entity_then(request: OrgRequest, entity_id: UUID) -> HttpResponse:
    found = get_object_or_404(Entity.objects.for_org(request.org), id=entity_id)
    form = MomentForm(request.GET, org=request.org)
    at = form.moment
    context: dict[str, Any] = {"entity": found, "words": WORDS[EntityKind(found.kind)], "form": form, "at": at}
    if at is not None:
        context["asked"] = urlencode({"at": at.isoformat()})
        with snapshot():
            with as_of.laid(as_of.of_entity(request.org.id, found.id, at)):
                context["then"] = Entity.objects.filter(id=found.id).first()
                owners = GroupMapping.objects.live().filter(entity=found.id).select_related("group")
                context["owner"] = owners.first()
            people = _people(found, at).defer("attributes", "folded").order_by("user_name_key", "id")
            context["page"] = page = LongList(people, PAGE).get_page(request.GET.get("page"))
            context["rows"] = list(page)
    return render(request, "groups_provisioning/entities/entity_then.html", context)


def _people(entity: Entity, at: datetime) -> QuerySet[User]:
    """Who was in an entity, by what came of the changes until then.

    From the present backwards, since HISTORY_DAYS may have forgotten when somebody came: whoever left it before coming
    again was in it, and so was whoever is in it and has not come since.
    """
    ledger, value = LedgerEntry.objects.for_org(entity.org_id).filter(slot__in=PLACES), str(entity.id)
    moved = ledger.filter(Q(was=value) | Q(now=value), change__at__gt=at)
    first = LedgerEntry.objects.filter(id__in=moved.order_by("user_id", "id").distinct("user_id").values("id"))
    here = Membership.objects.filter(entity=entity).exclude(user__in=moved.values("user"))
    left = first.filter(was=value)
    return User.objects.for_org(entity.org_id).filter(Q(id__in=left.values("user")) | Q(id__in=here.values("user")))
