"""When what an identity provider brings about is too much at once, and has to wait for an admin (SPEC T1). Pure.

What counts is what people lose, not how many changes there are: a reorganization that moves a tenth of an org passes,
and the group of twelve admins that is emptied does not.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

from groups_provisioning.engine.resolution import Effects, Person
from orgs.catalogue import Catalogue
from orgs.choices import HoldLimits, RolePolicy


class Limits(NamedTuple):
    """From when on it is too much.

    many: people who lose something, if they are also more than this percentage of the org, or more than half of those
    who had one of these things, which more than `few` lose. few: if they are more than half of the org. admins: who
    lose or get the admin role.
    """

    many: int
    few: int
    admins: int
    percentage: int


LIMITS: dict[str, Limits] = {
    HoldLimits.STRICT: Limits(many=20, few=5, admins=2, percentage=10),
    HoldLimits.STANDARD: Limits(many=50, few=10, admins=5, percentage=20),
    HoldLimits.LENIENT: Limits(many=200, few=20, admins=10, percentage=40),
}


def least() -> Limits:
    """What exceeds no limits is not more than these."""
    return Limits(*map(min, zip(*LIMITS.values(), strict=True)))


class Rule(StrEnum):
    """What may be too much: people who lose something, who lose the admin role, who get it.

    SUPPORT: all of that is, however little it is, until support or an admin ends it (SPEC N4).
    """

    LOSSES = "losses"
    DEMOTIONS = "demotions"
    PROMOTIONS = "promotions"
    SUPPORT = "support"


class Hold(NamedTuple):
    """What somebody who is held keeps. released: an admin let through what the facts say."""

    kept: Effects
    released: bool = False


class Share(NamedTuple):
    """Of one entity or role: how many people lose it, and how many had it."""

    losing: int
    had: int


@dataclass(frozen=True, slots=True)
class Counts:
    """What one token does within the window, in people, those under judgement included.

    losing, demoted, promoted: as in `Rule`. people: in the org, active and older than a day. shares: of what they lose.
    admins: who had the admin role. has_admins: the org has had an admin through SCIM for a day. waiting: further people
    whom the token's changes may concern. limits: those of the org.
    """

    losing: int = 0
    demoted: int = 0
    promoted: int = 0
    people: int = 0
    shares: Collection[Share] = ()
    admins: int = 0
    has_admins: bool = False
    waiting: int = 0
    limits: Limits = LIMITS[HoldLimits.STANDARD]

    @property
    def exceeded(self) -> set[Rule]:
        many, few, admins, percentage = self.limits
        found = set()
        half_of_something = any(share.losing > few and 2 * share.losing > share.had for share in self.shares)
        if self.losing > many and (100 * self.losing > percentage * self.people or half_of_something):
            found.add(Rule.LOSSES)
        if self.losing > few and 2 * self.losing > self.people:
            found.add(Rule.LOSSES)
        if self.demoted > admins and 2 * self.demoted > self.admins:
            found.add(Rule.DEMOTIONS)
        if self.promoted > admins and self.has_admins:
            found.add(Rule.PROMOTIONS)
        return found

    @property
    def may_exceed(self) -> set[Rule]:
        """What would be exceeded if all who wait lost what others lose, or got what others get."""
        more = self.waiting
        shares = [share._replace(losing=share.losing + more) for share in self.shares]
        return replace(
            self,
            losing=self.losing and self.losing + more,
            demoted=self.demoted and self.demoted + more,
            promoted=self.promoted and self.promoted + more,
            shares=shares,
        ).exceeded

    @property
    def is_little(self) -> bool:
        """Whether no limits can be exceeded, whatever the org's size."""
        losing = self.losing and self.losing + self.waiting
        admins = (count and count + self.waiting for count in (self.demoted, self.promoted))
        return losing <= least().few and all(count <= least().admins for count in admins)

    @property
    def exceeding(self) -> list[str]:
        """Which limits an org may choose that would be exceeded."""
        return [each for each, limits in LIMITS.items() if replace(self, limits=limits).exceeded]


class Lost(NamedTuple):
    """What somebody no longer has: entities by their ids, and roles."""

    places: list[str]
    roles: list[str]

    @property
    def is_something(self) -> bool:
        return bool(self.places or self.roles)


NOTHING = Lost([], [])


def lost(was: Effects, now: Effects, catalogue: Catalogue) -> Lost:
    """What somebody no longer has.

    The default role is what is left when nothing gives another one, so a union of roles never loses it. A key that
    names no role any more is not lost by what an identity provider does.
    """
    places = [entity for entity in was.places if entity not in now.places]
    roles = [role for role in was.roles if role in catalogue.keys]
    if catalogue.policy == RolePolicy.UNION:
        roles = [role for role in roles if role not in now.roles and role != catalogue.default]
    else:
        roles = [role for role in roles if catalogue.keys.index(role) < catalogue.keys.index(now.roles[0])]
    return Lost(places, roles)


def is_promoted(was: Effects, now: Effects, catalogue: Catalogue) -> bool:
    return catalogue.admin in now.roles and catalogue.admin not in was.roles


def kept(hold: Hold | None, person: Person, effects: Effects, catalogue: Catalogue) -> Effects | None:
    """What somebody has who is held; None if the effects of the facts count.

    They do where the hold was released, for somebody who is deactivated or deleted (SPEC U4), and where the facts no
    longer take anything away nor give the admin role: it was mended. Conflicts are not asked in the meantime.
    """
    if hold is None or hold.released or not person.active or person.deleted:
        return None
    roles = [role for role in hold.kept.roles if role in catalogue.keys]
    has = Effects(roles or [catalogue.default], dict(hold.kept.places))
    return has if lost(has, effects, catalogue).is_something or is_promoted(has, effects, catalogue) else None
