"""The record of commands and their effects."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from orgs import change_details, feed
from orgs.change_details import Detail, MatterDismissed
from orgs.db import transactions
from orgs.db.cached_select import loaded
from orgs.db.prepared import Prepared
from orgs.db.transactions import postpone
from orgs.models import ApiKey, Change, Door, LedgerEntry, Organization, ScimToken, User
from orgs.models.history import FAMILY
from orgs.traces import Traces


@dataclass(frozen=True, slots=True)
class Cause:
    """Who asked for something, how and when. Doors create one and pass it to the command that they call.

    at: when the request came. token: the credential of an IdP. person: an org admin or support staff. key: of a program
    that uses the API. None of them: the command line.
    """

    door: Door
    at: datetime
    token: ScimToken | None = None
    person: User | None = None
    key: ApiKey | None = None
    request_id: UUID | None = None

    def under_locks(self, at: datetime | None = None) -> "Cause":
        """The same, at the present time of the database.

        For commands whose times are compared (SPEC C2), once they have their locks: the clocks of hosts differ, and
        whoever waited for a lock comes after the one who had it. at: that time, where the last lock came with it
        (`locked_at` of `orgs.db.cached_select`).
        """
        if at is None:
            with connection.cursor() as cursor:
                cursor.execute("SELECT clock_timestamp()")
                (at,) = cursor.fetchone()
        return replace(self, at=at)


@dataclass(frozen=True, slots=True)
class Effect:
    """What changed for one person: `slot` went from `was` to `now` (JSON values)."""

    user_id: UUID
    slot: str
    was: Any
    now: Any


def kept(change_ids: Collection[str]) -> set[str]:
    """Those of these changes that history still has, so that rows can point to them."""
    found = Change.objects.filter(id__in=list(change_ids)).values_list("id", flat=True)
    return {str(id_) for id_ in found}


def former(user: User, slot: str, *, since: datetime) -> list[Any]:
    """The values that a slot of `user` held at some time since then and no longer holds."""
    entries = LedgerEntry.objects.filter(user=user, slot=slot, change__at__gte=since)
    return list(entries.values_list("was", flat=True))


def untold(effects: Sequence[Effect], user: User) -> list[Effect]:
    """Those of these effects on `user` that differ from the last ledger entry with the same slot and `was`."""
    if not effects:
        return []
    told = LedgerEntry.objects.filter(user=user, slot__in={effect.slot for effect in effects}).order_by("id")
    last = {(slot, was): now for slot, was, now in told.values_list("slot", "was", "now")}
    return [effect for effect in effects if last.get((effect.slot, effect.was)) != effect.now]


def record(
    org: Organization,
    cause: Cause,
    detail: Detail,
    effects: Collection[Effect] = (),
    *,
    change_id: UUID | None = None,
) -> Change:
    """Write the `Change` of a command with the ledger entries of its effects, in the command's own transaction.

    What it is about, whom it has effects on, and the change itself are named for the feed (`orgs.feed`) in the same
    statement. change_id: given if rows of the same transaction already point to the change.
    """
    stored = detail.stored()
    values = {
        "id": change_id or transactions.change_id(),
        "org_id": org.id,
        "at": cause.at,
        "door": cause.door,
        "by_token_id": cause.token and cause.token.pk,
        "by_person_id": cause.person and cause.person.pk,
        "by_key_id": cause.key and cause.key.pk,
        "request_id": cause.request_id,
        "verb": detail.verb,
    }
    change: Change = loaded(Change, values | {"detail": stored})
    values["detail"] = orjson.dumps(stored).decode()
    touched = dict.fromkeys(change_details.touched(detail), change.id)
    if change_details.about_org(detail):
        touched["organization", str(org.id)] = change.id
    if effects:
        touched |= {("person", str(effect.user_id)): change.id for effect in effects}
        rows = {"rows": _rows((change.id, effect) for effect in effects)}
        postpone(_RECORD_AND_ENTER, values | rows | feed.touching(touched))
    else:
        postpone(_RECORD_ALONE, values | feed.touching(touched))
    transactions.recorded(change.id)
    return change


_ENTER = """
INSERT INTO orgs_ledgerentry (org_id, change_id, user_id, slot, was, now)
SELECT %(org_id)s, change_id, user_id, slot, was, now FROM jsonb_to_recordset(%(rows)s)
    AS r (change_id uuid, user_id uuid, slot text, was jsonb, now jsonb)
RETURNING id, change_id
"""
_RECORD = """
INSERT INTO orgs_change (id, org_id, at, door, by_token_id, by_person_id, by_key_id, request_id, verb, detail)
VALUES (
    %(id)s, %(org_id)s, %(at)s, %(door)s, %(by_token_id)s, %(by_person_id)s, %(by_key_id)s, %(request_id)s, %(verb)s,
    %(detail)s
)
"""
_RECORD_ALONE = Prepared(f"WITH change AS ({_RECORD}) {feed.TOUCH} {feed.CHANGE}")
_RECORD_AND_ENTER = Prepared(
    f"WITH change AS ({_RECORD}), entries AS ({_ENTER}) {feed.TOUCH} {feed.CHANGE_WITH_ENTRIES}"
)
_ENTER_LATER = f"WITH entries AS ({_ENTER}) {feed.TOUCH} {feed.EFFECTS}"


def read(change: Change) -> Detail | None:
    """What a change tells; None for a verb that this release does not know."""
    return change_details.read(change.verb, change.detail)


def enter(
    org_id: UUID, effects: Collection[tuple[UUID, Effect]], settled: Mapping[UUID, UUID] = MappingProxyType({})
) -> None:
    """Enter effects in the ledger, each with the ID of its change, in this order; those whom they are on are touched.

    settled: who waited to be settled and no longer does, also without an effect, by the change that had marked them.
    """
    touched = {("person", str(user_id)): change_id for user_id, change_id in settled.items()}
    touched |= {("person", str(effect.user_id)): change_id for change_id, effect in effects}
    if effects:
        postpone(_ENTER_LATER, {"org_id": org_id, "rows": _rows(effects)} | feed.touching(touched))
    elif touched:
        postpone(feed.TOUCH, {"org_id": org_id} | feed.touching(touched))


def forget_refusals(user_id: UUID) -> int:
    """Of values that were refused (SPEC U4), keep only which attributes they were for. Returns how many entries."""
    return LedgerEntry.objects.filter(user=user_id, slot="refused").exclude(now="").update(now="")


def forget_dismissals(org_id: UUID, traces: Traces) -> int:
    """Keep that a matter was dismissed, and not the name, where that is a person's. Returns how many changes."""
    count = 0
    dismissals = Change.objects.for_org(org_id).alias(family=FAMILY).filter(family="matter", verb=MatterDismissed.verb)
    for change in dismissals.iterator():
        if traces.found_in(change.detail["name"]):
            change.detail = change.detail | {"name": ""}
            change.save(update_fields=["detail"])
            count += 1
    return count


def _rows(effects: Iterable[tuple[UUID, Effect]]) -> str:
    return orjson.dumps(
        [
            {
                "change_id": change_id,
                "user_id": effect.user_id,
                "slot": effect.slot,
                "was": effect.was,
                "now": effect.now,
            }
            for change_id, effect in effects
        ]
    ).decode()
