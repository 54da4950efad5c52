"""The engine: turns facts into effects. It alone writes `Standing`, `Membership`, `Conflict` and `LastAdmin`.

It reads what it wrote only to find what differs, and to know who was an admin until now (SPEC R5).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

import orjson
import structlog
from django.db import connection, transaction
from django.utils import timezone

from groups_provisioning.engine import holds, last_admin, loading
from groups_provisioning.engine.hold_counts import Source
from groups_provisioning.engine.last_admin import Account
from groups_provisioning.engine.loading import Asked, Known, Loaded
from groups_provisioning.engine.resolution import TEAM, Effects, Person, resolve
from orgs import history, metrics, queue
from orgs.db.keys import moment_of
from orgs.db.prepared import Prepared
from orgs.db.transactions import postpone
from orgs.history import Effect
from orgs.models import LastAdmin, Organization, Standing, User

log = structlog.get_logger(__name__)

BATCH = 500
REQUESTS = 20  # IDs in one log line


class SettledPerson(NamedTuple):
    """The result of settling one person: their effective roles, what differed, and the groups that they are in.

    groups: the id and the name of each, in the order of their ids.
    """

    roles: list[str]
    effects: list[Effect]
    groups: list[tuple[str, str]]


def ask(org_id: UUID, user_id: UUID) -> Asked:
    """Ask for the facts about one person, together with the lock of their row or after it, for `settle`."""
    # A transaction that settles the same person at the same time waits here, and then reads what was written meanwhile.
    postpone(_LOCK_STANDING, {"org": org_id, "id": user_id})
    return loading.ask(org_id, user_id)


def unsettled(asked: Asked) -> SettledPerson:
    """The roles and the groups of one person as they are recorded."""
    loaded = asked.loaded()
    known = loaded.people[0]
    return SettledPerson(known.recorded.roles if known.recorded else [], [], loaded.groups_of(known))


def settle(
    *,
    org: Organization,
    user: User,
    is_new: bool = False,
    switched: bool = False,
    source: Source | None = None,
    asked: Asked | None = None,
) -> SettledPerson:
    """Bring one person up to date with the facts, within the command that changed them and has locked their row.

    is_new: they were never settled, and they are in no group. switched: this command activated, deactivated or
    deleted their account. source: the IdP's request that it carries out (SPEC T1). asked: the facts as they were before
    this command, if it changed none of them but those in the person's row, and not their placement.
    """
    if is_new and user.placement_id is None:
        person = Person(active=user.active, idp_roles=user.idp_roles or (), manual_roles=user.manual_roles or ())
        known = Known(user.id, False, person, None, is_young=True)
        settled = _apply(org.id, Loaded([known], loading.world(org, ())), source=source)
    else:
        if is_new:
            _hold_switches(org)
        loaded = asked.loaded(user) if asked else ask(org.id, user.id).loaded()
        settled = _apply(org.id, loaded, {user.id} if switched else set(), source)
    return SettledPerson(settled.roles[user.id], settled.effects, settled.groups[user.id])


def settle_several(*, org: Organization, ids: Sequence[UUID]) -> list[Effect]:
    """Bring people up to date with the facts, some of them new, within the command that changed them (at most BATCH).

    Returns what differed.
    """
    _hold_switches(org)
    return _settle(org.id, ids).effects


def settle_marked(org_id: UUID, limit: int = BATCH) -> int:
    """Settle at most `limit` of an org's marked people, in the caller's transaction. Returns how many were settled.

    Only the marks that were read are deleted: anybody who is marked again in the meantime is settled again.
    """
    marked = queue.next_marked(org_id, limit)
    if not marked:
        return 0
    settled = _settle(org_id, [each.user_id for each in marked])
    causes = {each.user_id: each.change_id for each in marked}
    # The effects on somebody who is not marked follow from those on the marked people (SPEC R5).
    last = max(causes.values())
    history.enter(org_id, [(causes.get(effect.user_id, last), effect) for effect in settled.effects], settled=causes)
    requests = queue.done(org_id, marked)
    holds.finish(org_id)
    transaction.on_commit(lambda: _tell(org_id, len(marked), len(settled.effects), min(causes.values()), requests))
    return len(marked)


def _tell(org_id: UUID, people: int, effects: int, oldest: UUID, requests: Sequence[UUID]) -> None:
    """Count and log a batch that is committed. oldest: the first of the changes that marked these people."""
    since = moment_of(oldest)
    metrics.count_settled(people, since=since, now=timezone.now())
    told = [str(each) for each in requests[:REQUESTS]]
    log.info("settled", org=str(org_id), people=people, effects=effects, request_ids=told, requests=len(requests))


def rebuild(*, org: Organization) -> None:
    """Delete all effects of an org and write them again from the facts (SPEC C4), in the caller's transaction.

    Nothing is entered in the ledger, because the result is what was there before. Waiting people are therefore settled
    first. This also finds the last admin, while the recorded roles still say who was an admin (SPEC R5).
    """
    while settle_marked(org.id):
        pass
    with connection.cursor() as cursor:
        for table in ("groups_provisioning_conflict", "groups_provisioning_membership", "orgs_standing"):
            cursor.execute(f"DELETE FROM {table} WHERE org_id = %s", [org.id])
    for ids in _everybody(org):
        _settle(org.id, ids)


class Drift(NamedTuple):
    """Somebody whose effects do not follow from the facts, and how they differ, as the ledger would record it.

    effects: empty if the only difference is why the person is in a place.
    """

    user_id: UUID
    effects: list[Effect]


def drift_among(org: Organization, ids: Collection[UUID]) -> list[Drift]:
    """Those of these people whom settling would change, except those who are marked. Writes nothing."""
    loaded = loading.load(org, ids)
    marked = queue.marked(org.id, ids)
    found = []
    for known in loaded.people:
        if known.id not in marked:
            effects = loaded.effects_of(known)
            if known.recorded != effects:
                found.append(Drift(known.id, list(differences(known, effects))))
    return found


@dataclass(slots=True)
class Settled:
    """The result of settling people: each person's roles and groups, and what differed."""

    roles: dict[UUID, list[str]] = field(default_factory=dict)
    groups: dict[UUID, list[tuple[str, str]]] = field(default_factory=dict)
    effects: list[Effect] = field(default_factory=list)


