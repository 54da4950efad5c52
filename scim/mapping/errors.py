"""The SCIM error for each error of the domain."""

from collections.abc import Callable
from typing import Any

from groups_provisioning.actions import group_ends, group_intake, members, user_intake
from orgs import domains, people
from scim.protocol.errors import InvalidValue, ScimError, Uniqueness

_ERRORS: dict[type[Exception], Callable[[Any], ScimError]] = {
    user_intake.UnknownUser: lambda error: ScimError(f"There is no user {error}.", status=404),
    user_intake.Stale: lambda error: ScimError(
        f"{error} has changed since this ETag was given. Read it again, then repeat the change.", status=412
    ),
    user_intake.UserProvisioningOff: lambda error: ScimError(
        "User provisioning is switched off for this organization; only deactivating and deleting users works. "
        "Ask the portal's support to switch it on.",
        status=403,
    ),
    group_ends.EndedGroupWritten: lambda error: ScimError(
        f"There is no group {error.args[0]} any more: an admin of the portal ended it. Ask them to undo that, or push "
        "the group again.",
        status=404,
    ),
    group_intake.UnknownGroup: lambda error: ScimError(f"There is no group {error}.", status=404),
    group_intake.GroupNameTaken: lambda error: Uniqueness(f"There is a group with the displayName {error} already."),
    group_intake.GroupProvisioningOff: lambda error: ScimError(
        "Group provisioning is switched off for this organization. Ask an admin of the organization to switch it on, "
        "on the portal's SCIM provisioning page, then push the group again."
        if error.activated
        else "Group provisioning is not activated for this organization. Ask the portal's support to activate it, "
        "then push the group again.",
        status=403,
    ),
    members.UnknownMembers: lambda error: InvalidValue(
        f"members: {', '.join(error.args)} {'is' if len(error.args) == 1 else 'are'} no user of this organization. "
        "Assign these people to the application first, then push the group again."
    ),
    people.UserNameTaken: lambda error: Uniqueness(f"There is a user with the userName {error} already."),
    domains.ForeignDomain: lambda error: InvalidValue(
        f"userName: only addresses in {', '.join(error.args)} can be used in this organization. "
        "Map an address in one of these domains, or ask the portal's support to verify another domain."
    ),
}


def scim_error(error: Exception) -> ScimError | None:
    """The SCIM error for an error of the domain; None for any other exception."""
    explain = _ERRORS.get(type(error))
    return explain(error) if explain else None
