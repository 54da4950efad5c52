"""Organizations: making them, finding them, and the one switch that is their admins'."""

from dataclasses import dataclass

from django.db import IntegrityError
from django.utils.text import slugify

from orgs import history, people
from orgs.keys import fold
from orgs.models import Organization, Plan, SchemaProfile, User
from orgs.transactions import command

FEATURES = ("user_provisioning", "group_provisioning", "teams", "concurrency_groups", "sub_organizations")


class OrganizationExists(Exception):
    """Another org has this name."""


class UnknownOrganization(Exception):
    """No org has this name or slug."""


class NotActivated(Exception):
    """Support has not activated group provisioning for this org (SPEC O2)."""


@dataclass(frozen=True, slots=True)
class Founded:
    org: Organization
    owner: User


@command
def found(
    *,
    name: str,
    owner_email: str,
    profile: SchemaProfile,
    features: frozenset[str] = frozenset(),
    ready_for_scim: bool = False,
    cause: history.Cause,
) -> Founded:
    """A new org with its owner account (SPEC O8), who has no password yet.

    features: names from FEATURES. ready_for_scim: also set what SPEC O1 asks for.
    Raises OrganizationExists, people.NotAnAddress, people.AddressTaken.
    """
    slug = slugify(name) or "org"
    try:
        org = Organization.objects.create(
            name=name,
            slug=slug[:80],
            profile=profile,
            plan=Plan.ENTERPRISE if ready_for_scim else Plan.FREE,
            sso_configured=ready_for_scim,
            group_provisioning_activated="group_provisioning" in features,
            **{feature: feature in features for feature in FEATURES},
        )
    except IntegrityError as error:
        raise OrganizationExists(name) from error
    owner = people.add_owner(org=org, email=owner_email, cause=cause)
    history.record(org, cause, "org.founded", name=name, profile=profile.key)
    return Founded(org, owner)


def named(name: str) -> Organization:
    """The org with this slug or name, without letter case. Raises UnknownOrganization."""
    org = (
        Organization.objects.filter(slug=name).first()
        or Organization.objects.filter(name_key=fold(name.strip())).first()
    )
    if org is None:
        raise UnknownOrganization(name)
    return org


@command
def switch_group_provisioning(*, org: Organization, on: bool, cause: history.Cause) -> bool:
    """Take group pushes or refuse them (SPEC O2, O3); groups, members and mappings stay. Whether anything changed.

    Raises NotActivated.
    """
    # No key is touched, so that requests which insert rows for this org need not wait.
    locked = Organization.objects.select_for_update(no_key=True).get(pk=org.pk)
    if on and not locked.group_provisioning_activated:
        raise NotActivated
    if locked.group_provisioning == on:
        return False
    locked.group_provisioning = on
    locked.save(update_fields=["group_provisioning"])
    history.record(locked, cause, "org.group_provisioning_switched", on=on)
    return True
