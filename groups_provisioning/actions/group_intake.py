"""What identity providers write to groups. Each function is one command: one transaction, one `Change`.

With `group_ends`, which ends groups by hand, and `imported_groups`, the only module that writes `PushedGroup`. The
group's row is locked
before its members change, so that parallel requests lose nothing (SPEC S7). People are marked, and a worker settles
them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import cache
from typing import Any, Literal
from uuid import UUID

from django.db import IntegrityError
from django.db.models import Q

from groups_provisioning.actions import group_ends, manual_changes, members, rule_evaluation
from groups_provisioning.actions.members import Delta
from groups_provisioning.actions.rule_evaluation import Outcome
from groups_provisioning.actions.user_intake import Stale
from groups_provisioning.models import PushedGroup
from groups_provisioning.models.groups import LIVE
from groups_provisioning.rules.assignments import UnknownGroup
from orgs import feed, history, past
from orgs.change_details import (
    GroupAbout,
    GroupAdopted,
    GroupChanged,
    GroupConfirmed,
    GroupCreated,
    GroupDeleted,
    GroupDetail,
    GroupRestored,
)
from orgs.db import cached_write, transactions
from orgs.db.cached_select import Joined
from orgs.db.keys import fold
from orgs.db.transactions import command, violated
from orgs.history import Cause, Effect
from orgs.models import Organization
from orgs.people import Documents, TakenMeanwhile


class GroupNameTaken(Exception):
    """A live group of this org has the name (SPEC G2)."""


class GroupProvisioningOff(Exception):
    """Writes on groups are refused while the switch is off (SPEC O3).

    activated: whether support has activated group provisioning, so that the org's admin can switch it on (SPEC O2).
    """

    def __init__(self, *, activated: bool) -> None:
        super().__init__(activated)
        self.activated = activated


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """What an IdP says about a group except its members: the columns of `PushedGroup` that it may write."""

    display_name: str
    external_id: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    folded: Mapping[str, Any] = field(default_factory=dict)
    extension_urn: str = ""
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MembersChange:
    """The ids to add, to remove, or (`replace`) to keep as the only members."""

    op: Literal["add", "remove", "replace"]
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GroupEdit:
    """What a request turns a group into; `members` are changes, in order."""

    facts: GroupFacts
    members: Sequence[MembersChange] = ()


FACTS = tuple(column.name for column in fields(GroupFacts))


@command
def create_group(*, org: Organization, facts: GroupFacts, member_ids: Sequence[str], cause: Cause) -> PushedGroup:
    """Create a group, or restore the last deleted one of that name with only what this request says (SPEC G5).

    One that was imported, and that no token has written yet, is adopted by its name or its external id (SPEC G2).
    Raises GroupProvisioningOff, GroupNameTaken, members.UnknownMembers.
    """
    if not org.group_provisioning:
        raise GroupProvisioningOff(activated=org.group_provisioning_activated)
    group = _meant_by(org, facts)
    cause = cause.under_locks()
    change_id = transactions.next_change()
    if group is not None and group.deleted_at is None:
        return _adopt(org, group, facts, member_ids, cause, change_id)
    kind: type[GroupDetail] = GroupRestored if group else GroupCreated
    if group is None:
        group = PushedGroup(org=org, created_at=cause.at)
    else:
        bring_back(group)
    assign(group, facts)
    group.modified_at = cause.at
    save(group)
    delta = members.add(group, member_ids, change_id=change_id, at=cause.at)
    if delta.added:
        group.member_count = delta.added
        group.save(update_fields=["member_count"])
        manual_changes.end_removals_around(group, change_id=change_id)  # only of the added members
    # All its members were marked when they were added.
    evaluate = rule_evaluation.restored if kind is GroupRestored else rule_evaluation.created
    outcome = evaluate(group, change_id=change_id, at=cause.at)
    detail = kind(**about(group, delta), marked=delta.added, mappings=outcome.mappings)
    _record(org, group, detail, cause, change_id, delta.skipped)
    return group


def _adopt(
    org: Organization,
    group: PushedGroup,
    facts: GroupFacts,
    member_ids: Sequence[str],
    cause: Cause,
    change_id: UUID,
) -> PushedGroup:
    """A group of an import becomes what this request says (SPEC G2). Other members of it leave with a full push.

    Until then it is out of sync: nobody has said yet that they are right. group: locked.
    """
    was, at = group.display_name, max(cause.at, group.modified_at)
    written = assign(group, facts)
    delta = members.add(group, member_ids, change_id=change_id, at=at)
    group.member_count += delta.added
    group.imported, group.out_of_sync = False, members.has_others(group, member_ids)
    group.revision += 1
    group.modified_at = at
    save(group, [*written, "member_count", "imported", "out_of_sync", "revision", "modified_at"])
    outcome, is_renamed = Outcome(), "display_name" in written
    if is_renamed:
        outcome = rule_evaluation.renamed(group, was=was, change_id=change_id, at=at)
    marked = manual_changes.end_removals_around(group, change_id=change_id) + delta.added
    if "roles" in written or outcome.settles:
        marked += members.mark_all(group, change_id=change_id)
    detail = GroupAdopted(
        **about(group, delta),
        was=was if is_renamed else None,
        marked=marked,
        mappings=outcome.mappings,
        entities=outcome.renamed,
    )
    _record(org, group, detail, cause, change_id, delta.skipped)
    return group


def change_group(
    *,
    org: Organization,
    group_id: UUID,
    edit: Callable[[PushedGroup], GroupEdit],
    cause: Cause,
    expected: frozenset[int] | None = None,
    listed_up_to: int = 0,
) -> PushedGroup:
    """Write what `edit` makes of the group as it is now, under the row's lock.

    A request that changes nothing leaves the revision as it is. expected: the revisions that the client knows; None for
    any. listed_up_to: members up to which the caller is going to list them (`members.listed_in_parts`).
    Raises UnknownGroup, and of a group that was ended by hand EndedGroupWritten; Stale, GroupProvisioningOff,
    GroupNameTaken, members.UnknownMembers, and what `edit` raises.
    """
    try:
        _refuse_if_off(org, group_id)
        return _change_group(org, group_id, edit, cause, expected, listed_up_to)
    except UnknownGroup:
        if ended := group_ends.missed(org, group_id):
            raise ended from None
        raise


@command
def _change_group(
    org: Organization,
    group_id: UUID,
    edit: Callable[[PushedGroup], GroupEdit],
    cause: Cause,
    expected: frozenset[int] | None,
    listed_up_to: int,
) -> PushedGroup:
    group, anybody_taken_out, locked_at = _locked(org, group_id, expected)
    was = group.display_name
    wished = edit(group)
    written = assign(group, wished.facts)
    cause = cause.under_locks(locked_at)
    change_id = transactions.next_change()
    # The clock of a standby that took over may be behind, and must not make people members before a mapping fell back
    # (SPEC M2).
    at = max(cause.at, group.modified_at)
    delta = Delta()
    if group.imported:  # by this write it is adopted, as by a create (SPEC G2)
        group.imported, group.out_of_sync = False, bool(group.member_count)
        written += ["imported", "out_of_sync"]
    for change in _at_once(wished.members):
        delta += _carry_out(group, change, change_id, at)
    if delta:
        group.member_count += delta.added - delta.removed
        written.append("member_count")
    if group.out_of_sync and any(change.op == "replace" for change in wished.members):
        group.out_of_sync = False
        written.append("out_of_sync")
    if not written and not delta:
        marked = _end_removals(group, change_id, anybody_taken_out)
        if marked or delta.skipped:
            detail = GroupChanged(**about(group, delta), marked=marked)
            _record(org, group, detail, cause, change_id, delta.skipped)
        return _to_list(group, listed_up_to)
    group.revision += 1
    group.modified_at = at
    save(group, update_fields=[*written, "revision", "modified_at"])
    outcome, is_renamed = Outcome(), "display_name" in written
    if is_renamed:
        outcome = rule_evaluation.renamed(group, was=was, change_id=change_id, at=at)
    # After the mappings: one that has just fallen back must not end removals, or it would place people (SPEC M2, R4).
    marked = _end_removals(group, change_id, anybody_taken_out) + delta.added + delta.removed
    if "roles" in written or outcome.settles:
        marked += members.mark_all(group, change_id=change_id)
    detail = GroupChanged(
        **about(group, delta),
        was=was if is_renamed else None,
        marked=marked,
        mappings=outcome.mappings,
        entities=outcome.renamed,
    )
    _record(org, group, detail, cause, change_id, delta.skipped)
    return _to_list(group, listed_up_to)


def _to_list(group: PushedGroup, most: int) -> PushedGroup:
    """The group, with its members asked for if there are no more than so many."""
    if group.member_count <= most:
        members.ask_listed(group)
    return group


def delete_group(*, org: Organization, group_id: UUID, cause: Cause, expected: frozenset[int] | None = None) -> None:
    """Hide a group from SCIM and release its members (SPEC G4). Raises UnknownGroup, Stale, GroupProvisioningOff."""
    _refuse_if_off(org, group_id)
    _delete_group(org, group_id, cause, expected)


@command
def _delete_group(org: Organization, group_id: UUID, cause: Cause, expected: frozenset[int] | None) -> None:
    members.lock_groups_around(org, group_id)
    group, anybody_taken_out, locked_at = _locked(org, group_id, expected)
    cause = cause.under_locks(locked_at)
    change_id = transactions.next_change()
    delta = members.keep_only(group, (), change_id=change_id)
    _end_removals(group, change_id, anybody_taken_out)
    members.hide(group, at=cause.at)
    outcome = rule_evaluation.deleted(group, change_id=change_id, at=cause.at)
    detail = GroupDeleted(**about(group, delta), marked=delta.removed, mappings=outcome.mappings)
    _record(org, group, detail, cause, change_id, delta.skipped)


@command
def confirm_members(*, org: Organization, group_id: UUID, revision: int, cause: Cause) -> PushedGroup:
    """End *out of sync*: an admin says that the members whom they were shown are those of the IdP (SPEC O3).

    revision: what they were shown. Again, it changes nothing. Raises UnknownGroup; Stale if the group has been written
    since; GroupProvisioningOff, because while writes are refused nobody can say what else was.
    """
    if not org.group_provisioning:
        raise GroupProvisioningOff(activated=org.group_provisioning_activated)
    group, _, _ = _locked(org, group_id, frozenset((revision,)))
    if group.out_of_sync:
        group.out_of_sync = False
        group.save(update_fields=["out_of_sync"])
        detail = GroupConfirmed(
            group=str(group.id), name=group.display_name, members=group.member_count, revision=revision
        )
        history.record(org, cause, detail)
    return group


def _end_removals(group: PushedGroup, change_id: UUID, anybody_taken_out: bool) -> int:
    """End removals by hand around the group, since this write names it (SPEC R4). Returns how many were marked."""
    return manual_changes.end_removals_around(group, change_id=change_id) if anybody_taken_out else 0


def _at_once(changes: Sequence[MembersChange]) -> Sequence[MembersChange]:
    """Changes with the same result that keep people who are removed and added again as members all the time.

    The time at which they were added decides what they hold (SPEC C2). Everybody who is to be added at any step is
    still added, or an unknown id would go unnoticed (SPEC G3).
    """
    if len(changes) < 2:
        return changes
    is_in: dict[str, bool] = {}
    added: dict[str, None] = {}
    # What a later `replace` undoes is looked at once, however many of them there are.
    last = max((at for at, change in enumerate(changes) if change.op == "replace"), default=0)
    for at, change in enumerate(changes):
        ids = [_canonical(id_) for id_ in change.ids]
        if at == last and change.op == "replace":
            is_in = dict.fromkeys(is_in, False)
        if change.op != "remove":
            added |= dict.fromkeys(ids)
        is_in |= dict.fromkeys(ids, change.op != "remove")
    leaving = tuple(id_ for id_, stays in is_in.items() if not stays)
    if any(change.op == "replace" for change in changes):
        staying = tuple(id_ for id_, stays in is_in.items() if stays)
        added = {id_: None for id_ in leaving if id_ in added}
        return MembersChange("replace", staying), MembersChange("add", tuple(added)), MembersChange("remove", leaving)
    return MembersChange("add", tuple(added)), MembersChange("remove", leaving)


def _canonical(id_: str) -> str:
    """An id as the portal writes it; text that cannot be an id is returned unchanged."""
    try:
        return str(UUID(id_))
    except ValueError:
        return id_


def _carry_out(group: PushedGroup, change: MembersChange, change_id: UUID, at: datetime) -> Delta:
    match change.op:
        case "add":
            return members.add(group, change.ids, change_id=change_id, at=at)
        case "remove":
            return members.remove(group, change.ids, change_id=change_id)
        case "replace":
            removed = members.keep_only(group, change.ids, change_id=change_id)
            return removed + members.add(group, change.ids, change_id=change_id, at=at)


def _meant_by(org: Organization, facts: GroupFacts) -> PushedGroup | None:
    """The group that a create refers to, locked; None for a new one. Raises GroupNameTaken.

    It is the one that was imported with the name, or else with the external id (SPEC G2), or else the last deleted one
    of the name (SPEC G5).
    """
    key = fold(facts.display_name)
    asked = Q(display_name_key=key)
    if facts.external_id:
        asked |= Q(external_id=facts.external_id, imported=True)
    found = list(PushedGroup.objects.for_org(org).live().filter(asked).order_by("id").select_for_update())
    namesake = next((group for group in found if group.display_name_key == key), None)
    if namesake is not None and not namesake.imported:
        raise GroupNameTaken(facts.display_name)
    return namesake or next(iter(found), None) or restorable(org, facts.display_name)


def restorable(org: Organization, name: str) -> PushedGroup | None:
    """The last deleted group of a name, locked; None if there is none."""
    deleted = PushedGroup.objects.for_org(org).filter(display_name_key=fold(name), deleted_at__isnull=False)
    return deleted.order_by("-deleted_at").select_for_update().first()


def bring_back(group: PushedGroup) -> None:
    """Make a deleted group a live one without anything of before, for the caller to save (SPEC G5)."""
    group_ends.forget(group)
    group_ends.keep_free_reference(group)
    group.deleted_at = None
    group.out_of_sync = group.imported = False
    group.revision += 1


def _refuse_if_off(org: Organization, group_id: UUID) -> None:
    """Store that the group missed a write, although the request fails (SPEC O3)."""
    if not org.group_provisioning:
        if not PushedGroup.objects.for_org(org).live().filter(id=group_id).update(out_of_sync=True):
            raise UnknownGroup(group_id)
        raise GroupProvisioningOff(activated=org.group_provisioning_activated)


def _locked(org: Organization, group_id: UUID, expected: frozenset[int] | None) -> tuple[PushedGroup, bool, datetime]:
    """A group, locked, whether anybody in the org was taken out of anything by hand, and the time of the lock.

    Raises UnknownGroup, Stale.
    """
    row = _to_write().ask("id", group_id, where=LIVE, params=[org.id], lock="FOR UPDATE")
    taken_out = manual_changes.ask_for_removals(org.id)
    group = row()
    if group is None:
        raise UnknownGroup(group_id)
    if expected is not None and group.revision not in expected:
        raise Stale(group_id)
    return group, taken_out(), group.locked_at


@cache
def _to_write() -> Joined:
    return Joined(PushedGroup, json=["attributes", "folded"])


def assign(group: PushedGroup, facts: GroupFacts) -> list[str]:
    """Set the columns that differ. Returns their names."""
    written = []
    for name in FACTS:
        value = getattr(facts, name)
        value = list(value) if isinstance(value, tuple) else value
        if getattr(group, name) != value:
            setattr(group, name, value)
            written.append(name)
    return written


def restate(group: PushedGroup, *, attributes: Mapping[str, Any], folded: Mapping[str, Any]) -> bool:
    """Write what is stored of a group in another form, which changes no fact. Returns whether it was written.

    group: not locked; one that was written since it was read stays as it is.
    """
    rows = PushedGroup.objects.for_org(group.org_id).filter(pk=group.pk, revision=group.revision)
    return bool(rows.update(attributes=attributes, folded=folded))


def forget_person(group: PushedGroup, *, attributes: Mapping[str, Any], folded: Mapping[str, Any]) -> None:
    """Write what is left of a group's attributes without somebody who was erased (SPEC U5). group: locked."""
    group.attributes, group.folded = dict(attributes), dict(folded)
    group.revision += 1
    group.save(update_fields=["attributes", "folded", "revision"])
    feed.touch(group.org_id, [("group", str(group.id))])


