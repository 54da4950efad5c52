"""Who is judged, and what a token has done lately: what `engine.breaker` needs to say what is too much (SPEC T1).

Reads only. Where nobody loses anything, nothing is asked.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db import connection

from groups_provisioning.engine import breaker
from groups_provisioning.engine.breaker import Counts, Lost, Rule, Share
from groups_provisioning.engine.loading import Known, Loaded
from groups_provisioning.engine.resolution import Effects

LATELY = timedelta(minutes=10)
"""What a token does within this time counts together (SPEC T1)."""
WINDOW = f"interval '{LATELY.seconds} seconds'"


class Source(NamedTuple):
    """Whose request is being carried out: a token, and the change that it makes."""

    token_id: UUID
    change_id: UUID


@dataclass(slots=True)
class Suspect:
    """Somebody who would lose something, or get the admin role.

    was: what they had. change_id: what does it. waited_from: when the first of the changes was that have marked them.
    """

    known: Known
    was: Effects
    lost: Lost
    promoted: bool
    change_id: UUID | None = None
    waited_from: str | None = None

    @property
    def is_one(self) -> bool:
        return self.lost.is_something or self.promoted

    def breaks(self, rules: Collection[str], admin: str) -> bool:
        """Whether any of these rules is about them, who lose something or get the admin role."""
        return (
            (Rule.LOSSES in rules and self.lost.is_something)
            or (Rule.DEMOTIONS in rules and admin in self.lost.roles)
            or (Rule.PROMOTIONS in rules and self.promoted)
            or Rule.SUPPORT in rules
        )

    def row(self) -> dict[str, Any]:
        return {"user_id": str(self.known.id), **self.lost._asdict(), "promoted": self.promoted}


_COUNTED = """
count(DISTINCT user_id) FILTER (WHERE cardinality(places) > 0 OR cardinality(roles) > 0),
count(DISTINCT user_id) FILTER (WHERE %(admin)s = ANY(roles)),
count(DISTINCT user_id) FILTER (WHERE promoted)
"""
# Of each token that the marks of these people, or else the request, name: the breach that goes on, what it has done in
# the window, and how many others it has marked.
_ASK = f"""
WITH marked AS MATERIALIZED (
    SELECT m.user_id, (array_agg(c.by_token_id ORDER BY c.id DESC))[1] AS token_id,
        (array_agg(c.id ORDER BY c.id DESC))[1] AS change_id, min(c.at) AS waited_from
    FROM orgs_mark m JOIN orgs_change c ON c.id = m.change_id
    WHERE m.org_id = %(org)s AND m.user_id = ANY(%(suspects)s) AND c.by_token_id IS NOT NULL GROUP BY m.user_id
), tokens AS MATERIALIZED (
    SELECT token_id FROM marked UNION SELECT %(token)s::uuid WHERE %(token)s::uuid IS NOT NULL
), windows AS MATERIALIZED (
    SELECT t.token_id, b.id AS breach_id, b.rules, b.opened_at, b.assessed_from, greatest(
        clock_timestamp() - {WINDOW},
        (SELECT max(reset_at) FROM groups_provisioning_breach WHERE token_id = t.token_id)
    ) AS since
    FROM tokens t LEFT JOIN groups_provisioning_breach b ON b.token_id = t.token_id AND b.state <> 'ended'
)
SELECT
    (SELECT json_agg(id) FROM orgs_entity WHERE id = ANY(%(entities)s::uuid[]) AND deleted_at IS NULL)::text,
    (SELECT json_agg(json_build_array(user_id, token_id, change_id, waited_from)) FROM marked)::text,
    token_id, breach_id, coalesce(rules, '{{}}'), assessed_from IS NOT NULL, coalesce(opened_at > since, FALSE), since,
    (SELECT json_build_array({_COUNTED}) FROM groups_provisioning_taken k
        WHERE k.token_id = w.token_id AND k.at > w.since AND k.user_id <> ALL(%(suspects)s))::text,
    CASE WHEN assessed_from IS NULL THEN (
        SELECT count(*) FROM orgs_mark m JOIN orgs_change c ON c.id = m.change_id
        WHERE m.org_id = %(org)s AND c.by_token_id = w.token_id AND m.user_id <> ALL(%(batch)s)
    ) ELSE 0 END,
    (SELECT hold_limits FROM orgs_organization WHERE id = %(org)s)
