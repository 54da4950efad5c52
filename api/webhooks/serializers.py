"""What the API takes and gives about webhooks, in the words of DRF."""

from typing import Any

from rest_framework import serializers

from api.serializers import Exact
from api.webhooks.endpoints import ITEMS, MOST_ITEMS
from orgs.feed import NUMBERS
from orgs.guarded_http import LONGEST_URL

ATTEMPTS, MOST_ATTEMPTS = 50, 200  # of a page


class KindsList(serializers.ListField):
    """Names of kinds, of those in the context."""

    child = serializers.CharField()
    default_error_messages = {"unknown": "There is no kind {name}. There are: {known}."}

    def to_internal_value(self, data: Any) -> list[str]:
        names: list[str] = super().to_internal_value(data)
        known = self.context["kinds"]
        if unknown := sorted(set(names) - known):
            self.fail("unknown", name=unknown[0], known=", ".join(kind for kind in NUMBERS if kind in known))
        return sorted(set(names))


class WebhookBody(Exact):
    """A new webhook. kinds: all there are, unless they are named."""

    url = serializers.CharField(max_length=LONGEST_URL)
    kinds = KindsList(required=False, allow_empty=False)
    max_items = serializers.IntegerField(min_value=1, max_value=MOST_ITEMS, default=ITEMS)


class WebhookChanges(Exact):
    """What is to change of a webhook."""

    url = serializers.CharField(max_length=LONGEST_URL, required=False)
    kinds = KindsList(required=False, allow_empty=False)
    max_items = serializers.IntegerField(min_value=1, max_value=MOST_ITEMS, required=False)


class Beginning(Exact):
    """From where to tell everything again: a cursor of the feed with the webhook's kinds, or `start`."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {"from": serializers.CharField()}


class AttemptsQuery(Exact):
    """The parameters of a request for attempts."""

    before = serializers.UUIDField(required=False, help_text="The id of an attempt, to read those that came earlier.")
    limit = serializers.IntegerField(
        min_value=1, max_value=MOST_ATTEMPTS, default=ATTEMPTS, help_text="Attempts of a page."
    )


class WebhookState(serializers.Serializer[Any]):
    """position: in the feed, up to which everything was accepted. previous_secret_until: until when messages are signed
    with the former secret too. failures: in a row; the next attempt comes at retry_at. disabled_reason: asked, gone or
    failing.
    """

    id = serializers.UUIDField()
    organization = serializers.UUIDField(source="org_id", allow_null=True)
    url = serializers.CharField()
    kinds = serializers.ListField(child=serializers.CharField())
    max_items = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    position = serializers.IntegerField()
    previous_secret_until = serializers.DateTimeField(source="previous_until", allow_null=True)
    failures = serializers.IntegerField()
    failing_since = serializers.DateTimeField(allow_null=True)
    retry_at = serializers.DateTimeField(allow_null=True)
    disabled_at = serializers.DateTimeField(allow_null=True)
    disabled_reason = serializers.CharField()


class AttemptState(serializers.Serializer[Any]):
    """message: its `webhook-id`. first, last: the positions of its first and last item. status: of the answer; null if
    there was none, for the reason that `error` names.
    """

    id = serializers.UUIDField()
    at = serializers.DateTimeField()
    message = serializers.CharField()
    items = serializers.IntegerField()
    first = serializers.IntegerField(allow_null=True)
    last = serializers.IntegerField(allow_null=True)
    status = serializers.IntegerField(allow_null=True)
    error = serializers.CharField()
    milliseconds = serializers.IntegerField()


class IssuedWebhook(WebhookState):
    """The same with its secret, which is told this once."""

    secret = serializers.CharField()


class WebhooksPage(serializers.Serializer[Any]):
    """All webhooks."""

    items = WebhookState(many=True)


class AttemptsPage(serializers.Serializer[Any]):
    """Attempts, the last ones first."""

    items = AttemptState(many=True)
    has_more = serializers.BooleanField()
