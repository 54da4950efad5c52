"""Accepting an invitation makes a person, who is settled (SPEC U13)."""

from dataclasses import dataclass
from datetime import datetime

from groups_provisioning.engine import reconcile
from orgs import history, invitations, people
from orgs.change_details import UserJoined
from orgs.db.transactions import command
from orgs.history import Cause
from orgs.invitations import Conflict, Conflicts, Reason
from orgs.models import Door, User


@dataclass(frozen=True, slots=True)
class Name:
    given: str
    family: str


@command
def accept(*, secret: str, name: Name, password: str, at: datetime) -> User:
    """Make the person who was invited, with the roles of the invitation set by hand; SCIM may adopt them later.

    Raises invitations.NotOpen, invitations.ThroughProvider, and Conflicts: somebody may have the address by now, or it
    may have been deactivated or deleted meanwhile, or lie outside the domains that the org has verified since.
    """
    invitation = invitations.of_secret(secret, at=at, lock=True)
    org = invitation.org
    if org.sso_connection is not None:
        raise invitations.ThroughProvider
    if found := invitations.conflicts(org, [invitation.address], invited=False):
        raise Conflicts(*found)
    try:
        user, effects = people.add_unmanaged(
            org=org,
            address=invitation.address,
            names=(name.given, name.family),
            roles=invitation.roles,
            password=password,
            at=at,
        )
    except people.UserNameTaken as error:  # SCIM made them at this moment
        raise Conflicts(Conflict(invitation.address, Reason.PERSON)) from error
    invitations.accepted(invitation, user, at)
    effects += reconcile.settle(org=org, user=user, is_new=True).effects
    told = UserJoined(user=str(user.id), invitation=str(invitation.id), roles=invitation.roles)
    history.record(org, Cause(Door.PAGE, at, person=user), told, effects)
    return user
