"""The request log, for support."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from groups_provisioning import import_words
from groups_provisioning.actions import imports
from groups_provisioning.models import Import, ImportRow, Kind, Verdict
from orgs import organizations
from orgs.admin.mirror import FoundById, cause, chosen, may, moment, report
from orgs.db.keys import as_uuid, id_at
from orgs.web.access import require_recent
from orgs.web.day_range import DayRange
from scim import log_words, provisioning_log
from scim.import_forms import SHOWN, TO_CORRECT, ImportForm, checked
from scim.models import RequestLog


class Outcome(admin.SimpleListFilter):
    title = _("outcome")
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("error", _("Refused or failed (400 and above)"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[RequestLog]) -> QuerySet[RequestLog]:
        return queryset.filter(status__gte=400) if self.value() == "error" else queryset


class Days(RangeDateFilter):
    """Days in the zone of the reader. By the ids, whose order is that of time: of other days not one is read."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = gettext("day, in %(zone)s") % {"zone": f"{timezone.localtime():%Z}"}

    def queryset(self, request: HttpRequest, queryset: QuerySet[RequestLog]) -> QuerySet[RequestLog]:
        form = DayRange({"since": self.used_parameters.get("at_from"), "until": self.used_parameters.get("at_to")})
        form.is_valid()
        since, until = form.moments()
        if since:
            queryset = queryset.filter(id__gte=id_at(since))
        return queryset.filter(id__lt=id_at(until)) if until else queryset


@admin.register(RequestLog)
class RequestLogAdmin(FoundById):
    """The log of all orgs. A search looks at the newest calls that the filters leave, so that it ends soon."""

    list_display = ("came_of", "time", "org", "asked", "about", "scim_type", "took")
    list_filter = (("org", AutocompleteSelectFilter), Outcome, ("at", Days))
    linked_by = ("at_from", "at_to")
    list_select_related = ("org",)
    ordering = ("-id",)
    search_help_text = _(
        "A request ID; or a name, an address or an ID among the newest 20,000 requests that the filters leave. With an "
        "organization chosen, also people and groups by their current names."
    )
    fieldsets = (
        (None, {"fields": ("time", "org", "token", "action", "about", "status", "id", "again")}),
        (
            _("Request"),
            {"fields": ("method", "path", "address", "agent", "request_size", "request_body")},
        ),
        (
            _("Response"),
            {"fields": ("scim_type", "detail", "took", "response_size", "response_body")},
        ),
    )

    def read_more(self, rows: list[Any]) -> None:
        """The names of what the calls were about."""
        for call, line in zip(rows, provisioning_log.lines(rows), strict=True):
            call.line = line

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[RequestLog], search_term: str
    ) -> tuple[QuerySet[RequestLog], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        if (id_ := as_uuid(term)) and (exact := queryset.filter(id=id_)).exists():
            return exact, False
        return provisioning_log.newest_about(queryset, as_uuid(request.GET.get("org__id__exact", "")), term), False

    @display(description=_("status"), label={2: "success", 3: "success", 4: "warning", 5: "danger"})
    def came_of(self, call: RequestLog) -> tuple[int, int]:
        return call.status // 100, call.status

    @display(description=_("action"), header=True)
    def asked(self, call: Any) -> tuple[str, str]:
        return call.line.action, f"{call.method} {Truncator(call.line.path).chars(32)}"

    @admin.display(description=_("action"))
    def action(self, call: Any) -> str:
        return str(call.line.action)

    @admin.display(description=_("target"))
    def about(self, call: Any) -> str:
        """By its name, where that is known."""
        return Truncator(call.line.target).chars(80) or "–"

    @admin.display(description=_("time"))
    def time(self, call: RequestLog) -> SafeString | str:
        return moment(call.at)

    @admin.display(description=_("took"))
    def took(self, call: RequestLog) -> str:
        return log_words.duration(call)

    @admin.display(description=_("try again"))
    def again(self, call: RequestLog) -> SafeString | str:
        if not log_words.is_refused_change(call):
            return "–"
        address = reverse("admin:try_again", args=[call.pk])
        return format_html('<a class="text-link" href="{}">{}</a>', address, gettext("What would happen now"))

    @admin.display(description=_("body"))
    def request_body(self, call: RequestLog) -> str:
        return _legible(call.body.request) if hasattr(call, "body") else "–"

    @admin.display(description=_("body"))
    def response_body(self, call: RequestLog) -> str:
        return _legible(call.body.response) if hasattr(call, "body") else "–"


def _legible(text: str) -> SafeString | str:
    if not text:
        return "–"
    return format_html('<pre class="body-of-request">{}</pre>', log_words.legible(text))


class SupportImportForm(ImportForm):
    """For an org that support names."""

    org = forms.CharField(
        label=_("Organization"), help_text=_("Its name or its slug"), widget=UnfoldAdminTextInputWidget
    )
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
        return may(request, "add", self.opts)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """What it brings may make admins, so that it asks for a recent sign-in (SPEC L6)."""
        if not self.has_add_permission(request):
            raise PermissionDenied
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

    @admin.display(description=_("given"))
    def time(self, run: Import) -> SafeString | str:
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
