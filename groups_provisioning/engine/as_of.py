"""Facts as of a moment (SPEC T3), and whatever asks the database for facts, asked as of then.

Facts as of a moment are those of now with the rows of `Past` since then laid over them, the newest first; members are
intervals. Nothing is written about them anywhere else: `laid` puts the rows of then in the place of the tables, so that
the engine and the explanation are those of now, whatever they read.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db import connection, models
from psycopg import sql

from groups_provisioning.engine import loading
from groups_provisioning.engine.explanation import Explanation
from groups_provisioning.engine.loading import Loaded
from groups_provisioning.engine.resolution import Effects
from groups_provisioning.models import (
    ROLE,
    Conflict,
    Decision,
    EndedGroup,
    GroupMapping,
    GroupMember,
    Hold,
    MappingRule,
    Membership,
    NestedGroup,
    PushedGroup,
)
from orgs import roles
from orgs.catalogue import Catalogue
from orgs.db.keys import FoldedField, fold
from orgs.db.transactions import snapshot
from orgs.models import (
    Change,
    Entity,
    FactKind,
    HandPlacement,
    LastAdmin,
    LedgerEntry,
    Mark,
    Organization,
    Role,
    SchemaProfile,
    Standing,
    User,
)
from orgs.models.history import PLACES

Row = dict[str, Any]
"""A row as `to_jsonb` writes it."""


class Kept(NamedTuple):
    """A table whose past is kept. about: the column of its subject. org: that of its org; "" for none."""

    model: type[models.Model]
    about: str = "org_id"
    org: str = "org_id"


MEMBER = "member"
"""The kind of the one table that is kept as intervals, beside those of `FactKind`."""

TABLES: Mapping[str, Kept] = {
    FactKind.USER: Kept(User, "id"),
    FactKind.HAND: Kept(HandPlacement, "user_id"),
    FactKind.LAST_ADMIN: Kept(LastAdmin),
    FactKind.ENTITY: Kept(Entity, "id"),
    FactKind.ORGANIZATION: Kept(Organization, "id", "id"),
    FactKind.PROFILE: Kept(SchemaProfile, "id", ""),
    FactKind.ROLE: Kept(Role, "profile_id", ""),
    FactKind.GROUP: Kept(PushedGroup, "id"),
    FactKind.NESTED: Kept(NestedGroup, "group_id"),
    FactKind.MAPPING: Kept(GroupMapping, "group_id"),
    FactKind.RULE: Kept(MappingRule),
    FactKind.DECISION: Kept(Decision, "user_id"),
}


class Facts:
    """The rows of some facts as of one moment, by kind and key."""

    def __init__(self, at: datetime) -> None:
        self.at = at
        self.rows: dict[str, dict[str, Row]] = {kind: {} for kind in (*TABLES, MEMBER)}

    def all(self, kind: str) -> Collection[Row]:
        return self.rows[kind].values()

    def ids(self, kind: str, column: str) -> set[str]:
        """What the rows of a kind have in a column."""
        return {row[column] for row in self.all(kind) if row.get(column)}


# --- Reading them -----------------------------------------------------------------------------------------------------

_MEMBERS = """
SELECT 'member', 'now ' || m.id, to_jsonb(m), 0 FROM groups_provisioning_groupmember m
WHERE {now} AND coalesce(m.written_at, m.added_at) <= %(at)s
UNION ALL SELECT 'member', 'past ' || m.id, to_jsonb(m), 0 FROM groups_provisioning_memberpast m
WHERE {now} AND m.removed_at > %(at)s AND coalesce(m.written_at, m.added_at) <= %(at)s
"""


def _facts(kinds: Collection[str], *, of_org: bool = False) -> str:
    """SQL for the present rows about some subjects, or of an org, and for what they were since a moment."""
    parts = []
    for kind in kinds:
        table = TABLES[kind]
        meta: Any = table.model._meta
        column = table.org if of_org else table.about
        whose = f"t.{column} = %(org)s" if of_org else f"t.{column} = ANY(%(about)s::uuid[])"
        key = f"t.{meta.pk.column}::text"
        parts.append(f"SELECT '{kind}', {key}, to_jsonb(t), 0 FROM {meta.db_table} t WHERE {whose}")
    whose = "org_id = %(org)s" if of_org else "about = ANY(%(about)s::uuid[])"
    named = ", ".join(f"'{kind}'" for kind in kinds)
    parts.append(f"SELECT kind, row, was, id FROM orgs_past WHERE {whose} AND at > %(at)s AND kind IN ({named})")
    return " UNION ALL ".join(parts)


_OF_A_PERSON = (
    FactKind.USER,
    FactKind.HAND,
    FactKind.DECISION,
    FactKind.ORGANIZATION,
    FactKind.LAST_ADMIN,
    FactKind.RULE,
)
_OF_THEIR_GROUPS = (FactKind.GROUP, FactKind.MAPPING, FactKind.PROFILE, FactKind.ROLE)
_PERSON = f"{_facts(_OF_A_PERSON)} UNION ALL {_MEMBERS.format(now='m.user_id = ANY(%(people)s::uuid[])')}"
_OWNERS = """
SELECT group_id FROM groups_provisioning_mapping WHERE org_id = %(org)s AND entity_id = %(entity)s
UNION SELECT about FROM orgs_past
WHERE org_id = %(org)s AND at > %(at)s AND kind = 'mapping' AND was ->> 'entity_id' = %(text)s
"""
_GROUPS = _facts(_OF_THEIR_GROUPS)
_ENTITIES = _facts([FactKind.ENTITY])
_RULES = _facts([FactKind.RULE])
_OF_ORG = f"{_facts([kind for kind, table in TABLES.items() if table.org], of_org=True)} UNION ALL " + _MEMBERS.format(
    now="m.org_id = %(org)s"
)


def of_people(org_id: UUID, user_ids: Collection[UUID], at: datetime, *, entity: UUID | None = None) -> Facts:
    """The facts that say where people were and why, in three statements.

    entity: one more that is asked about, with the groups that were mapped to it, in four.
    """
    facts = Facts(at)
    people = [str(id_) for id_ in user_ids]
    _read(facts, _PERSON, {"about": [*people, str(org_id)], "people": people})
    groups = facts.ids(MEMBER, "group_id")
    if entity:
        groups |= _mapped_to(org_id, entity, at)
    _read(facts, _GROUPS, {"about": [*groups, *facts.ids(FactKind.ORGANIZATION, "profile_id")]})
    entities = facts.ids(FactKind.MAPPING, "entity_id") | facts.ids(FactKind.HAND, "entity_id")
    entities |= facts.ids(FactKind.USER, "placement_id") | ({str(entity)} if entity else set())
    _read(facts, _ENTITIES, {"about": list(entities)})
    return facts


def _mapped_to(org_id: UUID, entity: UUID, at: datetime) -> set[str]:
    """The groups that were mapped to an entity at any time since a moment."""
    with connection.cursor() as cursor:
        cursor.execute(_OWNERS, {"org": org_id, "entity": entity, "text": str(entity), "at": at})
        return {str(id_) for (id_,) in cursor.fetchall()}


def of_group(group_id: UUID, at: datetime) -> Facts:
    """What a group was called, gave and was mapped to, in two statements."""
    facts = Facts(at)
    _read(facts, _GROUPS, {"about": [str(group_id)]})
    _read(facts, _ENTITIES, {"about": list(facts.ids(FactKind.MAPPING, "entity_id"))})
    return facts


def of_entity(org_id: UUID, entity: UUID, at: datetime) -> Facts:
    """What a team or the like was called, and which groups were mapped to it, in three statements."""
    facts = Facts(at)
    _read(facts, _GROUPS, {"about": list(_mapped_to(org_id, entity, at))})
    _read(facts, _ENTITIES, {"about": [str(entity)]})
    return facts


def of_rules(org_id: UUID, at: datetime) -> Facts:
    """The rules of an org, in one statement."""
    facts = Facts(at)
    _read(facts, _RULES, {"about": [str(org_id)]})
    for row in facts.all(FactKind.RULE):
        row["gives_role"] = row["kind"] == ROLE  # the database works it out, so it has no past
    return facts


def of_org(org_id: UUID, at: datetime) -> Facts:
    """All facts of an org, in two statements."""
    facts = Facts(at)
    _read(facts, _OF_ORG, {"org": org_id})
    _read(facts, _GROUPS, {"about": list(facts.ids(FactKind.ORGANIZATION, "profile_id"))})
    return facts


def _read(facts: Facts, statement: str, about: dict[str, Any]) -> None:
    """Read present rows, and lay what they were since the moment over them."""
    since: list[tuple[int, str, str, Row | None]] = []
    with connection.cursor() as cursor:
        cursor.execute(statement, about | {"at": facts.at})
        for kind, key, row, number in cursor.fetchall():
            if number:
                since.append((number, kind, key, row and orjson.loads(row)))
            else:
                facts.rows[kind][key] = orjson.loads(row)
    for _, kind, key, was in sorted(since, key=lambda each: -each[0]):
        rows = facts.rows[kind]
        if was is None:
            rows.pop(key, None)
        else:
            rows[key] = rows.get(key, {}) | was
    for kind, table in TABLES.items():
        folded = [field for field in table.model._meta.concrete_fields if isinstance(field, FoldedField)]
        for row in facts.all(kind) if folded else ():
            row |= {str(field.column): fold(row[field.source]) for field in folded}


# --- Laying them in the place of the tables ---------------------------------------------------------------------------

_STARTS = re.compile(r"\s*WITH\s", re.IGNORECASE)


@contextmanager
def laid(facts: Facts) -> Iterator[None]:
    """In this block, every query finds these rows in the tables of facts, and no others.

    Whoever else did something is called what they are called now. For a few thousand rows: each query carries those of
    the tables that it names.
    """
    tables = {table: as_table(table, rows) for table, rows in _by_table(facts).items()}
    about = sql.Literal([UUID(key) for key in facts.rows[FactKind.USER]]).as_string()
    tables[User._meta.db_table] += f" UNION ALL SELECT * FROM orgs_user WHERE id <> ALL({about})"
    tables[Hold._meta.db_table] = as_table(Hold._meta.db_table, ())  # who was held, the ledger tells
    with instead(tables):
        yield


@contextmanager
def members_laid(at: datetime) -> Iterator[None]:
    """In this block, every query finds the members of a moment in groups, and all else as it is now.

    For groups of any size, since the rows stay in the database.
    """
    text = sql.Literal(at).as_string()
    with instead({GroupMember._meta.db_table: MEMBERS_THEN.format(at=text)}):
        yield


_COLUMNS = "id, org_id, group_id, user_id, added_at, added_by_id, written_at, written_by_id"
MEMBERS_THEN = f"""
SELECT {_COLUMNS} FROM groups_provisioning_groupmember WHERE coalesce(written_at, added_at) <= {{at}}
UNION ALL SELECT {_COLUMNS} FROM groups_provisioning_memberpast
WHERE removed_at > {{at}} AND coalesce(written_at, added_at) <= {{at}}
"""


def lay_tables(org_id: UUID, facts: Facts) -> Organization:
    """Until this transaction ends, find all facts of an org, and the effects that follow from them, as of then.

    Temporary tables come before those of their name, for however many rows and queries. What waited then, and what was
    set aside when groups were ended, is not known. Returns the org as of then.
    """
    with connection.cursor() as cursor:
        for table, rows in _by_table(facts).items():
            cursor.execute(f"CREATE TEMPORARY TABLE {table} ON COMMIT DROP AS {as_table(table, rows)}")
            cursor.execute(f"ANALYZE {table}")
        for model in (Standing, Membership, Conflict, Mark, EndedGroup, Hold):
            table = model._meta.db_table
            cursor.execute(f"CREATE TEMPORARY TABLE {table} ON COMMIT DROP AS TABLE public.{table} WITH NO DATA")
    org = Organization.objects.select_related("profile").get(pk=org_id)
    ids = sorted(UUID(key) for key in facts.rows[FactKind.USER])
    for part in range(0, len(ids), PEOPLE_AT_ONCE):
        loaded = load(org, ids[part : part + PEOPLE_AT_ONCE], facts)
        effects = [(known.id, loaded.effects_of(known)) for known in loaded.people]
        Standing.objects.bulk_create(Standing(user_id=id_, org=org, roles=each.roles) for id_, each in effects)
        Membership.objects.bulk_create(
            Membership(
                org=org, user_id=id_, entity_id=entity, kind=place.kind, source=place.source, mapping_id=place.mapping
            )
            for id_, each in effects
            for entity, place in each.places.items()
        )
        Conflict.objects.bulk_create(
            Conflict(
                org=org,
                user_id=id_,
                incoming_id=incoming,
                holders=list(question.holders),
                since=loading.moment(question.since),
            )
            for id_, each in effects
            for incoming, question in each.conflicts.items()
        )
    return org


PEOPLE_AT_ONCE = 1_000


def _by_table(facts: Facts) -> dict[str, Collection[Row]]:
    found = {kept.model._meta.db_table: facts.all(kind) for kind, kept in TABLES.items()}
    return found | {GroupMember._meta.db_table: facts.all(MEMBER)}


def literal(values: Sequence[str]) -> str:
    """SQL for a list of texts."""
    return f"{sql.Literal(list(values)).as_string()}::text[]"


def as_table(table: str, rows: Collection[Row]) -> str:
    """SQL for rows of then, in the columns of their table."""
    text = sql.Literal(orjson.dumps(list(rows)).decode()).as_string()
    return f"SELECT * FROM jsonb_populate_recordset(NULL::public.{table}, {text}::jsonb)"


_EXPRESSION = "{table} AS NOT MATERIALIZED (SELECT *, 0 AS xmin, 0 AS ctid FROM ({rows}) r)"


@contextmanager
def instead(tables: Mapping[str, str]) -> Iterator[None]:
    """Have every query find these rows, SQL by the name of a table, in the place of the table.

    It becomes a common table expression of that name, which comes before the table. By xmin and ctid, a process knows
    whether an org is as it was: of then, it is another one.
    """
    named = re.compile(rf"\b({'|'.join(tables)})\b")

    def ask(execute: Callable[..., Any], statement: str, params: Any, many: bool, context: Any) -> Any:
        found = sorted(set(named.findall(statement)))
        if found:
            instead = ", ".join(_EXPRESSION.format(table=table, rows=tables[table]) for table in found)
            if params is not None:
                instead = instead.replace("%", "%%")
            rest = _STARTS.sub(", ", statement, count=1) if _STARTS.match(statement) else f" {statement}"
            statement = f"WITH {instead}{rest}"
        return execute(statement, params, many, context)

    with connection.execute_wrapper(ask):
        yield


# --- Asking -----------------------------------------------------------------------------------------------------------


@contextmanager
def person(
    org: Organization, user_id: UUID, at: datetime, *, entity: UUID | None = None
) -> Iterator[Explanation | None]:
    """Somebody as of a moment, explained; None where they did not exist. In the block, all is asked as of then.

    entity: one that is asked about, beside those that they had to do with.
    """
    with snapshot():
        facts = of_people(org.id, [user_id], at, entity=entity)
        row = facts.rows[FactKind.USER].get(str(user_id))
        if row is None or row["org_id"] != str(org.id):
            yield None
            return
        with laid(facts):
            user = User.objects.select_related("org__profile").get(pk=user_id)
            assert user.org
            loaded = load(user.org, [user_id], facts)
            known = loaded.people[0]
            effects = loaded.effects_of(known)
            yield Explanation(user.org, user, known, loaded.world, effects, loaded.last_admin == user_id)


def load(org: Organization, user_ids: Collection[UUID], facts: Facts) -> Loaded:
    """As `loading.load`, where these facts are laid. org: as it was then, with its profile."""
    return loading.load(org, user_ids, catalogue=catalogue(facts))


def catalogue(facts: Facts) -> Catalogue:
    """The roles of the org's profile as of then."""
    (profile,) = facts.all(FactKind.PROFILE)
    return roles.of_rows(facts.all(FactKind.ROLE), profile["role_policy"])


