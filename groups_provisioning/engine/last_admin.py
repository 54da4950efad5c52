"""Who keeps the admin role though the facts take it away (SPEC R5). No clock, no database: accounts in, a verdict out.

Settling, and previews of what settling would do, ask here.
"""

from collections.abc import Callable, Collection
from typing import NamedTuple
from uuid import UUID


class Account(NamedTuple):
    """One of the people who are looked at together.

    counts: as an admin, that is active and not the owner (SPEC O8). had, has: the admin role, until now and by the
    facts alone. switched: the change at hand opened or ended this account.
    """

    id: UUID
    counts: bool
    had: bool
    has: bool
    switched: bool = False


class Verdict(NamedTuple):
    """keeper: who has the role against the facts from now on. released: who did, and does no longer.

    gone: whose account ended, so that the org is left without an admin.
    """

    keeper: UUID | None
    released: UUID | None = None
    gone: tuple[UUID, ...] = ()


def matters(accounts: Collection[Account], keeper: UUID | None) -> bool:
    """Whether there is anything to decide; if not, nobody becomes or ceases to be an admin. keeper: until now."""
    if any(each.had != each.has or (each.switched and each.had) for each in accounts):
        return True
    return keeper is not None and any((each.has and each.counts) or each.id == keeper for each in accounts)


def decide(accounts: Collection[Account], keeper: UUID | None, others: Callable[[], bool]) -> Verdict:
    """Who keeps the role. keeper: who does until now. others: whether anybody else is an admin who counts.

    There is one keeper at most, and none while any admin by the facts counts. Of several who lose the role at once it
    is the one with the highest id; whoever keeps it stays the keeper until there is another admin, or their account
    ends.
    """
    if any(each.has and each.counts for each in accounts):
        return Verdict(None, released=keeper)
    ended = next((each.id for each in accounts if each.id == keeper and not each.counts), None)
    if keeper is not None and ended is None:
        return Verdict(keeper)
    losing = [each.id for each in accounts if each.had and not each.has and each.counts]
    leaving = [each.id for each in accounts if each.switched and not each.counts and (each.had or each.id == ended)]
    if not (losing or leaving) or others():
        return Verdict(None, released=ended)
    if losing:
        return Verdict(max(losing), released=ended)
    return Verdict(None, released=ended, gone=tuple(leaving))
