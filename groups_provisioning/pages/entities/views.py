"""Teams, concurrency groups and sub-organizations: lists, members, and changes by admins (SPEC M7, G6)."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from groups_provisioning import refusals
from groups_provisioning.actions import entity_edits
from groups_provisioning.models import Source
from groups_provisioning.pages import changing
from groups_provisioning.pages.deciding import Above, Question, decide
from groups_provisioning.pages.entities import entity_list
from groups_provisioning.pages.entities.forms import EntityFilter, EntityForm, LimitForm, MembersFilter, RenameForm
from groups_provisioning.pages.entities.kind_words import WORDS
from orgs import entities, queue
from orgs.models import Entity, EntityKind
from orgs.web.access import OrgRequest, cause, org_admin
from orgs.web.downloads import as_csv
from orgs.web.long_list import COUNTED, LongList, count

PAGE = 50


@require_safe
@org_admin
def entities_of(request: OrgRequest, kind: EntityKind) -> HttpResponse:
    form = EntityFilter(request.GET)
    found = entity_list.entities(request.org, kind, form.wanted(), form.sorted_by)
    return render(
        request,
        "groups_provisioning/entities/_entities.html" if request.htmx else "groups_provisioning/entities/entities.html",
        {
            "kind": kind,
            "words": WORDS[kind],
            "is_on": kind in entities.kinds_on(request.org),
            "is_applying": queue.is_applying(request.org),
            "form": form,
            "page": Paginator(found, PAGE).get_page(request.GET.get("page")),
        },
    )


@require_safe
@org_admin
def export(request: OrgRequest, kind: EntityKind) -> StreamingHttpResponse:
    columns = (_("Name"), _("People"), _("Parallel sessions"), _("SCIM group"), _("Mapping"), _("Created"), _("ID"))
    found = entity_list.entities(request.org, kind, EntityFilter(request.GET).wanted())
    return as_csv(f"{WORDS[kind].url}-{now():%Y-%m-%d}", columns, entity_list.rows(found))


@require_http_methods(["GET", "HEAD", "POST"])
@org_admin
def new_entity(request: OrgRequest, kind: EntityKind) -> HttpResponse:
    if kind not in entities.kinds_on(request.org):
        messages.error(request, refusals.in_words(entities.KindOff()))
        return redirect(WORDS[kind].url)
    form = EntityForm(request.POST or None, kind=kind)
    if request.method == "POST" and form.is_valid():
        try:
            made = entity_edits.create_entity(org=request.org, kind=kind, cause=cause(request), **form.cleaned_data)
        except (*entities.BAD_NAMES, entities.KindOff) as refusal:
            form.add_error("name", refusals.of_a_name(refusal, kind))
        else:
            messages.success(request, _("“%(name)s” was created.") % {"name": made.name})
            return redirect("entity", made.id)
    return render(request, "groups_provisioning/entities/entity_new.html", {"form": form, "words": WORDS[kind]})


@require_safe
@org_admin
def entity(request: OrgRequest, entity_id: UUID) -> HttpResponse:
    """An entity with its members, or with the people removed by hand; for htmx requests only the list of people."""
    found = _live(request, entity_id)
    form = MembersFilter(request.GET)
    is_out = request.GET.get("tab") == "taken-out"
    taken_out = entity_list.taken_out(found)
    rows: Any = (
        taken_out if is_out else entity_list.members(found, form.chosen("q"), form.chosen("source"), form.sorted_by)
    )
    page = LongList(rows, PAGE).get_page(request.GET.get("page"))
    context = {
        "entity": found,
        "words": WORDS[EntityKind(found.kind)],
        "form": form,
        "is_out": is_out,
        "page": page,
        "is_on": found.kind in entities.kinds_on(request.org),
        "is_applying": queue.is_applying(request.org),
    }
    if request.htmx:
        context["owner"] = entity_list.owner(found)
        return render(request, "groups_provisioning/entities/_entity_members.html", context)
    context |= _told(found) | {
        "taken_out": page.paginator.count if is_out else min(count(taken_out), COUNTED),
        "rename_form": RenameForm(initial={"name": found.name}, auto_id="rename_%s"),
        "limit_form": LimitForm(initial={"session_limit": found.session_limit}, auto_id="limit_%s"),
    }
    return render(request, "groups_provisioning/entities/entity.html", context)


@require_safe
@org_admin
def export_members(request: OrgRequest, entity_id: UUID) -> StreamingHttpResponse:
    found = _live(request, entity_id)
    form = MembersFilter(request.GET)
    columns = (_("userName"), _("Name"), _("Status"), _("Roles"), _("Assigned by"), _("SCIM group"), _("ID"))
    rows = entity_list.member_rows(found, form.chosen("q"), form.chosen("source"))
    return as_csv(f"members-{now():%Y-%m-%d}", columns, rows)


@changing.changing("overview")
def rename_entity(request: OrgRequest, entity_id: UUID) -> HttpResponse:
    found = changing.entity(request, entity_id)
    form = RenameForm(request.POST or None, initial={"name": found.name})
    if request.method == "POST" and form.is_valid():
        try:
            entity_edits.rename_entity(org=request.org, entity_id=found.id, cause=cause(request), **form.cleaned_data)
        except entities.BAD_NAMES as refusal:
            form.add_error("name", refusals.of_a_name(refusal, found.kind))
        else:
            messages.success(request, _("“%(was)s” was renamed.") % {"was": found.name})
            return redirect("entity", found.id)
    context = {"entity": found, "words": WORDS[EntityKind(found.kind)], "rename_form": form}
    return render(request, "groups_provisioning/entities/entity_rename.html", context | _told(found))


@changing.changing("overview")
def limit_entity(request: OrgRequest, entity_id: UUID) -> HttpResponse:
    found = changing.entity(request, entity_id)
    if found.kind != EntityKind.CONCURRENCY_GROUP:
        return redirect("entity", found.id)
    form = LimitForm(request.POST or None, initial={"session_limit": found.session_limit})
    if request.method == "POST" and form.is_valid():
        entity_edits.limit_entity(org=request.org, entity_id=found.id, cause=cause(request), **form.cleaned_data)
        messages.success(request, _("The limit of “%(name)s” was saved.") % {"name": found.name})
        return redirect("entity", found.id)
    context = {"entity": found, "words": WORDS[EntityKind(found.kind)], "limit_form": form}
    return render(request, "groups_provisioning/entities/entity_limit.html", context)


@changing.changing("overview")
def delete_entity(request: OrgRequest, entity_id: UUID) -> HttpResponseBase:
    """Delete, after showing the effects on people and on the mapping (SPEC M7, M9)."""
    found = changing.entity(request, entity_id)
    words = WORDS[EntityKind(found.kind)]

    def carry_out() -> str:
        entity_edits.delete_entity(org=request.org, entity_id=found.id, cause=cause(request))
        return _("“%(name)s” was deleted. Its members are being removed.") % {"name": found.name}

    question = Question(
        title=_("Delete “%(name)s”?") % {"name": found.name},
        verb=_("Delete"),
        wish={"do": "delete_entity", "entity": str(found.id)},
        back=reverse(words.url),
        destructive=True,
        details="groups_provisioning/entities/_delete_details.html",
        above=Above(words.url, words.many),
        context={"entity": found} | _told(found),
    )
    return decide(request, question, carry_out)


def _live(request: OrgRequest, entity_id: UUID) -> Entity:
    return get_object_or_404(Entity.objects.for_org(request.org).live(), id=entity_id)


def _told(found: Entity) -> dict[str, Any]:
    """The mapping that owns it, and how many people it has, by source unless they are more than are counted."""
    by_source = entity_list.counts(found)
    people = sum(by_source.values())
    return {
        "owner": entity_list.owner(found),
        "people": min(people, COUNTED),
        "more_people": people > COUNTED,
        "sources": [] if people > COUNTED else [(Source(source).label, n) for source, n in by_source.items()],
    }
