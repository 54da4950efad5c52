"""The roles of a profile, loaded (SPEC R1)."""

from functools import lru_cache
from uuid import UUID

from django.db import connection

from orgs.catalogue import Catalogue
from orgs.models import Role, SchemaProfile

_HELD = "SELECT key FROM orgs_role WHERE profile_id = %s FOR KEY SHARE"


def catalogue(profile: SchemaProfile) -> Catalogue:
    """The roles of `profile`, loaded once per process and profile revision."""
    return _load(profile.pk, profile.revision, profile.role_policy)


def held(profile: SchemaProfile) -> frozenset[str]:
    """The keys of the roles that `profile` has, locked so that none is deleted before this transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(_HELD, [profile.pk])
        return frozenset(key for (key,) in cursor.fetchall())


@lru_cache(maxsize=256)
def _load(profile_id: UUID, revision: int, policy: str) -> Catalogue:
    roles = list(Role.objects.filter(profile=profile_id).order_by("-rank"))
    return Catalogue(
        keys=tuple(role.key for role in roles),
        default=next(role.key for role in roles if role.is_default),
        admin=next(role.key for role in roles if role.is_admin),
        policy=policy,
    )
