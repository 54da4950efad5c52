"""What the admins of all orgs should act on, as far as it is stored: what calls of identity providers brought up."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from orgs import matters
from orgs.admin.mirror import Mirror, moment
from orgs.db.keys import fold
from orgs.models import Matter


@admin.register(Matter)
class MatterAdmin(Mirror):
    """Those that are open. What other tables tell is on the pages of each org."""

    list_display = ("kind", "name", "org", "count", "since", "last", "request_shown")
    list_filter = (("org", AutocompleteSelectFilter), "kind")
    list_select_related = ("org",)
    ordering = ("-last_at",)
    search_fields = ("subject",)
    search_help_text = _("Part of a name, or an ID")
    fields = ("org", "kind", "name", "subject", "count", "since", "last", "request_shown", "detail")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Matter]:
        return matters.open_in_all_orgs(at=timezone.now())

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        named = Q(subject_key__contains=fold(term)) | Q(detail__name__icontains=term)
        return (queryset.filter(named) if term else queryset), False

    @admin.display(description=_("about"))
    def name(self, matter: Matter) -> str:
        return str(matter.detail.get("name") or matter.subject)

    @admin.display(description=_("since"))
    def since(self, matter: Matter) -> SafeString | str:
        return moment(matter.first_at)

    @admin.display(description=_("last"))
    def last(self, matter: Matter) -> SafeString | str:
        return moment(matter.last_at)

    @admin.display(description=_("request"))
    def request_shown(self, matter: Matter) -> str:
        if matter.request_id is None:
            return "–"
        address = reverse("admin:scim_requestlog_change", args=[matter.request_id])
        return format_html('<a class="text-link" href="{}">{}</a>', address, gettext("The request that shows it"))
