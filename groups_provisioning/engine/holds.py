"""Holds: whom a mass change would take something from, or would make admins, and what they keep (SPEC T1).

It alone writes `Breach`, `Hold`, `Taken` and `Excess`. Settling asks `sift` before it writes anything; `engine.breaker`
judges.

A breach begins in one of two ways. What is settled at once comes to too much by itself: it is open from the start. Or
what the token has marked is more than one batch, and may come to too much: then it is assessed. Whoever would lose
something is put aside until all of these marks are worked off, and is counted then: a mass change never takes effect by
halves. It is released again if it was not too much after all. Or support begins it, and then all that the token takes
away is held, until everybody is let through (SPEC N4).
"""

from collections import defaultdict
from collections.abc import Collection, Sequence, Set
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.utils import timezone

from groups_provisioning.engine import breaker, hold_counts
from groups_provisioning.engine.breaker import Counts, Rule
from groups_provisioning.engine.hold_counts import WINDOW, Source, Suspect, Window, as_rows
from groups_provisioning.engine.loading import Known, Loaded
from groups_provisioning.engine.resolution import Effects
from groups_provisioning.models import Breach, BreachState, Hold
from orgs import history, queue
from orgs.change_details import HoldBegan, HoldEnded
from orgs.db.keys import uuid7
from orgs.db.transactions import postpone
from orgs.history import Cause
from orgs.models import Door, Organization
from orgs.roles import catalogue as catalogue_of

KEPT = "interval '1 hour'"
WEEKS = timedelta(weeks=4)
"""How long excesses are kept."""


def sift(org_id: UUID, loaded: Loaded, now: dict[UUID, Effects], switched: Set[UUID], source: Source | None) -> None:
    """Put what is held in place of what the facts say, and judge what differs from what is recorded.

    source: the request that is being carried out; of people who are marked, the marks say who wanted it. Where neither
    names a token, it was a person, or Muster itself, and passes.
    """
    catalogue = loaded.world.catalogue
    ended, mended, suspects = [], [], []
    for known in loaded.people:
        if known.hold is not None:
            kept = breaker.kept(known.hold, known.facts, now[known.id], catalogue)
            if kept is not None:
                now[known.id] = kept
                continue
            ended.append(known.id)
            if known.facts.active and not known.hold.released:
                mended.append(known.id)
        elif suspect := _suspect(loaded, known, now[known.id], known.id in switched):
            suspects.append(suspect)
    if ended:
        postpone(_END_HOLDS, [ended])
    if mended:
        postpone(_FORGET, [mended])
    if suspects:
        _judge(org_id, loaded, suspects, now, source)


def _suspect(loaded: Loaded, known: Known, effects: Effects, is_switched: bool) -> Suspect | None:
    catalogue, person = loaded.world.catalogue, known.facts
    if known.owner or not person.active or person.deleted:
        return None
    was = known.recorded or Effects([catalogue.default])
    if is_switched and catalogue.admin in was.roles:
        # The role counts from now on, whenever it was given.
        others = [role for role in was.roles if role != catalogue.admin]
        was = replace(was, roles=others or [catalogue.default])
    if was.roles == effects.roles and was.places.keys() == effects.places.keys():
        return None
    if known.id == loaded.last_admin:
        effects = replace(effects, roles=catalogue.with_admin(effects.roles))
    lost = breaker.NOTHING if known.is_young else breaker.lost(was, effects, catalogue)
    suspect = Suspect(known, was, lost, breaker.is_promoted(was, effects, catalogue))
    return suspect if suspect.is_one else None


# --- Judging ----------------------------------------------------------------------------------------------------------


def _judge(
    org_id: UUID, loaded: Loaded, suspects: list[Suspect], now: dict[UUID, Effects], source: Source | None
) -> None:
    asked = hold_counts.ask(org_id, loaded, suspects, source)
    by_token = defaultdict(list)
    for each in suspects:
        _forget_deleted(each, asked.live)
        whose = asked.whose.get(each.known.id, source)
        if whose and each.is_one:
            each.change_id, each.waited_from = whose.change_id, asked.waited_from.get(each.known.id)
            by_token[whose.token_id].append(each)
    for window in asked.windows:
        if theirs := by_token[window.token_id]:
            _judge_token(org_id, window, theirs, now, loaded.world.catalogue.admin)


