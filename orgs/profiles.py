"""Schema profiles, their roles and described attributes: the only module that writes them."""

import re
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from uuid import UUID

from django.db.models import Q

from orgs import history, queue
from orgs.change_details import ProfileChanged
from orgs.db import transactions
from orgs.db.keys import fold
from orgs.db.transactions import command
from orgs.history import Cause
from orgs.models import AttributeType, Carrier, ProfileAttribute, Role, SchemaProfile, User


class RoleInUse(Exception):
    """An IdP or an admin has given this role to somebody; its key is the argument."""


class RolesIncomplete(Exception):
    """The roles break a rule: exactly one default, exactly one admin role, unique keys and unique ranks."""


class Wrong(Enum):
    """Why an extension cannot have an attribute (SPEC P8)."""

    NAME = "name"  # RFC 7643 §2.1 has no such names
    EXTENSION = "extension"  # the profile has no extension that could have it
    CORE = "core"  # without its URN the name means an attribute of core
    TAKEN = "taken"  # the role or the placement has this name
    TWICE = "twice"


class BadAttributes(Exception):
    """Described attributes that no extension can have: the argument maps their places in the list to what is wrong."""


@dataclass(frozen=True, slots=True)
class RoleFacts:
    key: str
    rank: int
    is_default: bool = False
    is_admin: bool = False


@dataclass(frozen=True, slots=True)
class AttributeFacts:
    """A described attribute, as `ProfileAttribute` has it."""

    carrier: str
    name: str
    type: str = AttributeType.STRING
    multi_valued: bool = False
    case_exact: bool = False
    description: str = ""


@command
def keep(
    *,
    profile: SchemaProfile,
    roles: Collection[RoleFacts],
    attributes: Sequence[AttributeFacts],
    cause: Cause,
) -> None:
    """Write a profile with exactly these roles and described attributes, as its next revision.

    A role is identified by its key, which facts about people store; a role that is not listed is deleted. If the change
    can affect anybody's roles, everybody with the profile is settled again. Values that are stored stay as they are,
    whatever becomes of their descriptions. Raises RolesIncomplete, RoleInUse, BadAttributes.
    """
    check(roles)
    if wrong := wrong_attributes(profile, attributes):
        raise BadAttributes(wrong)
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
    profile.attributes.all().delete()
    ProfileAttribute.objects.bulk_create(ProfileAttribute(profile=profile, **asdict(facts)) for facts in attributes)
    for org in profile.orgs.order_by("id") if counts_anew else ():
        change_id = transactions.change_id()
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


def wrong_attributes(profile: SchemaProfile, attributes: Sequence[AttributeFacts]) -> dict[int, Wrong]:
    """What is wrong with which of the attributes, by their place in the list; nothing if the profile can have them."""
    taken = {
        Carrier.USER: {fold(profile.role_attribute), fold(profile.placement_attribute)},
        Carrier.GROUP: {fold(profile.group_role_attribute)},
    }
    extensions = {Carrier.USER: profile.user_extension, Carrier.GROUP: profile.group_extension}
    seen: set[tuple[Carrier, str]] = set()
    wrong: dict[int, Wrong] = {}
    for place, facts in enumerate(attributes):
        carrier, key = Carrier(facts.carrier), fold(facts.name)
        if not _NAME.fullmatch(facts.name):
            wrong[place] = Wrong.NAME
        elif not extensions[carrier]:
            wrong[place] = Wrong.EXTENSION
        elif key in CORE_NAMES[carrier]:
            wrong[place] = Wrong.CORE
        elif key in taken[carrier]:
            wrong[place] = Wrong.TAKEN
        elif (carrier, key) in seen:
            wrong[place] = Wrong.TWICE
        seen.add((carrier, key))
    return wrong


def in_use(profile_id: UUID, key: str) -> bool:
    """Whether facts about anybody name this role."""
    people = User.objects.filter(org__profile=profile_id)
    return people.filter(Q(idp_roles__contains=[key]) | Q(manual_roles__contains=[key])).exists()


_NAME = re.compile(r"[a-z][a-z0-9$_-]*", re.IGNORECASE | re.ASCII)

_COMMON = ("schemas", "id", "externalid", "meta")
CORE_NAMES = {
    Carrier.USER: frozenset(
        (
            *_COMMON,
            *("username", "name", "displayname", "nickname", "profileurl", "title", "usertype", "preferredlanguage"),
            *("locale", "timezone", "active", "password", "emails", "phonenumbers", "ims", "photos", "addresses"),
            *("groups", "entitlements", "roles", "x509certificates"),
        )
    ),
    Carrier.GROUP: frozenset((*_COMMON, "displayname", "members")),
}
"""The attributes of RFC 7643 §3.1, §4.1 and §4.2, folded."""

ROOM = 10_000
