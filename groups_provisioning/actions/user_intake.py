"""What identity providers write to users. Each function is one command: one transaction, one `Change`, settled."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from uuid import UUID

from django.db import transaction

from groups_provisioning.actions import conflict_decisions, manual_changes, members
from groups_provisioning.engine import reconcile
from groups_provisioning.engine.hold_counts import Source
from groups_provisioning.engine.loading import Asked
from groups_provisioning.engine.reconcile import SettledPerson
from orgs import domains, history, matters, people
from orgs.change_details import PersonDetail, UserAdopted, UserChanged, UserCreated, UserDeleted, UserRevived
from orgs.db import transactions
from orgs.db.cached_select import Joined
from orgs.db.keys import fold
from orgs.db.transactions import command
from orgs.history import Cause, Effect
from orgs.matters import Occurrence
from orgs.models import MatterKind, Organization, User
from orgs.models.people import PROVISIONABLE


class UnknownUser(Exception):
    """SCIM has no such user in this org (SPEC O7)."""


class Stale(Exception):
    """The user has changed since the client read it (RFC 7644 §3.14)."""


class UserProvisioningOff(Exception):
    """Writes that do more than deactivate or delete are refused while the switch is off (SPEC O2)."""


UNUSABLE = (people.UserNameTaken, domains.ForeignDomain)
"""Why a userName cannot be used in an org."""


@dataclass(frozen=True, slots=True)
class Edit:
    """What a request turns a user into. refused: attribute name to the reason why the sent value was not accepted."""

    facts: people.Facts
    deactivates: bool = False
    refused: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Written:
    """A user as a command left them. settled: their effective roles and groups."""

    user: User
    settled: SettledPerson


@command
def create_user(*, org: Organization, facts: people.Facts, cause: Cause) -> Written:
    """Create a user, adopt one who was invited by hand, or revive one whom SCIM deleted (SPEC U3).

    The owner is never meant (SPEC O8). Raises UserProvisioningOff, people.UserNameTaken, domains.ForeignDomain.
    """
    if not org.user_provisioning:
        raise UserProvisioningOff
    if added := people.add_unless_known(org=org, facts=facts, at=cause.at):
        return Written(added[0], _settle_and_record(org, *added, UserCreated, cause))
    user = _meant_by(org, facts)
    if user is None:
        kind: type[PersonDetail] = UserCreated
        user, effects = people.add(org=org, facts=facts, at=cause.at)
    elif user.deleted_at is not None:
        kind = UserRevived
        effects = people.revive(user=user, facts=facts, at=cause.at)
    elif user.scim_managed:
        raise people.UserNameTaken(facts.user_name)
    else:
        kind = UserAdopted
        effects = people.change(user=user, facts=facts, at=cause.at) or []
        _tell_if_taken(user, effects, cause)
    if kind is not UserCreated:
        manual_changes.end_removals(user)
    return Written(user, _settle_and_record(org, user, effects, kind, cause))


@command
def change_user(
    *,
    org: Organization,
    user_id: UUID,
    edit: Callable[[User], Edit],
    cause: Cause,
    expected: frozenset[int] | None = None,
) -> Written:
    """Write what `edit` makes of the user as they are now, under the row's lock.

    A deactivation is carried out whatever else the request contains; what was refused is recorded in the ledger
    (SPEC U4). Removals by hand end even if nothing else changes (SPEC R4).
    expected: the revisions that the client knows; None for any.
    Raises UnknownUser, Stale, UserProvisioningOff, those in UNUSABLE, and what `edit` raises.
    """
    user, taken_out, locked_at, asked = _locked(org, user_id, expected)
    before, was_made_by_scim = people.facts_of(user), user.scim_managed
    wished = edit(user)
    facts, refused = wished.facts, dict(wished.refused)
    if wished.deactivates:
        cause = cause.under_locks(locked_at)
    if not org.user_provisioning:
        if not wished.deactivates:
            raise UserProvisioningOff
        facts = replace(before, active=False)
    try:
        # Only a new userName can conflict with another user's, and only a deactivation continues after a conflict.
        guarded = wished.deactivates and facts.user_name != before.user_name
        with transaction.atomic() if guarded else nullcontext():
            if facts.login_email != before.login_email or not user.scim_managed:
                domains.check(org, facts.login_email)
            effects = people.change(user=user, facts=facts, at=cause.at)
    except UNUSABLE:
        if not wished.deactivates:
            raise
        user, taken_out, _, asked = _locked(org, user_id, expected)
        refused["userName"] = f"{facts.user_name} cannot be used"
        facts = replace(facts, user_name=before.user_name, login_email=before.login_email)
        effects = people.change(user=user, facts=facts, at=cause.at)
    if not was_made_by_scim:
        _tell_if_taken(user, effects, cause)
    refusals = [Effect(user.id, "refused", name, value) for name, value in refused.items()]
    if effects is None:
        refusals = history.untold(refusals, user)  # a client that repeats a deactivation is recorded once
    ended = taken_out and manual_changes.end_removals(user)
    if effects is None and not refusals and not ended:
        return Written(user, reconcile.unsettled(asked))
    told = (effects or []) + refusals
    is_as_asked = not ended and user.placement_id == before.placement_id
    return Written(user, _settle_and_record(org, user, told, UserChanged, cause, asked=asked if is_as_asked else None))


@command
def delete_user(*, org: Organization, user_id: UUID, cause: Cause, expected: frozenset[int] | None = None) -> None:
    """Delete a user: deactivate, hide from SCIM, and undo decisions (SPEC U5, U3). Raises UnknownUser, Stale."""
    members.lock_groups_of(user_id)  # groups before users, in every command
    user = _present(_lock(org, user_id, "FOR UPDATE")(), user_id, expected)  # nobody else adds them to groups
    cause = cause.under_locks(user.locked_at)  # type: ignore[attr-defined]
    members.leave_all(user_id, at=cause.at)
    effects = people.delete(user=user, at=cause.at)
    change_id = transactions.change_id()
    conflict_decisions.forget(user=user, change_id=change_id)
    _settle_and_record(org, user, effects, UserDeleted, cause, change_id)


def _tell_if_taken(user: User, effects: Sequence[Effect] | None, cause: Cause) -> None:
    """Have admins told that somebody whom SCIM had not made was deactivated by it (SPEC N1)."""
    if effects and not user.active and any(each.slot == "account" for each in effects):
        detail = {"name": user.label, "token": str(cause.token.id) if cause.token else ""}
        assert user.org_id is not None
        taken = Occurrence(user.org_id, MatterKind.USER_TAKEN, str(user.id), cause.at, cause.request_id, detail)
        matters.note([taken])


def _locked(org: Organization, user_id: UUID, expected: frozenset[int] | None) -> tuple[User, bool, datetime, Asked]:
    """A user, locked, whether they were taken out of anything by hand, the time of the lock, and the facts.

    Raises UnknownUser, Stale.
    """
    row = _lock(org, user_id, "FOR NO KEY UPDATE")
    taken_out = manual_changes.ask_for_removals(org.id, user_id)
    asked = reconcile.ask(org.id, user_id)
    user = _present(row(), user_id, expected)
    return user, taken_out(), user.locked_at, asked  # type: ignore[attr-defined]


def _lock(org: Organization, user_id: UUID, lock: str) -> Callable[[], User | None]:
    """What gives a user, locked; they come with the next statement."""
    return _to_write().ask("id", user_id, where=PROVISIONABLE, params=[org.id], lock=lock)


def _present(user: User | None, user_id: UUID, expected: frozenset[int] | None) -> User:
    """A user who has just been locked, if it is one that the client knows. Raises UnknownUser, Stale."""
    if user is None:
        raise UnknownUser(user_id)
    if expected is not None and user.revision not in expected:
        raise Stale(user_id)
    transactions.next_change()
    return user


@cache
def _to_write() -> Joined:
    return Joined(User, json=["attributes", "folded"])


def _meant_by(org: Organization, facts: people.Facts) -> User | None:
    """The existing user whom a create refers to, locked.

    It is the user who has the userName now, or else one whom SCIM deleted with it: of several, the one with the same
    external id, or else the last. Two different external ids mean two people (SPEC U3).
    Raises domains.ForeignDomain.
    """
    domains.check(org, facts.login_email)
    namesakes = User.objects.for_org(org).filter(user_name_key=fold(facts.user_name), is_owner=False)
    locked = namesakes.select_for_update().order_by("-deleted_at")
    present = [user for user in locked if user.deleted_at is None]
    same = [user for user in locked if facts.external_id and user.external_id == facts.external_id]
    unknown = [user for user in locked if not (facts.external_id and user.external_id)]
    transactions.next_change()
    return next(iter([*present, *same, *unknown]), None)


def _settle_and_record(
    org: Organization,
    user: User,
    effects: list[Effect],
    kind: type[PersonDetail],
    cause: Cause,
    change_id: UUID | None = None,
    asked: Asked | None = None,
) -> SettledPerson:
    """Settle the user and record everything as one Change. asked: as in `reconcile.settle`."""
    switched = any(effect.slot == "account" and "active" in (effect.was, effect.now) for effect in effects)
    change_id = change_id or transactions.change_id()
    source = Source(cause.token.id, change_id) if cause.token else None
    is_new = kind is UserCreated
    settled = reconcile.settle(org=org, user=user, is_new=is_new, switched=switched, source=source, asked=asked)
    history.record(org, cause, kind(user=str(user.id)), effects + settled.effects, change_id=change_id)
    return settled
