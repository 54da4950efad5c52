"""What an org's admins should act on (SPEC N2)."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request

from api import lists
from api.base import OrgView
from api.description import describes
from api.serializers import Object, PageQuery, page_of
from orgs import matter_words, matters
from orgs.models import Matter, MatterKind


class MattersQuery(PageQuery):
    kind = serializers.ChoiceField(MatterKind.choices, required=False, help_text="Of this kind.")


class OpenMatter(serializers.Serializer[Any]):
    """Something to act on.

    subject: what it is about: the id of a token, the name of a person or group, an attribute. first_at: since when.
    last_at: when it last happened. count: how often since `first_at`. request_id: of the last call that shows it in the
    request log, which forgets. detail: what else is known, by kind. title: what happened. text: what it means, and what
    to do.
    """

    id = serializers.UUIDField(source="matter.id")
    kind = serializers.ChoiceField(MatterKind.choices, source="matter.kind")
    urgent = serializers.BooleanField(source="is_urgent")
    subject = serializers.CharField(source="matter.subject")
    first_at = serializers.DateTimeField(source="matter.first_at")
    last_at = serializers.DateTimeField(source="matter.last_at")
    count = serializers.IntegerField(source="matter.count")
    request_id = serializers.UUIDField(source="matter.request_id", allow_null=True)
    detail = Object(source="matter.detail")
    title = serializers.CharField()
    text = serializers.CharField()


class Matters(OrgView):
    @describes("List matters", query=MattersQuery, answer=page_of(OpenMatter))
    def get(self, request: Request, org: UUID) -> dict[str, Any]:
        """What identity providers did that somebody should act on, until its cause ends."""

        def show(rows: Sequence[Matter]) -> list[dict[str, Any]]:
            told = {each.matter.id: each for each in matter_words.tell(self.org, rows)}
            serializer = OpenMatter()
            return [serializer.to_representation(told[row.id]) for row in rows]

        rows = matters.open_in(self.org, at=timezone.now())
        return lists.answer(self, request, MattersQuery, rows, show)
