"""What the roles that facts give one person amount to (SPEC R1). Plain Python."""

from collections.abc import Collection
from dataclasses import dataclass

from orgs.choices import RolePolicy


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
