"""Reads the facts that the engine resolves, for many people at once, in two statements.

A person's facts and the recorded effects come from one snapshot; groups and their mappings come from one snapshot too.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from groups_provisioning.engine.breaker import Hold, kept
from groups_provisioning.engine.resolution import (
    Decision,
    Effects,
    Group,
    Hand,
    Person,
    Place,
    Played,
    Question,
    Span,
    Tie,
    World,
    claims_of,
    play,
    resolve,
)
from orgs import org_memory, roles
from orgs.catalogue import Catalogue
from orgs.db import transactions
from orgs.db.prepared import Prepared, Rows
from orgs.entities import kinds_on, kinds_switched_at
from orgs.models import Organization, User
from orgs.spans import spans

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# A row holds its lists of rows as JSON, and orjson parses it because there is a lot of it. Times in it are
# microseconds, which compare correctly.
_MICROSECONDS = "(extract(epoch FROM {}) * 1000000)::bigint".format


def _people(*, org: str, whose: str) -> str:
    """SQL for the facts and effects of people. org: SQL for the org's id; whose: SQL about their row, `u`."""
    return f"""
SELECT ({org_memory.VERSION(org=org)}), (SELECT user_id FROM orgs_lastadmin WHERE org_id = {org}), u.id,
    u.active, u.deleted_at IS NOT NULL, u.is_owner, u.deactivated_at,
    u.idp_roles, u.manual_roles, p.id::text, s.roles,
    (SELECT json_agg(json_build_array(m.group_id, {_MICROSECONDS("m.added_at")}))::text
        FROM groups_provisioning_groupmember m WHERE m.user_id = u.id),
    (SELECT json_agg(json_build_array(h.entity_id, e.kind, h.placed) ORDER BY h.change_id)::text
        FROM orgs_handplacement h JOIN orgs_entity e ON e.id = h.entity_id
        WHERE h.user_id = u.id AND e.deleted_at IS NULL),
    (SELECT json_agg(json_build_array(d.winner_id, d.loser_id, {_MICROSECONDS("d.at")})
            ORDER BY d.at, d.id)::text
        FROM groups_provisioning_decision d WHERE d.user_id = u.id AND d.undone_by_id IS NULL),
    (SELECT json_agg(json_build_array(m.entity_id, m.kind, m.source, m.mapping_id))::text
        FROM groups_provisioning_membership m WHERE m.user_id = u.id),
    (SELECT json_agg(json_build_array(c.incoming_id, {_MICROSECONDS("c.since")}, c.holders))::text
        FROM groups_provisioning_conflict c WHERE c.user_id = u.id),
    u.created_at > now() - interval '1 day',
    CASE WHEN k.user_id IS NOT NULL THEN json_build_array(k.released, k.kept -> 'roles', (
        SELECT json_agg(place) FROM json_array_elements((k.kept -> 'places')::json) AS place
        JOIN orgs_entity e ON e.id = (place ->> 0)::uuid AND e.deleted_at IS NULL
    ))::text END
FROM orgs_user u
LEFT JOIN orgs_standing s ON s.user_id = u.id
LEFT JOIN groups_provisioning_hold k ON k.user_id = u.id
LEFT JOIN orgs_entity p ON p.id = u.placement_id AND p.deleted_at IS NULL AND p.kind = 'concurrency_group'
WHERE u.org_id = {org} AND {whose} ORDER BY u.id
"""


_PEOPLE = _people(org="%(org)s", whose="u.id = ANY(%(ids)s)")

# Planning this for one person takes four times as long as finding them, and PostgreSQL keeps the plans of a function.
PERSON_FUNCTION = f"""
CREATE FUNCTION engine_person_with_hold(an_org uuid, a_person uuid) RETURNS TABLE (
    version text, last_admin uuid, id uuid, active boolean, is_deleted boolean, is_owner boolean,
    deactivated_at timestamptz[], idp_roles varchar[], manual_roles varchar[], placement text, roles varchar[],
    groups text, hands text, decisions text, places text, conflicts text, is_young boolean, hold text
) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY {_people(org="an_org", whose="u.id = a_person")};
END
$$
"""
"""What a migration has made; one that changes it gives it another name, since processes of before still call it."""

_PERSON = Prepared("SELECT * FROM engine_person_with_hold(%(org)s, %(id)s)")

