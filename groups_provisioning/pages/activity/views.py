"""Activity: what was changed, by whom, and the effects."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from groups_provisioning.engine import as_of
from groups_provisioning.engine.taking_back import is_undoable
from groups_provisioning.pages.activity import change_list, change_words
from groups_provisioning.pages.activity.change_list import Wanted
from groups_provisioning.pages.conflicts import resolved_conflicts
from groups_provisioning.preview import shown
from orgs import history, past, proposals, queue
from orgs.change_details import ConflictDecided, Detail, GroupDetail
from orgs.db.keys import as_uuid
from orgs.models import Change, LedgerEntry, Organization
from orgs.models.history import BY
from orgs.web.access import OrgRequest, org_admin
from orgs.web.day_range import DayRange
from orgs.web.downloads import as_csv

SUBJECTS = ("person", "group", "entity")
ALSO = 2  # of what else a change of a group did, in a list
CLOSED = 10  # conflicts that a decision closed besides those that it was about


class ActivityFilter(DayRange):
    """What to show. Links send it too, so invalid values are ignored."""

    q = forms.CharField(
        label=gettext_lazy("About"),
        required=False,
        max_length=100,
        widget=forms.TextInput(
            attrs={"type": "search", "placeholder": gettext_lazy("Person, group or team"), "autocomplete": "off"}
        ),
    )
    kind = forms.ChoiceField(
        label=gettext_lazy("Kind"), required=False, choices=[("", gettext_lazy("All")), *change_words.KINDS.items()]
    )
    person = forms.UUIDField(required=False, widget=forms.HiddenInput)
    group = forms.UUIDField(required=False, widget=forms.HiddenInput)
    entity = forms.UUIDField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Any) -> None:
        super().__init__(data, auto_id="filter_%s")
        self.is_valid()

    @property
    def wanted(self) -> Wanted:
        chosen = self.cleaned_data
        since, until = self.moments()
        return Wanted(
            kind=chosen.get("kind", ""),
            **{subject: chosen.get(subject) for subject in SUBJECTS},
            since=since,
            until=until,
        )

    @property
    def text(self) -> str:
        return str(self.cleaned_data.get("q", ""))

    @property
    def subjects(self) -> list[forms.BoundField]:
        """What links choose: a person, a group or an entity by id."""
        return [self[subject] for subject in SUBJECTS if self.cleaned_data.get(subject)]


@require_safe
@org_admin
def changes(request: OrgRequest) -> HttpResponse:
    """The list. A name that is looked for is that of one person, group or entity; of several, one is chosen first."""
    form = ActivityFilter(request.GET)
    wanted = form.wanted
    if form.text:
        named = change_list.named(request.org, form.text)
        found = [(subject, each) for subject, rows in named.items() for each in rows]
        links = [_named(request, subject, each) for subject, each in found]
        if len(links) == 1:
            return redirect(links[0]["address"])
        return _page(request, form, {"named": links, "is_search": True})
    before = as_uuid(request.GET.get("before", ""))
    page = change_list.page(request.org, wanted, before=before)
    known = _names(request.org, page.lines, wanted)
    context = {
        "lines": [_told(line, known) for line in page.lines],
        "older": page.older,
        "before": before,
        "subject": _subject(wanted, known),
        "wanted": wanted,
        "exported": change_list.EXPORTED,
    }
    return _page(request, form, context)


@require_safe
@org_admin
def export(request: OrgRequest) -> StreamingHttpResponse:
    """The changes of the list, with the same filters."""
    header = (_("Time"), _("Change"), _("What"), _("By"), _("From"), _("Request ID"), _("Effects"), _("ID"))
    wanted = ActivityFilter(request.GET).wanted
    return as_csv(f"activity-{timezone.now():%Y-%m-%d}", header, _rows(request.org, wanted))


@require_safe
@org_admin
def change(request: OrgRequest, change_id: UUID) -> HttpResponse:
    """One change, all its effects, and the progress of settling people."""
    rows = Change.objects.for_org(request.org).select_related(*BY)
    found = rows.filter(id=change_id).first()
    if found is None:
        raise Http404
    after = request.GET.get("after", "")
    entries, further = change_list.effects_of(found, after=int(after) if after.isdecimal() and len(after) < 19 else 0)
    known = change_words.names(request.org, [found], entries, Wanted())
    left, marked = queue.progress(found)
    detail = history.read(found)
    also_closed = (
        resolved_conflicts.also_closed(found)
        if isinstance(detail, ConflictDecided) and detail.use == "incoming"
        else LedgerEntry.objects.none()
    )
    closing = shown.closed(request.org, also_closed.values_list("user_id", "was")[:CLOSED])
    context = {
        "change": found,
        "what": change_words.change(found, known),
        "by": change_words.by(found),
        "also": change_words.also(found),
        "closing": closing,
        "others": also_closed.count() - len(closing) if closing else 0,
        "effects": [_effect(entry, known) for entry in entries],
        "further": further,
        "after": after,
        "left": left,
        "done": max(marked - left, 0),
        "marked": max(marked, left),
        "as_of": _as_of(request.org, found, detail),
        "proposal": proposals.behind(found),
        "is_undoable": is_undoable(found) and found.at >= past.began(request.org),
    }
    template = "_change_progress" if request.htmx and "progress" in request.GET else "change"
    return render(request, f"groups_provisioning/activity/{template}.html", context)


def _as_of(org: Organization, change: Change, detail: Detail | None) -> dict[str, Any] | None:
    """Links to how people, and the group that it is about, were before a change and after it, where that is known."""
    before, then = as_of.around(change)
    if before < past.began(org):
        return None
    asked = {"before": urlencode({"at": before.isoformat()}), "then": urlencode({"at": then.isoformat()})}
    return asked | {"group": detail.group if isinstance(detail, GroupDetail) else None}


def _page(request: OrgRequest, form: ActivityFilter, context: dict[str, Any]) -> HttpResponse:
    filters = request.GET.copy()
    filters.pop("before", None)
    template = "_activity" if request.htmx else "activity"
    return render(
        request,
        f"groups_provisioning/activity/{template}.html",
        {"form": form, "filters": filters.urlencode(), **context},
    )


def _rows(org: Organization, wanted: Wanted) -> Iterator[tuple[Any, ...]]:
    for lines in change_list.everything(org, wanted):
        known = _names(org, lines, wanted)
        for line in lines:
            told = line.change
            came = change_words.also(told) + [change_words.effect(entry, known) for entry in line.effects]
            if line.more:
                came.append("…")
            yield (
                told.at,
                told.verb,
                change_words.change(told, known),
                change_words.by(told),
                told.get_door_display(),
                told.request_id,
                "; ".join(came),
                told.id,
            )


def _names(org: Organization, lines: list[change_list.Line], wanted: Wanted) -> change_words.Names:
    entries = [entry for line in lines for entry in line.effects]
    return change_words.names(org, [line.change for line in lines], entries, wanted)


def _told(line: change_list.Line, known: change_words.Names) -> dict[str, Any]:
    also = change_words.also(line.change)
    return {
        "change": line.change,
        "what": change_words.change(line.change, known),
        "by": change_words.by(line.change),
        "also": also[:ALSO] if isinstance(history.read(line.change), GroupDetail) else [],
        "effects": [change_words.effect(entry, known) for entry in line.effects],
        "more": line.more or len(also) > ALSO,
    }


def _effect(entry: LedgerEntry, known: change_words.Names) -> dict[str, Any]:
    return {"person": known.person(entry.user_id), "user_id": entry.user_id, "words": change_words.effect(entry, known)}


def _subject(wanted: Wanted, known: change_words.Names) -> str:
    """The name of what the list is about."""
    if wanted.person:
        return known.person(wanted.person)
    if wanted.group:
        return known.group(wanted.group)
    return known.entity(wanted.entity) if wanted.entity else ""


def _named(request: OrgRequest, subject: str, row: Any) -> dict[str, str]:
    """A link to the activity of something that was found by name, with the other filters as they are."""
    query = request.GET.copy()
    for name in ("q", "before", *SUBJECTS):
        query.pop(name, None)
    query[subject] = str(row.id)
    kinds = {"person": lambda: row.user_name, "group": lambda: _("SCIM group")}
    about = kinds[subject]() if subject in kinds else row.get_kind_display()
    if row.deleted_at:
        about = _("%(about)s (deleted)") % {"about": about}
    name = row.label if subject == "person" else str(row)
    return {"name": name, "about": about, "address": f"{reverse('activity')}?{query.urlencode()}"}
