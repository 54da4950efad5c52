"""Erasing people (SPEC U5): the part that is done at once, in one transaction. `scim.erasing` has the rest."""

from uuid import UUID

from groups_provisioning.actions import members, user_intake
from groups_provisioning.engine import reconcile
from orgs import erasures, history, people, second_factors
from orgs.change_details import UserErased
from orgs.db import transactions
from orgs.db.transactions import command
from orgs.erasures import Receipt
from orgs.history import Cause
from orgs.models import Erasure, Organization, User
from orgs.people import UnknownPerson


class StillActive(Exception):
    """Only who is deactivated or deleted can be erased."""


@command
def erase(*, org: Organization, user_id: UUID, cause: Cause) -> Erasure:
    """Erase a person who is deactivated or deleted; the former is deleted first.

    Raises UnknownPerson, also for the owner and for somebody who was erased already; StillActive.
    """
    user = _locked(org, user_id)
    if user.active:
        raise StillActive(user_id)
    return _erase(org, user, cause)


@command
def erase_again(*, org: Organization, receipt: Receipt, cause: Cause) -> bool:
    """Erase somebody anew whom a restored database has again, active or not. Returns whether it was necessary.

    Raises UnknownPerson for the owner.
    """
    if Erasure.objects.for_org(org).filter(user=receipt.user_id).exists():
        return False
    if User.objects.for_org(org).filter(id=receipt.user_id).exists():
        _erase(org, _locked(org, receipt.user_id), cause, name_digest=receipt.name_digest)
    else:
        user = people.add_erased(org=org, user_id=receipt.user_id, at=receipt.at)
        reconcile.settle(org=org, user=user, is_new=True)
        erasures.begin_without_a_name(user, receipt)
        history.record(org, cause, UserErased(user=str(user.id)))
    return True


def _locked(org: Organization, user_id: UUID) -> User:
    """The person, locked so that no other transaction adds them to groups; their groups are locked before."""
    members.lock_groups_of(user_id)
    rows = User.objects.for_org(org).select_for_update(of=("self",))
    user = rows.filter(id=user_id, is_owner=False, erased_at=None).first()
    if user is None:
        raise UnknownPerson(user_id)
    return user


def _erase(org: Organization, user: User, cause: Cause, *, name_digest: bytes | None = None) -> Erasure:
    factors = second_factors.forget_person(user.id)
    if user.deleted_at is None:
        user_intake.delete_user(org=org, user_id=user.id, cause=cause)
        user.refresh_from_db()
    cause = cause.under_locks()
    transactions.next_change()  # a deletion before has its own
    erasure = erasures.begin(user, at=cause.at, name_digest=name_digest)
    effects = people.erase(user=user, at=cause.at)
    history.record(org, cause, UserErased(user=str(user.id)), effects)
    erasures.go_on(erasure, step=erasure.step, reached=erasure.reached, counts={"orgs_secondfactor": factors})
    erasures.look_again(erasure)
    return erasure