FROM windows w
"""


@dataclass(slots=True)
class Window:
    """What a token has done lately, without those under judgement, and the breach that goes on, if one does.

    is_assessed: people are being put aside. is_recent: the breach was opened within the window, so that what exceeded
    its rules then still counts. limits: those of the org, by their name.
    """

    token_id: UUID
    breach_id: UUID | None
    rules: list[str]
    is_assessed: bool
    is_recent: bool
    since: datetime
    counted: list[int]
    waiting: int
    limits: str


class Asked(NamedTuple):
    """live: those of the entities that are not deleted. whose: of people who are marked by tokens, the last one and its
    change. waited_from: when the first of these changes was.
    """

    live: set[str]
    whose: dict[UUID, Source]
    waited_from: dict[UUID, str]
    windows: list[Window]


def ask(org_id: UUID, loaded: Loaded, suspects: Sequence[Suspect], source: Source | None) -> Asked:
    """Whose doing it is, and what these tokens have done. One statement."""
    about: dict[str, Any] = {
        "org": org_id,
        "admin": loaded.world.catalogue.admin,
        "suspects": [each.known.id for each in suspects],
        "batch": [known.id for known in loaded.people],
        "entities": list({entity for each in suspects for entity in each.was.places}),
        "token": source and source.token_id,
    }
    with connection.cursor() as cursor:
        cursor.execute(_ASK, about)
        rows = cursor.fetchall()
    live, marked = (orjson.loads(text) if text else [] for text in rows[0][:2]) if rows else ([], [])
    windows = [
        Window(token_id, breach_id, rules, is_assessed, is_recent, since, orjson.loads(counted), waiting, limits)
        for _, _, token_id, breach_id, rules, is_assessed, is_recent, since, counted, waiting, limits in rows
    ]
    whose = {UUID(user): Source(UUID(token), UUID(change)) for user, token, change, _ in marked}
    waited_from = {UUID(user): at for user, _, _, at in marked}
    return Asked(set(live), whose, waited_from, windows)


def count(org_id: UUID, window: Window, suspects: Sequence[Suspect], admin: str) -> Counts:
    """What the token does, those under judgement included. One statement, unless it is little in any org."""
    losing, demoted, promoted = window.counted
    counts = Counts(
        losing=losing + sum(each.lost.is_something for each in suspects),
        demoted=demoted + sum(admin in each.lost.roles for each in suspects),
        promoted=promoted + sum(each.promoted for each in suspects),
        waiting=window.waiting,
        limits=breaker.LIMITS[window.limits],
    )
    if counts.is_little:
        return counts
    return _measured(org_id, window.token_id, window.since, counts, [each.row() for each in suspects], admin)


# Whoever loses something is among those who have it until it is written, and whoever lost it in the window was.
_MEASURE = """
WITH taken AS MATERIALIZED (
    SELECT user_id, places, roles FROM groups_provisioning_taken WHERE token_id = %(token)s AND at > %(since)s
    UNION ALL
    SELECT user_id, places, roles FROM jsonb_to_recordset(%(rows)s) AS r (user_id uuid, places uuid[], roles varchar[])
), grown AS NOT MATERIALIZED (
    SELECT id FROM orgs_user
    WHERE org_id = %(org)s AND active AND deleted_at IS NULL AND NOT is_owner
        AND created_at <= now() - interval '1 day'
), places AS (
    SELECT entity_id, array_agg(DISTINCT user_id) AS losing FROM taken, unnest(places) AS entity_id
    GROUP BY entity_id HAVING count(DISTINCT user_id) + %(waiting)s > %(few)s
), roles AS (
    SELECT role, array_agg(DISTINCT user_id) AS losing FROM taken, unnest(roles) AS role
    GROUP BY role HAVING count(DISTINCT user_id) + %(waiting)s > %(few)s
), shares AS (
    SELECT cardinality(losing) AS losing, (
        SELECT count(*) FROM (
            SELECT m.user_id FROM groups_provisioning_membership m JOIN grown ON grown.id = m.user_id
            WHERE m.entity_id = places.entity_id
            UNION SELECT unnest(losing)
        ) AS each
    ) AS had FROM places
    UNION ALL
    SELECT cardinality(losing), (
        SELECT count(*) FROM (
            SELECT s.user_id FROM orgs_standing s JOIN grown ON grown.id = s.user_id
            WHERE s.org_id = %(org)s AND roles.role = ANY(s.roles)
            UNION SELECT unnest(losing)
        ) AS each
    ) FROM roles
)
SELECT
    (SELECT count(*) FROM grown),
    (SELECT json_agg(json_build_array(losing, had)) FROM shares)::text,
    (SELECT count(*) FROM (
        SELECT s.user_id FROM orgs_standing s JOIN orgs_user u ON u.id = s.user_id
        WHERE s.org_id = %(org)s AND %(admin)s = ANY(s.roles) AND u.active AND NOT u.is_owner
        UNION SELECT user_id FROM taken WHERE %(admin)s = ANY(roles)
    ) AS each),
    EXISTS (
        SELECT FROM orgs_standing s JOIN orgs_user u ON u.id = s.user_id
        WHERE s.org_id = %(org)s AND %(admin)s = ANY(s.roles) AND u.scim_managed
            AND NOT %(admin)s = ANY(coalesce(u.manual_roles, '{}'))
            AND EXISTS (
                SELECT FROM orgs_ledgerentry l JOIN orgs_change c ON c.id = l.change_id
                WHERE l.user_id = u.id AND l.slot = 'roles' AND l.now ? %(admin)s AND c.at < now() - interval '1 day'
            )
    ) OR EXISTS (SELECT FROM orgs_ledgerentry WHERE org_id = %(org)s AND slot = 'last_admin')