# As in `ask`. The person is locked before the standing, as in every command: effects reference people, so writing
# effects locks the people anyway.
_LOCK_PEOPLE = "SELECT FROM orgs_user WHERE id = ANY(%(ids)s) ORDER BY id FOR KEY SHARE"
_LOCK_STANDINGS = "SELECT FROM orgs_standing WHERE user_id = ANY(%(ids)s) ORDER BY user_id FOR NO KEY UPDATE"
_LOCK_STANDING = Prepared("SELECT FROM orgs_standing WHERE org_id = %(org)s AND user_id = %(id)s FOR NO KEY UPDATE")

_SWITCHES = "SELECT 1 FROM orgs_organization WHERE id = %s FOR SHARE"


def _settle(org_id: UUID, ids: Sequence[UUID]) -> Settled:
    for lock in (_LOCK_PEOPLE, _LOCK_STANDINGS):
        postpone(lock, {"ids": list(ids)})
    # The org's switches are facts too, and after waiting for the lock the caller's copy may be stale.
    return _apply(org_id, loading.load(org_id, ids))


def _hold_switches(org: Organization) -> None:
    """Make transactions that switch kinds wait for this one, or this one for them.

    They mark all existing people, and somebody who is just being created does not exist for them yet.
    """
    postpone(_SWITCHES, [org.id])


def _apply(org_id: UUID, loaded: Loaded, switched: Set[UUID] = frozenset(), source: Source | None = None) -> Settled:
    """Resolve the facts, put what is held in their place, and write what differs."""
    now = {known.id: resolve(known.facts, loaded.world) for known in loaded.people}
    settled = Settled()
    holds.sift(org_id, loaded, now, switched, source)
    released = _keep_an_admin(org_id, loaded, now, switched, settled.effects)
    writes = _Writes()
    for known in loaded.people:
        settled.roles[known.id] = now[known.id].roles
        settled.groups[known.id] = loaded.groups_of(known)
        writes.add(known, now[known.id])
        settled.effects += differences(known, now[known.id])
    writes.carry_out(org_id)
    if released:
        settled.effects += _settle(org_id, [released]).effects
    return settled


