"""Taking back what a token, or one change, did (SPEC T2). What would be done is planned in `engine.taking_back`.

Facts are written as they were, times included, so that no claim or decision is younger than it was. The change is an
admin's: whoever it affects is settled by a worker, and never held (SPEC T1).
"""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from groups_provisioning.actions import conflict_decisions, group_intake, manual_changes, mapping_rows, members
from groups_provisioning.engine import taking_back
from groups_provisioning.engine.taking_back import Span
from groups_provisioning.engine.undo_plan import TakingBack
from groups_provisioning.models import GroupMapping, PushedGroup, Status
from orgs import entities, feed, history, matters, past, people, queue
from orgs.change_details import ChangesTakenBack, MappingStory
from orgs.db import transactions
from orgs.db.transactions import command
from orgs.history import Cause, Effect
from orgs.models import Entity, Organization, User
from orgs.people import Documents


class NothingToTakeBack(Exception):
    """Nothing of it can be taken back: it was already, or others have changed all of it since."""


@command
def take_back(*, org: Organization, span: Span, copies: Documents, cause: Cause) -> UUID:
    """Have facts as they were before what a token, or one change, did. Returns the id of the change that this is.

    copies: see `people.Documents`. Raises taking_back.NotTaken, taking_back.HistoryTooShort, NothingToTakeBack.
    """
    back = _locked(org, span)
    if back.is_nothing:
        raise NothingToTakeBack
    cause = cause.under_locks()
    writing = _Writing(org, span, back, copies, cause.at)
    writing.carry_out(cause)
    return writing.change_id


def _locked(org: Organization, span: Span) -> TakingBack:
    """The plan, of which all rows are locked."""
    locked: set[str] = set()
    back = taking_back.plan(org, span)
    while not (ids := _ids(back)) <= locked:
        groups = [UUID(id_) for id_ in back.changed_groups | _around(back)]
        users = {*back.users, *back.created_users, *_others(back)}
        for rows in (
            PushedGroup.objects.for_org(org).filter(id__in=groups).select_for_update(),
            GroupMapping.objects.for_org(org).filter(group__in=groups).select_for_update(no_key=True),
            Entity.objects.for_org(org).filter(id__in=_targets(back)).select_for_update(no_key=True),
            User.objects.for_org(org).filter(id__in=users).select_for_update(),
        ):
            list(rows.order_by("id").values_list("id"))
        locked |= ids
        back = taking_back.plan(org, span)
    return back


def _ids(back: TakingBack) -> set[str]:
    return {*back.changed_groups, *_around(back), *_targets(back), *back.users, *back.created_users, *_others(back)}


def _around(back: TakingBack) -> set[str]:
    """The groups that are, or would be, nested."""
    return {row["member_id"] for row in (*back.nested, *back.nested_out)}


def _targets(back: TakingBack) -> set[str]:
    return {*back.entities, *(each.then["entity_id"] for each in back.mappings.values() if each.then["entity_id"])}


def _others(back: TakingBack) -> set[str]:
    """The people about whom there are other facts to write than those of their own row."""
    rows = (*back.hands, *back.hands_out, *(each.then for each in back.decisions.values()))
    return {row["user_id"] for row in rows}