"""


def _measured(
    org_id: UUID, token_id: UUID, since: datetime, counts: Counts, rows: Sequence[dict[str, Any]], admin: str
) -> Counts:
    """The same counts, with what they are compared with. One statement, only where they are not little.

    Whatever limits the org has: it is also noted which others would be exceeded.
    """
    about: dict[str, Any] = {
        "org": org_id,
        "token": token_id,
        "since": since,
        "waiting": counts.waiting,
        "few": breaker.least().few,
        "admin": admin,
    }
    with connection.cursor() as cursor:
        cursor.execute(_MEASURE, about | {"rows": as_rows(rows)})
        people, shares, admins, has_admins = cursor.fetchone()
    shares = [Share(*each) for each in orjson.loads(shares)] if shares else []
    return replace(counts, people=people, shares=shares, admins=admins, has_admins=has_admins)


_TALLY = f"SELECT {_COUNTED} FROM groups_provisioning_taken WHERE token_id = %(token)s AND at > %(since)s"


def count_since(org_id: UUID, token_id: UUID, since: datetime, admin: str, limits: str) -> Counts:
    """What a token has done since then. limits: those of the org, by their name."""
    about: dict[str, Any] = {"token": token_id, "since": since, "admin": admin}
    with connection.cursor() as cursor:
        cursor.execute(_TALLY, about)
        losing, demoted, promoted = cursor.fetchone()
    counts = Counts(losing, demoted, promoted, limits=breaker.LIMITS[limits])
    return counts if counts.is_little else _measured(org_id, token_id, since, counts, [], admin)


def as_rows(rows: Iterable[Mapping[str, Any]]) -> str:
    """The parameter of `jsonb_to_recordset`."""
    return orjson.dumps(list(rows)).decode()
