"""A preview as a page shows it: names instead of ids, largest numbers first."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from groups_provisioning.models import GroupMapping
from groups_provisioning.preview import runs
from groups_provisioning.preview.plans import Plan, Wish
from groups_provisioning.preview.runs import Outlook, Summary
from orgs import roles
from orgs.history import Effect
from orgs.models import Entity, EntityKind, Organization, User
from orgs.web.downloads import in_batches

LINES = 20  # of each list
HOLDERS = 3  # of one conflict


class Named(NamedTuple):
    """An entity. is_new: it would be created."""

    name: str
    kind: str
    is_new: bool = False

    @property
    def kind_in_words(self) -> str:
        return str(EntityKind(self.kind).label)


class Line(NamedTuple):
    """People who change from one membership or role to another; None for none."""

    was: Any
    now: Any
    people: int


class PersonLine(NamedTuple):
    """One difference of one person. what: `place`, `roles`, `account` (what history calls it), or `conflict` (with the
    entities of both sides).

    A conflict that stays open with other holders has both was and now.
    """

    user: User
    what: str
    kind: str
    was: Any
    now: Any


class Closed(NamedTuple):
    """A conflict that closed, or would. holders: the first HOLDERS that hold against it. more: how many others do."""

    user: User
    incoming: GroupMapping
    holders: list[GroupMapping]
    more: int


@dataclass(slots=True)
class Shown:
    """accounts: by what they were and are. places, roles: the LINES with the most people, of so many in all. people:
    the first differences.

    gaining_admin: how many people would get the admin role who do not have it (SPEC R6). closing: the first
    conflicts that a decision closes besides those that it is about.
    """

    outlook: Outlook
    summary: Summary
    accounts: list[Line]
    places: list[Line]
    all_places: int
    roles: list[Line]
    people: list[PersonLine]
    gaining_admin: int
    closing: list[Closed]

    @property
    def others(self) -> int:
        """How many more conflicts it closes than those in `closing`."""
        return self.summary.besides - len(self.closing)

    @property
    def is_nothing(self) -> bool:
        """Whether nothing would change for anybody."""
        return not self.summary.touched

    @property
    def changes_nobody(self) -> bool:
        """Whether conflicts would open or close at most."""
        return not (self.accounts or self.places or self.roles)


def show(org: Organization, outlook: Outlook) -> Shown | None:
    """None while a worker is computing it."""
    summary = outlook.summary
    if summary is None:
        return None
    places = Counter[tuple[str | None, str | None]]()
    places.update({(None, entity): count for entity, count in summary.entered.items()})
    places.update({(entity, None): count for entity, count in summary.left.items()})
    places.update({(was, now): count for (was, now), count in summary.moved.items()})
    most = places.most_common(LINES)
    catalogue = outlook.plan.overlay.catalogue or roles.catalogue(org.profile)
    names = _names(org, outlook.plan, [end for pair, _ in most for end in pair], summary.some)
    return Shown(
        outlook=outlook,
        summary=summary,
        accounts=[Line(was, now, count) for (was, now), count in summary.accounts.items()],
        places=[Line(names.get(was), names.get(now), count) for (was, now), count in most],
        all_places=len(places),
        roles=[Line(was, now, count) for (was, now), count in summary.roles.most_common(LINES)],
        people=list(_people(org, summary.some, names)),
        gaining_admin=summary.gaining(catalogue.admin),
        closing=closed(org, [(effect.user_id, effect.was) for effect in summary.closing]),
    )


def closed(org: Organization, conflicts: Iterable[tuple[UUID, Any]]) -> list[Closed]:
    """Conflicts as lists name them, in two queries. conflicts: of each the person, and what their slot `conflict` was.

    Mappings that ever claimed somebody keep their entity.
    """
    conflicts = list(conflicts)
    if not conflicts:
        return []
    users = User.objects.for_org(org).in_bulk({user_id for user_id, _ in conflicts})
    ids = {id_ for _, was in conflicts for id_ in (was["incoming"], *was["holders"][:HOLDERS])}
    rows = GroupMapping.objects.for_org(org).select_related("group", "entity").filter(id__in=ids)
    mappings = {str(row.id): row for row in rows}
    return [
        Closed(
            users[user_id],
            mappings[was["incoming"]],
            [mappings[holder] for holder in was["holders"][:HOLDERS]],
            more=len(was["holders"][HOLDERS:]),
        )
        for user_id, was in conflicts
    ]


def rows(org: Organization, wish: Wish) -> Iterator[tuple[str, str, str, str, str]]:
    """All differences for a download: the person's userName, what differs, of which kind, was, now."""
    for batch in in_batches(runs.differences(org, wish)):
        _last, plan = batch[-1]
        yield from _rows(org, plan, [effect for effect, _plan in batch])


