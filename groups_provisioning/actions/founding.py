"""Founds an org, with everything that it starts with."""

from groups_provisioning.actions import rules
from groups_provisioning.engine import reconcile
from orgs import organizations
from orgs.db.transactions import command
from orgs.history import Cause
from orgs.models import SchemaProfile
from orgs.organizations import Founded


@command
def found(
    *,
    name: str,
    owner_email: str,
    profile: SchemaProfile,
    features: frozenset[str] = frozenset(),
    ready_for_scim: bool = False,
    cause: Cause,
) -> Founded:
    """Found an org with its owner, who is settled, and its profile's starting rules.

    Raises what organizations.found raises.
    """
    founded = organizations.found(
        name=name,
        owner_email=owner_email,
        profile=profile,
        features=features,
        ready_for_scim=ready_for_scim,
        cause=cause,
    )
    reconcile.settle(org=founded.org, user=founded.owner, is_new=True)
    rules.start(org=founded.org, cause=cause)
    return founded
