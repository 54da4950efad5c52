"""Which roles take effect for one person, given the facts (SPEC R1). Plain Python."""

from collections.abc import Collection
from dataclasses import dataclass

from orgs.choices import RolePolicy


class UnknownRole(Exception):
    """The profile has no role with this key."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The roles of a profile, highest first."""

    keys: tuple[str, ...]
    default: str
    admin: str
    policy: str

    def effective(self, idp: Collection[str], given: Collection[str], manual: Collection[str]) -> list[str]:
        """The roles that take effect, highest first.

        idp: those that the IdP wrote, on the user or on groups; they outrank roles set by hand (manual). given: those
        that the person's groups carry in the portal, which count beside either (SPEC R6). Keys that do not name a role
        of the profile are ignored (SPEC P2).
        """
        beside = manual if set(idp).isdisjoint(self.keys) else idp
        known = [key for key in self.keys if key in given or key in beside]
        if not known:
            return [self.default]
        return known if self.policy == RolePolicy.UNION else known[:1]

    def with_admin(self, effective: list[str]) -> list[str]:
        """The roles of somebody who keeps the admin role although the facts no longer give it (SPEC R5)."""
        if self.policy != RolePolicy.UNION:
            return [self.admin]
        return [key for key in self.keys if key == self.admin or key in effective]
