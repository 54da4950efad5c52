"""Taking back what a token, or one change, did (SPEC T2)."""

from datetime import UTC
from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request

from api import problems
from api.base import Answer
from api.commands.previews import DecisionView
from api.description import describes
from api.serializers import Exact
from groups_provisioning.engine.taking_back import Span
from groups_provisioning.preview.plans import Wish
from orgs.models import Change, ScimToken


class TakeBackBody(Exact):
    """One change, or what a token did from one moment until another, both included."""

    change = serializers.UUIDField(required=False, help_text="As history has it: of a token, or an undo.")
    token = serializers.UUIDField(required=False)
    since = serializers.DateTimeField(required=False, default_timezone=UTC)
    until = serializers.DateTimeField(
        required=False, default_timezone=UTC, help_text="The same in the preview and in the command."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.keys() not in ({"change"}, {"token", "since", "until"}):
            raise serializers.ValidationError("Send `change` alone, or `token` with `since` and `until`.")
        if "until" in attrs and attrs["until"] < attrs["since"]:
            raise serializers.ValidationError({"until": ["This is before `since`."]})
        return attrs


class TakenBackState(serializers.Serializer[Any]):
    """change: the id by which history has it, and by which it can be taken back. Roles and places follow within
    seconds.
    """

    change = serializers.UUIDField()


class TakeBack(DecisionView):
    @describes(
        "Take back what a token, or one change, did",
        body=TakeBackBody,
        answer=TakenBackState,
        foresees=True,
        asks=True,
        problems=("not-taken", "nothing-to-take-back", "history-too-short"),
    )
    def post(self, request: Request, org: UUID) -> Answer:
        """If somebody would be made an admin by it, or it is about more than 5,000 people, it needs the scope
        `credentials` besides. What cannot be taken back stays as it is; the preview says what, and why.
        """
        span = Span(**self.body(request, TakeBackBody))
        about: Any = Change if span.change else ScimToken
        if not about.objects.for_org(self.org).filter(id=span.change or span.token).exists():
            raise problems.not_found()
        wish: Wish = {"do": "take_back", **span.as_json()}
        self.may_foresee_admins(wish)
        return self.decide(request, wish, lambda: {"change": self.run(wish)})