def _forget_deleted(suspect: Suspect, live: Set[str]) -> None:
    """An entity that was deleted since is lost to everybody, and kept by nobody: whoever deletes it marks them."""
    places = {entity: place for entity, place in suspect.was.places.items() if entity in live}
    suspect.was = replace(suspect.was, places=places)
    suspect.lost = suspect.lost._replace(places=[entity for entity in suspect.lost.places if entity in live])


def _judge_token(
    org_id: UUID, window: Window, suspects: Sequence[Suspect], now: dict[UUID, Effects], admin: str
) -> None:
    exceeded, may = set[Rule](), set[Rule]()
    if Rule.SUPPORT in window.rules and not _is_held_by_support(window):
        window.rules.remove(Rule.SUPPORT)
    if window.is_assessed:
        may = set(Rule)
    else:
        counts = hold_counts.count(org_id, window, suspects, admin)
        exceeded = counts.exceeded | ({Rule(rule) for rule in window.rules} if window.is_recent else set())
        exceeded |= {Rule.SUPPORT} & set(window.rules)
        may = counts.may_exceed - exceeded
        _note(org_id, window.token_id, counts)
    postpone(_TAKE, {"org": org_id, "token": window.token_id, "rows": as_rows(each.row() for each in suspects)})
    held = [each for each in suspects if each.breaks(exceeded | may, admin)]
    if held:
        is_assessed = not all(each.breaks(exceeded, admin) for each in held)
        _hold(org_id, window, held, exceeded, is_assessed=is_assessed)
        for each in held:
            now[each.known.id] = replace(each.was, conflicts={})


# --- Writing ----------------------------------------------------------------------------------------------------------

_END_HOLDS = "DELETE FROM groups_provisioning_hold WHERE user_id = ANY(%s)"
_FORGET = "DELETE FROM groups_provisioning_taken WHERE user_id = ANY(%s)"
_TAKE = """
INSERT INTO groups_provisioning_taken (org_id, token_id, user_id, at, places, roles, promoted)
SELECT %(org)s, %(token)s, user_id, clock_timestamp(), places, roles, promoted
FROM jsonb_to_recordset(%(rows)s) AS r (user_id uuid, places uuid[], roles varchar[], promoted boolean)
"""
_PUT_ON_HOLD = """
INSERT INTO groups_provisioning_hold (user_id, org_id, breach_id, change_id, at, waited_from, kept, released)
SELECT user_id, %(org)s, %(breach)s, change_id, clock_timestamp(), coalesce(waited_from, clock_timestamp()), kept, FALSE
FROM jsonb_to_recordset(%(rows)s) AS r (user_id uuid, change_id uuid, waited_from timestamptz, kept jsonb)
ON CONFLICT DO NOTHING
"""
# Shared, so that writers do not wait for each other; who ends the breach waits for all of them, and looks again.
_JOIN = "SELECT 1 FROM groups_provisioning_breach WHERE id = %s AND state <> 'ended' FOR SHARE"
_BEGIN = """
INSERT INTO groups_provisioning_breach
    (id, org_id, token_id, state, rules, began_at, opened_at, assessed_from, last_mark)
SELECT %(id)s, %(org)s, %(token)s, %(state)s, %(rules)s, clock_timestamp(),
    CASE WHEN %(state)s = 'open' THEN clock_timestamp() END,
    CASE WHEN %(is_assessed)s THEN clock_timestamp() END, coalesce(max(id), 0)
FROM orgs_mark WHERE org_id = %(org)s
ON CONFLICT (token_id) WHERE state <> 'ended' DO NOTHING RETURNING id
"""
_GOING_ON = "SELECT id FROM groups_provisioning_breach WHERE token_id = %s AND state <> 'ended' FOR SHARE"


def _hold(org_id: UUID, window: Window, held: Sequence[Suspect], exceeded: Set[Rule], *, is_assessed: bool) -> None:
    """is_assessed: some of these people are only put aside."""
    breach_id, is_news = _breach(org_id, window, exceeded, is_assessed=is_assessed)
    rows = [
        {
            "user_id": str(each.known.id),
            "change_id": str(each.change_id),
            "waited_from": each.waited_from,
            "kept": {
                "roles": each.was.roles,
                "places": [[entity, *place] for entity, place in each.was.places.items()],
            },
        }
        for each in held
    ]
    postpone(_PUT_ON_HOLD, {"org": org_id, "breach": breach_id, "rows": as_rows(rows)})
    if is_news and exceeded:
        _tell(org_id, HoldBegan(breach=str(breach_id), token=str(window.token_id), rules=sorted(exceeded)))


