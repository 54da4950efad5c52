"""What an undo would write, and what it would leave as it is (SPEC T2)."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, TypedDict
from uuid import UUID

import orjson
from django.db.models import TextChoices
from django.utils.translation import gettext_lazy

from groups_provisioning.engine.earlier import Row, Traced
from groups_provisioning.models import GroupMember
from orgs import people
from orgs.change_details import RefusedStory
from orgs.models import User

MOST = 100
"""Refusals that are told one by one."""


class Reason(TextChoices):
    """Why something stays as it is."""

    CHANGED = "changed", gettext_lazy("changed again since")
    USED = "used", gettext_lazy("created or restored, and then changed or used by somebody else")
    NAME_TAKEN = "name_taken", gettext_lazy("its name is taken now")
    ERASED = "erased", gettext_lazy("the person was erased")
    TARGET_GONE = "target_gone", gettext_lazy("its target was deleted")
    TARGET_TAKEN = "target_taken", gettext_lazy("another mapping stands in its way now")


class Refused(NamedTuple):
    """What stays as it is. kind: `person`, `group`, `mapping`, `members` (of a group), `entity`. members: how many."""

    kind: str
    id: str
    name: str
    reason: Reason
    members: int = 1


class Told(TypedDict):
    """What would be written, in numbers. refused: the first of what stays as it is; all_refused: how many there are."""

    people: int
    groups: int
    deleted_people: int
    deleted_groups: int
    refused: list[RefusedStory]
    all_refused: int


class Pair(NamedTuple):
    """Somebody in a group, or not. was: since when and by which change they would be in it; None if they would not."""

    group_id: UUID
    user_id: UUID
    was: tuple[datetime, UUID] | None


@dataclass(slots=True)
class TakingBack:
    """What would be done. ids are text, as rows have them.

    is_undo: it is an undo itself that is taken back. users, groups, mappings, entities, decisions: what would be
    written, in an order in which names are free. created_users, created_groups, created_mappings: what goes, as it is.
    hands, nested: rows that would be there again; hands_out, nested_out: those that go.
    """

    changes: frozenset[UUID]
    is_undo: bool = False
    users: dict[str, Traced] = field(default_factory=dict)
    groups: dict[str, Traced] = field(default_factory=dict)
    mappings: dict[str, Traced] = field(default_factory=dict)
    entities: dict[str, Traced] = field(default_factory=dict)
    decisions: dict[str, Traced] = field(default_factory=dict)
    created_users: dict[str, Row] = field(default_factory=dict)
    created_groups: dict[str, Row] = field(default_factory=dict)
    created_mappings: dict[str, Row] = field(default_factory=dict)
    hands: list[Row] = field(default_factory=list)
    hands_out: list[Row] = field(default_factory=list)
    nested: list[Row] = field(default_factory=list)
    nested_out: list[Row] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)

    @property
    def is_nothing(self) -> bool:
        """Whether nothing would be written."""
        return not (self.users or self.created_users or self.decisions or self.hands or self.hands_out) and not (
            self.changed_groups or self.entities
        )

    @property
    def added(self) -> int:
        """How many memberships there would be again, or since another time."""
        return sum(pair.was is not None for pair in self.pairs)

    @property
    def removed(self) -> int:
        """How many memberships would go."""
        return len(self.pairs) - self.added

    @property
    def changed_groups(self) -> set[str]:
        """The groups that would differ, be it in their members or mappings."""
        found = {*self.groups, *self.created_groups}
        found |= {row["group_id"] for row in (*self.nested, *self.nested_out)}
        found |= {traced.then["group_id"] for traced in self.mappings.values()}
        found |= {row["group_id"] for row in self.created_mappings.values()}
        return found | {str(pair.group_id) for pair in self.pairs}

    @property
    def decisive_groups(self) -> set[str]:
        """The groups of which every member may be affected."""
        found = {*self.created_groups}
        found |= {id_ for id_, each in self.groups.items() if {"roles", "deleted_at"} & each.was.keys()}
        found |= {traced.then["group_id"] for traced in self.mappings.values()}
        return found | {row["group_id"] for row in self.created_mappings.values()}

    def told(self) -> Told:
        """As history and programs have it."""
        refused: list[RefusedStory] = [
            {"kind": each.kind, "id": each.id, "name": each.name, "reason": each.reason, "count": each.members}
            for each in self.refused[:MOST]
        ]
        return {
            "people": len(self.users) + len(self.created_users),
            "groups": len(self.changed_groups),
            "deleted_people": len(self.created_users),
            "deleted_groups": len(self.created_groups),
            "refused": refused,
            "all_refused": len(self.refused),
        }

    def people(self) -> list[UUID]:
        """Everybody who may be affected."""
        found = {UUID(id_) for id_ in (*self.users, *self.created_users)}
        found |= {UUID(row["user_id"]) for row in (*self.hands, *self.hands_out)}
        found |= {UUID(traced.then["user_id"]) for traced in self.decisions.values()}
        found |= {pair.user_id for pair in self.pairs}
        groups = [UUID(id_) for id_ in self.decisive_groups]
        members = GroupMember.objects.filter(group__in=groups).values_list("user_id", flat=True)
        return sorted(found | set(members.distinct()))

    def accounts(self) -> dict[UUID, tuple[str, str]]:
        """The accounts that could sign in and would not, or the other way round: what they are, and would be."""
        found = {id_: (account_of(row), "deleted") for id_, row in self.created_users.items()}
        found |= {id_: (account_of(each.now or {}), account_of(each.then)) for id_, each in self.users.items()}
        return {UUID(id_): pair for id_, pair in found.items() if (pair[0] in people.OPEN) != (pair[1] in people.OPEN)}

    def digest(self) -> str:
        """Differs where anything else would be done."""
        written = [
            {id_: traced.was for id_, traced in rows.items()}
            for rows in (self.users, self.groups, self.mappings, self.entities, self.decisions)
        ]
        gone = [sorted(rows) for rows in (self.created_users, self.created_groups, self.created_mappings)]
        lists = (self.hands, self.hands_out, self.nested, self.nested_out)
        rows = [sorted(str(row["id"]) for row in each) for each in lists]
        done = [written, gone, rows, *([[*each] for each in listed] for listed in (self.pairs, self.refused))]
        return hashlib.sha256(orjson.dumps(done, option=orjson.OPT_SORT_KEYS)).hexdigest()


def account_of(row: Row) -> str:
    """What history calls the state of an account."""
    columns = ("active", "scim_managed", "deleted_at", "erased_at")
    return people.account(User(**{name: row[name] for name in columns}))
