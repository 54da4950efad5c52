"""A person and a group in the admin, each with everything that says why, and changes in words (SPEC N4).

They stand in place of the pages of `groups_provisioning.admin`, which knows no requests, and of `orgs.admin`, which
knows no groups. The explanations are those of the organization's own pages.
"""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from groups_provisioning.admin.mirrors import PushedGroupAdmin
from groups_provisioning.admin.people import PersonAdmin
from groups_provisioning.engine import explanation
from groups_provisioning.models import Conflict, GroupMapping, PushedGroup
from groups_provisioning.pages.activity import change_list, change_words
from groups_provisioning.pages.groups import group_list, group_page, member_assignments
from orgs import matter_words, matters
from orgs.admin.history import ChangeAdmin, LedgerEntryAdmin
from orgs.admin.mirror import moment
from orgs.admin.queue import MarkAdmin
from orgs.models import Change, LedgerEntry, Mark, MatterKind, Organization, User
from orgs.models.history import BY
from scim import provisioning_log
from scim.support_desk.search import Found, page_of, request

FEW = 20
DELETED, OUT_OF_SYNC, IN_SYNC = _("Deleted"), _("Out of sync"), _("In sync")


def requests_about(org: Organization, id_: UUID) -> list[Found]:
    """The last requests about a person or group, refused ones too."""
    wanted = provisioning_log.Wanted(about=id_)
    return [request(line.call, "", None) for line in provisioning_log.page(org, wanted, size=FEW).lines]


class Explained:
    """A page of the admin with a part above its fields, which only reading it makes."""

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        page: Any = super()
        row = page.get_object(request, object_id) if object_id else None
        words = self.explained(row) if row is not None and row.org is not None else {}
        answer: HttpResponse = page.changeform_view(request, object_id, form_url, {**words, **(extra_context or {})})
        return answer

    def explained(self, row: Any) -> dict[str, Any]:
        """What the part above says of a row that belongs to an organization."""
        raise NotImplementedError


class PersonRecord(Explained, PersonAdmin):
    change_form_outer_before_template = "admin/support_desk/person.html"

    def explained(self, row: User) -> dict[str, Any]:
        if row.erased_at is not None or row.org is None:
            return {}
        why = explanation.of(row.org, row)
        groups = why.groups()
        kinds = [(kind, str(row.pk)) for kind in (MatterKind.USER_UNWRITTEN, MatterKind.USER_TAKEN)]
        here = matters.about(row.org, *kinds, (MatterKind.USER_REFUSED, row.user_name), at=timezone.now())
        return {
            "person": row,
            "why": why,
            "why_roles": why.why_roles(),
            "places": why.places(),
            "withheld": [(entity, why.why_not(entity)) for entity in why.withheld()],
            "groups": groups[:FEW],
            "more_groups": len(groups[FEW:]),
            "conflicts": len(why.effects.conflicts),
            "told": matter_words.tell(row.org, here),
            "requests": requests_about(row.org, row.pk),
        }


