"""Organizations: creating and finding them, and the settings that support and their admins change."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from orgs import history, matters, people, queue, roles
from orgs.change_details import (
    FieldStory,
    OrgChanged,
    OrgFounded,
    OrgGroupProvisioningSwitched,
    OrgHoldLimitsChanged,
    OrgTwoPersonsSwitched,
)
from orgs.choices import HoldLimits
from orgs.db import transactions
from orgs.db.keys import fold
from orgs.db.transactions import command, violated
from orgs.models import KIND_SWITCHES, Organization, Plan, SchemaProfile, User
from orgs.spans import switched

# What support may set, features included.
OF_SUPPORT = (
    "name",
    "plan",
    "sso_configured",
    "profile",
    "user_provisioning",
    "group_provisioning_activated",
    "group_provisioning",
    "teams",
    "concurrency_groups",
    "sub_organizations",
)
KINDS = tuple(KIND_SWITCHES.values())
FEATURES = ("user_provisioning", "group_provisioning", *KINDS)


class OrganizationExists(Exception):
    """Another org has this name."""


class UnknownOrganization(Exception):
    """No org has this name or slug."""


class ProfileInUse(Exception):
    """SCIM has provisioned people with the current profile's roles and attributes, which others may lack."""


class NotActivated(Exception):
    """Support has not activated group provisioning for this org (SPEC O2)."""


class TooFewAdmins(Exception):
    """Nobody could be the second admin."""


TWO = 2
"""Admins that an org needs to have two persons decide; the owner is one."""


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
    slug: str = "",
    features: frozenset[str] = frozenset(),
    ready_for_scim: bool = False,
    settings: Mapping[str, Any] | None = None,
    cause: history.Cause,
) -> Founded:
    """A new org with its owner account (SPEC O8), who has no password yet.

    slug: made of the name if empty. features: names from FEATURES. ready_for_scim: also set what SPEC O1 requires.
    settings: others, by their names in OF_SUPPORT. Raises OrganizationExists, people.NotAnAddress.
    """
    columns: dict[str, Any] = {
        "plan": Plan.ENTERPRISE if ready_for_scim else Plan.FREE,
        "sso_configured": ready_for_scim,
        "group_provisioning_activated": "group_provisioning" in features,
        **{feature: feature in features for feature in FEATURES},
        **(settings or {}),
    }
    try:
        org = Organization.objects.create(name=name, slug=slug or slug_of(name), profile=profile, **columns)
    except IntegrityError as error:
        raise OrganizationExists(name) from error
    queue.enrol(org, at=cause.at)
    owner = people.add_owner(org=org, email=owner_email, cause=cause)
    history.record(org, cause, OrgFounded(name=name, profile=profile.key, owner=str(owner.id)))
    return Founded(org, owner)


def slug_of(name: str) -> str:
    """The slug of a new org with this name."""
    return (slugify(name) or "org")[:80]


def named(name: str) -> Organization:
    """The org with this slug or name, compared without case. Raises UnknownOrganization."""
    org = (
        Organization.objects.filter(slug=name).first()
        or Organization.objects.filter(name_key=fold(name.strip())).first()
    )
    if org is None:
        raise UnknownOrganization(name)
    return org


@command
def switch_group_provisioning(*, org: Organization, on: bool, cause: history.Cause) -> bool:
    """Accept group pushes or refuse them (SPEC O2, O3); groups, members and mappings stay. Returns whether it changed.

    Raises NotActivated.
    """
    # No key is changed, so requests that insert rows for this org do not have to wait.
    locked = Organization.objects.select_for_update(no_key=True).get(pk=org.pk)
    if on and not locked.group_provisioning_activated:
        raise NotActivated
    if locked.group_provisioning == on:
        return False
    locked.group_provisioning = on
    locked.save(update_fields=["group_provisioning"])
    if on:
        matters.end_about_the_switch(locked.id)
    history.record(locked, cause, OrgGroupProvisioningSwitched(on=on))
    return True


@command
def set_hold_limits(*, org: Organization, limits: HoldLimits, cause: history.Cause) -> bool:
    """From now on hold mass changes that exceed these (SPEC T1); who is held stays so. Returns whether it changed."""
    locked = Organization.objects.select_for_update(no_key=True).get(pk=org.pk)
    was = locked.hold_limits
    if was == limits:
        return False
    locked.hold_limits = limits
    locked.save(update_fields=["hold_limits"])
    history.record(locked, cause, OrgHoldLimitsChanged(was=was, now=limits.value))
    return True


@command
def set_two_persons(*, org: Organization, on: bool, cause: history.Cause) -> bool:
    """Have what makes admins wait for a second one from now on, or no longer (SPEC T6). Returns whether it changed.

    Raises TooFewAdmins.
    """
    locked = Organization.objects.select_for_update(no_key=True, of=("self",)).select_related("profile").get(pk=org.pk)
    if locked.two_persons == on:
        return False
    if on and roles.admins(locked).count() < TWO:
        raise TooFewAdmins
    locked.two_persons = on
    locked.save(update_fields=["two_persons"])
    history.record(locked, cause, OrgTwoPersonsSwitched(on=on))
    return True


@command
def change(*, org: Organization, wishes: Mapping[str, Any], cause: history.Cause) -> None:
    """Write the settings that support changes, and record the old and the new values.

    The time at which a kind is switched on or off is noted, since claims are played with it (SPEC M2). After such a
    switch, or with another profile, everybody is settled again. wishes: values by name, from OF_SUPPORT; the other
    settings stay as they are. Raises OrganizationExists, ProfileInUse, NotActivated.
    """
    locked = Organization.objects.select_for_update(no_key=True, of=("self",)).select_related("profile").get(pk=org.pk)
    was = {name: getattr(locked, name) for name in OF_SUPPORT}
    differing = [name for name in OF_SUPPORT if name in wishes and wishes[name] != was[name]]
    if not differing:
        return
    if "profile" in differing and is_provisioned(locked):
        raise ProfileInUse
    will = was | {name: wishes[name] for name in differing}
    if will["group_provisioning"] and not will["group_provisioning_activated"]:
        raise NotActivated
    cause = cause.under_locks()
    change_id = transactions.next_change()
    written = list(differing)
    for name in differing:
        setattr(locked, name, wishes[name])
        if name in KINDS:
            column = f"{name}_switched_at"
            setattr(locked, column, switched(getattr(locked, column), cause.at, on=wishes[name]))
            written.append(column)
    try:
        with transaction.atomic():
            locked.save(update_fields=written)
    except IntegrityError as error:
        if violated(error) == "org_name_once":
            raise OrganizationExists(locked.name) from error
        raise
    told: dict[str, FieldStory] = {name: {"was": _told(was[name]), "now": _told(wishes[name])} for name in differing}
    touched = not {*KINDS, "profile"}.isdisjoint(differing)
    marked = queue.mark_everyone(locked, change_id) if touched else 0
    history.record(locked, cause, OrgChanged(fields=told, marked=marked), change_id=change_id)


def is_provisioned(org: Organization) -> bool:
    """Whether SCIM has written any people of this org."""
    return User.objects.for_org(org).filter(scim_managed=True).exists()


def _told(value: Any) -> Any:
    return value.key if isinstance(value, SchemaProfile) else value
