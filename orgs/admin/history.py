"""Changes and their effects, read-only."""

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from orgs.admin.mirror import FoundById, Mirror, moment
from orgs.models import Change, LedgerEntry
from orgs.models.history import BY


@admin.register(Change)
class ChangeAdmin(FoundById):
    list_display = ("time", "org", "verb", "door", "by")
    list_filter = (("org", AutocompleteSelectFilter), "door")
    list_select_related = ("org", *BY)
    ordering = ("-id",)
    fields = ("time", "org", "verb", "door", *BY, "request_id", "detail", "id", "effects")

    @admin.display(description=_("time"))
    def time(self, change: Change) -> str:
        return moment(change.at)

    @admin.display(description=_("by"))
    def by(self, change: Change) -> str:
        return str(change.by_person or change.by_token or change.by_key or "–")

    @admin.display(description=_("effects"))
    def effects(self, change: Change) -> str:
        address = reverse("admin:orgs_ledgerentry_changelist")
        return format_html('<a href="{}?change={}">{}</a>', address, change.pk, _("Affected people and what changed"))


@admin.register(LedgerEntry)
class LedgerEntryAdmin(Mirror):
    list_display = ("id", "org", "user", "slot", "was", "now", "change")
    list_filter = (("org", AutocompleteSelectFilter), "slot")
    linked_by = ("change",)
    list_select_related = ("org", "user", "change")
    ordering = ("-id",)
