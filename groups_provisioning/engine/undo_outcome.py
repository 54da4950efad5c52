"""Facts as they would be after an undo, for previews (SPEC T2)."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from groups_provisioning.engine import as_of
from groups_provisioning.engine.earlier import Row
from groups_provisioning.engine.undo_plan import Pair, TakingBack
from groups_provisioning.models import (
    Decision,
    GroupMapping,
    GroupMember,
    PushedGroup,
    Status,
)
from orgs.models import HandPlacement, Organization, User


class Outcome:
    """The facts as they would be, to be laid in the place of the tables for some people at a time."""

    def __init__(self, back: TakingBack) -> None:
        self.users = {id_: each.then for id_, each in back.users.items()}
        self.users |= {
            id_: row | {"active": False, "deleted_at": row["created_at"]} for id_, row in back.created_users.items()
        }
        self.groups = {id_: each.then for id_, each in back.groups.items()}
        self.groups |= {id_: row | {"deleted_at": row["created_at"]} for id_, row in back.created_groups.items()}
        self.mappings = {id_: each.then for id_, each in back.mappings.items()}
        self.mappings |= {id_: row | {"status": Status.REJECTED} for id_, row in back.created_mappings.items()}
        self.decisions = [each.then for each in back.decisions.values()]
        self.hands, self.hands_out = back.hands, back.hands_out
        self.pairs = defaultdict[UUID, list[Pair]](list)
        for pair in back.pairs:
            self.pairs[pair.user_id].append(pair)

    @contextmanager
    def laid(self, org: Organization, user_ids: Collection[UUID]) -> Iterator[None]:
        """In this block, every query finds the facts about these people as they would be."""
        ids = {str(id_) for id_ in user_ids}
        pairs = [pair for id_ in user_ids for pair in self.pairs.get(id_, ())]
        present = GroupMember.objects.for_org(org).filter(user__in=list(user_ids)).values_list("group_id", flat=True)
        groups = {*map(str, present.distinct()), *(str(pair.group_id) for pair in pairs)}
        members = [
            {
                "id": -number,
                "org_id": str(org.id),
                "group_id": str(pair.group_id),
                "user_id": str(pair.user_id),
                "added_at": pair.was[0].isoformat(),
                "added_by_id": str(pair.was[1]),
            }
            for number, pair in enumerate(pairs, 1)
            if pair.was
        ]
        gone = [f"{pair.group_id} {pair.user_id}" for pair in pairs]
        with as_of.instead(
            {
                **_with(User, [row for id_, row in self.users.items() if id_ in ids]),
                **_with(PushedGroup, [row for id_, row in self.groups.items() if id_ in groups]),
                **_with(GroupMapping, [row for row in self.mappings.values() if row["group_id"] in groups]),
                **_with(Decision, [row for row in self.decisions if row["user_id"] in ids]),
                **_with(
                    HandPlacement,
                    [row for row in self.hands if row["user_id"] in ids],
                    [row["id"] for row in self.hands_out if row["user_id"] in ids],
                ),
                **_with(GroupMember, members, gone, "group_id || ' ' || user_id"),
            }
        ):
            yield


def _with(model: Any, rows: Sequence[Row], gone: Sequence[Any] = (), key: str = "id") -> dict[str, str]:
    """SQL for a table with some rows as they would be. gone: the keys of others that would not be there."""
    table = model._meta.db_table
    left_out = [*gone, *(row["id"] for row in rows)] if key == "id" else gone
    if not left_out and not rows:
        return {}
    without = as_of.literal([str(each) for each in left_out])
    return {
        table: f"{as_of.as_table(table, rows)} UNION ALL SELECT * FROM {table} WHERE ({key})::text <> ALL({without})"
    }