_GROUPS = """
SELECT g.id::text, g.roles, g.display_name,
    m.id::text, m.entity_id::text, m.role, m.kind, m.status <> 'pending', m.switched_at
FROM groups_provisioning_pushedgroup g {joined}
LEFT JOIN groups_provisioning_mapping m ON m.group_id = g.id AND m.status <> 'rejected' AND m.switched_at <> '{{}}'
    AND (m.entity_id IS NOT NULL OR m.role <> '') AND NOT m.target_deleted
WHERE g.org_id = %(org)s AND {condition} AND g.deleted_at IS NULL
""".format
_SEVERAL_GROUPS = _GROUPS(joined="", condition="g.id = ANY(%(ids)s::uuid[])")
# Read once, whatever the plan: one that was made when there were few might look for them again in each group.
_GROUPS_OF_PERSON = Prepared(f"""
WITH theirs AS MATERIALIZED (SELECT group_id FROM groups_provisioning_groupmember WHERE user_id = %(id)s)
{_GROUPS(joined="JOIN theirs ON theirs.group_id = g.id", condition="TRUE")}
""")


@dataclass(slots=True)
class Known:
    """One person: the facts, and the recorded effects; `recorded` is None if the person was never settled.

    is_young: the account is younger than a day. hold: what they keep while they are held (SPEC T1).
    """

    id: UUID
    owner: bool
    facts: Person
    recorded: Effects | None
    is_young: bool = False
    hold: Hold | None = None

    @property
    def counts_as_admin(self) -> bool:
        """Whether they count as an admin if they have the role: the owner and inactive people do not (SPEC R5)."""
        return self.facts.active and not self.owner


@dataclass(slots=True)
class Loaded:
    """Some people in the order of their ids, the facts that they share, and who keeps the admin role (SPEC R5)."""

    people: list[Known]
    world: World
    last_admin: UUID | None = None

    def effects_of(self, known: Known) -> Effects:
        """The effects that follow from the facts about one of these people, whether recorded yet or not."""
        effects = resolve(known.facts, self.world)
        effects = kept(known.hold, known.facts, effects, self.world.catalogue) or effects
        if known.id == self.last_admin:
            effects.roles = self.world.catalogue.with_admin(effects.roles)
        return effects

    def groups_of(self, known: Known) -> list[tuple[str, str]]:
        """The id and the name of each group that one of these people is in, in the order of their ids."""
        groups = self.world.groups
        return sorted((id_, groups[id_].name) for id_, _ in known.facts.groups if id_ in groups)

    def play(self, known: Known) -> Played:
        """Which claims of one of these people hold, are held and are kept out (SPEC C2)."""
        return play(() if known.facts.deleted else claims_of(known.facts, self.world), known.facts)


@dataclass(frozen=True, slots=True)
class Asked:
    """The facts about one person, on their way. person, groups: what gives the rows."""

    org_id: UUID
    person: Callable[[], Rows]
    groups: Callable[[], Rows]

    def loaded(self, written: User | None = None) -> Loaded:
        """Them, once they are there. written: the person, whose own row this transaction has changed since."""
        rows = self.person()
        people = [_known(row[2:]) for row in rows]
        if written is not None:
            for known in people:
                known.facts = _as_written(known.facts, written)
        org = org_memory.present(self.org_id, rows[0][0] if rows else "")
        return Loaded(people, _world(org, _grouped(self.groups())), last_admin=rows[0][1] if rows else None)


def ask(org_id: UUID, user_id: UUID) -> Asked:
    """Ask for the facts about one person with the next statement of this transaction (`orgs.db.transactions.ask`)."""
    about = {"org": org_id, "id": user_id}
    return Asked(org_id, transactions.ask(_PERSON, about), transactions.ask(_GROUPS_OF_PERSON, about))


def _as_written(facts: Person, user: User) -> Person:
    return replace(
        facts,
        active=user.active,
        deleted=user.deleted_at is not None,
        deactivated_at=[microseconds(at) for at in user.deactivated_at],
        idp_roles=user.idp_roles or (),
        manual_roles=user.manual_roles or (),
    )


