"""What admins decide about mass changes that are held (SPEC T1). Who is held, and why, is in `engine.holds`."""

from collections.abc import Collection
from uuid import UUID

from groups_provisioning.engine import holds
from groups_provisioning.models import Breach, BreachState
from orgs import history
from orgs.change_details import HoldLetThrough
from orgs.db import transactions
from orgs.db.transactions import command
from orgs.history import Cause
from orgs.models import Organization


class NothingHeld(Exception):
    """The hold has ended, or these people are no longer held by it."""


@command
def let_through(*, org: Organization, breach_id: UUID, user_ids: Collection[UUID] | None = None, cause: Cause) -> int:
    """Have the facts count again for those who are held, or for some of them. Returns for how many people.

    A worker settles them. Where it is for everybody, what the token does from now on counts anew. Raises NothingHeld.
    """
    breach = found(org, breach_id, lock=True)
    change_id = transactions.next_change()
    released = holds.release(breach, user_ids, change_id)
    if not released:
        raise NothingHeld
    detail = HoldLetThrough(
        breach=str(breach.id), token=str(breach.token_id), everybody=user_ids is None, marked=released
    )
    history.record(org, cause, detail, change_id=change_id)
    return released


def found(org: Organization, breach_id: UUID | str, *, lock: bool = False) -> Breach:
    """The breach, while an admin has to decide about it. Raises NothingHeld."""
    rows = Breach.objects.for_org(org).filter(id=breach_id, state=BreachState.OPEN)
    breach = (rows.select_for_update() if lock else rows).first()
    if breach is None:
        raise NothingHeld
    return breach