class _Writing:
    """Writes a plan, of which all rows are locked."""

    def __init__(self, org: Organization, span: Span, back: TakingBack, copies: Documents, at: datetime) -> None:
        self.org, self.span, self.back, self.copies, self.at = org, span, back, copies, at
        self.change_id = transactions.next_change()
        self.affected = back.people()  # whoever leaves a group as well

    def carry_out(self, cause: Cause) -> None:
        back = self.back
        removed = members.take_back([pair for pair in back.pairs if pair.was is None])
        stories = self._mappings(self._rejected())
        self._entities()
        effects = self._people()
        self._groups()
        stories += self._mappings(back.mappings.keys() - {story["mapping"] for story in stories})
        members.restore_nested(self.org, back.nested, back.nested_out)
        added = members.give_back(self.org, [pair for pair in back.pairs if pair.was], change_id=self.change_id)
        manual_changes.restore(self.org, back.hands, back.hands_out)
        decided = {int(id_): each.then["undone_by_id"] for id_, each in back.decisions.items()}
        conflict_decisions.restore(self.org, {id_: by and UUID(by) for id_, by in decided.items()})
        queue.mark(self.org.id, self.affected, self.change_id)
        feed.touch(self.org.id, self._touched(), self.change_id)
        history.record(self.org, cause, self._detail(stories, added, removed), effects, change_id=self.change_id)

    def _rejected(self) -> set[str]:
        ending = {id_ for id_, each in self.back.mappings.items() if each.then["status"] == Status.REJECTED}
        return ending | self.back.created_mappings.keys()

    def _mappings(self, ids: Collection[str]) -> list[MappingStory]:
        """Write mappings as they were; one that was created is rejected, as if its group had been deleted."""
        stories = []
        rows = GroupMapping.objects.for_org(self.org).select_related("entity", "rule", "group")
        known = history.kept({each.then["change_id"] for id_, each in self.back.mappings.items() if id_ in ids})
        for mapping in rows.filter(id__in=ids).order_by("id"):
            was = mapping.status
            if traced := self.back.mappings.get(str(mapping.id)):
                written = past.assign(mapping, traced.columns)
                if str(mapping.change_id) not in known:
                    mapping.change_id = self.change_id
                mapping.save(update_fields=written)
            else:
                mapping.cease(Status.REJECTED, "", self.at)
                mapping.change_id = self.change_id
                mapping.save(update_fields=["status", "reason", "switched_at", "change"])
            stories.append(mapping_rows.told(mapping, mapping.group, was=was))
        return stories

    def _entities(self) -> None:
        rows = {str(row.id): row for row in Entity.objects.for_org(self.org).filter(id__in=list(self.back.entities))}
        for id_, traced in self.back.entities.items():
            entities.rename(rows[id_], traced.then["name"])

    def _people(self) -> list[Effect]:
        effects = []
        ids = [*self.back.created_users, *self.back.users]
        users = {str(user.id): user for user in User.objects.for_org(self.org).filter(id__in=ids)}
        for user in users.values():
            user.org = self.org
        for id_ in self.back.created_users:
            effects += people.delete(user=users[id_], at=self.at)
        for id_, traced in self.back.users.items():
            effects += people.restore(user=users[id_], columns=traced.columns, copies=self.copies, at=self.at)
        return effects

    def _groups(self) -> None:
        ids = self.back.changed_groups
        groups = {str(group.id): group for group in PushedGroup.objects.for_org(self.org).filter(id__in=ids)}
        for group in groups.values():
            group.org = self.org
        for id_ in self.back.created_groups:
            group = groups[id_]
            matters.end_about_group(self.org.id, group.id)
            members.keep_only(group, (), change_id=self.change_id)
            members.hide(group, at=self.at)
        out_of_sync = not self.back.is_undo
        in_order = [*self.back.groups, *sorted(ids - self.back.groups.keys() - self.back.created_groups.keys())]
        for id_ in in_order:
            columns = self.back.groups[id_].columns if id_ in self.back.groups else {}
            group_intake.restore(groups[id_], columns=columns, copies=self.copies, out_of_sync=out_of_sync, at=self.at)

    def _touched(self) -> set[tuple[str, str]]:
        rows = Entity.objects.for_org(self.org).filter(id__in=list(self.back.entities)).values_list("kind", "id")
        found = {(kind, str(id_)) for kind, id_ in rows} | {("group", id_) for id_ in self.back.changed_groups}
        return found | {("person", id_) for id_ in (*self.back.users, *self.back.created_users)}

    def _detail(self, stories: list[MappingStory], added: int, removed: int) -> ChangesTakenBack:
        return ChangesTakenBack(
            **self.span.as_json(),
            **self.back.told(),
            added=added,
            removed=removed,
            mappings=stories,
            marked=len(self.affected),
        )
