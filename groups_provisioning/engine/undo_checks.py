"""What of all that changes wrote can be taken back, and why the rest stays (SPEC T2)."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db import connection

from groups_provisioning.engine.earlier import EXISTS, MAPPING, NAME, Row, Traced, in_order
from groups_provisioning.engine.undo_plan import Pair, Reason, Refused, TakingBack
from groups_provisioning.engine.undo_reading import memberships
from groups_provisioning.models import EXCLUSIVE, GroupMapping, MappingRule, NestedGroup, PushedGroup, Status
from orgs import roles
from orgs.db.keys import fold
from orgs.models import Entity, EntityKind, FactKind, HandPlacement, Organization, User
from orgs.models.people import NAMES, label

_DELETED = "SELECT id FROM {table} WHERE id = ANY(%(ids)s::uuid[]) AND deleted_at IS NOT NULL"

SUB = EntityKind.SUB_ORGANIZATION

_USED_USERS = """
SELECT user_id FROM groups_provisioning_groupmember
WHERE user_id = ANY(%(ids)s::uuid[]) AND coalesce(written_by_id, added_by_id) <> ALL(%(changes)s::uuid[])
UNION SELECT user_id FROM orgs_handplacement WHERE user_id = ANY(%(ids)s::uuid[]) AND id <> ALL(%(hands)s::bigint[])
UNION SELECT user_id FROM groups_provisioning_decision
WHERE user_id = ANY(%(ids)s::uuid[]) AND undone_by_id IS NULL AND id <> ALL(%(decisions)s::bigint[])
"""
_USED_GROUPS = """
SELECT group_id FROM groups_provisioning_groupmember
WHERE group_id = ANY(%(ids)s::uuid[]) AND coalesce(written_by_id, added_by_id) <> ALL(%(changes)s::uuid[])
UNION SELECT group_id FROM groups_provisioning_mapping
WHERE group_id = ANY(%(ids)s::uuid[])
    AND (status <> 'rejected' AND id <> ALL(%(ours)s::uuid[]) OR id = ANY(%(decided)s::uuid[]))
