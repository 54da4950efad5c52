"""The queue: which orgs have people to settle, and which orgs are on hold and why."""

from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.db.models import F, QuerySet
from django.db.models.expressions import RawSQL
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from orgs import queue
from orgs.admin.mirror import FoundById, Mirror, chosen, moment, report
from orgs.models import Mark, Turn

MOST = 1000  # marks counted per org
WAITING = RawSQL(
    "(SELECT count(*) FROM (SELECT FROM orgs_mark m WHERE m.org_id = orgs_turn.org_id LIMIT %s) AS few)", [MOST]
)


class HeldFilter(admin.SimpleListFilter):
    title = _("hold")
    parameter_name = "held"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Yes")), ("no", _("No"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(retry_at__isnull=self.value() == "no") if self.value() else queryset


@admin.register(Turn)
class TurnAdmin(FoundById):
    list_display = ("org", "waiting", "served", "held_reason", "retry")
    list_filter = (HeldFilter,)
    list_select_related = ("org",)
    ordering = (F("retry_at").asc(nulls_last=True), "org_id")
    search_fields = ("org",)
    search_help_text = _("An organization's ID")
    actions = ("settle_now",)
    fields = ("org", "waiting", "served", "held_reason", "retry")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        backlog = queue.backlog()
        if backlog.oldest is not None:
            waited, idle = (timedelta(seconds=int(seconds or 0)) for seconds in (backlog.oldest, backlog.served))
            told = _(
                "The first person in the queue has waited for %(waited)s; a worker last did something %(idle)s ago."
            )
            level = messages.ERROR if backlog.is_stalled else messages.INFO
            messages.add_message(request, level, told % {"waited": waited, "idle": idle})
        return super().changelist_view(request, extra_context)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Turn]:
        return super().get_queryset(request).annotate(marks=WAITING)

    @admin.display(description=_("changes to be applied"))
    def waiting(self, turn: Any) -> str:
        return f"{MOST:,}+" if turn.marks == MOST else str(turn.marks)

    @admin.display(description=_("last served"))
    def served(self, turn: Turn) -> SafeString | str:
        return moment(turn.served_at)

    @admin.display(description=_("next attempt"))
    def retry(self, turn: Turn) -> SafeString | str:
        return moment(turn.retry_at)

    @admin.action(description=_("Settle now: try again at once"))
    def settle_now(self, request: HttpRequest, queryset: QuerySet[Turn]) -> None:
        asked = chosen(request, queryset)
        for turn in asked:
            self.log_change(request, turn, "turn.released")
        report(self, request, queue.release(turn.pk for turn in asked), len(asked))


@admin.register(Mark)
class MarkAdmin(Mirror):
    list_display: Any = ("user", "org", "since", "change")
    list_filter = (("org", AutocompleteSelectFilter),)
    list_select_related = ("org", "user", "change")
    ordering = ("id",)

    @admin.display(description=_("since"))
    def since(self, mark: Mark) -> SafeString | str:
        return moment(mark.change.at)
