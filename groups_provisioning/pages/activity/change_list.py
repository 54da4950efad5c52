"""The changes in an org, newest first, and their effects on people. Reads only.

An id begins with the time at which it was made (RFC 9562 §5.7), so that the order of ids is the order of time, and a
page goes on from the last id of the one before. Nothing here counts or sorts what there may be a million of: each
question is answered from an index in that order.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.db.models import Q, QuerySet

from groups_provisioning.models import GroupMapping, PushedGroup
from groups_provisioning.pages.people import people_list
from orgs import change_details
from orgs.db.keys import fold, id_at
from orgs.models import Change, Entity, LedgerEntry, Organization, User
from orgs.models.history import BY, FAMILY, PLACES, SUBJECT

PAGE = 50
EFFECTS = 3  # of each change in a list
NAMESAKES = 10  # of each sort that a search finds
EXPORTED = 50_000
EXPORTED_AT_ONCE = 1000

KINDS = {
    "people": ("user", "invitation", "import"),
    "groups": ("group",),
    "mappings": ("mapping",),
    "rules": ("rule", "rules"),
    "entities": ("entity",),
    "conflicts": ("conflict",),
    "settings": ("org", "profile", "token", "key", "webhook", "setup_link", "matter", "support_view", "proposal"),
    "checks": ("engine", "hold", "changes"),
}
"""Kinds of changes, and what their verbs begin with."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a reader is looking for; each may be empty, and of person, group and entity one is enough.

    kind: a key of KINDS. person, group, entity: what the change was about, or touched. since, until: the first moment,
    and the first that is too late.
    """

    kind: str = ""
    person: UUID | None = None
    group: UUID | None = None
    entity: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None

    def __bool__(self) -> bool:
        return bool(self.kind or self.subject or self.since or self.until)

    @property
    def subject(self) -> UUID | None:
        return self.person or self.group or self.entity


@dataclass(frozen=True, slots=True)
class Line:
    """A change, and the first of its effects, on the person who is wanted if one is. more: whether there are others."""

    change: Change
    effects: list[LedgerEntry]
    more: bool


@dataclass(frozen=True, slots=True)
class Page:
    """Changes, the newest first. older: go on before this id; None at the end."""

    lines: list[Line]
    older: UUID | None


def page(org: Organization, wanted: Wanted, *, before: UUID | None = None, size: int = PAGE) -> Page:
    """The newest changes that are wanted, older than `before`. Two or three queries, whatever there is."""
    ids = _ids(org, wanted, before, size + 1)
    found = Change.objects.for_org(org).filter(id__in=ids[:size]).select_related(*BY)
    changes = sorted(found, key=lambda change: change.id, reverse=True)
    effects = _effects(changes, wanted)
    lines = []
    for change in changes:
        entries = effects.get(change.id, [])
        lines.append(Line(change, entries[:EFFECTS], more=len(entries) > EFFECTS))
    return Page(lines, older=ids[size - 1] if len(ids) > size else None)


def everything(org: Organization, wanted: Wanted) -> Iterator[list[Line]]:
    """The newest EXPORTED changes that are wanted, page by page."""
    before = None
    for _ in range(EXPORTED // EXPORTED_AT_ONCE):
        part = page(org, wanted, before=before, size=EXPORTED_AT_ONCE)
        yield part.lines
        before = part.older
        if before is None:
            return


def effects_of(change: Change, *, after: int = 0, size: int = PAGE) -> tuple[list[LedgerEntry], int | None]:
    """Effects of one change in their order, those after the one with this id; and where to go on, None at the end."""
    entries = list(LedgerEntry.objects.raw(_EFFECTS, [[change.id], after, size + 1]))
    return entries[:size], entries[size - 1].id if len(entries) > size else None


def named(org: Organization, text: str) -> dict[str, list[Any]]:
    """People, groups and entities of this name, by what `Wanted` calls them; gone ones too."""
    key = fold(text.strip())
    people = people_list.matching(User.objects.for_org(org), org.id, text)
    groups = PushedGroup.objects.for_org(org).filter(display_name_key__contains=key)
    entities = Entity.objects.for_org(org).filter(name_key__contains=key)
    return {
        "person": list(people.order_by("user_name_key")[:NAMESAKES]),
        "group": list(groups.order_by("display_name_key", "-created_at")[:NAMESAKES]),
        "entity": list(entities.order_by("name_key", "-created_at")[:NAMESAKES]),
    }


def _ids(org: Organization, wanted: Wanted, before: UUID | None, size: int) -> list[UUID]:
    """The ids of the newest changes that are wanted: of each way to be so the newest, then the newest of all."""
    ways = [way.order_by(f"-{column}")[:size] for way, column in _ways(org, wanted, before)]
    if len(ways) == 1:
        return list(ways[0])
    return list(ways[0].union(*ways[1:]).order_by("-id")[:size])


def _ways(org: Organization, wanted: Wanted, before: UUID | None) -> Iterator[tuple[QuerySet[Any], str]]:
    """Ids of changes, each as its index has them, with the name of the column that is the id."""
    families = KINDS.get(wanted.kind, ())
    changes = _between(Change.objects.for_org(org), "id", wanted, before).alias(family=FAMILY)
    if wanted.subject is None:
        for family in families:
            yield changes.filter(family=family).values_list("id", flat=True), "id"
        if not families:
            yield changes.values_list("id", flat=True), "id"
        return
    if families:
        changes = changes.filter(family__in=families)
    about = changes.alias(subject=SUBJECT).filter(subject=str(wanted.subject))
    yield about.values_list("id", flat=True), "id"
    entries = _between(LedgerEntry.objects.for_org(org), "change_id", wanted, before)
    mappings = _between(GroupMapping.objects.for_org(org), "change_id", wanted, before)
    if families:
        prefixes = Q()
        for family in families:
            prefixes |= Q(change__verb__startswith=f"{family}.")
        entries, mappings = entries.filter(prefixes), mappings.filter(prefixes)
    key = str(wanted.subject)
    rows: list[QuerySet[Any]] = []
    if wanted.person:
        rows = [entries.filter(user=wanted.person)]
    else:
        sort: Literal["group", "entity"] = "group" if wanted.group else "entity"
        mentions = Q()
        for mention in change_details.mentions(sort, wanted.subject):
            mentions |= Q(detail__contains=mention)
        if wanted.entity:
            places = entries.filter(slot__in=PLACES)
            rows = [places.filter(now=key), places.filter(was=key)]
        # Few, but a plan may look for them among all changes in the order of time: so they are found first.
        listed = list(changes.filter(mentions, detail__has_any_keys=change_details.LISTS).values_list("id", flat=True))
        if listed:
            yield Change.objects.filter(id__in=listed).values_list("id", flat=True), "id"
        rows.append(mappings.filter(**{sort: wanted.subject}))
    for each in rows:
        yield each.values_list("change_id", flat=True).distinct(), "change_id"


def _between(rows: QuerySet[Any], column: str, wanted: Wanted, before: UUID | None) -> QuerySet[Any]:
    if wanted.since:
        rows = rows.filter(**{f"{column}__gte": id_at(wanted.since)})
    if wanted.until:
        rows = rows.filter(**{f"{column}__lt": id_at(wanted.until)})
    return rows.filter(**{f"{column}__lt": before}) if before else rows


# The condition on the change stands outside: with it inside, a plan may walk the whole ledger in the order of `id`.
_EFFECTS = """
SELECT e.* FROM unnest(%s::uuid[]) AS c (id) CROSS JOIN LATERAL (
    SELECT * FROM orgs_ledgerentry WHERE (change_id, id) > (c.id, %s) ORDER BY change_id, id LIMIT %s
) AS e WHERE e.change_id = c.id ORDER BY e.id
"""


def _effects(changes: Sequence[Change], wanted: Wanted) -> dict[UUID, list[LedgerEntry]]:
    """By change, the first effects and one more."""
    ids = [change.id for change in changes]
    if not ids:
        return {}
    entries: Iterable[LedgerEntry] = (
        LedgerEntry.objects.filter(change__in=ids, user=wanted.person).order_by("id")
        if wanted.person
        else LedgerEntry.objects.raw(_EFFECTS, [ids, 0, EFFECTS + 1])
    )
    found: dict[UUID, list[LedgerEntry]] = {}
    for entry in entries:
        found.setdefault(entry.change_id, []).append(entry)
    return found
