"""Groups, mappings and their effects, for support: a mirror, with the commands of `mappings` as actions."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from groups_provisioning import refusals
from groups_provisioning.actions import group_ends, mappings
from groups_provisioning.models import Conflict, Decision, GroupMapping, MappingRule, Membership, PushedGroup, Status
from groups_provisioning.preview import plans, runs, shown
from groups_provisioning.preview.plans import Wish
from groups_provisioning.proposals import gate
from orgs.admin.mirror import FoundById, by_id, cause, chosen, moment, report
from orgs.db.keys import fold
from orgs.history import Cause
from orgs.models import Organization
from orgs.roles import catalogue
from orgs.web.access import require_recent

MOST = 200  # groups that one search finds
FEW = 3  # mappings that a conflict names


class OfAnOrg(FoundById):
    """Rows of orgs, newest first."""

    list_filter: Any = (("org", AutocompleteSelectFilter),)
    list_select_related: Any = ("org",)
    ordering: Any = ("-id",)


class OfAPerson(OfAnOrg):
    """Rows about people, found by the person's id."""

    ids = ("user",)
    search_help_text = _("A person's ID")


@admin.register(PushedGroup)
class PushedGroupAdmin(OfAnOrg):
    list_display = ("display_name", "org", "member_count", "roles", "out_of_sync", "deleted_at")
    actions = ("end", "undo_end")
    search_fields = ("display_name",)
    search_help_text = _("An ID, an external ID, or the beginning of a name")
    fields = (
        *("display_name", "org", "id", "external_id", "revision"),
        *("member_count", "roles", "attributes", "out_of_sync"),
        *("created_at", "modified_at", "deleted_at"),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if term := search_term.strip():
            queryset = queryset.filter(pk__in=found_groups(term))
        return queryset, False

    @admin.action(description=_("End: delete as if the identity provider had (can be undone)"))
    def end(self, request: HttpRequest, queryset: QuerySet[PushedGroup]) -> TemplateResponse | None:
        """End groups that nobody pushes any more, after a look at the effect (SPEC G10)."""
        asked = chosen(request, queryset.filter(deleted_at=None).select_related("org__profile").order_by("id"))
        written = [each for group in asked for each in group_ends.last_written(group.org, [group.pk]).values()]
        second = ""
        if group_ends.recently_written(written, at=timezone.now()):
            second = str(_("Some of these groups were pushed in the last 24 hours: further changes will be refused."))
        wishes = [(org, {"do": "end", "ids": [str(id_) for id_ in ids]}, ids) for org, ids in _by_org(asked).items()]
        return self._decide(request, wishes, group_ends.end_group, _("End these groups?"), second)

    @admin.action(description=_("Undo the end"))
    def undo_end(self, request: HttpRequest, queryset: QuerySet[PushedGroup]) -> TemplateResponse | None:
        """Bring groups back that were ended by hand, after a look at the effect."""
        asked = chosen(request, queryset.filter(ends__isnull=False).select_related("org__profile").order_by("id"))
        wishes = [(group.org, {"do": "undo_end", "group": str(group.pk)}, [group.pk]) for group in asked]
        return self._decide(request, wishes, group_ends.undo_end, _("Bring these groups back?"))

    def _decide(
        self,
        request: HttpRequest,
        wishes: Sequence[tuple[Organization, Wish, Sequence[UUID]]],
        command: Callable[..., None],
        title: Any,
        second: str = "",
    ) -> TemplateResponse | None:
        """Show the effects, or have done what was seen. wishes: of each the org, and the groups for the command."""
        try:
            outlooks = [(org, runs.look(org, wish)) for org, wish, _ids in wishes]
            seen = " ".join(outlook.fingerprint for _org, outlook in outlooks)
            if not outlooks or (request.POST.get("_seen") == seen and (not second or "_anyway" in request.POST)):
                if any(gate.gives_admin(org, wish) for org, wish, _ids in wishes):
                    require_recent(request)
                with transaction.atomic():
                    for (org, wish, ids), (_org, outlook) in zip(wishes, outlooks, strict=True):
                        do = partial(_each, command, org, ids, cause(request))
                        runs.confirmed(org, wish, outlook.fingerprint, do)
                done = sum(len(ids) for *_, ids in wishes)
                report(self, request, done, len(request.POST.getlist("_selected_action")))
                return None
        except (*plans.REFUSALS, runs.Outdated) as refusal:
            self.message_user(request, refusals.in_words(refusal), messages.ERROR)
            return None
        left_out = ("csrfmiddlewaretoken", "_seen", "_anyway")
        sent = [(name, value) for name, values in request.POST.lists() if name not in left_out for value in values]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": title,
            "verb": _("Confirm"),
            "second": second,
            "effects": [(org, outlook.run, shown.show(org, outlook)) for org, outlook in outlooks],
            "ready": all(outlook.summary for _org, outlook in outlooks),
            "sent": sent,
            "seen": seen,
        }
        return TemplateResponse(request, "admin/preview.html", context)


def _each(command: Callable[..., None], org: Organization, ids: Sequence[UUID], why: Cause) -> None:
    for id_ in ids:
        command(org=org, group_id=id_, cause=why)


def found_groups(term: str) -> set[UUID]:
    """Groups by id, external id, or the beginning of a name. Each search has an index, which begins with the org."""
    in_orgs = PushedGroup.objects.order_by().filter(org__in=Organization.objects.order_by())
    searches = (
        by_id(PushedGroup.objects.order_by(), term),
        in_orgs.filter(deleted_at=None, display_name_key__startswith=fold(term)),
        in_orgs.filter(deleted_at__isnull=False, display_name_key__startswith=fold(term)),
        in_orgs.filter(external_id=term).exclude(external_id=""),
    )
    return {pk for search in searches for pk in search.values_list("pk", flat=True)[:MOST]}