def _breach(org_id: UUID, window: Window, exceeded: Set[Rule], *, is_assessed: bool) -> tuple[UUID, bool]:
    """The breach that goes on, or a new one. Returns also whether it has been opened just now."""
    about = {
        "id": uuid7(),
        "org": org_id,
        "token": window.token_id,
        "state": BreachState.OPEN if exceeded else BreachState.ASSESSING,
        "rules": sorted(exceeded),
        "is_assessed": is_assessed,
    }
    with connection.cursor() as cursor:
        while True:
            if window.breach_id:
                cursor.execute(_JOIN, [window.breach_id])
                if cursor.fetchone():
                    break
            cursor.execute(_BEGIN, about)
            if row := cursor.fetchone():
                return row[0], True
            cursor.execute(_GOING_ON, [window.token_id])
            if row := cursor.fetchone():
                window.breach_id = row[0]
                break
        assert window.breach_id
        if new := exceeded - set(window.rules):
            cursor.execute(_OPEN, {"id": window.breach_id, "rules": sorted(new)})
        if is_assessed and not window.is_assessed:
            cursor.execute(_ASSESS, {"id": window.breach_id, "org": org_id})
    return window.breach_id, False


_WITH = "(SELECT array_agg(DISTINCT rule ORDER BY rule) FROM unnest(rules || %(rules)s::varchar[]) AS rule)"
_OPEN = f"""
UPDATE groups_provisioning_breach SET state = 'open', rules = {_WITH}, opened_at = clock_timestamp()
WHERE id = %(id)s
"""
_BY_SUPPORT = f"SELECT 1 FROM groups_provisioning_breach WHERE id = %s AND '{Rule.SUPPORT}' = ANY(rules) FOR SHARE"


def _is_held_by_support(window: Window) -> bool:
    """Whether it still is, so that nobody is held by what has just been ended."""
    with connection.cursor() as cursor:
        cursor.execute(_BY_SUPPORT, [window.breach_id])
        return cursor.fetchone() is not None


_ASSESS = """
UPDATE groups_provisioning_breach SET assessed_from = clock_timestamp(),
    last_mark = (SELECT coalesce(max(id), 0) FROM orgs_mark WHERE org_id = %(org)s)
WHERE id = %(id)s AND assessed_from IS NULL
"""


_NOTE = """
INSERT INTO groups_provisioning_excess (org_id, token_id, limits, at)
SELECT %(org)s, %(token)s, limits, clock_timestamp() FROM unnest(%(exceeding)s::varchar[]) AS limits
WHERE NOT EXISTS (
    SELECT FROM groups_provisioning_excess e
    WHERE e.org_id = %(org)s AND e.token_id = %(token)s AND e.limits = limits.limits
        AND e.at > clock_timestamp() - interval '1 minute'
)
"""


def _note(org_id: UUID, token_id: UUID, counts: Counts) -> None:
    """Remember which limits were exceeded, the org's or not, once a minute: so an admin sees what others would do."""
    if exceeding := counts.exceeding:
        postpone(_NOTE, {"org": org_id, "token": token_id, "exceeding": exceeding})


def _tell(org_id: UUID, detail: HoldBegan | HoldEnded) -> None:
    """Beside the change of the command under way, to which rows may point already."""
    history.record(Organization(id=org_id), Cause(Door.CLOCK, timezone.now()), detail, change_id=uuid7())


# --- How it ends ------------------------------------------------------------------------------------------------------

_STATES = f"""
SELECT b.id, b.token_id, b.state, b.rules, b.reset_at, b.assessed_from,
    greatest(b.assessed_from - {WINDOW}, b.reset_at),
    EXISTS (SELECT FROM groups_provisioning_hold WHERE breach_id = b.id AND NOT released),
    b.assessed_from IS NOT NULL AND EXISTS (
        SELECT FROM orgs_mark m JOIN orgs_change c ON c.id = m.change_id
        WHERE m.org_id = b.org_id AND m.id <= b.last_mark AND c.by_token_id = b.token_id
    )
FROM groups_provisioning_breach b WHERE b.org_id = %s AND b.state <> 'ended'
"""


class _Going(NamedTuple):
    """A breach that goes on. since: from when on it is counted. holds: it has people. waits: marks of then are left."""

    id: UUID
    token_id: UUID
    state: str
    rules: list[str]
    reset_at: datetime | None
    assessed_from: datetime | None
    since: datetime | None
    holds: bool
    waits: bool

    @property
    def goes_on(self) -> bool:
        return self.holds or Rule.SUPPORT in self.rules


