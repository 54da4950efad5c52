"""Webhooks: what is done to them (SPEC E3). An org's change is in its history; the operator's is in the log."""

import base64
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction

from api.feed_items import OF_ALL, OF_AN_ORG
from api.models import Attempt, Ending, Endpoint, EndpointQuerySet
from api.webhooks import ending_mail
from orgs import guarded_http, history
from orgs.change_details import (
    WebhookChanged,
    WebhookCreated,
    WebhookDeleted,
    WebhookDetail,
    WebhookDisabled,
    WebhookEnabled,
    WebhookReplayed,
    WebhookSecretRotated,
    WebhookTested,
)
from orgs.db import sealed
from orgs.db.keys import uuid7
from orgs.db.transactions import command
from orgs.history import Cause
from orgs.models import Door, FeedHead, Organization

MOST = 20  # webhooks of one org, and of the operator
ITEMS, MOST_ITEMS = 50, 500  # of a message
BOTH_SECRETS = timedelta(hours=24)
PORTS = (None, 443, 8443)
"""That an org's webhooks may have: other services of a public host are not for them to try."""
PREFIX = "whsec_"

log = structlog.get_logger(__name__)


class TooManyWebhooks(Exception):
    """The org, or the operator, has MOST of them."""


class UnknownWebhook(Exception):
    """There is no such webhook."""


class BadUrl(Exception):
    """It is no https address, or has another port than an org's webhook may have."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A webhook and its secret, which is not shown again."""

    endpoint: Endpoint
    secret: str


def kinds_for(org: Organization | None) -> frozenset[str]:
    """The kinds of resources that there are to tell of. org: None for the operator."""
    return OF_ALL if org is None else OF_AN_ORG


def those_of(org: Organization | None) -> EndpointQuerySet:
    """The webhooks of an org, or of the operator."""
    return Endpoint.objects.of_the_operator() if org is None else Endpoint.objects.for_org(org)


@command
def create(*, org: Organization | None, url: str, kinds: Collection[str], max_items: int, cause: Cause) -> Issued:
    """A webhook that tells what is new from now on. Raises BadUrl, TooManyWebhooks."""
    _accept(url, org)
    if org is not None:
        Organization.objects.select_for_update().get(pk=org.pk)  # two at once must not both be the last
    if those_of(org).count() >= MOST:
        raise TooManyWebhooks
    id_, secret = uuid7(), _new_secret()
    endpoint = Endpoint.objects.create(
        id=id_,
        org=org,
        url=url,
        kinds=sorted(kinds),
        secret=sealed.seal(secret, owner=id_),
        max_items=max_items,
        position=FeedHead.objects.values_list("position", flat=True).get(),
        created_at=cause.at,
        served_at=cause.at,
    )
    _record(endpoint, cause, WebhookCreated(**_about(endpoint), kinds=endpoint.kinds))
    return Issued(endpoint, secret)


@command
def change(
    *,
    org: Organization | None,
    endpoint_id: UUID,
    url: str | None = None,
    kinds: Collection[str] | None = None,
    max_items: int | None = None,
    cause: Cause,
) -> Endpoint:
    """None: as it is. Kinds that are added are told of from now on. Raises UnknownWebhook, BadUrl."""
    endpoint = _locked(org, endpoint_id)
    wishes = {"url": url, "kinds": None if kinds is None else sorted(kinds), "max_items": max_items}
    differing = {name: wish for name, wish in wishes.items() if wish is not None and wish != getattr(endpoint, name)}
    if not differing:
        return endpoint
    if "url" in differing and url is not None:
        _accept(url, org)
        _set(endpoint, **_AS_NEW)
    _set(endpoint, **differing)
    _record(endpoint, cause, WebhookChanged(**_about(endpoint), fields=sorted(differing)))
    return endpoint


@command
def rotate_secret(*, org: Organization | None, endpoint_id: UUID, cause: Cause) -> Issued:
    """Sign with a new secret, and for BOTH_SECRETS with the present one too. Raises UnknownWebhook."""
    endpoint, secret = _locked(org, endpoint_id), _new_secret()
    _set(
        endpoint,
        secret=sealed.seal(secret, owner=endpoint.id),
        previous_secret=endpoint.secret,
        previous_until=cause.at + BOTH_SECRETS,
    )
    _record(endpoint, cause, WebhookSecretRotated(**_about(endpoint)))
    return Issued(endpoint, secret)


