"""The outbox, for support: who was mailed what, when, and what the mail server said. Never what a mail says."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from orgs.admin.mirror import Mirror, moment
from orgs.db.keys import as_uuid, fold
from orgs.models import Mail


@admin.register(Mail)
class MailAdmin(Mirror):
    list_display = ("kind", "address", "org", "state", "written", "settled", "error")
    list_filter = ("state", "kind", ("org", AutocompleteSelectFilter))
    list_select_related = ("org",)
    search_fields = ("address",)
    search_help_text = _("An address, or an ID")
    fields = ("id", "kind", "address", "org", "state", "tries", "error", "written", "due", "settled")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Mail]:
        return super().get_queryset(request).defer("content")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        found = Q(pk=as_uuid(term)) if as_uuid(term) else Q(address_key=fold(term))
        return (queryset.filter(found) if term else queryset), False

    @admin.display(description=_("written"))
    def written(self, mail: Mail) -> SafeString | str:
        return moment(mail.written_at)

    @admin.display(description=_("next attempt"))
    def due(self, mail: Mail) -> SafeString | str:
        return moment(None if mail.settled_at else mail.due_at)

    @admin.display(description=_("sent or refused"))
    def settled(self, mail: Mail) -> SafeString | str:
        return moment(mail.settled_at)
