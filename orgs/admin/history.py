"""Changes and their effects, read-only."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from orgs.admin.mirror import FoundById, Mirror, moment
from orgs.db.keys import as_uuid
from orgs.models import Change, EntityKind, LedgerEntry, Organization
from orgs.models.history import BY, SUBJECT

MOST = 200  # changes that one search finds


@admin.register(Change)
class ChangeAdmin(FoundById):
    list_display = ("time", "org", "verb", "door", "by")
    list_filter = (("org", AutocompleteSelectFilter), "door")
    list_select_related = ("org", *BY)
    ordering = ("-id",)
    fields: Any = ("time", "org", "verb", "door", *BY, "request_id", "detail", "id", "effects")

    search_help_text = _("The ID of a change, or of a person, group or target that it was about")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """By what it was about: of each org, with which the index begins."""
        if id_ := as_uuid(search_term.strip()):
            about = Change.objects.order_by().alias(subject=SUBJECT).filter(subject=str(id_))
            about = about.filter(org__in=Organization.objects.order_by())
            found = [*about.values_list("pk", flat=True).order_by("-pk")[:MOST], id_]
            return queryset.filter(pk__in=found), False
        return (queryset.none() if search_term.strip() else queryset), False

    @admin.display(description=_("time"))
    def time(self, change: Change) -> SafeString | str:
        return moment(change.at)

    @admin.display(description=_("by"))
    def by(self, change: Change) -> str:
        return str(change.by_person or change.by_token or change.by_key or "–")

    @admin.display(description=_("effects"))
    def effects(self, change: Change) -> str:
        address = reverse("admin:orgs_ledgerentry_changelist")
        return format_html('<a href="{}?change={}">{}</a>', address, change.pk, _("Affected people and what changed"))


class SlotFilter(admin.SimpleListFilter):
    """By what an effect is on. Django's own filter would read the whole ledger for what there is."""

    title = _("effect on")
    parameter_name = "effect_on"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("account", _("Account")),
            ("idp_active", _("What the identity provider says of an account")),
            ("roles", _("Roles")),
            *EntityKind.choices,
            ("conflict", _("Conflicts")),
            ("refused", _("Refused values")),
            ("skipped", _("Members not added")),
            ("last_admin", _("The last admin")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(slot=self.value()) if self.value() else queryset


@admin.register(LedgerEntry)
class LedgerEntryAdmin(Mirror):
    list_display: Any = ("id", "org", "user", "slot", "was", "now", "change")
    list_filter = (("org", AutocompleteSelectFilter), SlotFilter)
    linked_by = ("change",)
    list_select_related = ("org", "user", "change")
    ordering = ("-id",)