_LOCK = f"""
SELECT state, rules, reset_at, greatest(assessed_from - {WINDOW}, reset_at) FROM groups_provisioning_breach
WHERE id = %s FOR UPDATE
"""
_IS_EMPTY = "SELECT NOT EXISTS (SELECT FROM groups_provisioning_hold WHERE breach_id = %s AND NOT released)"
_END = "UPDATE groups_provisioning_breach SET state = 'ended', ended_at = clock_timestamp() WHERE id = %s"
# Whom no exceeded rule is about is settled by what put them aside. EXCEPT is linear, whatever statistics say.
_RELEASE_OTHERS = f"""
WITH others AS MATERIALIZED (
    SELECT user_id FROM groups_provisioning_hold
    WHERE breach_id = %(breach)s AND NOT released AND at >= %(assessed_from)s
    EXCEPT
    SELECT user_id FROM groups_provisioning_taken
    WHERE token_id = %(token)s AND at > %(since)s AND (
        ('{Rule.LOSSES}' = ANY(%(rules)s) AND (cardinality(places) > 0 OR cardinality(roles) > 0))
        OR ('{Rule.DEMOTIONS}' = ANY(%(rules)s) AND %(admin)s = ANY(roles))
        OR ('{Rule.PROMOTIONS}' = ANY(%(rules)s) AND promoted)
    )
), released AS (
    UPDATE groups_provisioning_hold SET released = TRUE WHERE user_id IN (SELECT user_id FROM others)
    RETURNING user_id, change_id
)
{queue.MARK_EACH.format(touched="released")}
"""


_ASSESSED = """
UPDATE groups_provisioning_breach SET assessed_from = NULL, rules = %(rules)s,
    state = CASE WHEN %(is_open)s THEN 'open' ELSE state END,
    opened_at = CASE WHEN %(is_open)s THEN clock_timestamp() ELSE opened_at END
WHERE id = %(breach)s
"""


def finish(org_id: UUID) -> None:
    """End what is over, once a batch was settled and its marks are deleted: one statement where nothing goes on.

    Who was put aside is counted when the marks of that time are worked off: then it is too much, or they are released.
    """
    with connection.cursor() as cursor:
        cursor.execute(_STATES, [org_id])
        for found in [_Going(*row) for row in cursor.fetchall()]:
            if found.waits or (found.goes_on and not found.assessed_from):
                continue
            cursor.execute(_LOCK, [found.id])
            # Support may have opened it in the meantime, or it was let through.
            state, rules, reset_at, since = cursor.fetchone()
            if state == BreachState.ENDED:
                continue
            breach = found._replace(state=state, rules=rules, reset_at=reset_at, since=since)
            if breach.assessed_from:
                _assess(org_id, breach)
            if Rule.SUPPORT in rules:
                continue
            cursor.execute(_IS_EMPTY, [breach.id])
            if cursor.fetchone()[0]:
                cursor.execute(_END, [breach.id])
                if breach.state == BreachState.OPEN and breach.reset_at is None:  # what was let through says so
                    _tell(org_id, HoldEnded(breach=str(breach.id), token=str(breach.token_id)))


def _assess(org_id: UUID, breach: _Going) -> None:
    """Count what the token did, and release those who were put aside and whom no exceeded rule is about."""
    assert breach.since
    org = Organization.objects.select_related("profile").get(pk=org_id)
    admin = catalogue_of(org.profile).admin
    counts = hold_counts.count_since(org_id, breach.token_id, breach.since, admin, org.hold_limits)
    exceeded = counts.exceeded
    _note(org_id, breach.token_id, counts)
    rules = sorted({*breach.rules, *exceeded})
    about: dict[str, Any] = {"org": org_id, "admin": admin, "breach": breach.id, "token": breach.token_id}
    about |= {"since": breach.since, "assessed_from": breach.assessed_from}
    with connection.cursor() as cursor:
        if Rule.SUPPORT not in rules:
            cursor.execute(_RELEASE_OTHERS, about | {"rules": [rule.value for rule in exceeded]})
            if cursor.rowcount:
                queue.announce()
        cursor.execute(_ASSESSED, about | {"rules": rules, "is_open": bool(exceeded)})
    if exceeded and breach.state == BreachState.ASSESSING:
        _tell(org_id, HoldBegan(breach=str(breach.id), token=str(breach.token_id), rules=rules))