UNION SELECT group_id FROM groups_provisioning_nestedgroup
WHERE group_id = ANY(%(ids)s::uuid[]) AND id <> ALL(%(nested)s::bigint[])
"""


class Check:
    """What of all that was traced is possible, and why the rest is not."""

    def __init__(self, org: Organization, back: TakingBack, found: dict[str, dict[str, Traced]]) -> None:
        self.org, self.back, self.found = org, back, found
        self.kept: set[str] = set()  # what was created, and stays

    def carry_out(self) -> None:
        self._people()
        self._groups()
        self._entities()
        self._mappings()
        self._by_hand()
        self._nested()
        self._decisions()
        self._members()

    def refuse(self, kind: str, id_: str, name: str, reason: Reason, count: int = 1) -> None:
        self.back.refused.append(Refused(kind, id_, name, reason, count))

    # People and groups

    def _people(self) -> None:
        found = {id_: each for id_, each in self.found[FactKind.USER].items() if each.now and not each.now["is_owner"]}
        for id_, traced in list(found.items()):
            if traced.now and traced.now["erased_at"]:
                self.refuse("person", id_, _name_of(traced.now), Reason.ERASED)
                del found[id_]
        ours = {kind: [int(key) for key in self.found[kind]] for kind in (FactKind.HAND, FactKind.DECISION)}
        used = self._used(_USED_USERS, found, hands=ours[FactKind.HAND], decisions=ours[FactKind.DECISION])
        self.back.users = self._possible("person", found, used, self.back.created_users)
        provisionable = User.objects.for_org(self.org).provisionable()
        self._have_names("person", self.back.users, provisionable, self.back.created_users)

    def _groups(self) -> None:
        found = {id_: traced for id_, traced in self.found[FactKind.GROUP].items() if traced.now}
        if not self.back.is_undo:
            for traced in found.values():  # whatever is put back is out of sync (SPEC O3)
                traced.was.pop("out_of_sync", None)
                traced.stays.discard("out_of_sync")
        mappings = self.found[FactKind.MAPPING]
        ours = [id_ for id_, each in mappings.items() if not each.others]
        decided = [id_ for id_, each in mappings.items() if each.created and each.others]
        nested = [int(key) for key, each in self.found[FactKind.NESTED].items() if each.created]
        used = self._used(_USED_GROUPS, found, ours=ours, decided=decided, nested=nested)
        self.back.groups = self._possible("group", found, used, self.back.created_groups)
        self._have_names(
            "group", self.back.groups, PushedGroup.objects.for_org(self.org).live(), self.back.created_groups
        )

    def _used(self, statement: str, found: Mapping[str, Traced], **more: Any) -> set[str]:
        ending = [id_ for id_, traced in found.items() if traced.created or _ends(traced)]
        if not ending:
            return set()
        with connection.cursor() as cursor:
            cursor.execute(statement, {"ids": ending, "changes": list(self.back.changes), **more})
            return {str(id_) for (id_,) in cursor.fetchall()}

    def _possible(
        self, kind: str, found: Mapping[str, Traced], used: Collection[str], created: dict[str, Row]
    ) -> dict[str, Traced]:
        """What would be written. What the changes made goes, unless it was used; it may have gone already."""
        written = {}
        for id_, traced in found.items():
            row = traced.now
            assert row
            if traced.created:
                # What was never written otherwise has no earlier value; an undo in between may have deleted it.
                traced.was = {name: value for name, value in traced.was.items() if value is not None}
                if not traced.then["deleted_at"]:
                    if id_ in used or traced.others:
                        self.kept.add(id_)
                        self.refuse(kind, id_, _name_of(row), Reason.USED)
                    else:
                        created[id_] = row
                    continue
            elif _ends(traced) and id_ in used:
                self.kept.add(id_)
                self.refuse(kind, id_, _name_of(row), Reason.USED)
                continue
            if NAME in traced.was and traced.then["deleted_at"]:  # who is deleted has no address to sign in with
                traced.was[NAME] = traced.was[NAME] | {"login_email": None}
                if traced.was[NAME] == {column: row[column] for column in traced.was[NAME]}:
                    del traced.was[NAME]
            if traced.stays:
                self.refuse(kind, id_, _name_of(row), Reason.CHANGED)
            if traced.was:
                written[id_] = traced
        return written

    def _have_names(self, kind: str, rows: dict[str, Traced], live: Any, ends: Collection[str]) -> None:
        """Put the rows in an order in which their names are free, and refuse those whose are taken."""
        column = "user_name" if kind == "person" else "display_name"
        wanted = {id_: (_key(traced.now or {}, column), _key(traced.then, column)) for id_, traced in rows.items()}
        keys = {then for _, then in wanted.values() if then is not None}
        holding = live.filter(**{f"{column}_key__in": keys}).values_list(f"{column}_key", "id")
        held = {key: str(id_) for key, id_ in holding if str(id_) not in ends}
        order, taken = in_order(wanted, held)
        kept = {}
        for id_ in (*order, *sorted(taken)):
            traced = rows[id_]
            if id_ in taken:
                assert traced.now
                self.refuse(kind, id_, _name_of(traced.now), Reason.NAME_TAKEN)
                if traced.now["deleted_at"]:
                    continue  # without the name it cannot be back
                traced.was.pop(NAME, None)
                traced.was.pop(column, None)
            if traced.was:
                kept[id_] = traced
        rows.clear()
        rows.update(kept)

    def _live(self, model: type[User | PushedGroup], ids: Iterable[str]) -> set[str]:
        """Those of these people or groups that will not be deleted."""
        rows, ends = (
            (self.back.users, self.back.created_users)
            if model is User
            else (self.back.groups, self.back.created_groups)
        )
        wanted = set(ids)
        with connection.cursor() as cursor:
            cursor.execute(_DELETED.format(table=model._meta.db_table), {"ids": list(wanted)})
            gone = {str(id_) for (id_,) in cursor.fetchall()}
        live = wanted - gone - ends.keys()
        for id_ in wanted & rows.keys():
            (live.discard if rows[id_].then["deleted_at"] else live.add)(id_)
        return live

    # What depends on them

    def _entities(self) -> None:
        rows = {id_: each for id_, each in self.found[FactKind.ENTITY].items() if each.now and not each.created}
        wanted = {}
        for id_, traced in rows.items():
            row = traced.now
            assert row
            was = traced.was.get(NAME)
            traced.was = {NAME: was} if was and was["name"] != row["name"] else {}  # it keeps its former names
            if NAME in traced.stays or (traced.was and row["deleted_at"]):
                gone = row["deleted_at"]
                self.refuse("entity", id_, row["name"], Reason.TARGET_GONE if gone else Reason.CHANGED)
            elif traced.was:
                wanted[id_] = (row["kind"], fold(row["name"])), (row["kind"], fold(traced.then["name"]))
        keys = {key for _, (_, key) in wanted.values()}
        live = Entity.objects.for_org(self.org).live().filter(name_key__in=keys)
        held = {(kind, key): str(id_) for kind, key, id_ in live.values_list("kind", "name_key", "id")}
        order, taken = in_order(wanted, held)
        self.back.entities = {id_: rows[id_] for id_ in order}
        for id_ in sorted(taken):
            self.refuse("entity", id_, (rows[id_].now or {})["name"], Reason.NAME_TAKEN)

    def _mappings(self) -> None:
        found = {id_: traced for id_, traced in self.found[FactKind.MAPPING].items() if traced.now}
        live_groups = self._live(PushedGroup, {traced.then["group_id"] for traced in found.values()})
        names = self._names({traced.then["group_id"] for traced in found.values()})
        rules = {None, *(str(id_) for id_ in MappingRule.objects.for_org(self.org).values_list("id", flat=True))}
        wanted: dict[str, Traced] = {}
        for id_, traced in found.items():
            row = traced.now
            assert row
            group = row["group_id"]
            if group in self.kept:
                continue
            if traced.created:
                if row["status"] == Status.REJECTED:
                    continue
                if traced.others:
                    self.refuse("mapping", id_, names[group], Reason.CHANGED)
                else:
                    self.back.created_mappings[id_] = row
                continue
            if traced.then["rule_id"] not in rules:
                traced.was.pop("rule_id", None)
            if MAPPING in traced.stays:
                self.refuse("mapping", id_, names[group], Reason.CHANGED)
            elif traced.was and (group in live_groups or traced.then["status"] == Status.REJECTED):
                wanted[id_] = traced
        self._have_targets(wanted, names)

    def _have_targets(self, wanted: Mapping[str, Traced], names: Mapping[str, str]) -> None:
        """Refuse the mappings whose target is gone, or another mapping's by now (SPEC M1)."""
        targets = {traced.then["entity_id"] for traced in wanted.values()} - {None}
        groups = {traced.then["group_id"] for traced in wanted.values()}
        live = Entity.objects.for_org(self.org).live().filter(id__in=targets).values_list("id", flat=True)
        there = {str(id_) for id_ in live}
        mappings = GroupMapping.objects.for_org(self.org).live()
        owners: dict[Any, str] = {}
        kinds = defaultdict[str, dict[str, bool]](dict)  # by group, whether its mappings are to a sub-organization
        for rows in (mappings.filter(entity__in=targets), mappings.filter(group__in=groups)):
            for each in rows.values("id", "group_id", "kind", "role", "entity_id"):
                row: Row = {name: str(value) if isinstance(value, UUID) else value for name, value in each.items()}
                then = wanted[row["id"]].then if row["id"] in wanted else row
                if row["id"] not in self.back.created_mappings and then.get("status") != Status.REJECTED:
                    owners |= dict.fromkeys(_claims(row), row["id"])
                    if row["entity_id"]:
                        kinds[row["group_id"]][row["id"]] = row["kind"] == SUB
        keys = roles.catalogue(self.org.profile).keys
        for id_, traced in wanted.items():
            then = traced.then
            if then["status"] == Status.REJECTED:
                self.back.mappings[id_] = traced
                continue
            target, role, others = then["entity_id"], then["role"], kinds[then["group_id"]]
            is_gone = (target and target not in there) or (role and role not in keys)
            is_sub = then["kind"] == SUB
            excluded = target and any(each != is_sub for other, each in others.items() if other != id_)
            if is_gone and not then["target_deleted"]:
                self.refuse("mapping", id_, names[then["group_id"]], Reason.TARGET_GONE)
            elif excluded or any(owners.setdefault(claim, id_) != id_ for claim in _claims(then)):
                self.refuse("mapping", id_, names[then["group_id"]], Reason.TARGET_TAKEN)
            else:
                self.back.mappings[id_] = traced
                if target:
                    others[id_] = is_sub

    def _by_hand(self) -> None:
        found = self.found[FactKind.HAND]
        self.back.hands_out = [traced.now for traced in found.values() if traced.now and EXISTS in traced.was]
        back = [traced.then for traced in found.values() if traced.now is None and traced.was]
        live = self._live(User, {row["user_id"] for row in back})
        entities = Entity.objects.for_org(self.org).live().filter(id__in={row["entity_id"] for row in back})
        kinds = {str(id_): kind for id_, kind in entities.values_list("id", "kind")}
        present = HandPlacement.objects.for_org(self.org).filter(user__in={row["user_id"] for row in back})
        taken: set[Any] = set()
        for user, entity, placed, kind in present.values_list("user_id", "entity_id", "placed", "entity__kind"):
            taken |= {(str(user), str(entity)), *([(str(user), kind)] if placed and kind in EXCLUSIVE else ())}
        for row in back:
            user, entity = row["user_id"], row["entity_id"]
            if user not in live or entity not in kinds:
                continue
            mine = {(user, entity), *([(user, kinds[entity])] if row["placed"] and kinds[entity] in EXCLUSIVE else ())}
            if mine & taken:
                self.refuse("person", user, self._person(user), Reason.CHANGED)
            else:
                taken |= mine
                self.back.hands.append(row)

    def _nested(self) -> None:
        found = self.found[FactKind.NESTED]
        self.back.nested_out = [
            traced.now
            for traced in found.values()
            if traced.now and EXISTS in traced.was and traced.now["group_id"] not in self.kept
        ]
        back = [traced.then for traced in found.values() if traced.now is None and traced.was]
        both = {row[end] for row in back for end in ("group_id", "member_id")}
        live = self._live(PushedGroup, both)
        rows = NestedGroup.objects.for_org(self.org).filter(group__in=both).values_list("group_id", "member_id")
        there = {(str(group), str(member)) for group, member in rows}
        there -= {(row["group_id"], row["member_id"]) for row in self.back.nested_out}
        self.back.nested = [
            row
            for row in back
            if {row["group_id"], row["member_id"]} <= live and (row["group_id"], row["member_id"]) not in there
        ]

    def _decisions(self) -> None:
        found = {id_: traced for id_, traced in self.found[FactKind.DECISION].items() if traced.now and traced.was}
        live = self._live(User, {traced.then["user_id"] for traced in found.values()})
        for id_, traced in found.items():
            if traced.then["undone_by_id"] or traced.then["user_id"] in live:
                self.back.decisions[id_] = traced

    def _members(self) -> None:
        found = list(memberships(self.org, self.back.changes))
        live = self._live(PushedGroup, {str(pair[0]) for pair in found})
        live |= self._live(User, {str(pair.user_id) for pair in found if isinstance(pair, Pair) and pair.was})
        back = self.back
        ending = {*back.created_users, *back.created_groups}
        ending |= {id_ for rows in (back.users, back.groups) for id_, each in rows.items() if _ends(each)}
        stays = Counter[str]()
        for pair in found:
            group, user = str(pair[0]), str(pair[1])
            if group in ending or user in ending:
                back.pairs.append(Pair(pair[0], pair[1], None))
                continue
            if group in self.kept or user in self.kept:
                continue
            if not isinstance(pair, Pair):
                stays[group] += 1
            elif pair.was is None or {group, user} <= live:
                back.pairs.append(pair)
        names = self._names(stays)
        for group, count in stays.items():
            self.refuse("members", group, names[group], Reason.CHANGED, count)

    def _names(self, group_ids: Iterable[str]) -> dict[str, str]:
        groups = PushedGroup.objects.for_org(self.org).filter(id__in=list(group_ids))
        return {str(id_): name for id_, name in groups.values_list("id", "display_name")}

    def _person(self, user_id: str) -> str:
        return User.objects.for_org(self.org).get(id=user_id).label


def _ends(traced: Traced) -> bool:
    """Whether it was deleted before, and would be again."""
    return bool(traced.then["deleted_at"]) and not (traced.now or {})["deleted_at"]


def _key(row: Row, column: str) -> str | None:
    """The key of the name that a row holds; None while it is deleted."""
    return None if row["deleted_at"] else fold(row[column])


def _name_of(row: Row) -> str:
    if "user_name" not in row:
        return str(row["display_name"])
    return label(*(row[name] for name in NAMES))


def _claims(row: Row) -> list[Any]:
    """What only one live mapping can have: an entity, an exclusive kind of a group, a role of a group."""
    claims: list[Any] = [("entity", row["entity_id"])] if row["entity_id"] else []
    if row["kind"] in EXCLUSIVE:
        claims.append((row["group_id"], row["kind"]))
    if row["role"]:
        claims.append((row["group_id"], "role", row["role"]))
    return claims
