"""The pushed groups of an org, as lists show them: status, targets, filters. Reads only."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import django_filters
from django import forms
from django.db import connection, models
from django.db.models import Case, Count, Exists, F, OuterRef, QuerySet, Value, When
from django.utils.translation import gettext_lazy as _

from groups_provisioning.choices import TARGET_KINDS
from groups_provisioning.models import EndedGroup, GroupMapping, MappingRule, PushedGroup, Status, is_unmapped
from groups_provisioning.rules.proposals import first_matches
from orgs.db.keys import fold
from orgs.models import MatterKind, Organization
from orgs.web.downloads import in_batches


class GroupStatus(models.TextChoices):
    """Where a group stands, by its mappings: what waits for an admin comes first."""

    UNMAPPED = "unmapped", _("Unmapped")
    PENDING = "pending", _("Pending")
    TARGET_DELETED = "target_deleted", _("Target deleted")
    APPROVED = "approved", _("Approved")
    AUTO_APPROVED = "auto_approved", _("Auto-Approved")
    REJECTED = "rejected", _("Rejected")
    ENDED = "ended", _("Ended")


REFUSED = (MatterKind.GROUP_UNWRITTEN, MatterKind.GROUP_ENDED)
"""The kinds of matters that a row of the list shows."""
OUT_OF_SYNC = "out_of_sync"
"""A filter beside the statuses: a group of any status can be out of sync."""


@dataclass(slots=True)
class Row:
    """A group in a list. mappings: live ones, with their entities. rules: the first of each list to match now."""

    group: PushedGroup
    status: GroupStatus
    mappings: list[GroupMapping] = field(default_factory=list)
    rules: list[MappingRule] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Tabs:
    """What the tabs of SCIM Group Provisioning count, and the groups that were ended by hand."""

    groups: int
    rules: int
    conflicts: int
    ended: int


_TABS = """
SELECT (SELECT count(*) FROM groups_provisioning_pushedgroup WHERE org_id = %(org)s AND deleted_at IS NULL),
    (SELECT count(*) FROM groups_provisioning_mappingrule WHERE org_id = %(org)s),
    (SELECT count(*) FROM groups_provisioning_conflict WHERE org_id = %(org)s),
    (SELECT count(*) FROM groups_provisioning_endedgroup WHERE org_id = %(org)s)
