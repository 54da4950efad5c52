"""The record of commands and of what they brought about."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from orgs.keys import uuid7
from orgs.models import Change, Door, LedgerEntry, Organization, ScimToken, User


@dataclass(frozen=True, slots=True)
class Cause:
    """Who asks for something, from where and when. Doors make one and pass it to the command they call.

    token: the credential of an IdP. person: an org admin or support. Neither: the command line.
    """

    door: Door
    at: datetime
    token: ScimToken | None = None
    person: User | None = None
    request_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Effect:
    """What differs for one person: `slot` went from `was` to `now` (JSON values)."""

    user_id: UUID
    slot: str
    was: Any
    now: Any


def former(user: User, slot: str, *, since: datetime) -> list[Any]:
    """What a slot of `user` held at some time since then, and no longer does."""
    entries = LedgerEntry.objects.filter(user=user, slot=slot, change__at__gte=since)
    return list(entries.values_list("was", flat=True))


def record(
    org: Organization,
    cause: Cause,
    verb: str,
    effects: Iterable[Effect] = (),
    *,
    change_id: UUID | None = None,
    **detail: Any,
) -> Change:
    """Write the `Change` of a command with the ledger entries of its effects, in the command's own transaction.

    change_id: where rows of the same transaction point to the change already.
    """
    change = Change.objects.create(
        id=change_id or uuid7(),
        org=org,
        at=cause.at,
        door=cause.door,
        by_token=cause.token,
        by_person=cause.person,
        request_id=cause.request_id,
        verb=verb,
        detail=detail,
    )
    enter(org.id, [(change.id, effect) for effect in effects])
    return change


_ENTER = """
INSERT INTO orgs_ledgerentry (org_id, change_id, user_id, slot, was, now)
SELECT %s, change_id, user_id, slot, was, now FROM jsonb_to_recordset(%s)
    AS r (change_id uuid, user_id uuid, slot text, was jsonb, now jsonb)
"""


def enter(org_id: UUID, effects: Iterable[tuple[UUID, Effect]]) -> None:
    """Enter effects in the ledger, each with the id of its change, in this order."""
    rows = [
        {"change_id": change_id, "user_id": effect.user_id, "slot": effect.slot, "was": effect.was, "now": effect.now}
        for change_id, effect in effects
    ]
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(_ENTER, [org_id, orjson.dumps(rows).decode()])
