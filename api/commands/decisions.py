"""Decisions about conflicts: which of the mappings that exclude each other places somebody (SPEC C3)."""

from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request

from api import problems
from api.base import Answer
from api.commands.previews import DecisionView
from api.description import describes
from api.serializers import Exact
from groups_provisioning.actions import conflict_decisions
from groups_provisioning.actions.conflict_decisions import Card, ConflictGone, UnknownDecision
from groups_provisioning.models import Conflict, Decision
from groups_provisioning.preview.plans import Wish

MOST = 10_000  # conflicts that are decided, or decisions that are undone, together


class CardBody(Exact):
    """A conflict as it is listed: who has it, the mapping that claims them, and those that hold against it."""

    person = serializers.UUIDField()
    incoming = serializers.UUIDField()
    holders = serializers.ListField(child=serializers.UUIDField(), min_length=1)


class DecideBody(Exact):
    """use: `current` keeps the places that people have."""

    use = serializers.ChoiceField(["current", "incoming"])
    conflicts = serializers.ListField(child=CardBody(), min_length=1, max_length=MOST)


class UndoBody(Exact):
    decisions = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1), min_length=1, max_length=MOST
    )


class MadeDecision(serializers.Serializer[Any]):
    """Of one person, which of two mappings goes before the other."""

    id = serializers.IntegerField()
    person = serializers.UUIDField()
    winner = serializers.UUIDField()
    loser = serializers.UUIDField()


class DecisionsState(serializers.Serializer[Any]):
    decisions = MadeDecision(many=True)


class UndoneState(serializers.Serializer[Any]):
    """undone: the ids of the decisions."""

    undone = serializers.ListField(child=serializers.IntegerField())


class Decide(DecisionView):
    @describes(
        "Decide conflicts",
        body=DecideBody,
        answer=DecisionsState,
        foresees=True,
        problems=("conflict-gone",),
    )
    def post(self, request: Request, org: UUID) -> Answer:
        """All in the same way, or none of them."""
        asked = self.body(request, DecideBody)
        sent = [(each["person"], each["incoming"], tuple(sorted(each["holders"]))) for each in asked["conflicts"]]
        cards = [Card(*each) for each in dict.fromkeys(sent)]
        self._check(cards)
        use_incoming = asked["use"] == "incoming"
        told = [[str(each.user_id), str(each.incoming_id), [*map(str, each.holders)]] for each in cards]
        wish: Wish = {"do": "decide", "cards": told, "use_incoming": use_incoming}

        def do() -> Any:
            conflict_decisions.decide(org=self.org, cards=cards, use_incoming=use_incoming, cause=self.cause)
            made = Decision.objects.for_org(self.org).filter(change__request_id=self.cause.request_id).order_by("id")
            return {"decisions": [_told(each) for each in made]}

        return self.decide(request, wish, do)

    def _check(self, cards: list[Card]) -> None:
        """Raises Problem for what is no open conflict of this org, ConflictGone where others hold against it."""
        found = Conflict.objects.for_org(self.org).filter(user_id__in={card.user_id for card in cards})
        present = {(each.user_id, each.incoming_id): Card.of(each) for each in found}
        for card in cards:
            known = present.get((card.user_id, card.incoming_id))
            if known is None:
                raise problems.not_found()
            if known != card:
                raise ConflictGone(card)


class Undo(DecisionView):
    @describes(
        "Undo decisions",
        body=UndoBody,
        answer=UndoneState,
        foresees=True,
        problems=("unknown-decision",),
    )
    def post(self, request: Request, org: UUID) -> Answer:
        """The conflicts that they settled are open again."""
        ids = sorted(set(self.body(request, UndoBody)["decisions"]))
        if conflict_decisions.standing(self.org, ids).count() != len(ids):
            raise UnknownDecision

        def do() -> Any:
            conflict_decisions.undo(org=self.org, decision_ids=ids, cause=self.cause)
            return {"undone": ids}

        return self.decide(request, {"do": "undo", "ids": ids}, do)


def _told(decision: Decision) -> dict[str, Any]:
    return {
        "id": decision.id,
        "person": str(decision.user_id),
        "winner": str(decision.winner_id),
        "loser": str(decision.loser_id),
    }
