"""One pushed group, as its page shows it. Reads only."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from groups_provisioning.models import EndedGroup, GroupMapping, GroupMember, MappingRule, PushedGroup, Status
from groups_provisioning.pages.groups import member_assignments
from groups_provisioning.pages.people import people_list
from groups_provisioning.pages.search import ANY, Search
from groups_provisioning.rules.proposals import first_matches
from orgs import entities, queue
from orgs.db.keyset import chunks
from orgs.models import Change, FactKind, Organization, Past, Turn, User
from orgs.models.history import with_causers
from orgs.models.people import NAMES, label
from orgs.roles import catalogue


@dataclass(frozen=True, slots=True)
class Ties:
    """What a group is mapped to, and what it could be mapped to.

    live: mappings that are not Rejected, with how many members each assigns. barred: what an admin rejected, so that no
    rule maps the group to it: kinds, and barred_roles. rule, role_rule: the first for entities and the first for roles
    to match now. kinds_on: that the org has. roles: the keys of those that there are.
    """

    live: list[GroupMapping]
    barred: list[str]
    barred_roles: list[str]
    rule: MappingRule | None
    role_rule: MappingRule | None
    kinds_on: frozenset[str]
    roles: Collection[str]

    @property
    def waiting(self) -> list[GroupMapping]:
        return [mapping for mapping in self.live if mapping.status == Status.PENDING]


def ties(org: Organization, group: PushedGroup) -> Ties:
    mappings = (
        GroupMapping.objects.filter(group=group)
        .select_related("entity", "rule", "change__by_person")
        .annotate(assigned=member_assignments.ASSIGNED)
        .order_by("id")
    )
    found = [mapping for mapping in mappings if mapping.status != Status.REJECTED or mapping.barred]
    matched = first_matches(list(MappingRule.objects.for_org(org)), group.display_name)
    return Ties(
        live=[mapping for mapping in found if mapping.status != Status.REJECTED],
        barred=sorted({mapping.get_kind_display() for mapping in found if mapping.barred and not mapping.role}),
        barred_roles=sorted({mapping.role for mapping in found if mapping.barred and mapping.role}),
        rule=next((rule for rule in matched if not rule.gives_role), None),
        role_rule=next((rule for rule in matched if rule.gives_role), None),
        kinds_on=entities.kinds_on(org),
        roles=catalogue(org.profile).keys,
    )


def live_mappings(group: PushedGroup) -> QuerySet[GroupMapping]:
    """Those that are not Rejected, with their targets alone, for what shows only members."""
    return GroupMapping.objects.live().filter(group=group).select_related("entity").order_by("id")


def ends(org: Organization) -> QuerySet[EndedGroup]:
    """The groups that were ended by hand, and by what."""
    return EndedGroup.objects.for_org(org).select_related("group", *with_causers("change"))


NOT_ASSIGNED = "no"


class MemberSearch(Search):
    """Filters of the members. giving: the mappings that give them something; without any, nobody lacks anything."""

    assigned = forms.ChoiceField(
        label=gettext_lazy("Assigned"), choices=[ANY, (NOT_ASSIGNED, gettext_lazy("Not assigned"))], required=False
    )

    def __init__(self, data: Any, giving: Collection[GroupMapping]) -> None:
        super().__init__(data, for_people=True, orders=people_list.MEMBER_ORDERS)
        self.giving = giving
        if not giving:
            del self.fields["assigned"]

    @property
    def is_for_unassigned(self) -> bool:
        """Whether only members are wanted who lack something that the group gives."""
        return self.chosen("assigned") == NOT_ASSIGNED


def members(group: PushedGroup, search: MemberSearch) -> QuerySet[GroupMember]:
    """Those who are wanted, in the order that was chosen."""
    names = ("user__active", *(f"user__{name}" for name in NAMES))
    found = _members(group, search).select_related("user").only("group", "added_at", *names)
    return found.order_by(*people_list.MEMBER_ORDERS[search.sorted_by])


def member_rows(group: PushedGroup, search: MemberSearch) -> Iterator[tuple[Any, ...]]:
    """A table row for each member: userName, name, whether active, since when, and id."""
    columns = (*(f"user__{name}" for name in NAMES), "user__active", "added_at", "user_id")
    words = {True: _("yes"), False: _("no")}
    for chunk in chunks(_members(group, search), columns, by="user__user_name_key", tie="user_id"):
        for *names, active, added_at, id_ in chunk:
            yield names[0], label(*names), words[active], added_at, id_


def _members(group: PushedGroup, search: MemberSearch) -> QuerySet[GroupMember]:
    # Of this org, so that its people's index can give the order.
    found: QuerySet[GroupMember] = GroupMember.objects.filter(group=group, user__org=group.org_id)
    if search.is_for_unassigned:
        found = member_assignments.lacking(found, search.giving)
    text = search.chosen("q")
    if not text:
        return found
    return found.filter(
        user__in=people_list.matching(User.objects.for_org(group.org_id), group.org_id, text).values("id")
    )


def out_of_sync_since(group: PushedGroup) -> datetime | None:
    """Since when it is; None if it is not, or has been for longer than the past of facts is kept."""
    if not group.out_of_sync:
        return None
    became = Past.objects.for_org(group.org_id).filter(about=group.id, kind=FactKind.GROUP, was__out_of_sync=False)
    return became.order_by("-at").values_list("at", flat=True).first()


def nested(group: PushedGroup) -> list[PushedGroup]:
    """The groups in this group; they give no assignments (SPEC G3)."""
    inside = PushedGroup.objects.filter(nested_in__group=group, deleted_at=None)
    return list(inside.order_by("display_name_key")[:NESTED])


NESTED = 50


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of the last decision about a group. left, total: people. retry_at: if settling is on hold."""

    left: int
    total: int
    retry_at: datetime | None

    @property
    def done(self) -> int:
        return max(0, self.total - self.left)


def progress(group: PushedGroup) -> Progress | None:
    """None if every decision about its mappings has reached its people."""
    changes = Change.objects.filter(id__in=GroupMapping.objects.filter(group=group).values("change"))
    last = changes.order_by("-id").first()
    if last is None:
        return None
    left, total = queue.progress(last)
    if not left:
        return None
    turn: Any = Turn.objects.for_org(group.org_id).values_list("retry_at", flat=True).first()
    return Progress(left, max(left, total), turn)
