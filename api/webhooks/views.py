"""Webhooks over the API (SPEC E3): of an org, for its own keys and the operator's; and the operator's own."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.status import HTTP_201_CREATED, HTTP_204_NO_CONTENT

from api import problems
from api.base import Answer, ApiView, OrgView
from api.changes import PROBLEMS, read_cursor, refuse_former
from api.description import describes
from api.models import Endpoint
from api.serializers import Exact
from api.webhooks import deliveries, endpoints
from api.webhooks.endpoints import BadUrl, Issued, TooManyWebhooks, UnknownWebhook
from api.webhooks.serializers import (
    AttemptsPage,
    AttemptsQuery,
    AttemptState,
    Beginning,
    IssuedWebhook,
    WebhookBody,
    WebhookChanges,
    WebhooksPage,
    WebhookState,
)
from orgs import feed
from orgs.feed import Range
from orgs.models import Organization, Scope


class WebhookView(OrgView):
    """owner: the org whose webhooks these are; None for the operator, in whose addresses there is no org."""

    scope = writes = Scope.WEBHOOKS
    owner: Organization | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if "org" in kwargs:
            super().initial(request, *args, **kwargs)
            self.owner = self.org
        else:
            ApiView.initial(self, request, *args, **kwargs)
            if self.key_of is not None:
                raise problems.not_found()

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]
        match exc:
            case UnknownWebhook():
                exc = problems.not_found()
            case TooManyWebhooks():
                exc = problems.refused(exc, f"There are {endpoints.MOST} webhooks already. Delete one first.")
            case BadUrl():
                port = "" if self.owner is None else ", on port 443 or 8443"
                exc = problems.invalid({"url": [f"This must be the address of a server, by https{port}."]})
        return super().handle_exception(exc)

    def found(self, webhook: UUID) -> Endpoint:
        """Raises UnknownWebhook."""
        endpoint = endpoints.those_of(self.owner).filter(id=webhook).first()
        if endpoint is None:
            raise UnknownWebhook(webhook)
        return endpoint

    def about(self, webhook: UUID) -> dict[str, Any]:
        """What every command asks for."""
        return {"org": self.owner, "endpoint_id": webhook, "cause": self.cause}


class Webhooks(WebhookView):
    @describes("List webhooks", answer=WebhooksPage)
    def get(self, request: Request, **_: Any) -> dict[str, Any]:
        return {"items": [_state(endpoint) for endpoint in endpoints.those_of(self.owner)]}

    @describes(
        "Create a webhook",
        body=WebhookBody,
        answer=IssuedWebhook,
        status=201,
        problems=("too-many-webhooks",),
        previews=True,
    )
    def post(self, request: Request, **_: Any) -> Answer:
        """The secret is told this once. Messages are signed as Standard Webhooks asks."""
        kinds = endpoints.kinds_for(self.owner)
        facts = {"kinds": kinds} | self.body(request, WebhookBody, kinds=kinds)
        return self.carry_out(
            request,
            lambda: _issued(endpoints.create(org=self.owner, **facts, cause=self.cause)),
            status=HTTP_201_CREATED,
        )


class Webhook(WebhookView):
    @describes("Read a webhook", answer=WebhookState)
    def get(self, request: Request, webhook: UUID, **_: Any) -> dict[str, Any]:
        return _state(self.found(webhook))

    @describes("Change a webhook", body=WebhookChanges, answer=WebhookState, previews=True)
    def patch(self, request: Request, webhook: UUID, **_: Any) -> Answer:
        """What is not named stays as it is."""
        wishes = self.body(request, WebhookChanges, kinds=endpoints.kinds_for(self.owner))
        return self.carry_out(request, lambda: _state(endpoints.change(**self.about(webhook), **wishes)))

    @describes("Delete a webhook", status=204, previews=True)
    def delete(self, request: Request, webhook: UUID, **_: Any) -> Answer:
        return self.carry_out(request, lambda: endpoints.delete(**self.about(webhook)), status=HTTP_204_NO_CONTENT)


class Attempts(WebhookView):
    """The last ones come first."""

    @describes("List the attempts of a webhook", query=AttemptsQuery, answer=AttemptsPage)
    def get(self, request: Request, webhook: UUID, **_: Any) -> dict[str, Any]:
        """The last ones come first."""
        asked = self.asked(request, AttemptsQuery)
        rows = self.found(webhook).attempts.order_by("-id")
        if "before" in asked:
            rows = rows.filter(id__lt=asked["before"])
        found = list(rows[: asked["limit"] + 1])
        told = AttemptState(found[: asked["limit"]], many=True).data
        return {"items": told, "has_more": len(found) > asked["limit"]}


class RotateSecret(WebhookView):
    @describes("Rotate the secret of a webhook", answer=IssuedWebhook, previews=True)
    def post(self, request: Request, webhook: UUID, **_: Any) -> Answer:
        """The new secret is told this once. Messages are signed with the former one too, for a day."""
        return self.carry_out(request, lambda: _issued(endpoints.rotate_secret(**self.about(webhook))))


class Enable(WebhookView):
    @describes("Enable a webhook", answer=WebhookState, previews=True)
    def post(self, request: Request, webhook: UUID, **_: Any) -> Answer:
        """It goes on where it stopped."""
        return self.carry_out(request, lambda: _state(endpoints.enable(**self.about(webhook))))


class Disable(WebhookView):
    @describes("Disable a webhook", answer=WebhookState, previews=True)
    def post(self, request: Request, webhook: UUID, **_: Any) -> Answer:
        return self.carry_out(request, lambda: _state(endpoints.disable(**self.about(webhook))))


class Replay(WebhookView):
    @describes("Replay a webhook", body=Beginning, answer=WebhookState, problems=PROBLEMS, previews=True)
    def post(self, request: Request, webhook: UUID, **_: Any) -> Answer:
        """Everything since a cursor, or from the start, is posted again as it is now."""
        beginning = self.body(request, Beginning)["from"]
        position = 0 if beginning == "start" else _position(beginning, self.found(webhook))
        return self.carry_out(request, lambda: _state(endpoints.replay(**self.about(webhook), position=position)))


class Test(WebhookView):
    """Waits for the receiver, outside any transaction."""

    @describes("Test a webhook", answer=AttemptState)
    def post(self, request: Request, webhook: UUID, **_: Any) -> dict[str, Any]:
        """Posts a message without items, and waits for the answer."""
        self.asked(request, Exact)  # a test cannot be previewed
        return dict(AttemptState(deliveries.send_test(endpoints.begin_test(**self.about(webhook)))).data)


def _position(cursor: str, endpoint: Endpoint) -> int:
    kinds = frozenset(endpoint.kinds)
    read = read_cursor(cursor, endpoint.org_id, kinds)
    refuse_former(read, feed.look(Range(endpoint.org_id, kinds, read.position)))
    return read.position


def _state(endpoint: Endpoint) -> dict[str, Any]:
    return dict(WebhookState(endpoint).data)


def _issued(issued: Issued) -> dict[str, Any]:
    return _state(issued.endpoint) | {"secret": issued.secret}