def differences(known: Known, now: Effects) -> Iterator[Effect]:
    """Each difference between a person's recorded effects and these (SPEC section 7: everything is explained)."""
    was = known.recorded or Effects(roles=[])
    if was.roles != now.roles:
        yield Effect(known.id, "roles", was.roles or None, now.roles)
    if was.places.keys() != now.places.keys():
        left = {entity: place.kind for entity, place in was.places.items() if entity not in now.places}
        entered = {entity: place.kind for entity, place in now.places.items() if entity not in was.places}
        for entity, kind in left.items():
            if kind == TEAM:
                yield Effect(known.id, TEAM, entity, None)
            else:
                yield Effect(known.id, kind, entity, _of_kind(entered, kind))
        for entity, kind in entered.items():
            if kind == TEAM or _of_kind(left, kind) is None:
                yield Effect(known.id, kind, None, entity)
    if was.conflicts != now.conflicts:
        for incoming in sorted(was.conflicts.keys() | now.conflicts.keys()):
            before, after = _told(was, incoming), _told(now, incoming)
            if before != after:
                yield Effect(known.id, "conflict", before, after)


def _of_kind(places: Mapping[str, str], kind: str) -> str | None:
    return next((entity for entity, its_kind in places.items() if its_kind == kind), None)


def _told(effects: Effects, incoming: str) -> dict[str, Any] | None:
    question = effects.conflicts.get(incoming)
    return {"incoming": incoming, "holders": list(question.holders)} if question else None


# --- Effects, written for many people at once -------------------------------------------------------------------------

_STANDINGS = Prepared("""
INSERT INTO orgs_standing (user_id, org_id, roles)
SELECT user_id, %(org)s, roles FROM jsonb_to_recordset(%(rows)s) AS r (user_id uuid, roles varchar[])
ON CONFLICT (user_id) DO UPDATE SET roles = EXCLUDED.roles
""")
_LEAVE = Prepared("""
DELETE FROM groups_provisioning_membership m
USING jsonb_to_recordset(%(rows)s) AS r (user_id uuid, entity_id uuid)
WHERE m.org_id = %(org)s AND m.user_id = r.user_id AND m.entity_id = r.entity_id
""")
_ENTER = Prepared("""
INSERT INTO groups_provisioning_membership (org_id, user_id, entity_id, kind, source, mapping_id)
SELECT %(org)s, user_id, entity_id, kind, source, mapping_id FROM jsonb_to_recordset(%(rows)s)
    AS r (user_id uuid, entity_id uuid, kind text, source text, mapping_id uuid)
ON CONFLICT (user_id, entity_id) DO UPDATE SET source = EXCLUDED.source, mapping_id = EXCLUDED.mapping_id
""")
_CLOSE = Prepared("""
DELETE FROM groups_provisioning_conflict c
USING jsonb_to_recordset(%(rows)s) AS r (user_id uuid, incoming_id uuid)
WHERE c.org_id = %(org)s AND c.user_id = r.user_id AND c.incoming_id = r.incoming_id
""")
_OPEN = Prepared("""
INSERT INTO groups_provisioning_conflict (org_id, user_id, incoming_id, holders, since)
SELECT %(org)s, user_id, incoming_id, holders, since FROM jsonb_to_recordset(%(rows)s)
    AS r (user_id uuid, incoming_id uuid, holders uuid[], since timestamptz)
ON CONFLICT (user_id, incoming_id) DO UPDATE SET holders = EXCLUDED.holders, since = EXCLUDED.since
""")


