"""Keys to the API: issuing, recognising, revoking (SPEC E5)."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from uuid import UUID

import structlog
from django.db import connection
from django.utils import timezone

from orgs import history, org_memory
from orgs.change_details import KeyIssued, KeyRevoked, KeyTakenOver
from orgs.db.cached_select import Joined
from orgs.db.keys import as_uuid
from orgs.db.sealed import hashed
from orgs.db.tenancy import TenantQuerySet
from orgs.db.transactions import command
from orgs.models import ApiKey, Organization, Scope, User
from orgs.tokens import BYTES, PREFIX_OF_KEYS, hidden

MOST = 20  # valid keys of one org, and of the operator
NOTED = timedelta(minutes=1)  # between two notes of when a key was used

log = structlog.get_logger(__name__)


class TooManyKeys(Exception):
    """The org, or the operator, has MOST valid keys."""


class KeyExists(Exception):
    """The org has a valid key of this name; the argument is that key."""


class ScopeNotGiven(Exception):
    """A key cannot give this scope, the argument, to another one."""


class UnknownKey(Exception):
    """There is no such key."""


class Ended(Exception):
    """The key is no longer valid, so that it cannot be taken over."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A new key and its secret, which is stored nowhere and never shown again."""

    key: ApiKey
    secret: str


@command
def issue(
    *,
    org: Organization | None,
    name: str,
    scopes: Collection[Scope],
    lifetime: timedelta | None = None,
    once: bool = False,
    cause: history.Cause,
) -> Issued:
    """A new key of an org, or of the operator, who sees all orgs.

    A key gives others what it has itself, and never `credentials` (SPEC E5): otherwise one that leaked could outlive
    its end. once: refuse the name of a valid key, for doors that may be asked twice. Raises ScopeNotGiven, TooManyKeys,
    KeyExists.
    """
    if cause.key is not None:
        given = {Scope(scope) for scope in cause.key.scopes} - {Scope.CREDENTIALS}
        for scope in scopes:
            if scope not in given:
                raise ScopeNotGiven(scope)
    if org is not None:
        Organization.objects.select_for_update().get(pk=org.pk)  # two at once must not both be the last
    valid = (ApiKey.objects.of_the_operator() if org is None else ApiKey.objects.for_org(org)).valid(cause.at)
    if once and (there := valid.filter(name=name).first()):
        raise KeyExists(there)
    if valid.count() >= MOST:
        raise TooManyKeys
    secret = PREFIX_OF_KEYS + secrets.token_urlsafe(BYTES)
    told = [scope.value for scope in Scope if scope in scopes]
    key = ApiKey.objects.create(
        org=org,
        name=name,
        scopes=told,
        digest=hashed(secret),
        hint=f"{PREFIX_OF_KEYS}…{secret[-4:]}",
        created_at=cause.at,
        created_by=cause.person,
        expires_at=cause.at + lifetime if lifetime else None,
    )
    if org is None:  # the operator has no history but the log
        log.info("api_key.issued", key=str(key.id), name=name, scopes=told)
    else:
        history.record(org, cause, KeyIssued(key=str(key.id), name=name, scopes=told))
    return Issued(key, secret)


@command
def revoke(*, key_id: UUID, cause: history.Cause) -> ApiKey:
    """Revoke a key; the next request with it is refused. Revoking it again changes nothing. Raises UnknownKey."""
    key = _locked(ApiKey.objects.all(), key_id)
    if key.revoked_at is None:
        key.revoked_at, key.revoked_by = cause.at, cause.person
        key.save(update_fields=["revoked_at", "revoked_by"])
        if key.org is None:
            log.warning("api_key.revoked", key=str(key.id), name=key.name)
        else:
            history.record(key.org, cause, KeyRevoked(key=str(key.id), name=key.name))
    return key


def end_with(org: Organization, person: User, cause: history.Cause) -> None:
    """Revoke the valid keys of an org that somebody answers for: who has a secret must not outlast their account."""
    valid = ApiKey.objects.for_org(org).valid(cause.at).select_related("taken_over_by", "created_by")
    for key in valid.order_by("id"):
        if key.answered_by == person:
            revoke(key_id=key.pk, cause=cause)


@command
def take_over(*, org: Organization, key_id: UUID, cause: history.Cause) -> ApiKey:
    """Have the person who asks answer for a key of their org from now on. Again, it changes nothing.

    Raises UnknownKey, Ended.
    """
    key = _locked(ApiKey.objects.for_org(org), key_id)
    if not key.is_valid(cause.at):
        raise Ended(key_id)
    if cause.person is not None and key.answered_by != cause.person:
        key.taken_over_by = cause.person
        key.save(update_fields=["taken_over_by"])
        history.record(org, cause, KeyTakenOver(key=str(key.id), name=key.name))
    return key


def _locked(rows: TenantQuerySet[ApiKey], key_id: UUID) -> ApiKey:
    key = rows.select_related("org").select_for_update(of=("self",)).filter(id=key_id).first()
    if key is None:
        raise UnknownKey(key_id)
    return key


def recognise(secret: str) -> ApiKey | None:
    """The key with this secret, whether it is still accepted or not, with its org loaded. One query at most, and
    another one if the org has changed.

    None for any other string, and where the org is being deleted.
    """
    if not secret.startswith(PREFIX_OF_KEYS):
        return None
    key: ApiKey | None = _with_version().get("digest", hashed(secret))
    if key is None or key.org_id is None:
        return key
    key.org = org_memory.present(key.org_id, key.org_version)  # type: ignore[attr-defined]
    return key if key.org.closed_at is None else None


def id_of(text: str) -> UUID:
    """The id of a key that is given by its secret or by its id. Raises UnknownKey."""
    by_secret = ApiKey.objects.filter(digest=hashed(text)).values_list("id", flat=True).first()
    id_ = by_secret or as_uuid(text)
    if id_ is None:
        raise UnknownKey
    return id_


@cache
def _with_version() -> Joined:
    return Joined(ApiKey, also={"org_version": org_memory.VERSION(org="t0.org_id")})


_NOTE = """
UPDATE orgs_apikey SET last_used_at = %(at)s, last_used_address = %(address)s, last_used_agent = %(agent)s
WHERE id IN (SELECT id FROM orgs_apikey WHERE id = %(id)s FOR NO KEY UPDATE SKIP LOCKED)
"""


def note_use(key: ApiKey, *, address: str, agent: str, at: datetime | None = None) -> None:
    """Note when, from which address and by which user agent a key was last used, at most once a minute."""
    at = at or timezone.now()
    if key.last_used_at is not None and at - key.last_used_at < NOTED:
        return
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, {"id": key.id, "at": at, "address": address or None, "agent": hidden(agent, 200)})