_RELEASE = f"""
WITH released AS (
    UPDATE groups_provisioning_hold SET released = TRUE
    WHERE breach_id = %(breach)s AND NOT released AND (%(users)s::uuid[] IS NULL OR user_id = ANY(%(users)s::uuid[]))
    RETURNING user_id
)
{queue.MARK.format(touched="released")}
"""
_RESET = f"""
UPDATE groups_provisioning_breach SET reset_at = clock_timestamp(), rules = array_remove(rules, '{Rule.SUPPORT}')
WHERE id = %s
"""


_FACTS = """
WITH joined AS (SELECT user_id, group_id, added_at FROM groups_provisioning_groupmember WHERE user_id = ANY(%(users)s))
SELECT md5(string_agg(fact, ';' ORDER BY fact)) FROM (
    SELECT concat_ws(' ', user_id, at) AS fact FROM groups_provisioning_hold WHERE user_id = ANY(%(users)s)
    UNION ALL SELECT concat_ws(' ', id, revision) FROM orgs_user WHERE id = ANY(%(users)s)
    UNION ALL SELECT concat_ws(' ', user_id, group_id, added_at) FROM joined
    UNION ALL SELECT concat_ws(' ', id, roles) FROM groups_provisioning_pushedgroup
    WHERE id IN (SELECT group_id FROM joined)
    UNION ALL SELECT concat_ws(' ', id, status, entity_id, role, switched_at) FROM groups_provisioning_mapping
    WHERE status <> 'rejected' AND group_id IN (SELECT group_id FROM joined)
) AS facts
"""


def facts_digest(user_ids: Collection[UUID]) -> str:
    """Another one where what would come of people who are held may be something else."""
    with connection.cursor() as cursor:
        cursor.execute(_FACTS, {"users": list(user_ids)})
        (digest,) = cursor.fetchone()
    return digest or ""


def release(breach: Breach, user_ids: Collection[UUID] | None, change_id: UUID) -> int:
    """Have a worker settle people by the facts; None for everybody, and what the token does counts anew from then on.

    Returns how many. The breach is locked; a worker ends it when nobody is held any more, and at once if nobody was.
    """
    with connection.cursor() as cursor:
        about = {"org": breach.org_id, "breach": breach.id, "change": change_id}
        cursor.execute(_RELEASE, about | {"users": None if user_ids is None else list(user_ids)})
        released = int(cursor.rowcount)
        if user_ids is None:
            cursor.execute(_RESET, [breach.id])
            if not released:
                cursor.execute(_END, [breach.id])
    queue.announce()
    return released


_BEGIN_BY_SUPPORT = f"""
INSERT INTO groups_provisioning_breach AS b (id, org_id, token_id, state, rules, began_at, opened_at, last_mark)
VALUES (%(id)s, %(org)s, %(token)s, 'open', ARRAY['{Rule.SUPPORT}'], clock_timestamp(), clock_timestamp(), 0)
ON CONFLICT (token_id) WHERE state <> 'ended' DO UPDATE
SET state = 'open', rules = b.rules || ARRAY['{Rule.SUPPORT}']::varchar[], opened_at = clock_timestamp()
WHERE NOT '{Rule.SUPPORT}' = ANY(b.rules)
RETURNING id
"""


def begin(org_id: UUID, token_id: UUID) -> UUID | None:
    """Hold all that a token takes away from now on (SPEC N4). Returns the breach; None if it is held already."""
    with connection.cursor() as cursor:
        cursor.execute(_BEGIN_BY_SUPPORT, {"id": uuid7(), "org": org_id, "token": token_id})
        row = cursor.fetchone()
    return row[0] if row else None


class Held(Exception):
    """What an admin would do by hand to somebody who is held has to wait until that is over."""


def refuse(org: Organization, user_ids: Collection[UUID]) -> None:
    """Raises Held for the first of these people who is held."""
    held = Hold.objects.for_org(org).filter(user__in=user_ids, released=False).order_by("user").first()
    if held is not None:
        raise Held(held.user_id)


_FORGET_OLD = f"DELETE FROM groups_provisioning_taken WHERE at < now() - {KEPT}"
_FORGET_EXCESSES = "DELETE FROM groups_provisioning_excess WHERE at < now() - make_interval(days => %s)"


def forget() -> None:
    """Delete what is older than any window, and excesses that are older than pages tell."""
    with connection.cursor() as cursor:
        cursor.execute(_FORGET_OLD)
        cursor.execute(_FORGET_EXCESSES, [WEEKS.days])
