"""Who keeps the admin role although the facts take it away (SPEC R5). Pure: accounts in, a verdict out.

Settling uses it, and so do previews of settling. It reads neither the clock nor the database.
"""

from collections.abc import Callable, Collection
from typing import NamedTuple
from uuid import UUID


class Account(NamedTuple):
    """One of the people who are settled together.

    counts: the person counts as an admin if they have the role: active, and not the owner (SPEC O8). had: they had the
    admin role until now. has: the facts alone give it to them. switched: this change activated, deactivated or
    deleted the account.
    """

    id: UUID
    counts: bool
    had: bool
    has: bool
    switched: bool = False


class Verdict(NamedTuple):
    """Who keeps the role, and what becomes of the others.

    keeper: has the role against the facts from now on. released: had it against the facts until now. gone: the people
    whose deactivated or deleted accounts leave the org without an admin.
    """

    keeper: UUID | None
    released: UUID | None = None
    gone: tuple[UUID, ...] = ()


def matters(accounts: Collection[Account], keeper: UUID | None) -> bool:
    """Whether there is anything to decide; if not, nobody gains or loses the role. keeper: the keeper until now."""
    if any(each.had != each.has or (each.switched and each.had) for each in accounts):
        return True
    return keeper is not None and any((each.has and each.counts) or each.id == keeper for each in accounts)


def decide(accounts: Collection[Account], keeper: UUID | None, others: Callable[[], bool]) -> Verdict:
    """Who keeps the role. keeper: the keeper until now. others: whether anybody else is an admin who counts.

    There is at most one keeper, and none while an admin who counts has the role by the facts. If several people lose
    the role at once, the one with the highest id keeps it. The keeper stays until there is another admin, or until
    their account is deactivated or deleted.
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
