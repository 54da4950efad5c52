"""Schema profiles and their roles: the only module that writes them."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q

from orgs import history, queue
from orgs.change_details import ProfileChanged
from orgs.db.keys import uuid7
from orgs.db.transactions import command
from orgs.history import Cause
from orgs.models import Role, SchemaProfile, User


class RoleInUse(Exception):
    """An IdP or an admin has given this role to somebody; its key is the argument."""


class RolesIncomplete(Exception):
    """The roles break a rule: exactly one default, exactly one admin role, unique keys and unique ranks."""


@dataclass(frozen=True, slots=True)
class RoleFacts:
    key: str
    rank: int
    is_default: bool = False
    is_admin: bool = False


@command
def keep(*, profile: SchemaProfile, roles: Collection[RoleFacts], cause: Cause) -> None:
    """Write a profile with exactly these roles, as its next revision.

    A role is identified by its key, which facts about people store; a role that is not listed is deleted. If the change
    can affect anybody's roles, everybody with the profile is settled again. Raises RolesIncomplete, RoleInUse.
    """
    check(roles)
    is_new = profile._state.adding
    counts_anew = False
    if not is_new:
        stored = SchemaProfile.objects.select_for_update(no_key=True).get(pk=profile.pk)
        profile.revision = stored.revision + 1
        counts_anew = stored.role_policy != profile.role_policy or _facts_of(stored) != set(roles)
    profile.save(force_insert=is_new)
    keys = [role.key for role in roles]
    gone = profile.roles.exclude(key__in=keys)
    for role in gone:
        if in_use(profile.pk, role.key):
            raise RoleInUse(role.key)
    gone.delete()
    # Two roles that swap ranks or marks would violate the unique constraints: make room first.
    for role in profile.roles.order_by("-rank"):
        Role.objects.filter(pk=role.pk).update(rank=role.rank + ROOM, is_default=False, is_admin=False)
    for facts in roles:
        profile.roles.update_or_create(
            key=facts.key,
            defaults={"rank": facts.rank, "is_default": facts.is_default, "is_admin": facts.is_admin},
        )
    for org in profile.orgs.order_by("id") if counts_anew else ():
        change_id = uuid7()
        marked = queue.mark_everyone(org, change_id)
        history.record(org, cause, ProfileChanged(profile=profile.key, marked=marked), change_id=change_id)


def _facts_of(profile: SchemaProfile) -> set[RoleFacts]:
    return {RoleFacts(role.key, role.rank, role.is_default, role.is_admin) for role in profile.roles.all()}


def check(roles: Collection[RoleFacts]) -> None:
    """Check the roles of a profile as a whole. Raises RolesIncomplete."""
    one_default = sum(role.is_default for role in roles) == 1
    one_admin = sum(role.is_admin for role in roles) == 1
    distinct = len({role.key for role in roles}) == len({role.rank for role in roles}) == len(roles)
    if not (one_default and one_admin and distinct and all(role.rank < ROOM for role in roles)):
        raise RolesIncomplete


def in_use(profile_id: UUID, key: str) -> bool:
    """Whether facts about anybody name this role."""
    people = User.objects.filter(org__profile=profile_id)
    return people.filter(Q(idp_roles__contains=[key]) | Q(manual_roles__contains=[key])).exists()


ROOM = 10_000
