"""The roles of a profile, and what the facts about one person amount to (SPEC R1). No database but for the loading."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from orgs.models import Role, RolePolicy, SchemaProfile


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The roles of a profile, the highest first."""

    keys: tuple[str, ...]
    default: str
    admin: str
    policy: str

    def effective(self, idp: Collection[str], manual: Collection[str]) -> list[str]:
        """What the roles that the IdP wrote, on the user or on groups, and those set by hand amount to, highest first.

        Keys that are no role of the profile give none (SPEC P2).
        """
        for written in (idp, manual):
            known = [key for key in self.keys if key in written]
            if known:
                return known if self.policy == RolePolicy.UNION else known[:1]
        return [self.default]

    def with_admin(self, effective: list[str]) -> list[str]:
        """The roles of somebody who keeps the admin role against the facts (SPEC R5)."""
        if self.policy != RolePolicy.UNION:
            return [self.admin]
        return [key for key in self.keys if key == self.admin or key in effective]


def catalogue(profile: SchemaProfile) -> Catalogue:
    """The roles of `profile`, loaded once per process and revision of the profile."""
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
