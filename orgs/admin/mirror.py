"""What all pages for support share."""

from collections.abc import Callable
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin import ShowFacets
from django.contrib.auth import get_permission_codename
from django.db.models import DateTimeField, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold import paginator
from unfold.admin import ModelAdmin

from orgs.db.keys import as_uuid
from orgs.history import Cause
from orgs.models import Door, User
from orgs.templatetags.muster import exact, second


class InfinitePaginator(paginator.InfinitePaginator):
    """A hundred pages, without counting the rows: counting is slow, and so is a large OFFSET.

    The class name tells unfold's templates not to show a count.
    """

    @cached_property
    def count(self) -> int:
        return 100 * self.per_page


class BigTable(ModelAdmin):
    """A table that is never counted and never read in full."""

    paginator = InfinitePaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    list_per_page = 50
    list_disable_select_all = True
    linked_by: tuple[str, ...] = ()
    """Fields that other pages link by, beside those of `list_filter`."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """A list is called what the menu calls it."""
        title = capfirst(str(self.opts.verbose_name_plural))
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    def read_more(self, rows: list[Any]) -> None:
        """Read what columns say beside the rows of a list's page, for all of them at once, or of the one shown."""

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        listed = super().get_changelist_instance(request)
        listed.result_list = list(listed.result_list)
        self.read_more(listed.result_list)
        return listed

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        row: Any = super().get_object(request, object_id, from_field)
        if row is not None:
            self.read_more([row])
        return row

    @cached_property
    def _times(self) -> dict[Any, Callable[[Any], SafeString | str]]:
        """By the name of a field with a time, what shows it as the organizations' pages do."""
        return {field.name: _time(field) for field in self.opts.fields if isinstance(field, DateTimeField)}

    def get_list_display(self, request: HttpRequest) -> Any:
        return [self._times.get(name, name) for name in super().get_list_display(request)]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return [
            (title, {**options, "fields": [self._times.get(name, name) for name in options["fields"]]})
            for title, options in super().get_fieldsets(request, obj)
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [self._times.get(name, name) for name in super().get_readonly_fields(request, obj)]

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Only what the page offers: Django would let any column be guessed letter by letter, a password hash too."""
        filters = [chosen[0] if isinstance(chosen, tuple) else chosen for chosen in self.get_list_filter(request)]
        offered = {getattr(chosen, "parameter_name", chosen) for chosen in filters} | set(self.linked_by)
        field, _, rest = lookup.partition("__")
        return field in offered and rest in ("", "exact", "isnull", "id__exact", "pk__exact")

    def has_act_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whether somebody may do more here than look (SPEC N4), also where rows themselves are read-only."""
        return may(request, "change", self.opts)

    def get_actions(self, request: HttpRequest) -> Any:
        return super().get_actions(request) if self.has_act_permission(request) else {}


class Mirror(BigTable):
    """Shows rows read-only; its actions are all that can be done with them."""

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Without the history that the admin keeps by itself, of what support did here: all of it is among changes."""
        return super().change_view(request, object_id, form_url, {"show_history": False, **(extra_context or {})})

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class FoundById(Mirror):
    """Rows that are found by an ID. ids: the columns that may contain it."""

    ids: tuple[str, ...] = ("pk",)
    search_fields: Any = ("id",)
    search_help_text: Any = gettext_lazy("An ID")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        return (by_id(queryset, term, *self.ids) if term else queryset), False


def may(request: HttpRequest, verb: str, opts: Any) -> bool:
    """Whether the permissions of somebody of the staff allow this verb for a model (`orgs.staff_groups`)."""
    return cast(User, request.user).has_perm(f"{opts.app_label}.{get_permission_codename(verb, opts)}")


def cause(request: HttpRequest) -> Cause:
    """Which member of staff asks, and when."""
    return Cause(Door.ADMIN, timezone.now(), person=cast(User, request.user))


def chosen(request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
    """The rows that were selected one by one, never "all that match", which nobody has looked at."""
    return list(queryset.filter(pk__in=request.POST.getlist("_selected_action")))


def report(page: ModelAdmin, request: HttpRequest, done: int, asked: int, refused: int = 0) -> None:
    """One message about an action. Rows that needed no change count as not done. refused: reported by the caller."""
    text = ngettext("%(done)d of %(asked)d done.", "%(done)d of %(asked)d done.", asked)
    level = messages.SUCCESS if done else messages.INFO
    unchanged = "" if done + refused == asked else " " + _("The rest needed no change.")
    page.message_user(request, text % {"done": done, "asked": asked} + unchanged, level)


def moment(at: datetime | None) -> SafeString | str:
    """A time to the second, in the zone of its reader."""
    return "–" if at is None else second(at)


def _time(field: "DateTimeField[Any, Any]") -> Callable[[Any], SafeString | str]:
    @admin.display(description=field.verbose_name)
    def shown(row: Any) -> SafeString | str:
        at = getattr(row, field.name)
        return "–" if at is None else exact(at)

    shown.__name__ = field.name
    return shown


def by_id(queryset: QuerySet[Any], term: str, *columns: str) -> QuerySet[Any]:
    """The rows with this ID in one of these columns, by default the primary key; no rows if the text is not an ID."""
    wanted = as_uuid(term)
    return (
        queryset.filter(reduce(or_, (Q(**{name: wanted}) for name in columns or ["pk"]))) if wanted else queryset.none()
    )
