"""The roles of a profile, loaded (SPEC R1)."""

from functools import lru_cache
from uuid import UUID

from orgs.catalogue import Catalogue
from orgs.models import Role, SchemaProfile


class UnknownRole(Exception):
    """The org's profile has no such role; the arguments are those roles."""


def catalogue(profile: SchemaProfile) -> Catalogue:
    """The roles of `profile`, loaded once per process and profile revision."""
    return _load(profile.pk, profile.revision, profile.role_policy)


@lru_cache(maxsize=256)
def _load(profile_id: UUID, revision: int, policy: str) -> Catalogue:
    roles = list(Role.objects.filter(profile=profile_id).order_by("-rank"))
    return Catalogue(
        keys=tuple(role.key for role in roles),
        default=next(role.key for role in roles if role.is_default),
        admin=next(role.key for role in roles if role.is_admin),
        policy=policy,
    )
