"""Which roles take effect for one person, given the facts (SPEC R1). Plain Python."""

from collections.abc import Collection
from dataclasses import dataclass

from orgs.choices import RolePolicy


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The roles of a profile, highest first."""

    keys: tuple[str, ...]
    default: str
    admin: str
    policy: str

    def effective(self, idp: Collection[str], manual: Collection[str]) -> list[str]:
        """The roles that take effect, highest first: the IdP's, on the user or on groups, before those set by hand.

        Keys that do not name a role of the profile are ignored (SPEC P2).
        """
        for written in (idp, manual):
            known = [key for key in self.keys if key in written]
            if known:
                return known if self.policy == RolePolicy.UNION else known[:1]
        return [self.default]

    def with_admin(self, effective: list[str]) -> list[str]:
        """The roles of somebody who keeps the admin role although the facts no longer give it (SPEC R5)."""
        if self.policy != RolePolicy.UNION:
            return [self.admin]
        return [key for key in self.keys if key == self.admin or key in effective]
