"""What admins and support decide about changes that are held (SPEC T1, N4). Who is held, and why: `engine.holds`."""

from collections.abc import Collection
from uuid import UUID

from groups_provisioning.engine import holds
from groups_provisioning.engine.breaker import Rule
from groups_provisioning.models import Breach, BreachState
from orgs import history
from orgs.change_details import HoldBegan, HoldLetThrough
from orgs.db import transactions
from orgs.db.transactions import command
from orgs.history import Cause
from orgs.models import Organization, ScimToken


class NothingHeld(Exception):
    """The hold has ended, or these people are no longer held by it."""


@command
def hold(*, org: Organization, token: ScimToken, cause: Cause) -> bool:
    """Hold all that a token takes away from now on, until it is let through for everybody. Returns whether that is new.

    It is for support, who see that something goes wrong before it is too much (SPEC N4).
    """
    breach_id = holds.begin(org.pk, token.pk)
    if breach_id is None:
        return False
    history.record(org, cause, HoldBegan(breach=str(breach_id), token=str(token.pk), rules=[Rule.SUPPORT]))
    return True


@command
def let_through(*, org: Organization, breach_id: UUID, user_ids: Collection[UUID] | None = None, cause: Cause) -> int:
    """Have the facts count again for those who are held, or for some of them. Returns for how many people.

    A worker settles them. Where it is for everybody, support's hold ends, and what the token does from now on counts
    anew. Raises NothingHeld.
    """
    breach = found(org, breach_id, lock=True)
    change_id = transactions.next_change()
    released = holds.release(breach, user_ids, change_id)
    if not released and (user_ids is not None or Rule.SUPPORT not in breach.rules):
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
