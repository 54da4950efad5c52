"""Conflicts that admins have resolved, and the status of these decisions. Reads only (SPEC C3)."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.contrib.postgres.aggregates import ArrayAgg
from django.db import models
from django.db.models import Case, Exists, F, Max, OuterRef, Q, QuerySet, When
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy as _

from groups_provisioning.engine import loading
from groups_provisioning.models import Decision, GroupMapping, Status
from groups_provisioning.pages.people import people_list
from orgs.change_details import USES_INCOMING
from orgs.models import Change, LedgerEntry, Organization, User
from orgs.models.history import with_causers
from orgs.web.downloads import BATCH, in_batches

LOSERS = 5  # shown of one decision
_TOGETHER = KeyTextTransform("conflicts", "change__detail")


class State(models.TextChoices):
    """The status of a decision."""

    STANDS = "stands", _("In effect")
    RESTS = "rests", _("On hold")
    SUPERSEDED = "superseded", _("Superseded")
    ENDED = "ended", _("Ended")
    UNDONE = "undone", _("Undone")


@dataclass(slots=True)
class Resolved:
    """One decided conflict. ids: its decisions. incoming, current: the mappings; of `current` the first LOSERS.

    more: how many others were current. undone_by: the change that undid it. together: how many conflicts its change
    decided.
    """

    user: User
    change: Change
    use_incoming: bool
    ids: list[int]
    incoming: GroupMapping
    current: list[GroupMapping] = field(default_factory=list)
    more: int = 0
    state: State = State.STANDS
    undone_by: Change | None = None
    together: int = 1

    @property
    def can_be_undone(self) -> bool:
        return self.state not in (State.UNDONE, State.ENDED)


def cards(org: Organization, text: str = "") -> QuerySet[Any, Any]:
    """Decided conflicts, newest first, each with the ids of its decisions."""
    found = Decision.objects.for_org(org)
    if text:
        found = found.filter(user__in=people_list.matching(User.objects.for_org(org).live(), org.id, text))
    incoming = Case(When(change__detail__contains=USES_INCOMING, then=F("winner")), default=F("loser"))
    grouped = found.order_by().values("change_id", "user_id", incoming=incoming)
    return grouped.annotate(ids=ArrayAgg("id", order_by="id"), newest=Max("id")).order_by("-newest")


def card_of(org: Organization, decision_id: int) -> dict[str, Any] | None:
    """The decided conflict that a decision is part of."""
    one = Decision.objects.for_org(org).filter(id=decision_id).first()
    if one is None:
        return None
    found = cards(org).filter(change_id=one.change_id, user_id=one.user_id)
    return next((card for card in found if decision_id in card["ids"]), None)


def undoable(org: Organization, change_id: UUID) -> list[int]:
    """The decisions of a change that are neither undone nor ended."""
    found = Decision.objects.for_org(org).filter(change=change_id, undone_by=None)
    ended = Q(winner__status=Status.REJECTED) | Q(loser__status=Status.REJECTED)
    return list(found.exclude(ended).order_by("id").values_list("id", flat=True))


def people(decision_ids: Collection[int]) -> int:
    """How many people these decisions are about."""
    return Decision.objects.filter(id__in=decision_ids).values("user").distinct().count()


def also_closed(change: Change) -> QuerySet[LedgerEntry]:
    """The effects by which a decision for the incoming assignments closed conflicts that it was not about (SPEC C3)."""
    decided = Decision.objects.filter(change=change, user=OuterRef("user"), winner=OuterRef("incoming"))
    closed = LedgerEntry.objects.filter(change=change, slot="conflict", now__isnull=True)
    incoming = Cast(KeyTextTransform("incoming", "was"), models.UUIDField())
    return closed.annotate(incoming=incoming).exclude(Exists(decided)).order_by("id")


def resolved(org: Organization, cards: Iterable[dict[str, Any]]) -> list[Resolved]:
    """Decided conflicts with everything that is shown of them; the number of queries is bounded."""
    cards = list(cards)
    shown = [id_ for card in cards for id_ in card["ids"][:LOSERS]]
    newer = Decision.objects.filter(user=OuterRef("user"), undone_by=None, id__gt=OuterRef("id")).filter(
        Q(winner=OuterRef("winner"), loser=OuterRef("loser")) | Q(winner=OuterRef("loser"), loser=OuterRef("winner"))
    )
    decisions = (
        Decision.objects.filter(id__in=shown)
        .select_related("user", *with_causers("change"), *with_causers("undone_by"))
        .defer("change__detail", "undone_by__detail")
        .annotate(is_superseded=Exists(newer), together=Cast(_TOGETHER, models.IntegerField()))
        .in_bulk()
    )
    ids = {id_ for each in decisions.values() for id_ in (each.winner_id, each.loser_id)}
    mappings = GroupMapping.objects.for_org(org).select_related("group", "entity").in_bulk(ids)
    claims = _claims(org, {card["user_id"] for card in cards})
    return [_resolved(card, decisions, mappings, claims[card["user_id"]]) for card in cards]


def _claims(org: Organization, user_ids: Collection[UUID]) -> dict[UUID, set[str]]:
    """The mappings that claim or hold each of these people, as the engine has it; none for somebody inactive."""
    loaded = loading.load(org, user_ids)
    found: dict[UUID, set[str]] = {known.id: set() for known in loaded.people}
    for known in loaded.people:
        if known.facts.active:
            played = loaded.play(known)
            found[known.id] = {each.mapping for each in (*played.holding, *played.held, *played.kept_out)}
    return found


def _resolved(
    card: dict[str, Any],
    decisions: dict[int, Any],
    mappings: dict[UUID, GroupMapping],
    claims: set[str],
) -> Resolved:
    own = [decisions[id_] for id_ in card["ids"][:LOSERS]]
    first, incoming = own[0], mappings[card["incoming"]]
    use_incoming = first.winner_id == incoming.id
    current = [mappings[each.loser_id if use_incoming else each.winner_id] for each in own]
    left = [each for each in current if each.status != Status.REJECTED]
    if first.undone_by:
        state = State.UNDONE
    elif incoming.status == Status.REJECTED or not left:
        state = State.ENDED
    elif all(each.is_superseded for each in own):
        state = State.SUPERSEDED
    elif claims.issuperset(str(each.id) for each in (incoming, *left)):
        state = State.STANDS
    else:
        state = State.RESTS
    more = len(card["ids"][LOSERS:])
    return Resolved(
        user=first.user,
        change=first.change,
        use_incoming=use_incoming,
        ids=card["ids"],
        incoming=incoming,
        current=current,
        more=more,
        state=state,
        undone_by=first.undone_by,
        together=first.together,
    )


def file_rows(org: Organization, found: QuerySet[Any, Any]) -> Iterator[tuple[Any, ...]]:
    """A table row for each decided conflict: the person, both sides, the decision, by whom, when, and its status."""
    for batch in in_batches(found.iterator(chunk_size=BATCH)):
        yield from _file_rows(org, batch)


def _file_rows(org: Organization, batch: list[dict[str, Any]]) -> Iterator[tuple[Any, ...]]:
    for each in resolved(org, batch):
        by = each.change.by_person
        yield (
            each.user.user_name,
            each.user.label if each.user.label != each.user.user_name else "",
            ", ".join(str(mapping.entity) for mapping in each.current),
            each.incoming.entity,
            _("Use incoming") if each.use_incoming else _("Keep current"),
            by.label if by else "",
            each.change.at,
            each.state.label,
            each.undone_by.at if each.undone_by else "",
            each.user.id,
        )