def restore(
    group: PushedGroup, *, columns: Mapping[str, Any], copies: Documents, out_of_sync: bool, at: datetime
) -> None:
    """Write what was said of a group before (SPEC T2). group: locked. columns, copies: as of `people.restore`."""
    written = past.assign(group, columns)
    if group.deleted_at is None and "deleted_at" in written:
        group_ends.forget(group)
        group_ends.keep_free_reference(group)
    group.out_of_sync = group.out_of_sync or (out_of_sync and group.deleted_at is None)
    written += past.assign(group, copies(group))
    group.revision += 1
    group.modified_at = max(group.modified_at, at)
    save(group, [*written, "reference", "out_of_sync", "revision", "modified_at"])


def save(group: PushedGroup, update_fields: list[str] | None = None) -> None:
    """Raises GroupNameTaken, people.TakenMeanwhile for its reference; either ends the transaction."""
    try:
        if update_fields is None:
            group.save(force_insert=group._state.adding)
        else:
            cached_write.update(group, update_fields, postponed={"display_name", "reference"}.isdisjoint(update_fields))
    except IntegrityError as error:
        if violated(error) == "pushed_group_name_once":
            raise GroupNameTaken(group.display_name) from error
        if violated(error) == "pushed_group_reference_once":
            raise TakenMeanwhile from error
        raise


def about(group: PushedGroup, delta: Delta) -> GroupAbout:
    """What a change tells of a group and its members."""
    return {
        "group": str(group.id),
        "name": group.display_name,
        "added": delta.added,
        "removed": delta.removed,
        "nested": delta.nested,
    }


def _record(
    org: Organization,
    group: PushedGroup,
    detail: GroupDetail,
    cause: Cause,
    change_id: UUID,
    skipped: Sequence[UUID],
) -> None:
    """Record one Change with what changed, and a ledger entry for each person who could not be added (SPEC G3)."""
    effects = [Effect(user_id, "skipped", None, str(group.id)) for user_id in skipped]
    history.record(org, cause, detail, effects, change_id=change_id)
