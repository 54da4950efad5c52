"""Assigning people by hand, removing them, and undoing a removal (SPEC R4)."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from groups_provisioning import refusals
from groups_provisioning.actions import manual_changes
from groups_provisioning.models import Membership, Source
from groups_provisioning.pages import changing
from groups_provisioning.pages.entities import entity_list
from groups_provisioning.pages.entities.kind_words import WORDS
from groups_provisioning.pages.people import people_list
from groups_provisioning.pages.search import Search
from orgs import entities
from orgs.models import Entity, EntityKind, HandPlacement, User
from orgs.web.access import OrgRequest, cause

CHOICES = 20  # to find others, type more


@changing.changing("people")
def place_person(request: OrgRequest, user_id: UUID) -> HttpResponse:
    """Choose an entity for a person."""
    user = changing.person(request, user_id)
    if request.method == "POST":
        _place(request, user, changing.entity(request, request.POST.get("entity")))
        return redirect("person", user.id)
    form = Search(request.GET)
    found = entity_list.placeable(request.org, user, form.chosen("q"))[:CHOICES]
    context = {"person": user, "form": form, "found": found, "limit": CHOICES}
    fragment = "groups_provisioning/people/_place_choices.html"
    return render(request, fragment if request.htmx else "groups_provisioning/people/person_place.html", context)


@changing.changing("people")
def place_in_entity(request: OrgRequest, entity_id: UUID) -> HttpResponse:
    """Choose a person for an entity."""
    entity = changing.entity(request, entity_id)
    if entity.kind not in entities.kinds_on(request.org):
        messages.error(request, refusals.in_words(entities.KindOff()))
        return redirect("entity", entity.id)
    if request.method == "POST":
        _place(request, changing.person(request, request.POST.get("person")), entity)
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


@changing.changing("people")
def take_out(request: OrgRequest, user_id: UUID, entity_id: UUID) -> HttpResponse:
    """Remove somebody, after saying what that does and how long it lasts."""
    user, entity = changing.person(request, user_id), changing.entity(request, entity_id)
    back = changing.back(request, reverse("person", args=[user.id]))
    if request.method == "POST":
        if manual_changes.take_out(org=request.org, user_id=user.id, entity_id=entity.id, cause=cause(request)):
            messages.success(request, _("%(name)s was removed from %(entity)s.") % _named(user, entity))
        return redirect(back)
    membership = Membership.objects.filter(user=user, entity=entity).select_related("mapping__group").first()
    by_admin = HandPlacement.objects.filter(user=user, entity=entity, placed=True).exists()
    if membership is None and not by_admin:
        return redirect(back)
    context = {
        "person": user,
        "entity": entity,
        "back": back,
        "membership": membership,
        "is_scim": membership is not None and membership.source != Source.HAND,
        "by_admin": by_admin,
    }
    return render(request, "groups_provisioning/people/take_out.html", context)


@changing.changing("people", "POST")
def put_back(request: OrgRequest, user_id: UUID, entity_id: UUID) -> HttpResponse:
    user, entity = changing.person(request, user_id), changing.entity(request, entity_id)
    if manual_changes.put_back(org=request.org, user_id=user.id, entity_id=entity.id, cause=cause(request)):
        words = _("Your identity provider now decides again whether %(name)s is assigned to %(entity)s.")
        messages.success(request, words % _named(user, entity))
    return redirect(changing.back(request, reverse("person", args=[user.id])))


def _place(request: OrgRequest, user: User, entity: Entity) -> None:
    """Assign, and report the result: SCIM takes precedence (SPEC R2, R4)."""
    try:
        manual_changes.place(org=request.org, user_id=user.id, entity_id=entity.id, cause=cause(request))
    except entities.KindOff as refusal:
        messages.error(request, refusals.in_words(refusal))
        return
    if Membership.objects.filter(user=user, entity=entity).exists():
        messages.success(request, _("%(name)s is now assigned to %(entity)s.") % _named(user, entity))
    else:
        words = _("Saved, but another assignment takes precedence: %(name)s is not in %(entity)s at the moment.")
        messages.info(request, words % _named(user, entity))


def _named(user: User, entity: Entity) -> dict[str, str]:
    return {"name": user.label, "entity": entity.name}