class Recorded(NamedTuple):
    """What the ledger says of somebody: the roles, none where it says nothing of them, and the ids of the entities."""

    roles: list[str] | None
    places: set[str]

    def differs(self, effects: Effects) -> bool:
        """Whether the facts say something else. Nobody's first role may be from before there was a ledger."""
        return self.places != set(effects.places) or (self.roles is not None and self.roles != effects.roles)


def recorded(user_id: UUID, at: datetime) -> Recorded:
    """What came of the changes until a moment, for one person, by the ledger."""
    entries = LedgerEntry.objects.filter(user=user_id, change__at__lte=at, slot__in=("roles", *PLACES))
    found, places = None, set[str]()
    for slot, was, now in entries.order_by("id").values_list("slot", "was", "now"):
        if slot == "roles":
            found = now
            continue
        places.discard(was)
        if now is not None:
            places.add(now)
    return Recorded(found, places)


_WRITTEN_BY = """
SELECT min(at), max(at) FROM (
    SELECT at FROM orgs_past WHERE change_id = %(change)s
    UNION ALL SELECT removed_at FROM groups_provisioning_memberpast WHERE removed_by_id = %(change)s
    UNION ALL SELECT coalesce(written_at, added_at) FROM groups_provisioning_groupmember WHERE added_by_id = %(change)s
    UNION ALL SELECT written_at FROM groups_provisioning_groupmember
    WHERE written_by_id = %(change)s AND written_by_id > added_by_id
) AS written
"""


def around(change: Change) -> tuple[datetime, datetime]:
    """The moments just before a change wrote its first fact, and as of which it had written its last."""
    with connection.cursor() as cursor:
        cursor.execute(_WRITTEN_BY, {"change": change.id})
        first, last = cursor.fetchone()
    return (first or change.at) - timedelta(microseconds=1), last or change.at