"""


def tabs(org: Organization) -> Tabs:
    with connection.cursor() as cursor:
        cursor.execute(_TABS, {"org": org.id})
        return Tabs(*cursor.fetchone())


def ended(org: Organization) -> QuerySet[Any]:
    """The groups of an org that were ended by hand (SPEC G10), each with its `status`."""
    found = PushedGroup.objects.for_org(org).filter(Exists(EndedGroup.objects.filter(group=OuterRef("id"))))
    return found.annotate(status=Value(GroupStatus.ENDED.value))


def with_status(org: Organization) -> QuerySet[Any]:
    """The live groups of an org, each with its `status`."""
    # By the group alone: a condition on the org, whose index it would also use, makes plans of old statistics slow.
    mappings = GroupMapping.objects.filter(group=OuterRef("id"))
    asked = [
        (mappings.filter(status=Status.PENDING, target_deleted=True), GroupStatus.TARGET_DELETED),
        (mappings.filter(status=Status.PENDING), GroupStatus.PENDING),
        (mappings.filter(status=Status.APPROVED), GroupStatus.APPROVED),
        (mappings.filter(status=Status.AUTO_APPROVED), GroupStatus.AUTO_APPROVED),
        (mappings.filter(barred=True), GroupStatus.REJECTED),
    ]
    found = [When(Exists(those), then=Value(status.value)) for those, status in asked]
    return (
        PushedGroup.objects.for_org(org).live().annotate(status=Case(*found, default=Value(GroupStatus.UNMAPPED.value)))
    )


def statuses(org: Organization) -> dict[str, int]:
    """How many groups have each status, and how many are out of sync."""
    counted = with_status(org).order_by().values_list("status", "out_of_sync").annotate(groups=Count("id"))
    found: dict[str, int] = {}
    for status, out_of_sync, groups in counted:
        found[status] = found.get(status, 0) + groups
        if out_of_sync:
            found[OUT_OF_SYNC] = found.get(OUT_OF_SYNC, 0) + groups
    return found


class GroupFilter(django_filters.FilterSet):
    """Which groups to show. Links send it too, so invalid values are ignored."""

    q = django_filters.CharFilter(
        label=_("Search"),
        method="named",
        widget=forms.TextInput(attrs={"type": "search", "placeholder": _("Group name"), "autocomplete": "off"}),
    )
    status = django_filters.ChoiceFilter(
        label=_("Status"), method="standing", empty_label=_("Any"), choices=[*GroupStatus.choices]
    )
    kind = django_filters.ChoiceFilter(
        label=_("Mapped to"), method="mapped_to", empty_label=_("Anything"), choices=TARGET_KINDS
    )
    sort = django_filters.OrderingFilter(
        fields={"display_name_key": "name", "member_count": "members", "modified_at": "push"}
    )

    def __init__(self, data: Any, *, org: Organization, counts: dict[str, int] | None = None) -> None:
        """counts: from `statuses`, shown with the choices."""
        self.is_ended = data.get("status") == GroupStatus.ENDED
        super().__init__(data, queryset=ended(org) if self.is_ended else with_status(org))
        self.org = org
        self.form.auto_id = "filter_%s"
        choices: list[Any] = [*GroupStatus.choices, (OUT_OF_SYNC, _("Out of sync"))]
        if counts is not None:
            choices = [(value, f"{label} ({counts.get(value, 0)})") for value, label in choices]
        self.form.fields["status"].choices = [("", _("Any")), *choices]

    @property
    def qs(self) -> QuerySet[PushedGroup]:
        """In an order without ties."""
        found: QuerySet[PushedGroup] = super().qs
        wished = found.query.order_by or (F("display_name_key"),)
        return found.order_by(*wished, "display_name_key")

    @property
    def is_narrow(self) -> bool:
        """Whether any filter is set."""
        return any(self.form.cleaned_data.get(name) for name in ("q", "status", "kind"))

    @property
    def sorted_by(self) -> str:
        return (self.form.cleaned_data.get("sort") or ["name"])[0]

    def named(self, groups: QuerySet[PushedGroup], name: str, value: str) -> QuerySet[PushedGroup]:
        return groups.filter(display_name_key__contains=fold(value))

    def standing(self, groups: QuerySet[PushedGroup], name: str, value: str) -> QuerySet[PushedGroup]:
        if value == GroupStatus.ENDED:
            return groups
        if value == GroupStatus.UNMAPPED:
            return groups.filter(is_unmapped())
        wished: dict[str, Any] = {"out_of_sync": True} if value == OUT_OF_SYNC else {"status": value}
        return groups.filter(**wished)

    def mapped_to(self, groups: QuerySet[PushedGroup], name: str, value: str) -> QuerySet[PushedGroup]:
        return groups.filter(Exists(GroupMapping.objects.live().filter(group=OuterRef("id"), kind=value)))


def rows(org: Organization, groups: Iterable[PushedGroup], rules: Sequence[MappingRule]) -> list[Row]:
    """Some groups of `with_status` as a list shows them. rules: of the org, in their order."""
    found = {group.id: Row(group, GroupStatus(group.status)) for group in groups}  # type: ignore[attr-defined]
    live = GroupMapping.objects.for_org(org).live().filter(group__in=list(found)).order_by("id")
    for mapping in live.select_related("entity"):
        found[mapping.group_id].mappings.append(mapping)
    for row in found.values():
        row.rules = first_matches(rules, row.group.display_name)
    return list(found.values())


def everything(org: Organization, groups: QuerySet[PushedGroup], rules: Sequence[MappingRule]) -> Iterator[Row]:
    """All matching groups, for a download."""
    for batch in in_batches(groups):
        yield from rows(org, batch, rules)