def load(org: Organization | UUID, user_ids: Collection[UUID], *, catalogue: Catalogue | None = None) -> Loaded:
    """The people of an org with these ids, and the facts about the groups that they are in.

    org: as the caller knows it; its id for the org as it is now. catalogue: the roles, where they are not those of now.
    """
    org_id = org if isinstance(org, UUID) else org.id
    with connection.cursor() as cursor:
        if len(user_ids) == 1 and catalogue is None:  # the function knows the tables of now
            cursor.execute(_PERSON, {"org": org_id, "id": next(iter(user_ids))})
        else:
            cursor.execute(_PEOPLE, {"org": org_id, "ids": list(user_ids)})
        rows = cursor.fetchall()
    people = [_known(row[2:]) for row in rows]
    group_ids = {group_id for known in people for group_id, _ in known.facts.groups}
    if isinstance(org, UUID):
        org = org_memory.present(org, rows[0][0] if rows else "")
    return Loaded(people, world(org, group_ids, catalogue=catalogue), last_admin=rows[0][1] if rows else None)


def played(org: Organization, user_ids: Collection[UUID]) -> dict[UUID, Played]:
    """Which claims of each person hold, are held and are kept out (SPEC C2), by the present facts."""
    loaded = load(org, user_ids)
    return {known.id: loaded.play(known) for known in loaded.people}


def world(org: Organization, group_ids: Collection[str], *, catalogue: Catalogue | None = None) -> World:
    """The facts that all people of an org share; of its groups, only those with these ids. catalogue: as in `load`."""
    return _world(org, _groups(org, group_ids) if group_ids else {}, catalogue)


def _world(org: Organization, groups: dict[str, Group], catalogue: Catalogue | None = None) -> World:
    on = kinds_on(org)
    return World(
        catalogue=catalogue or roles.catalogue(org.profile),
        groups=groups,
        kinds={kind: spans_of(times, on=kind in on) for kind, times in kinds_switched_at(org).items()},
    )


def microseconds(at: datetime) -> int:
    """A time in microseconds since the epoch, as the statements above write it."""
    return (at - EPOCH) // timedelta(microseconds=1)


def moment(at: int) -> datetime:
    """The inverse of `microseconds`."""
    return EPOCH + timedelta(microseconds=at)


def spans_of(times: Sequence[datetime], *, on: bool) -> Sequence[Span]:
    """The spans in which something was on, in microseconds. times: when it was switched. on: whether it is on now."""
    return spans([microseconds(at) for at in times], on=on, ever=0)


def _groups(org: Organization, group_ids: Collection[str]) -> dict[str, Group]:
    with connection.cursor() as cursor:
        cursor.execute(_SEVERAL_GROUPS, {"org": org.id, "ids": list(group_ids)})
        return _grouped(cursor.fetchall())


def _grouped(rows: Rows) -> dict[str, Group]:
    found: dict[str, Group] = {}
    for group_id, its_roles, name, id_, entity, role, kind, approved, times in rows:
        group = found.setdefault(group_id, Group(its_roles, [], {}, name))
        if entity is not None:
            group.ties.append(Tie(id_, entity, kind, spans_of(times, on=approved)))  # type: ignore[attr-defined]
        elif role and approved:
            group.given[id_] = role  # type: ignore[index]
    return found


def _known(row: Sequence[Any]) -> Known:
    id_, active, deleted, owner, deactivated_at, idp_roles, manual_roles, attribute, its_roles, *lists = row
    *lists, is_young, hold = lists
    groups, hands, decisions, places, questions = (orjson.loads(text) if text else () for text in lists)
    facts = Person(
        active=active,
        deleted=deleted,
        deactivated_at=[microseconds(at) for at in deactivated_at],
        idp_roles=idp_roles or (),
        manual_roles=manual_roles or (),
        attribute=attribute,
        groups=groups,
        hands=[Hand(*hand) for hand in hands],
        decisions=[Decision(*decision) for decision in decisions],
    )
    recorded = None
    if its_roles is not None:
        recorded = Effects(
            roles=its_roles,
            places=_placed(places),
            conflicts={incoming: Question(since, tuple(holders)) for incoming, since, holders in questions},
        )
    return Known(id_, owner, facts, recorded, is_young, _hold(hold))


def _placed(rows: Sequence[Any]) -> dict[str, Place]:
    return {entity: Place(*place) for entity, *place in rows}


def _hold(text: str | None) -> Hold | None:
    if text is None:
        return None
    released, its_roles, places = orjson.loads(text)
    return Hold(Effects(roles=its_roles, places=_placed(places or ())), released)
