"""SCIM bearer tokens: issuing, recognising, revoking (SPEC O1, O4)."""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from uuid import UUID

from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from orgs import address_limits, history, org_memory, token_mail
from orgs.change_details import TokenConfirmed, TokenIssued, TokenLimited, TokenRevoked, TokenTakenOver
from orgs.db.cached_select import Joined
from orgs.db.sealed import hashed
from orgs.db.transactions import command
from orgs.models import IdentityProvider, Organization, Plan, ScimToken, SetupLink

PREFIX = "muster_scim_"
PREFIX_OF_KEYS = "muster_api_"
BYTES = 32
MOST = 20  # valid tokens of one org
HIDDEN = "(hidden)"

_TOKEN = re.compile(rf"(?:{PREFIX}|{PREFIX_OF_KEYS})[\w-]+")


class PrerequisiteMissing(Exception):
    """No token can be created yet; `missing` says what is needed first."""

    def __init__(self, missing: list["Promise | str"]) -> None:
        super().__init__("; ".join(map(str, missing)))
        self.missing = missing


class TooManyTokens(Exception):
    """The org has MOST valid tokens."""


class ShutOut(Exception):
    """The limit would refuse the token from the address of its last use; the argument is that address."""


class TokenExists(Exception):
    """The org has a valid token of this name; the argument is that token."""


class UnknownToken(Exception):
    """This org has no such token."""


class Ended(Exception):
    """The token is no longer valid, so that it can be neither confirmed nor taken over."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A new token and its secret, which is stored nowhere and never shown again."""

    token: ScimToken
    secret: str


def missing_prerequisites(org: Organization) -> list[Promise | str]:
    """What SCIM still needs before a token can be created (SPEC O1); empty if everything is in place."""
    missing: list[Promise | str] = []
    if org.plan != Plan.ENTERPRISE:
        missing.append(_("SCIM provisioning is part of the Enterprise plan. Ask support to change the plan."))
    if not org.has_single_sign_on:
        missing.append(_("Set up single sign-on first: people who are provisioned sign in through it."))
    return missing


@command
def issue(
    *,
    org: Organization,
    name: str,
    idp: str = IdentityProvider.OTHER,
    lifetime: timedelta | None = None,
    networks: Sequence[str] = (),
    link: SetupLink | None = None,
    once: bool = False,
    cause: history.Cause,
) -> Issued:
    """A new token beside the existing ones, so that tokens can be rotated without an outage.

    networks: as `address_limits.read` gives them. link: through which it is made; it then waits. once: refuse the name
    of a valid token, for doors that may be asked twice. Raises PrerequisiteMissing, TooManyTokens, TokenExists.
    """
    if missing := missing_prerequisites(org):
        raise PrerequisiteMissing(missing)
    Organization.objects.select_for_update().get(pk=org.pk)  # two at once must not both be the last
    valid = ScimToken.objects.for_org(org).valid(cause.at)
    if once and (there := valid.filter(name=name).first()):
        raise TokenExists(there)
    if valid.count() >= MOST:
        raise TooManyTokens
    secret = PREFIX + secrets.token_urlsafe(BYTES)
    token = ScimToken.objects.create(
        org=org,
        name=name,
        idp=idp,
        digest=hashed(secret),
        hint=f"{PREFIX}…{secret[-4:]}",
        networks=list(networks),
        created_at=cause.at,
        created_by=cause.person,
        setup_link=link,
        expires_at=cause.at + lifetime if lifetime else None,
    )
    history.record(org, cause, TokenIssued(token=str(token.id), name=name, networks=list(networks)))
    token_mail.write(token)
    return Issued(token, secret)


