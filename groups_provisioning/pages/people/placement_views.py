"""Assigning people by hand, removing them, and undoing a removal (SPEC R4)."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from groups_provisioning.actions import manual_changes
from groups_provisioning.models import Membership, Source
from groups_provisioning.pages.entities import entity_list
from groups_provisioning.pages.entities.kind_words import WORDS
from groups_provisioning.pages.people import people_list
from groups_provisioning.pages.search import Search
from orgs import entities
from orgs.models import Entity, EntityKind, HandPlacement, User
from orgs.web.access import OrgRequest, cause, org_admin

CHOICES = 20  # to find others, type more


@require_http_methods(["GET", "HEAD", "POST"])
@org_admin
def place_person(request: OrgRequest, user_id: UUID) -> HttpResponse:
    """Choose an entity for a person."""
    user = _person(request, user_id)
    if request.method == "POST":
        _place(request, user, _entity(request, request.POST.get("entity")))
        return redirect("person", user.id)
    form = Search(request.GET)
    found = entity_list.placeable(request.org, user, form.chosen("q"))[:CHOICES]
    context = {"person": user, "form": form, "found": found, "limit": CHOICES}
    fragment = "groups_provisioning/people/_place_choices.html"
    return render(request, fragment if request.htmx else "groups_provisioning/people/person_place.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@org_admin
def place_in_entity(request: OrgRequest, entity_id: UUID) -> HttpResponse:
    """Choose a person for an entity."""
    entity = _entity(request, entity_id)
    if entity.kind not in entities.kinds_on(request.org):
        return redirect("entity", entity.id)
    if request.method == "POST":
        _place(request, _person(request, request.POST.get("person")), entity)
        return redirect("entity", entity.id)
    form = Search(request.GET, for_people=True)
    found = people_list.placeable(request.org, entity, form.chosen("q"))[:CHOICES]
    context = {
        "entity": entity,
        "words": WORDS[EntityKind(entity.kind)],
        "form": form,
        "found": found,
        "limit": CHOICES,
    }
    fragment = "groups_provisioning/people/_person_choices.html"
    return render(request, fragment if request.htmx else "groups_provisioning/people/entity_place.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@org_admin
def take_out(request: OrgRequest, user_id: UUID, entity_id: UUID) -> HttpResponse:
    """Remove somebody, after saying what that does and how long it lasts."""
    user, entity = _person(request, user_id), _entity(request, entity_id)
    if request.method == "POST":
        if manual_changes.take_out(org=request.org, user_id=user.id, entity_id=entity.id, cause=cause(request)):
            messages.success(request, _("%(name)s was removed from %(entity)s.") % _named(user, entity))
        return redirect("person", user.id)
    membership = Membership.objects.filter(user=user, entity=entity).select_related("mapping__group").first()
    by_admin = HandPlacement.objects.filter(user=user, entity=entity, placed=True).exists()
    if membership is None and not by_admin:
        return redirect("person", user.id)
    context = {
        "person": user,
        "entity": entity,
        "membership": membership,
        "is_scim": membership is not None and membership.source != Source.HAND,
        "by_admin": by_admin,
    }
    return render(request, "groups_provisioning/people/take_out.html", context)


@require_POST
@org_admin
def put_back(request: OrgRequest, user_id: UUID, entity_id: UUID) -> HttpResponse:
    user, entity = _person(request, user_id), _entity(request, entity_id)
    if manual_changes.put_back(org=request.org, user_id=user.id, entity_id=entity.id, cause=cause(request)):
        words = _("Your identity provider now decides again whether %(name)s is assigned to %(entity)s.")
        messages.success(request, words % _named(user, entity))
    return redirect("person", user.id)


def _person(request: OrgRequest, user_id: UUID | str | None) -> User:
    """Somebody whom SCIM has not deleted."""
    return _found(User.objects.for_org(request.org).live(), user_id)


def _entity(request: OrgRequest, entity_id: UUID | str | None) -> Entity:
    return _found(Entity.objects.for_org(request.org).live(), entity_id)


def _found(rows: Any, id_: UUID | str | None) -> Any:
    """One of the rows; an id from a form may be anything."""
    try:
        return get_object_or_404(rows, id=id_)
    except ValidationError as error:
        raise Http404 from error


def _place(request: OrgRequest, user: User, entity: Entity) -> None:
    """Assign, and report the result: SCIM takes precedence (SPEC R2, R4)."""
    try:
        manual_changes.place(org=request.org, user_id=user.id, entity_id=entity.id, cause=cause(request))
    except entities.KindOff:
        messages.error(request, _("This kind is switched off. Ask support to switch it on."))
        return
    if Membership.objects.filter(user=user, entity=entity).exists():
        messages.success(request, _("%(name)s is now assigned to %(entity)s.") % _named(user, entity))
    else:
        words = _("Saved, but another assignment takes precedence: %(name)s is not in %(entity)s at the moment.")
        messages.info(request, words % _named(user, entity))


def _named(user: User, entity: Entity) -> dict[str, str]:
    return {"name": user.label, "entity": entity.name}
