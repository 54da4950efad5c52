"""Organizations: making them, finding them, and what support and their admins set."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from orgs import history, people, queue
from orgs.db.keys import fold, uuid7
from orgs.db.transactions import command, violated
from orgs.models import KIND_SWITCHES, Organization, Plan, SchemaProfile, User

# What support may set; the features are among them.
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
    """People came by SCIM with the present profile's roles and attributes: another one would not know these."""


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
    queue.enrol(org, at=cause.at)
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


@command
def change(*, org: Organization, wishes: Mapping[str, Any], cause: history.Cause) -> None:
    """Write what support wants to be different, and record what went from what to what.

    Those whom the mappings of a kind placed are held once it is off, so it is noted when that was (SPEC M8); then, or
    with another profile, everybody is settled anew. wishes: values by their name in OF_SUPPORT; the others stay as
    they are now. Raises OrganizationExists, ProfileInUse.
    """
    locked = Organization.objects.select_for_update(no_key=True, of=("self",)).select_related("profile").get(pk=org.pk)
    was = {name: getattr(locked, name) for name in OF_SUPPORT}
    differing = [name for name in OF_SUPPORT if name in wishes and wishes[name] != was[name]]
    if not differing:
        return
    if "profile" in differing and is_provisioned(locked):
        raise ProfileInUse
    written = list(differing)
    for name in differing:
        setattr(locked, name, wishes[name])
        if name in KINDS and not wishes[name]:
            setattr(locked, f"{name}_off_at", cause.at)
            written.append(f"{name}_off_at")
    try:
        with transaction.atomic():
            locked.save(update_fields=written)
    except IntegrityError as error:
        if violated(error) == "org_name_once":
            raise OrganizationExists(locked.name) from error
        raise
    told = {name: {"was": _told(was[name]), "now": _told(wishes[name])} for name in differing}
    change_id = uuid7()
    touched = not {*KINDS, "profile"}.isdisjoint(differing)
    marked = queue.mark_everyone(locked, change_id) if touched else 0
    history.record(locked, cause, "org.changed", change_id=change_id, fields=told, marked=marked)


def is_provisioned(org: Organization) -> bool:
    """Whether SCIM has written people of this org."""
    return User.objects.for_org(org).filter(scim_managed=True).exists()


def _told(value: Any) -> Any:
    return value.key if isinstance(value, SchemaProfile) else value
