"""Open conflicts, as lists show them. Reads only (SPEC C3)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db import models
from django.db.models import Count, Exists, F, Func, Max, Min, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from groups_provisioning.models import Conflict, GroupMapping, GroupMember
from groups_provisioning.pages.people import people_list
from orgs import queue
from orgs.db.keys import fold, id_at
from orgs.models import Change, EntityKind, Mark, Organization, User
from orgs.models.history import FAMILY
from orgs.web.downloads import BATCH, in_batches

HOLDERS = 3  # shown of one conflict
SHORT = 60  # characters of a name
RECENT = timedelta(days=1)  # how old a change may be that a worker is still applying


class Clash(models.TextChoices):
    """What excludes what (SPEC C1)."""

    CONCURRENCY_GROUPS = EntityKind.CONCURRENCY_GROUP, gettext_lazy("Two concurrency groups")
    SUB_ORGANIZATIONS = EntityKind.SUB_ORGANIZATION, gettext_lazy("Two sub-organizations")
    ACROSS = "across", gettext_lazy("Sub-organization and others")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which conflicts to list; an empty value filters nothing.

    text: words in the person's names. about: part of the name of a group or an entity on either side. pair: as
    `Row.pair` has it.
    """

    text: str = ""
    about: str = ""
    clash: str = ""
    person: UUID | None = None
    pair: str = ""
    newest_first: bool = False


@dataclass(frozen=True, slots=True)
class Side:
    """A claim: the mapping with its group and entity, and since when the person is in the group; None: they left it."""

    mapping: GroupMapping
    added_at: datetime | None


@dataclass(slots=True)
class Row:
    """A conflict in a list, or the same one of several people. holders: the first HOLDERS; more: how many others hold.

    is_settling: everybody is waiting for a worker, so the conflict may be over already. pair: stands for the mappings
    on both sides. people: how many have a conflict between these; `conflict` is that of one of them. settling: how many
    of them are waiting for a worker. since: when the first of these conflicts opened.
    """

    conflict: Conflict
    incoming: Side
    holders: list[Side] = field(default_factory=list)
    more: int = 0
    is_settling: bool = False
    pair: str = ""
    people: int = 1
    settling: int = 0
    since: datetime | None = None

    @property
    def value(self) -> str:
        """What a form sends for this row."""
        return str(self.conflict.id) if self.people == 1 else self.pair

    @property
    def name(self) -> str:
        """The person; or how many, and what comes in."""
        if self.people == 1:
            return Truncator(self.conflict.user.label).chars(SHORT)
        incoming = Truncator(self.incoming.mapping.entity.name).chars(SHORT) if self.incoming.mapping.entity else ""
        return _("%(count)s people, %(incoming)s incoming") % {"count": intcomma(self.people), "incoming": incoming}

    @property
    def undecided(self) -> int:
        """How many people a decision about this row would cover."""
        return self.people - self.settling

    @property
    def kinds(self) -> set[str]:
        return {side.mapping.kind for side in (self.incoming, *self.holders)}

    @property
    def is_across(self) -> bool:
        """Whether a sub-organization conflicts with another kind."""
        return len(self.kinds) > 1

    @property
    def slot(self) -> str:
        """The kinds of which the person can have only one, in words."""
        kinds = self.kinds
        if not self.is_across:
            return str(EntityKind(self.incoming.mapping.kind).label)
        if kinds == {EntityKind.SUB_ORGANIZATION, EntityKind.CONCURRENCY_GROUP}:
            return _("Sub-organization or concurrency group")
        if kinds == {EntityKind.SUB_ORGANIZATION, EntityKind.TEAM}:
            return _("Sub-organization or teams")
        return _("Sub-organization, or teams and concurrency group")


PAIR = 32  # characters that stand for the two sides of a conflict

# The holders are in the order of their ids, so everybody with the same conflict has the same digest.
_PAIR = Func(
    F("incoming_id"),
    F("holders"),
    template="left(encode(sha256(convert_to(concat(%(expressions)s), 'UTF8')), 'hex'), 32)",
    output_field=models.CharField(),
)

# Of a mapping, within a conflict.
_HOLDS = Func(
    F("id"), OuterRef("holders"), template="%(expressions)s)", arg_joiner=" = ANY (", output_field=models.BooleanField()
)


# Of a conflict: whether its person is waiting for a worker.
_IS_WAITING = Exists(Mark.objects.filter(org=OuterRef("org"), user=OuterRef("user")))


def conflicts(org: Organization, wanted: Wanted) -> QuerySet[Conflict]:
    """The matching conflicts, oldest first unless `newest_first`."""
    found: QuerySet[Conflict] = Conflict.objects.for_org(org)
    if wanted.pair:
        found = between(found, [wanted.pair])
    if wanted.person:
        found = found.filter(user=wanted.person)
    if wanted.text:
        found = found.filter(user__in=people_list.matching(User.objects.for_org(org).live(), org.id, wanted.text))
    mappings = GroupMapping.objects.for_org(org)
    if wanted.about:
        key = fold(wanted.about.strip())
        named = mappings.filter(Q(group__display_name_key__contains=key) | Q(entity__name_key__contains=key))
        found = found.filter(Q(incoming__in=named.values("id")) | Exists(named.filter(_HOLDS)))
    if wanted.clash:
        # All holders of a conflict clash with the claim in the same way; otherwise they would exclude each other.
        subs = mappings.filter(kind=EntityKind.SUB_ORGANIZATION).values("id")
        is_sub, is_held_by_sub = Q(incoming__in=subs), Q(holders__0__in=subs)
        found = found.filter(
            {
                Clash.CONCURRENCY_GROUPS: ~is_sub & ~is_held_by_sub,
                Clash.SUB_ORGANIZATIONS: is_sub & is_held_by_sub,
                Clash.ACROSS: is_sub ^ is_held_by_sub,
            }[Clash(wanted.clash)]
        )
    order = ("-since", "-id") if wanted.newest_first else ("since", "id")
    return found.prefetch_related("user").order_by(*order)  # a join would also be made for skipped pages


