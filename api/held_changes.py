"""Mass changes of identity providers that are held until somebody decides (SPEC T1)."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request

from api import lists, problems
from api.base import OrgView
from api.description import describes
from api.lists import serialized
from api.serializers import ChangeState, Objects, PageQuery, page_of
from groups_provisioning.engine.breaker import Rule
from groups_provisioning.models import Breach, BreachState, Hold
from groups_provisioning.pages.held import held_list


class HeldChange(serializers.Serializer[Any]):
    """What one token does to too many people at once. rules: why it is held: losses, of roles or places; demotions, of
    admins; promotions, to admins; support, who hold whatever it is. people: how many are held; where support holds,
    it may be none. since, last: when the first and the last of them was.
    """

    id = serializers.UUIDField(source="breach.id")
    token = serializers.UUIDField(source="breach.token_id")
    rules = serializers.ListField(child=serializers.ChoiceField([rule.value for rule in Rule]), source="breach.rules")
    people = serializers.IntegerField(source="count")
    since = serializers.DateTimeField()
    last = serializers.DateTimeField()


class HeldChanges(OrgView):
    @describes("List held changes", answer=page_of(HeldChange))
    def get(self, request: Request, org: UUID) -> dict[str, Any]:
        """All on one page, the oldest first: at most one for each token."""
        items = serialized(HeldChange)(held_list.summaries(self.org))
        return {"items": items, "next": None, "has_more": False}


class HeldPerson(serializers.Serializer[Any]):
    """Somebody who keeps what they had. since: when that began. change: what the identity provider did. differences:
    what would become of them if it were let through now, as previews tell it.
    """

    person = serializers.UUIDField()
    since = serializers.DateTimeField()
    change = ChangeState()
    differences = Objects()


class HeldPeople(OrgView):
    @describes("List the people whom a change is held for", query=PageQuery, answer=page_of(HeldPerson))
    def get(self, request: Request, org: UUID, held: UUID) -> dict[str, Any]:
        breach = Breach.objects.for_org(self.org).filter(id=held, state=BreachState.OPEN).first()
        if breach is None:
            raise problems.not_found()

        def show(rows: Sequence[Hold]) -> list[dict[str, Any]]:
            differences = defaultdict(list)
            for effect in held_list.effects(self.org, breach, rows):
                differences[effect.user_id].append({"slot": effect.slot, "was": effect.was, "now": effect.now})
            told = [
                {"person": row.user_id, "since": row.at, "change": row.change, "differences": differences[row.user_id]}
                for row in rows
            ]
            return serialized(HeldPerson)(told)

        return lists.answer(self, request, PageQuery, held_list.holds(self.org, breach), show, by=("user_id",))
