"""Importing people, groups and memberships from a file: it is checked first, and carried out once an admin has seen
what it would do (SPEC E6).
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from groups_provisioning import import_words
from groups_provisioning.actions import imports
from groups_provisioning.models import Import, ImportRow, Kind, Verdict
from groups_provisioning.proposals import gate
from orgs.models import Organization
from orgs.web.access import OrgRequest, cause, org_admin, require_recent
from orgs.web.downloads import as_csv
from scim import import_reading
from scim.import_forms import SHOWN, TO_CORRECT, ImportForm, checked


@require_http_methods(["GET", "HEAD", "POST"])
@org_admin
def import_list(request: OrgRequest) -> HttpResponse:
    form = ImportForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        run = checked(form, request.org, cause(request))
        if run is not None:
            return redirect("import", run.id)
    found = Import.objects.for_org(request.org).select_related("by_person", "by_key").order_by("-id")
    context = {"form": form, "imports": found, "columns": _columns()}
    return render(request, "scim/imports.html", context)


def _columns() -> list[tuple[str, str]]:
    return [
        (_("People"), ", ".join(import_reading.PEOPLE)),
        (_("Groups"), ", ".join(import_reading.GROUPS)),
        (_("Memberships"), ", ".join(import_reading.MEMBERSHIPS)),
    ]


@require_safe
@org_admin
def one(request: OrgRequest, import_id: UUID) -> HttpResponse:
    """An import: what it would do, does or did. For htmx, the part that polls."""
    run = _run(request.org, import_id)
    template = "scim/_import.html" if request.htmx else "scim/import.html"
    return render(request, template, describe(run))


def describe(run: Import) -> dict[str, Any]:
    """What a page says of an import. counts: a line for each kind that it has, with the number of each verdict."""
    found: dict[int, Counter[str]] = {}
    left = 0
    for kind, verdict, is_final, rows in imports.tally(run):
        found.setdefault(kind, Counter())[verdict or ""] += rows
        left += 0 if is_final else rows
    to_correct = ImportRow.objects.filter(run=run, verdict__in=TO_CORRECT).order_by("place", "id")
    total: Counter[str] = sum(found.values(), Counter())
    return {
        "run": run,
        "is_running": run.phase in imports.RUNNING,
        "counts": [(Kind(kind).label, [counter[verdict] for verdict in Verdict]) for kind, counter in found.items()],
        "verdicts": Verdict.labels,
        "to_correct": [(row, import_words.row(row.told)) for row in to_correct[:SHOWN]],
        "all_to_correct": sum(total[verdict] for verdict in TO_CORRECT),
        "writes": total[Verdict.NEW] + total[Verdict.CHANGED],
        "left": left,
    }


@require_POST
@org_admin
def start(request: OrgRequest, import_id: UUID) -> HttpResponse:
    """It may make admins, so that it asks for a recent sign-in (SPEC L6), unless two persons decide about that (T6)."""
    run = _run(request.org, import_id)
    require_recent(request, back=request.path.removesuffix("start/"))
    by = cause(request)
    try:
        imports.start(org=request.org, import_id=run.id, makes_admins=gate.may_make_admins(request.org, by), cause=by)
    except imports.NotChecked:
        messages.info(request, _("This import has been started already, or has ended."))
    except imports.Running:
        messages.error(request, _("Another import of your organization is running. Wait for its end, or cancel it."))
    return redirect("import", run.id)


@require_POST
@org_admin
def cancel(request: OrgRequest, import_id: UUID) -> HttpResponse:
    run = _run(request.org, import_id)
    imports.cancel(org=request.org, import_id=run.id, cause=cause(request))
    return redirect("import", run.id)


@require_safe
@org_admin
def export(request: OrgRequest, import_id: UUID) -> StreamingHttpResponse:
    """Every row, with what becomes or became of it."""
    run = _run(request.org, import_id)
    header = (_("Row"), _("Kind"), _("Name"), _("Group"), _("Outcome"), _("Details"), _("Imported"))
    return as_csv(f"import-{run.asked_at:%Y-%m-%d}", header, lines(run))


def lines(run: Import) -> Iterator[tuple[Any, ...]]:
    for row in ImportRow.objects.filter(run=run).order_by("kind", "id").iterator(chunk_size=1000):
        verdict = row.get_verdict_display() if row.verdict else ""
        done = _("yes") if row.is_final and row.verdict not in TO_CORRECT else _("no")
        yield row.place, row.get_kind_display(), row.name, row.group, verdict, import_words.row(row.told), done


def _run(org: Organization, import_id: UUID) -> Import:
    try:
        return imports.one(org, import_id)
    except imports.UnknownImport as unknown:
        raise Http404 from unknown