class GroupRecord(Explained, PushedGroupAdmin):
    list_display: Any = ("display_name", "org", "state", "mapped", "member_count", "given", "modified_at")
    fields = (
        *("display_name", "org", "id", "external_id", "revision"),
        *("member_count", "given", "attributes", "state"),
        *("created_at", "modified_at", "deleted_at"),
    )
    change_form_outer_before_template = "admin/support_desk/group.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[PushedGroup]:
        live = GroupMapping.objects.live().select_related("entity").order_by("id")
        return super().get_queryset(request).prefetch_related(Prefetch("mappings", live, to_attr="live_mappings"))

    @display(description=_("status"), label={OUT_OF_SYNC: "warning", IN_SYNC: "success"})
    def state(self, group: PushedGroup) -> Promise:
        if group.deleted_at is not None:
            return DELETED
        return OUT_OF_SYNC if group.out_of_sync else IN_SYNC

    @admin.display(description=_("roles of members"))
    def given(self, group: PushedGroup) -> str:
        return ", ".join(group.roles) or "–"

    @admin.display(description=_("mapped to"))
    def mapped(self, group: Any) -> SafeString | str:
        told = ((each.target or each.get_kind_display(), each.get_status_display()) for each in group.live_mappings)
        return format_html_join(", ", "{} ({})", told) or "–"

    def explained(self, row: PushedGroup) -> dict[str, Any]:
        org = row.org
        found = group_list.with_status(org).filter(pk=row.pk).first()
        ties = group_page.ties(org, row)
        giving = member_assignments.giving(ties.live)
        search = group_page.MemberSearch({}, giving)
        members = list(group_page.members(row, search)[:FEW])
        missing = member_assignments.missing(org, [member.user_id for member in members], giving)
        kinds = [(kind, str(row.pk)) for kind in (MatterKind.GROUP_UNWRITTEN, MatterKind.GROUP_ENDED)]
        here = matters.about(org, *kinds, (MatterKind.GROUP_REFUSED, row.display_name), at=timezone.now())
        conflicts = Conflict.objects.for_org(org).filter(incoming__group=row).select_related("user", "incoming__entity")
        return {
            "group": row,
            "status": group_list.GroupStatus(found.status).label if found else DELETED,
            "out_of_sync_since": group_page.out_of_sync_since(row),
            "ties": ties,
            "giving": giving,
            "members": [(member, missing.get(member.user_id, ())) for member in members],
            "conflicts": list(conflicts.order_by("since", "id")[:FEW]),
            "told": matter_words.tell(org, here),
            "requests": requests_about(org, row.pk),
        }


class ChangeRecord(ChangeAdmin):
    """Says what was done in words."""

    list_display: Any = ("time", "org", "what", "door", "by")
    fields = ("time", "org", "what", "door", *BY, "effects", "request_id", "verb", "detail", "id")

    def read_more(self, rows: list[Any]) -> None:
        known = change_words.names(None, rows, [], change_list.Wanted())
        for change in rows:
            change.words = change_words.change(change, known)

    @admin.display(description=_("change"))
    def what(self, change: Any) -> str:
        return Truncator(change.words).chars(120)


def _linked(change: Any) -> SafeString:
    words = Truncator(change.words).chars(120)
    return format_html('<a class="text-link" href="{}">{}</a>', page_of(change), words)


class LedgerRecord(LedgerEntryAdmin):
    """Says in words what came of each change."""

    list_display: Any = ("time", "org", "user", "what", "change_in_words")
    fields = ("time", "org", "user", "what", "slot", "was", "now", "change_in_words")

    def read_more(self, rows: list[Any]) -> None:
        known = change_words.names(None, [entry.change for entry in rows], rows, change_list.Wanted())
        for entry in rows:
            entry.words = change_words.effect(entry, known)
            entry.change.words = change_words.change(entry.change, known)

    @admin.display(description=_("time"))
    def time(self, entry: Any) -> SafeString | str:
        return moment(entry.change.at)

    @admin.display(description=_("effect"))
    def what(self, entry: Any) -> str:
        return Truncator(entry.words).chars(120)

    @admin.display(description=_("change"))
    def change_in_words(self, entry: Any) -> SafeString:
        return _linked(entry.change)


class MarkRecord(MarkAdmin):
    """Says in words what people wait for."""

    list_display = ("user", "org", "since", "what")
    fields = ("user", "org", "since", "what")

    def read_more(self, rows: list[Any]) -> None:
        known = change_words.names(None, [mark.change for mark in rows], [], change_list.Wanted())
        for mark in rows:
            mark.change.words = change_words.change(mark.change, known)

    @admin.display(description=_("change"))
    def what(self, mark: Any) -> SafeString:
        return _linked(mark.change)


admin.site.unregister([User, PushedGroup, Change, LedgerEntry, Mark])
admin.site.register(Mark, MarkRecord)
admin.site.register(LedgerEntry, LedgerRecord)
admin.site.register(Change, ChangeRecord)
admin.site.register(User, PersonRecord)
admin.site.register(PushedGroup, GroupRecord)