@dataclass(slots=True)
class _Writes:
    """The rows that differ. Places are left before others are entered, since exclusive ones are unique (SPEC R2)."""

    rows: dict[str, list[dict[str, Any]]] = field(
        default_factory=lambda: {sql: [] for sql in (_STANDINGS, _LEAVE, _ENTER, _CLOSE, _OPEN)}
    )

    def add(self, known: Known, now: Effects) -> None:
        user = {"user_id": str(known.id)}
        was = known.recorded
        if was is None or was.roles != now.roles:
            self.rows[_STANDINGS].append(user | {"roles": now.roles})
        places, conflicts = (was.places, was.conflicts) if was else ({}, {})
        if places != now.places:
            self.rows[_LEAVE] += [user | {"entity_id": entity} for entity in places if entity not in now.places]
            self.rows[_ENTER] += [
                user | {"entity_id": entity, "kind": place.kind, "source": place.source, "mapping_id": place.mapping}
                for entity, place in now.places.items()
                if places.get(entity) != place
            ]
        if conflicts != now.conflicts:
            self.rows[_CLOSE] += [user | {"incoming_id": each} for each in conflicts if each not in now.conflicts]
            self.rows[_OPEN] += [
                user
                | {
                    "incoming_id": incoming,
                    "holders": question.holders,
                    "since": loading.moment(question.since),
                }
                for incoming, question in now.conflicts.items()
                if conflicts.get(incoming) != question
            ]

    def carry_out(self, org_id: UUID) -> None:
        for sql, rows in self.rows.items():
            if rows:
                postpone(sql, {"org": org_id, "rows": orjson.dumps(rows).decode()})


# --- The last admin (SPEC R5) -----------------------------------------------------------------------------------------


def _keep_an_admin(
    org_id: UUID, loaded: Loaded, now: dict[UUID, Effects], switched: Set[UUID], effects: list[Effect]
) -> UUID | None:
    """Give the admin role back to the person who keeps it, store who that is, and add it to `effects`.

    Returns the previous keeper, who has to be settled again, if they are not among these people.
    """
    catalogue = loaded.world.catalogue
    admin = catalogue.admin
    accounts = [
        Account(
            known.id,
            counts=known.counts_as_admin,
            had=known.recorded is not None and admin in known.recorded.roles,
            has=admin in now[known.id].roles,
            switched=known.id in switched,
        )
        for known in loaded.people
    ]
    if not last_admin.matters(accounts, loaded.last_admin):
        return None
    # One transaction at a time. Otherwise two admins who lose the role at once would each rely on the other, and a new
    # active admin would not release a keeper whom another transaction is about to store.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"last admin of {org_id}"])
    noted = LastAdmin.objects.for_org(org_id).values_list("user_id", flat=True).first()
    verdict = last_admin.decide(accounts, noted, lambda: other_admins(org_id, admin, now))
    if verdict.released:
        LastAdmin.objects.for_org(org_id).delete()
    if verdict.keeper and verdict.keeper != noted:
        LastAdmin.objects.create(org_id=org_id, user_id=verdict.keeper)
        effects.append(Effect(verdict.keeper, "last_admin", None, "kept"))
    if verdict.keeper in now:
        now[verdict.keeper].roles = catalogue.with_admin(now[verdict.keeper].roles)
    for id_ in verdict.gone:
        log.warning("org_without_admin", org=str(org_id), user=str(id_))
        effects.append(Effect(id_, "last_admin", None, "gone"))
    return verdict.released if verdict.released not in now else None


def other_admins(org: Organization | UUID, admin: str, besides: Collection[UUID]) -> bool:
    """Whether anybody else administers the org through a role."""
    others = Standing.objects.for_org(org).filter(roles__contains=[admin], user__active=True, user__is_owner=False)
    return others.exclude(user__in=besides).exists()


def next_people(org: Organization, after: UUID | None) -> list[UUID]:
    """The ids of the next batch of an org's people. after: the id to continue after; None for the first batch."""
    people = User.objects.for_org(org).order_by("id")
    return list((people.filter(id__gt=after) if after else people).values_list("id", flat=True)[:BATCH])


def _everybody(org: Organization) -> Iterator[list[UUID]]:
    """The ids of all people of an org, in batches."""
    ids = next_people(org, None)
    while ids:
        yield ids
        ids = next_people(org, ids[-1])
