"""Decisions of admins about conflicts (SPEC C3): the only module that writes `Decision`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

from django.db.models import QuerySet

from groups_provisioning.engine import holds, loading, reconcile
from groups_provisioning.engine.resolution import decided_by
from groups_provisioning.models import Conflict, Decision
from orgs import history, queue
from orgs.change_details import ConflictDecided, ConflictUndone, Settled
from orgs.db import transactions
from orgs.db.transactions import command
from orgs.history import Cause, Effect
from orgs.models import Organization, User


class ConflictGone(Exception):
    """The conflict is no longer open, or other mappings hold against the claim than those that were shown."""


class UnknownDecision(Exception):
    """There is no such decision in this org, or it was already undone."""


@dataclass(frozen=True, slots=True)
class Card:
    """An open conflict as shown: the person, the mapping that claims them, and the mappings that hold against it."""

    user_id: UUID
    incoming_id: UUID
    holders: tuple[UUID, ...]

    @classmethod
    def of(cls, conflict: Conflict) -> "Card":
        return cls(conflict.user_id, conflict.incoming_id, tuple(conflict.holders))


@command
def decide(*, org: Organization, cards: Sequence[Card], use_incoming: bool, cause: Cause) -> None:
    """Keep the current place, or use the incoming one, on each of these cards; the decisions are stored.

    One person is settled at once, several by a worker. Raises ConflictGone, holds.Held; nothing is decided then.
    """
    if not cards:
        return
    users = _locked(org, {card.user_id for card in cards})
    present = {(each.user_id, each.incoming_id): Card.of(each) for each in Conflict.objects.filter(user__in=users)}
    played = loading.played(org, users)
    cause = cause.under_locks()
    change_id = transactions.next_change()
    decisions = []
    for card in cards:
        if present.get((card.user_id, card.incoming_id)) != card:
            raise ConflictGone(card)
        pairs = decided_by(played[card.user_id], str(card.incoming_id), use_incoming=use_incoming)
        if not pairs:
            raise ConflictGone(card)
        decisions += [
            Decision(
                org=org,
                user_id=card.user_id,
                winner_id=UUID(winner),
                loser_id=UUID(loser),
                at=cause.at,
                change_id=change_id,
            )
            for winner, loser in pairs
        ]
    Decision.objects.bulk_create(decisions)
    whom, effects = _settle(org, users, change_id)
    detail = ConflictDecided(**whom, use="incoming" if use_incoming else "current", conflicts=len(cards))
    history.record(org, cause, detail, effects, change_id=change_id)


@command
def undo(*, org: Organization, decision_ids: Sequence[int], cause: Cause) -> None:
    """Undo decisions; the conflicts that they settled are open again (SPEC C3). Raises UnknownDecision, holds.Held."""
    change_id = transactions.change_id()
    found = standing(org, decision_ids)
    users = _locked(org, set(found.values_list("user_id", flat=True)))
    if found.update(undone_by=change_id) != len(set(decision_ids)):
        raise UnknownDecision
    whom, effects = _settle(org, users, change_id)
    history.record(org, cause, ConflictUndone(**whom, decisions=len(decision_ids)), effects, change_id=change_id)


def standing(org: Organization, decision_ids: Sequence[int]) -> QuerySet[Decision]:
    """Those of these decisions that are not undone."""
    return Decision.objects.for_org(org).filter(id__in=decision_ids, undone_by=None)


def forget(*, user: User, change_id: UUID) -> None:
    """Undo all decisions about somebody whom SCIM deletes (SPEC U3)."""
    Decision.objects.filter(user=user, undone_by=None).update(undone_by=change_id)


def restore(org: Organization, undone_by: Mapping[int, UUID | None]) -> None:
    """Have decisions about people, who are locked, stand or not as before (SPEC T2); the caller settles them."""
    for change_id, ids in groupby(sorted(undone_by, key=lambda id_: str(undone_by[id_])), key=undone_by.__getitem__):
        Decision.objects.for_org(org).filter(id__in=list(ids)).update(undone_by=change_id)


def _locked(org: Organization, ids: set[UUID]) -> dict[UUID, User]:
    """Raises holds.Held: a decision about somebody who is held would have no effect (SPEC T1)."""
    people = User.objects.for_org(org).live().filter(id__in=ids).order_by("id").select_for_update(no_key=True)
    locked = {user.id: user for user in people}
    holds.refuse(org, locked)
    return locked


def _settle(org: Organization, users: dict[UUID, User], change_id: UUID) -> tuple[Settled, list[Effect]]:
    """Settle one person at once, or mark several. Returns who it was, for the Change's detail, and the effects."""
    if len(users) == 1:
        (user,) = users.values()
        return {"user": str(user.id), "marked": 0}, reconcile.settle(org=org, user=user).effects
    queue.mark(org.id, users, change_id)
    return {"user": None, "marked": len(users)}, []
