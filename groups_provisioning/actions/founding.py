"""Founds an org, with everything that it starts with."""

from collections.abc import Mapping
from typing import Any

from groups_provisioning.actions import rules
from groups_provisioning.engine import reconcile
from orgs import organizations, owners
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
    slug: str = "",
    features: frozenset[str] = frozenset(),
    ready_for_scim: bool = False,
    settings: Mapping[str, Any] | None = None,
    mails_owner: bool = False,
    cause: Cause,
) -> Founded:
    """Found an org with its owner, who is settled, and its profile's starting rules.

    mails_owner: have a worker mail them a link to set a password. The others, and what is raised: as
    organizations.found.
    """
    founded = organizations.found(
        name=name,
        owner_email=owner_email,
        profile=profile,
        slug=slug,
        features=features,
        ready_for_scim=ready_for_scim,
        settings=settings,
        cause=cause,
    )
    reconcile.settle(org=founded.org, user=founded.owner, is_new=True)
    rules.start(org=founded.org, cause=cause)
    if mails_owner:
        owners.write(founded.org, owners.Letter.FOUNDED, founded.owner.user_name, now=founded.owner.user_name)
    return founded