@command
def enable(*, org: Organization | None, endpoint_id: UUID, cause: Cause) -> Endpoint:
    """Go on where it had ended, at once: one that is enabled and waits after failures waits no longer.

    Raises UnknownWebhook.
    """
    endpoint = _locked(org, endpoint_id)
    if endpoint.disabled_at is None:
        _set(endpoint, retry_at=None)
    else:
        _set(endpoint, disabled_at=None, disabled_reason="", **_AS_NEW)
        _record(endpoint, cause, WebhookEnabled(**_about(endpoint)))
    return endpoint


@command
def disable(*, org: Organization | None, endpoint_id: UUID, cause: Cause) -> Endpoint:
    """Send nothing until it is enabled. One that is disabled stays as it is. Raises UnknownWebhook."""
    endpoint = _locked(org, endpoint_id)
    if endpoint.disabled_at is None:
        _set(endpoint, disabled_at=cause.at, disabled_reason=Ending.ASKED.value, retry_at=None)
        _record(endpoint, cause, WebhookDisabled(**_about(endpoint), reason=Ending.ASKED.value))
    return endpoint


def give_up(endpoint: Endpoint, reason: Ending, *, at: datetime) -> None:
    """Disable a locked webhook, which the caller saves, since its receiver is gone or has failed for too long.

    Admins are mailed of it as a matter (`orgs.matter_mail`), and support of its own webhooks here.
    """
    endpoint.disabled_at, endpoint.disabled_reason = at, reason
    if endpoint.org_id is None:
        ending_mail.write(endpoint, at=at)
    _record(endpoint, Cause(Door.CLOCK, at), WebhookDisabled(**_about(endpoint), reason=reason.value))


@command
def delete(*, org: Organization | None, endpoint_id: UUID, cause: Cause) -> None:
    """Raises UnknownWebhook."""
    endpoint = _locked(org, endpoint_id)
    _record(endpoint, cause, WebhookDeleted(**_about(endpoint)))
    Attempt.objects.filter(endpoint=endpoint).delete()
    endpoint.delete()


@command
def replay(*, org: Organization | None, endpoint_id: UUID, position: int, cause: Cause) -> Endpoint:
    """Tell again what is newer than a position of the feed; 0: everything there is. Raises UnknownWebhook."""
    endpoint = _locked(org, endpoint_id)
    _set(endpoint, position=position, retry_at=None)
    _record(endpoint, cause, WebhookReplayed(**_about(endpoint), from_start=position == 0))
    return endpoint


@command
def begin_test(*, org: Organization | None, endpoint_id: UUID, cause: Cause) -> Endpoint:
    """Record that a test is sent, by `api.webhooks.deliveries.send_test`. Raises UnknownWebhook."""
    endpoint = _locked(org, endpoint_id)
    _record(endpoint, cause, WebhookTested(**_about(endpoint)))
    return endpoint


_AS_NEW: dict[str, Any] = {"failures": 0, "failing_since": None, "retry_at": None}


def _set(endpoint: Endpoint, **values: Any) -> None:
    for name, value in values.items():
        setattr(endpoint, name, value)
    endpoint.save(update_fields=[*values])


def _locked(org: Organization | None, endpoint_id: UUID) -> Endpoint:
    rows = those_of(org).select_related("org").select_for_update(of=("self",))
    endpoint = rows.filter(id=endpoint_id).first()
    if endpoint is None:
        raise UnknownWebhook(endpoint_id)
    return endpoint


def _accept(url: str, org: Organization | None) -> None:
    """What addresses the host has is seen when it is connected to."""
    try:
        parts = guarded_http.split(url)
    except guarded_http.Failed:
        raise BadUrl from None
    if parts.scheme != "https" or (org is not None and parts.port not in PORTS):
        raise BadUrl


def _new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def _about(endpoint: Endpoint) -> dict[str, str]:
    return {"webhook": str(endpoint.id), "host": guarded_http.split(endpoint.url).hostname or ""}


def _record(endpoint: Endpoint, cause: Cause, detail: WebhookDetail) -> None:
    if endpoint.org is None:  # and not before it is so: a preview is taken back
        transaction.on_commit(lambda: log.warning(detail.verb, **detail.stored()))
    else:
        history.record(endpoint.org, cause, detail)