@admin.register(GroupMapping)
class MappingAdmin(OfAnOrg):
    list_display = ("group", "org", "kind", "to", "status", "reason", "rule")
    list_filter = (("org", AutocompleteSelectFilter), "status", "kind")
    list_select_related = ("org", "group", "entity", "rule")
    ids = ("pk", "group", "entity")
    search_help_text = _("The ID of a mapping, a SCIM group or a target")
    actions = ("approve", "reject")
    fields = (
        *("group", "org", "id", "kind", "entity", "role", "status", "reason", "rule"),
        *("target_deleted", "barred", "switched", "created_at", "change"),
    )

    @admin.display(description=_("target"))
    def to(self, mapping: GroupMapping) -> str:
        return str(mapping.target or "–")

    @admin.display(description=_("approved, and no longer"))
    def switched(self, mapping: GroupMapping) -> SafeString | str:
        """In turn."""
        return format_html_join(", ", "{}", ((moment(at),) for at in mapping.switched_at)) or "–"

    @admin.action(description=_("Approve: with the current target, or one with the group's name"))
    def approve(self, request: HttpRequest, queryset: QuerySet[GroupMapping]) -> None:
        asked = chosen(request, queryset.select_related("org__profile", "group"))
        if any(mapping.role and mapping.role == catalogue(mapping.org.profile).admin for mapping in asked):
            require_recent(request)
        by_pk = {mapping.pk: mapping for mapping in asked}
        done = refused = 0
        for org, ids in _by_org(asked).items():
            outcome = mappings.approve_many(org=org, mapping_ids=ids, cause=cause(request))
            done += len(outcome.approved)
            refused += len(outcome.refused)
            for mapping_id, error in outcome.refused.items():
                why = {"group": by_pk[mapping_id].group, "why": refusals.for_support(error)}
                text = _("%(group)s: %(why)s.") % why
                self.message_user(request, text, messages.ERROR)
            for mapping_id in ids:
                if mapping_id not in outcome.refused and not by_pk[mapping_id].is_synced:
                    self.log_change(request, by_pk[mapping_id], "mapping.approved")
        report(self, request, done, len(asked), refused)

    @admin.action(description=_("Reject: remove the members, and prevent rules from mapping to this kind"))
    def reject(self, request: HttpRequest, queryset: QuerySet[GroupMapping]) -> None:
        asked = chosen(request, queryset.select_related("org"))
        done = 0
        for org, ids in _by_org(asked).items():
            done += mappings.reject(org=org, mapping_ids=ids, cause=cause(request))
        for mapping in asked:
            if mapping.status != Status.REJECTED:
                self.log_change(request, mapping, "mapping.rejected")
        report(self, request, done, len(asked))


def _by_org(asked: Iterable[GroupMapping | PushedGroup]) -> dict[Organization, list[UUID]]:
    found: dict[Organization, list[UUID]] = {}
    for mapping in asked:
        found.setdefault(mapping.org, []).append(mapping.pk)
    return found


@admin.register(MappingRule)
class MappingRuleAdmin(OfAnOrg):
    list_display = ("rule", "org", "position", "pattern_type", "kind", "role", "auto_approve")
    list_filter = (("org", AutocompleteSelectFilter), "kind")
    ordering = ("org", "gives_role", "position")
    sortable_by = ()
    fields = (
        *("rule", "org", "id", "position", "pattern_type", "pattern"),
        *("kind", "role", "auto_approve", "created_at"),
    )

    @admin.display(description=_("rule"))
    def rule(self, rule: MappingRule) -> str:
        return str(rule)


@admin.register(Membership)
class MembershipAdmin(OfAPerson):
    list_display = ("user", "org", "entity", "kind", "source", "through")
    list_filter = (("org", AutocompleteSelectFilter), "kind", "source")
    list_select_related = ("org", "user", "entity", "mapping__group")
    fields = ("user", "org", "entity", "kind", "source", "through", "mapping")

    @admin.display(description=_("SCIM group"))
    def through(self, membership: Membership) -> str:
        return str(membership.mapping.group) if membership.mapping else "–"


@admin.register(Conflict)
class ConflictAdmin(OfAPerson):
    list_display = ("user", "org", "kind", "holding", "incoming", "begun")
    list_select_related = ("org", "user", "incoming__group", "incoming__entity")
    fields = ("user", "org", "kind", "holding", "incoming", "begun")

    def read_more(self, rows: list[Any]) -> None:
        """The first mappings that hold."""
        ids = {id_ for conflict in rows for id_ in conflict.holders[:FEW]}
        known = GroupMapping.objects.select_related("group", "entity").in_bulk(ids)
        for conflict in rows:
            conflict.current = [known[id_] for id_ in conflict.holders[:FEW] if id_ in known]

    @admin.display(description=_("current mappings"))
    def holding(self, conflict: Any) -> str:
        return ", ".join(map(str, conflict.current)) or "–"

    @admin.display(description=_("kind"))
    def kind(self, conflict: Conflict) -> str:
        return str(conflict.incoming.get_kind_display())

    @admin.display(description=_("since"))
    def begun(self, conflict: Conflict) -> SafeString | str:
        return moment(conflict.since)


@admin.register(Decision)
class DecisionAdmin(OfAPerson):
    list_display = ("user", "org", "winner", "loser", "decided", "undone_by")
    list_select_related = (
        *("org", "user", "undone_by"),
        *(f"{side}__{of}" for side in ("winner", "loser") for of in ("group", "entity")),
    )
    fields = ("user", "org", "winner", "loser", "decided", "change", "undone_by")

    @admin.display(description=_("decided"))
    def decided(self, decision: Decision) -> SafeString | str:
        return moment(decision.at)