def _rows(org: Organization, plan: Plan, effects: list[Effect]) -> Iterator[tuple[str, str, str, str, str]]:
    for line in lines(org, plan, effects):
        yield line.user.user_name, line.what, line.kind, _text(line.was), _text(line.now)


def _text(end: Any) -> str:
    if isinstance(end, list):
        return ", ".join(_text(each) for each in end)
    return end.name if isinstance(end, Named) else str(end or "")


def lines(org: Organization, plan: Plan, effects: Sequence[Effect]) -> Iterator[PersonLine]:
    """Differences, one by one, as a list shows them."""
    return _people(org, effects, _names(org, plan, [], effects))


def _people(org: Organization, effects: Iterable[Effect], names: Mapping[str | None, Named]) -> Iterator[PersonLine]:
    effects = list(effects)
    people = User.objects.for_org(org).in_bulk({effect.user_id for effect in effects})
    for effect in effects:
        user = people[effect.user_id]
        if effect.slot == "roles":
            yield PersonLine(user, "roles", "", ", ".join(effect.was or ()), ", ".join(effect.now or ()))
        elif effect.slot == "account":
            yield PersonLine(user, "account", "", effect.was, effect.now)
        elif effect.slot == "conflict":
            was, now = (
                question and [[names.get(holder) for holder in question["holders"]], names.get(question["incoming"])]
                for question in (effect.was, effect.now)
            )
            yield PersonLine(user, "conflict", "", was, now)
        else:
            yield PersonLine(user, "place", effect.slot, names.get(effect.was), names.get(effect.now))


def _names(
    org: Organization, plan: Plan, ids: Iterable[str | None], effects: Iterable[Effect]
) -> dict[str | None, Named]:
    """What to call entities, and the targets of mappings, by their ids or stand-ins."""
    wanted = {id_ for id_ in ids if id_}
    mappings: set[str] = set()
    for effect in effects:
        for end in (effect.was, effect.now) if effect.slot != "account" else ():
            if isinstance(end, dict):
                mappings |= {end["incoming"], *end["holders"]}
            elif isinstance(end, str):
                wanted.add(end)
    planned = {tie.id: tie.entity for ties in plan.overlay.ties.values() for tie in ties if tie.id in mappings}
    wanted |= set(planned.values())
    rows = GroupMapping.objects.for_org(org).filter(id__in=mappings - set(planned), entity__isnull=False)
    planned |= {str(id_): str(entity_id) for id_, entity_id in rows.values_list("id", "entity_id")}
    wanted |= set(planned.values())
    names: dict[str | None, Named] = {
        id_: Named(name, kind, True) for id_, (kind, name) in plan.overlay.made.items() if id_ in wanted
    }
    present = Entity.objects.for_org(org).filter(id__in=[UUID(id_) for id_ in wanted - set(names) if id_])
    names |= {str(id_): Named(name, kind) for id_, name, kind in present.values_list("id", "name", "kind")}
    names |= {mapping: names[entity] for mapping, entity in planned.items() if entity in names}
    return names