def pairs(org: Organization, wanted: Wanted) -> QuerySet[Any, Any]:
    """The matching conflicts by what they are between, each with how many people have it, in the order of `conflicts`.

    one: the id of one of these conflicts. settling: how many of the people are waiting for a worker.
    """
    found = conflicts(org, wanted).prefetch_related(None).order_by().annotate(pair=_PAIR).values("pair")
    found = found.annotate(
        one=Min("id"),
        people=Count("id"),
        settling=Count("id", filter=_IS_WAITING),
        oldest=Min("since"),
        newest=Max("since"),
    )
    return found.order_by("-newest", "-one") if wanted.newest_first else found.order_by("oldest", "one")


def of_pairs(org: Organization, found: Iterable[dict[str, Any]]) -> list[Row]:
    """Some of `pairs` with everything that is shown of them."""
    found = list(found)
    ones = Conflict.objects.for_org(org).prefetch_related("user").in_bulk([each["one"] for each in found])
    shown = [each for each in found if each["one"] in ones]
    listed = rows(org, [ones[each["one"]] for each in shown])
    for row, each in zip(listed, shown, strict=True):
        row.pair, row.people, row.settling, row.since = (
            each[name] for name in ("pair", "people", "settling", "oldest")
        )
        row.is_settling = row.settling == row.people
    return listed


def between(found: QuerySet[Conflict], pairs: Sequence[str]) -> QuerySet[Conflict]:
    """Those between certain mappings; as `Row.pair` has them."""
    return found.alias(pair=_PAIR).filter(pair__in=pairs)


def left_alone(found: QuerySet[Conflict]) -> QuerySet[Conflict]:
    """Leave out people whom a worker is about to settle: their conflicts may just have been decided."""
    return found.exclude(_IS_WAITING)


def rows(org: Organization, conflicts: Iterable[Conflict]) -> list[Row]:
    """Conflicts with everything that is shown of them, in three queries."""
    conflicts = list(conflicts)
    ids = {id_ for each in conflicts for id_ in (each.incoming_id, *each.holders[:HOLDERS])}
    mappings = GroupMapping.objects.for_org(org).select_related("group", "entity").in_bulk(ids)
    people = {each.user_id for each in conflicts}
    added = added_to(people, mappings.values())
    settling = queue.marked(org.id, people)

    def side(user_id: UUID, mapping_id: UUID) -> Side:
        mapping = mappings[mapping_id]
        return Side(mapping, added.get((user_id, mapping.group_id)))

    return [
        Row(
            conflict,
            side(conflict.user_id, conflict.incoming_id),
            [side(conflict.user_id, holder) for holder in conflict.holders[:HOLDERS]],
            more=len(conflict.holders[HOLDERS:]),
            is_settling=conflict.user_id in settling,
            since=conflict.since,
        )
        for conflict in conflicts
    ]


def added_to(people: Iterable[UUID], mappings: Iterable[GroupMapping]) -> dict[tuple[UUID, UUID], datetime]:
    """Since when these people are in the groups of these mappings: by person and group."""
    members = GroupMember.objects.filter(user__in=people, group__in={each.group_id for each in mappings})
    return {(user, group): at for user, group, at in members.values_list("user", "group", "added_at")}


def file_rows(org: Organization, found: QuerySet[Conflict]) -> Iterator[tuple[Any, ...]]:
    """A table row for each conflict: the person, the kind, both sides with their groups, since when, and id."""
    for batch in in_batches(found.iterator(chunk_size=BATCH)):
        yield from _file_rows(org, batch)


def _file_rows(org: Organization, batch: Sequence[Conflict]) -> Iterator[tuple[Any, ...]]:
    for row in rows(org, batch):
        user = row.conflict.user
        yield (
            user.user_name,
            user.label if user.label != user.user_name else "",
            row.slot,
            ", ".join(str(side.mapping.entity) for side in row.holders) + (f" (+{row.more})" if row.more else ""),
            ", ".join(str(side.mapping.group) for side in row.holders),
            row.incoming.mapping.entity,
            row.incoming.mapping.group,
            row.conflict.since,
            user.id,
        )


def being_settled(org: Organization) -> Change | None:
    """The last decision about conflicts that a worker is still applying."""
    changes = Change.objects.for_org(org).alias(family=FAMILY).filter(family="conflict")
    waiting = changes.filter(Exists(Mark.objects.filter(change=OuterRef("id"))))
    return waiting.filter(id__gte=id_at(timezone.now() - RECENT)).order_by("-id").first()
