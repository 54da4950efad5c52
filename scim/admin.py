"""The request log, for support."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from groups_provisioning import import_words
from groups_provisioning.actions import imports
from groups_provisioning.models import Import, ImportRow, Kind, Verdict
from orgs import organizations
from orgs.admin.mirror import FoundById, cause, chosen, moment, report
from orgs.web.access import require_recent
from scim import log_words
from scim.import_forms import SHOWN, TO_CORRECT, ImportForm, checked
from scim.models import RequestLog


class Outcome(admin.SimpleListFilter):
    title = _("outcome")
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("error", _("Refused or failed (400 and above)"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[RequestLog]) -> QuerySet[RequestLog]:
        return queryset.filter(status__gte=400) if self.value() == "error" else queryset


@admin.register(RequestLog)
class RequestLogAdmin(FoundById):
    list_display = ("time", "org", "method", "short_path", "operation", "target", "status", "scim_type", "milliseconds")
    list_filter = (("org", AutocompleteSelectFilter), Outcome)
    list_select_related = ("org",)
    ordering = ("-id",)
    search_help_text = _("A request ID")
    fieldsets = (
        (None, {"fields": ("time", "org", "token", "id")}),
        (
            _("Asked"),
            {"fields": ("method", "path", "operation", "target", "address", "agent", "request_size", "request_body")},
        ),
        (
            _("Answered"),
            {"fields": ("status", "scim_type", "detail", "milliseconds", "response_size", "response_body")},
        ),
    )

    @admin.display(description=_("time"))
    def time(self, call: RequestLog) -> str:
        return moment(call.at)

    @admin.display(description=_("path"))
    def short_path(self, call: RequestLog) -> str:
        return call.path if len(call.path) <= 80 else f"{call.path[:79]}…"

    @admin.display(description=_("milliseconds"))
    def milliseconds(self, call: RequestLog) -> str:
        return f"{call.duration / 1000:.1f}"

    @admin.display(description=_("body"))
    def request_body(self, call: RequestLog) -> str:
        return _legible(call.body.request) if hasattr(call, "body") else "–"

    @admin.display(description=_("body"))
    def response_body(self, call: RequestLog) -> str:
        return _legible(call.body.response) if hasattr(call, "body") else "–"


def _legible(text: str) -> SafeString | str:
    if not text:
        return "–"
    return format_html('<pre class="whitespace-pre-wrap break-all">{}</pre>', log_words.legible(text))


class SupportImportForm(ImportForm):
    """For an org that support names."""

    org = forms.CharField(label=_("Organization"), help_text=_("Its name or its short name"))
    field_order = ("org", "file")

    def clean_org(self) -> Any:
        try:
            return organizations.named(self.cleaned_data["org"])
        except organizations.UnknownOrganization:
            raise ValidationError(gettext("There is no organization with this name.")) from None


@admin.register(Import)
class ImportAdmin(FoundById):
    """Imports of all orgs; adding one has a file checked, which an action then carries out (SPEC E6)."""

    list_display = ("name", "org", "phase", "rows", "taken", "time")
    list_filter = (("org", AutocompleteSelectFilter), "phase")
    list_select_related = ("org",)
    ordering = ("-id",)
    actions = ("start", "cancel")
    fields = ("name", "org", "phase", "rows", "taken", "time", "ended_at", "id", "outcome", "to_correct")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_view_permission(request, obj)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """What it brings may make admins, so that it asks for a recent sign-in (SPEC L6)."""
        require_recent(request)
        form = SupportImportForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            run = checked(form, form.cleaned_data["org"], cause(request))
            if run is not None:
                return redirect("admin:groups_provisioning_import_change", run.id)
        context = {**self.admin_site.each_context(request), "opts": self.opts, "title": gettext("Import"), "form": form}
        return TemplateResponse(request, "admin/scim/import.html", context)

    @admin.action(description=_("Carry out what was checked"))
    def start(self, request: HttpRequest, queryset: QuerySet[Import]) -> None:
        require_recent(request)
        asked = chosen(request, queryset.select_related("org"))
        done = 0
        for run in asked:
            try:
                imports.start(org=run.org, import_id=run.id, makes_admins=True, cause=cause(request))
                done += 1
            except (imports.NotChecked, imports.Running):
                continue  # the report says how many were
        report(self, request, done, len(asked))

    @admin.action(description=_("Cancel"))
    def cancel(self, request: HttpRequest, queryset: QuerySet[Import]) -> None:
        asked = chosen(request, queryset.select_related("org"))
        for run in asked:
            imports.cancel(org=run.org, import_id=run.id, cause=cause(request))
        report(self, request, len(asked), len(asked))

    @admin.display(description=_("asked"))
    def time(self, run: Import) -> str:
        return moment(run.asked_at)

    @admin.display(description=_("rows by outcome"))
    def outcome(self, run: Import) -> SafeString:
        lines = (
            (Kind(kind).label, Verdict(verdict).label if verdict else "–", rows)
            for kind, verdict, _is_final, rows in imports.tally(run)
        )
        return format_html_join("", "<p>{}: {}: {}</p>", lines)

    @admin.display(description=_("rows to correct"))
    def to_correct(self, run: Import) -> SafeString:
        """The first of them."""
        rows = ImportRow.objects.filter(run=run, verdict__in=TO_CORRECT).order_by("place", "id")[:SHOWN]
        return format_html_join(
            "", "<p>{}: {}: {}</p>", ((row.place, row.name, import_words.row(row.told)) for row in rows)
        )
