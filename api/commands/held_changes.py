"""Letting through what is held (SPEC T1)."""

from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request

from api import problems
from api.base import Answer
from api.commands.previews import DecisionView
from api.description import describes
from api.serializers import Exact
from groups_provisioning.models import Breach
from groups_provisioning.preview.plans import Wish

MOST = 2_000  # people who are named


class LetThroughBody(Exact):
    """people: those of them who are still held; without it everybody, and what the token does counts anew."""

    people = serializers.ListField(child=serializers.UUIDField(), required=False, min_length=1, max_length=MOST)


class LetThroughState(serializers.Serializer[Any]):
    """people: how many are being settled, within seconds."""

    people = serializers.IntegerField()


class LetThrough(DecisionView):
    @describes(
        "Let held changes through",
        body=LetThroughBody,
        answer=LetThroughState,
        asks=True,
        foresees=True,
        problems=("nothing-held",),
    )
    def post(self, request: Request, org: UUID, held: UUID) -> Answer:
        """If somebody would be made an admin by it, or it is for more than 5,000 people, it needs the scope
        `credentials` besides.
        """
        people = self.body(request, LetThroughBody).get("people")
        if not Breach.objects.for_org(self.org).filter(id=held).exists():
            raise problems.not_found()
        wish: Wish = {"do": "let_through", "breach": str(held)}
        if people is not None:
            wish = {**wish, "users": [str(id_) for id_ in people]}
        self.may_foresee_admins(wish)

        return self.decide(request, wish, lambda: {"people": self.run(wish)})
