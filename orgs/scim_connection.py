"""How an org's identity provider is connected, as its admins and support see it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from orgs import tokens
from orgs.models import Organization, ScimToken

WARN_BEFORE_EXPIRY = timedelta(days=30)


class State(models.TextChoices):
    NOT_CONNECTED = "not-connected", _("Not connected")
    WAITING = "waiting", _("Waiting for the first request")
    CONNECTED = "connected", _("Connected")


@dataclass(frozen=True, slots=True)
class Connection:
    """missing: prerequisites (SPEC O1) that are not met, or no longer. active: tokens that are accepted; waiting: those
    that an admin has to confirm first (SPEC L8), which nothing else here is about; ended: revoked and expired ones; all
    newest first. expiring: those of `active` that expire soon. lapsed: those that
    were in use, expired, and have not been replaced: the warning does not end when the outage begins (SPEC O4).
    last_used: the token of the last request, whether it is still accepted or not.
    """

    missing: list[Promise | str]
    active: list[ScimToken]
    waiting: list[ScimToken]
    ended: list[ScimToken]
    expiring: list[ScimToken]
    lapsed: list[ScimToken]
    last_used: ScimToken | None

    @property
    def state(self) -> State:
        if not self.active:
            return State.NOT_CONNECTED
        return State.CONNECTED if any(token.last_used_at for token in self.active) else State.WAITING

    @property
    def unrevoked(self) -> list[ScimToken]:
        """The tokens that can be revoked: expired ones too."""
        return [token for token in (*self.waiting, *self.active, *self.ended) if token.revoked_at is None]

    @property
    def rotating(self) -> bool:
        """Whether several tokens of one identity provider are accepted, as while one replaces another (SPEC O4)."""
        return len({token.idp for token in self.active}) < len(self.active)

    @property
    def warnings(self) -> list[tuple[ScimToken, ScimToken | None]]:
        """The tokens that expire soon, each with the newest token of its identity provider that can replace it."""
        return [(token, self._successor(token)) for token in self.expiring]

    def _successor(self, token: ScimToken) -> ScimToken | None:
        lasting = (each for each in self.active if each.idp == token.idp and each not in self.expiring)
        return next(lasting, None)


def of(org: Organization, *, at: datetime) -> Connection:
    """The connection of `org` at the moment `at`. One query."""
    return of_each([org], at=at)[org.pk]


def of_each(orgs: Collection[Organization], *, at: datetime) -> dict[UUID, Connection]:
    """As `of`, for several. One query."""
    found: dict[UUID, list[ScimToken]] = {org.pk: [] for org in orgs}
    known = ScimToken.objects.filter(org__in=orgs).select_related("created_by", "taken_over_by", "setup_link")
    for token in known.order_by("-created_at", "-id"):
        found[token.org_id].append(token)
    return {org.pk: _of(org, found[org.pk], at) for org in orgs}


def _of(org: Organization, everything: list[ScimToken], at: datetime) -> Connection:
    """everything: all tokens of the org, newest first."""
    confirmed = [token for token in everything if not token.waits]
    active = [token for token in confirmed if token.is_valid(at)]
    replaced = {token.idp for token in active}
    return Connection(
        missing=tokens.missing_prerequisites(org),
        active=active,
        waiting=[token for token in everything if token.waits and token.is_valid(at)],
        ended=[token for token in everything if not token.is_valid(at)],
        expiring=[token for token in active if token.expires_at and token.expires_at - at <= WARN_BEFORE_EXPIRY],
        lapsed=[
            token
            for token in confirmed
            if token.expires_at
            and token.expires_at <= at
            and token.revoked_at is None
            and token.last_used_at
            and token.idp not in replaced
        ],
        last_used=max(
            (token for token in confirmed if token.last_used_at),
            key=lambda token: token.last_used_at or token.created_at,
            default=None,
        ),
    )
