"""What an org's admins should act on (SPEC N2)."""

from typing import Any
from urllib.parse import urljoin
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request

from api.base import OrgView
from api.description import describes
from api.serializers import Exact, page_of
from orgs import open_matters
from orgs.open_matters import SEVERITIES, Severity

NAMES = [severity.name.lower() for severity in Severity]


class MattersQuery(Exact):
    kind = serializers.ChoiceField(sorted(SEVERITIES), required=False, help_text="Of this kind.")
    severity = serializers.ChoiceField(NAMES, required=False, help_text="Of this severity.")


class Address(serializers.CharField):
    """A page of the portal."""

    def to_representation(self, value: str) -> str:
        return urljoin(settings.MUSTER_URL, value)


class MatterSubject(serializers.Serializer[Any]):
    """What a matter is about. id: empty where there is none, as of a person who could not be created."""

    type = serializers.CharField(help_text="Such as person, group or token.")
    id = serializers.CharField()
    name = serializers.CharField()


class OpenMatter(serializers.Serializer[Any]):
    """Something to act on.

    severity: urgent, what does not work or is not safe; warning, where somebody has less or more than meant; note.
    title: what it is. text: what it means, and what to do. page: where in the portal that is done. count: of how many
    subjects; subjects: the first of them. since, last, times: when it was first and last seen, and how often; null
    where nobody knows. request_id: of the last call that shows it in the request log, which forgets.
    """

    kind = serializers.ChoiceField(sorted(SEVERITIES))
    severity = serializers.SerializerMethodField()
    title = serializers.CharField()
    text = serializers.CharField()
    page = Address(source="address")
    count = serializers.IntegerField()
    subjects = MatterSubject(many=True)
    since = serializers.DateTimeField(allow_null=True)
    last = serializers.DateTimeField(allow_null=True)
    times = serializers.IntegerField(allow_null=True)
    request_id = serializers.UUIDField(allow_null=True)

    def get_severity(self, matter: open_matters.OpenMatter) -> str:
        return matter.severity.name.lower()


class Matters(OrgView):
    @describes("List matters", query=MattersQuery, answer=page_of(OpenMatter))
    def get(self, request: Request, org: UUID) -> dict[str, Any]:
        """What somebody should act on, the most severe first, until its cause ends. All of it is one page."""
        asked = self.asked(request, MattersQuery)
        found = [
            each
            for each in open_matters.everything(self.org, at=timezone.now())
            if asked.get("kind", each.kind) == each.kind
            and asked.get("severity", each.severity.name.lower()) == each.severity.name.lower()
        ]
        return {"items": OpenMatter(found, many=True).data, "next": None, "has_more": False}
