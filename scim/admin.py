"""The request log, for support."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from orgs.admin.mirror import FoundById, moment
from scim import log_words
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
