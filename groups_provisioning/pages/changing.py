"""Pages that change something whose subject may go away meanwhile: deleted by SCIM, or by another admin."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods
from django_htmx.http import HttpResponseClientRedirect

from groups_provisioning import refusals
from groups_provisioning.actions.group_ends import NotEnded
from groups_provisioning.actions.rules import UnknownRule
from groups_provisioning.engine.holds import Held
from groups_provisioning.models import GroupMapping, MappingRule, PushedGroup
from groups_provisioning.rules.assignments import UnknownGroup, UnknownMapping
from orgs.entity_names import UnknownEntity
from orgs.models import Entity, User
from orgs.people import UnknownPerson
from orgs.web.access import OrgRequest, org_admin

P = ParamSpec("P")
View = Callable[Concatenate[OrgRequest, P], HttpResponseBase]


def changing(back: str, *methods: str) -> Callable[[View[P]], Callable[..., HttpResponseBase]]:
    """For a page that changes something. What is refused is said on the page named `back`; a GET of it is 404.

    back: the list that the subject was on, since its own page is gone too. methods: GET, HEAD and POST if none.
    What is held is decided on its own page.
    """

    def decorate(view: View[P]) -> Callable[..., HttpResponseBase]:
        @require_http_methods(methods or ("GET", "HEAD", "POST"))
        @org_admin
        @wraps(view)
        def guarded(request: OrgRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            try:
                return view(request, *args, **kwargs)
            except refusals.REFUSALS as refusal:
                if request.method != "POST":
                    raise Http404 from refusal
                messages.error(request, refusals.in_words(refusal))
                there = "held-changes" if isinstance(refusal, Held) else back
                return HttpResponseClientRedirect(reverse(there)) if request.htmx else redirect(there)

        return guarded

    return decorate


def back(request: OrgRequest, default: str) -> str:
    """Where to go afterwards: to the list that a link came from, which its query names; a path of this site."""
    asked = request.GET.get("back", "")
    return asked if asked.startswith("/") and url_has_allowed_host_and_scheme(asked, allowed_hosts=None) else default


def person(request: OrgRequest, user_id: UUID | str | None) -> User:
    """Somebody whom SCIM has not deleted. Raises UnknownPerson."""
    return _found(User.objects.for_org(request.org).live(), user_id, UnknownPerson)


def entity(request: OrgRequest, entity_id: UUID | str | None) -> Entity:
    """Raises UnknownEntity."""
    return _found(Entity.objects.for_org(request.org).live(), entity_id, UnknownEntity)


def group(request: OrgRequest, group_id: UUID) -> PushedGroup:
    """Raises UnknownGroup."""
    return _found(PushedGroup.objects.for_org(request.org).live(), group_id, UnknownGroup)


def ended_group(request: OrgRequest, group_id: UUID) -> PushedGroup:
    """A group that was ended by hand. Raises NotEnded."""
    return _found(PushedGroup.objects.for_org(request.org).filter(ends__isnull=False), group_id, NotEnded)


def mapping(request: OrgRequest, mapping_id: UUID) -> GroupMapping:
    """A mapping with its group and entity. Raises UnknownMapping, also if the group was deleted."""
    found = GroupMapping.objects.for_org(request.org).select_related("group", "entity").filter(group__deleted_at=None)
    return _found(found, mapping_id, UnknownMapping)


def rule(request: OrgRequest, rule_id: UUID | str) -> MappingRule:
    """Raises UnknownRule."""
    return _found(MappingRule.objects.for_org(request.org), rule_id, UnknownRule)


def _found(rows: Any, id_: UUID | str | None, unknown: type[Exception]) -> Any:
    """One of the rows, or else the exception; an id from a form may be anything."""
    try:
        found = rows.filter(id=id_).first()
    except ValidationError:
        found = None
    if found is None:
        raise unknown
    return found
