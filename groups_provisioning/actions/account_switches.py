"""Deactivating people by hand, and activating them again (SPEC U12). Each command settles the person at once."""

from datetime import datetime, timedelta
from uuid import UUID

from groups_provisioning.engine import reconcile
from orgs import history, people
from orgs.activity import Activity
from orgs.change_details import PersonDetail, UserActivated, UserDeactivated, UserOpened
from orgs.db.transactions import command
from orgs.history import Cause
from orgs.models import Organization, ScimToken, User
from orgs.people import UnknownPerson

SILENT = timedelta(days=1)
"""An IdP whose tokens were not used for so long may be dead; before, what it says about people counts."""


class OwnerStays(Exception):
    """An org's admin cannot deactivate its owner (SPEC O8)."""


class OneselfStays(Exception):
    """Nobody deactivates their own account."""


class IdpDeactivated(Exception):
    """The IdP deactivated this person, and still calls: they are activated there."""


def refuse_to_close(user: User, cause: Cause) -> None:
    """Support may deactivate the owner, and so may the operator's keys. Raises OwnerStays, OneselfStays."""
    by, key = cause.person, cause.key
    if by is not None and by.id == user.id:
        raise OneselfStays(user.id)
    of_the_org = (by is not None and not by.is_staff) or (key is not None and key.org_id is not None)
    if user.is_owner and of_the_org:
        raise OwnerStays(user.id)


def needs_silence(user: User) -> bool:
    """Whether activating somebody sets the IdP's last word aside, so that only the word of a silent IdP is."""
    return not user.active and user.scim_managed and not user.activity.said


def is_silent(org: Organization, *, at: datetime) -> bool:
    """Whether no token of the org was used for SILENT. One that waits says nothing of the IdP (SPEC L8)."""
    return not ScimToken.objects.for_org(org).confirmed().filter(last_used_at__gt=at - SILENT).exists()


def opened(user: User) -> Activity:
    """What activating somebody makes of them."""
    return user.activity.opened() if user.scim_managed else Activity()


@command
def deactivate(*, org: Organization, user_id: UUID, cause: Cause) -> bool:
    """Deactivate somebody by hand, whatever the IdP says. Returns whether it changed anything.

    The last active admin too (SPEC R5). Raises UnknownPerson, OwnerStays, OneselfStays.
    """
    user = _locked(org, user_id)
    refuse_to_close(user, cause)
    return _switch(org, user, user.activity.closed(), UserDeactivated, cause)


@command
def activate(*, org: Organization, user_id: UUID, cause: Cause) -> bool:
    """End a deactivation by hand; or open somebody whom a silent IdP deactivated, until its next word about them.

    Returns whether it changed anything. Raises UnknownPerson, IdpDeactivated.
    """
    user = _locked(org, user_id)
    opens = needs_silence(user)
    if opens and not is_silent(org, at=cause.at):
        raise IdpDeactivated(user_id)
    return _switch(org, user, opened(user), UserOpened if opens else UserActivated, cause)


def _locked(org: Organization, user_id: UUID) -> User:
    user = User.objects.for_org(org).live().filter(id=user_id).select_for_update(no_key=True).first()
    if user is None:
        raise UnknownPerson(user_id)
    return user


def _switch(org: Organization, user: User, to: Activity, kind: type[PersonDetail], cause: Cause) -> bool:
    if to == user.activity:
        return False
    cause = cause.under_locks()
    effects = people.switch_by_hand(user=user, to=to, at=cause.at)
    effects += reconcile.settle(org=org, user=user, switched=True).effects
    history.record(org, cause, kind(user=str(user.id)), effects)
    return True