@command
def limit(
    *, org: Organization, token_id: UUID, networks: Sequence[str], anyway: bool = False, cause: history.Cause
) -> ScimToken:
    """Accept a token from these networks alone, or, without any, from everywhere.

    networks: as `address_limits.read` gives them. anyway: even if that shuts out the address of the last use, which
    otherwise raises ShutOut. Raises UnknownToken.
    """
    token = _locked(org, token_id)
    if token.last_used_address and not anyway and not address_limits.admits(networks, token.last_used_address):
        raise ShutOut(token.last_used_address)
    was, now = token.networks, list(networks)
    if was != now:
        token.networks = now
        token.save(update_fields=["networks"])
        history.record(org, cause, TokenLimited(token=str(token.id), name=token.name, was=was, now=now))
    return token


@command
def revoke(*, org: Organization, token_id: UUID, cause: history.Cause) -> ScimToken:
    """Revoke a token; the next request with it is refused. Revoking it again changes nothing.

    Raises UnknownToken.
    """
    token = _locked(org, token_id)
    if token.revoked_at is None:
        token.revoked_at, token.revoked_by = cause.at, cause.person
        token.save(update_fields=["revoked_at", "revoked_by"])
        history.record(org, cause, TokenRevoked(token=str(token.id), name=token.name))
    return token


@command
def confirm(*, org: Organization, token_id: UUID, cause: history.Cause) -> ScimToken:
    """Let a token that waits do what others may (SPEC L8). Confirming it again changes nothing.

    Raises UnknownToken, Ended.
    """
    token = _locked(org, token_id)
    if not token.waits:
        return token
    if not token.is_valid(cause.at):
        raise Ended(token_id)
    token.confirmed_at, token.taken_over_by = cause.at, cause.person
    token.save(update_fields=["confirmed_at", "taken_over_by"])
    history.record(org, cause, TokenConfirmed(token=str(token.id), name=token.name))
    return token


@command
def take_over(*, org: Organization, token_id: UUID, cause: history.Cause) -> ScimToken:
    """Have the person who asks answer for a token from now on (SPEC E5). Again, it changes nothing.

    Raises UnknownToken, Ended.
    """
    token = _locked(org, token_id)
    if not token.is_valid(cause.at):
        raise Ended(token_id)
    if cause.person is not None and token.answered_by != cause.person:
        token.taken_over_by = cause.person
        token.save(update_fields=["taken_over_by"])
        history.record(org, cause, TokenTakenOver(token=str(token.id), name=token.name))
    return token


def _locked(org: Organization, token_id: UUID) -> ScimToken:
    token = ScimToken.objects.for_org(org).select_for_update().filter(id=token_id).first()
    if token is None:
        raise UnknownToken(token_id)
    return token


def recognise(secret: str) -> ScimToken | None:
    """The token with this secret, whether it is still accepted or not, with its org loaded. One query at most, and
    another one if the org has changed.

    None for any other string, and where the org is being deleted.
    """
    if not secret.startswith(PREFIX):
        return None
    token: ScimToken | None = _with_version().get("digest", hashed(secret))
    if token is None:
        return None
    token.org = org_memory.present(token.org_id, token.org_version)  # type: ignore[attr-defined]
    return token if token.org.closed_at is None else None


def hidden(text: str, length: int | None = None) -> str:
    """Foreign text that PostgreSQL accepts, without NUL and lone surrogates, and of at most so many characters.

    Tokens and keys in it are hidden, such as one that was pasted in the wrong place.
    """
    text = text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
    return _TOKEN.sub(HIDDEN, text)[:length]


@cache
def _with_version() -> Joined:
    return Joined(ScimToken, also={"org_version": org_memory.VERSION(org="t0.org_id")})


def note_use(uses: dict[UUID, tuple[datetime, str | None, str]]) -> None:
    """Note when, from which address and by which user agent tokens were last used, at most once a minute each."""
    for token_id, (at, address, agent) in uses.items():
        ScimToken.objects.filter(
            Q(last_used_at=None) | Q(last_used_at__lt=at - timedelta(minutes=1)), id=token_id
        ).update(last_used_at=at, last_used_address=address, last_used_agent=agent[:200])
