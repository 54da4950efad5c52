"""What a rule would have done with the pushes of the last days (SPEC T4): from the history of facts, not from the log.

As if this rule alone had been there, first to match as it would be saved: what other rules or admins did is not undone,
and a group that has such a mapping by now keeps that one.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from groups_provisioning.engine import as_of
from groups_provisioning.engine.loading import microseconds
from groups_provisioning.engine.resolution import Span
from orgs import past
from orgs.models import Organization

DAYS = timedelta(days=30)


class Push(NamedTuple):
    """A group that was pushed, restored or renamed, to this name; deleted, where that is None. is_there: now."""

    group_id: UUID
    at: datetime
    name: str | None
    is_there: bool


@dataclass(slots=True)
class Tried:
    """How a group fared with the rule. at, name: of the push that first matched. spans: when the mapping was approved;
    the last one has an end if a later name did not match. There is none after the group was deleted.
    """

    at: datetime
    name: str
    spans: list[Span] = field(default_factory=list)

    @property
    def is_approved(self) -> bool:
        return bool(self.spans) and self.spans[-1][1] is None


@dataclass(slots=True)
class BackTest:
    """since: the first moment that is looked at. is_all: whether that is as long ago as it is to be. pushes: how many
    there were. tried: the groups that the rule would have mapped and that are there. gone: the names of those that were
    deleted since. taken: of those that are there, the ones that have such a mapping, or one that an admin rejected.
    """

    since: datetime
    is_all: bool
    pushes: int = 0
    tried: dict[UUID, Tried] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    taken: list[UUID] = field(default_factory=list)


# A command's rows are written a little after the time that it gives to what it approves.
_PUSHES = """
SELECT p.about, coalesce(c.at, p.at), p.was IS NULL, p.was -> 'deleted_at' = 'null', p.was ->> 'display_name',
    g.display_name, g.deleted_at IS NULL
FROM orgs_past p JOIN groups_provisioning_pushedgroup g ON g.org_id = p.org_id AND g.id = p.about
LEFT JOIN orgs_change c ON c.id = p.change_id
WHERE p.org_id = %(org)s AND p.at > %(since)s AND p.kind = 'group'
    AND (p.was IS NULL OR p.was ?| ARRAY['display_name', 'deleted_at'])
ORDER BY p.about, p.id DESC
"""


def run(org: Organization, matches: Callable[[str], bool], *, at: datetime) -> BackTest:
    """Try a rule on the pushes until `at`, in one statement. matches: whether it is the first of its list to match."""
    began = past.began(org)
    test = BackTest(max(at - DAYS, began), is_all=began <= at - DAYS)
    matching = cache(matches)  # names repeat
    for group_id, found in groupby(_pushes(org, test.since), attrgetter("group_id")):
        pushes = list(found)
        test.pushes += sum(push.name is not None for push in pushes)
        tried = _try(reversed(pushes), matching)
        if tried and not pushes[0].is_there:
            test.gone.append(tried.name)
        elif tried and tried.spans:
            test.tried[group_id] = tried
    return test


def _pushes(org: Organization, since: datetime) -> Iterator[Push]:
    """Group by group, of each the last one first: names are those of now, with those of before laid over them."""
    with connection.cursor() as cursor:
        cursor.execute(_PUSHES, {"org": org.id, "since": since})
        about, name = None, ""
        for group_id, at, is_new, is_deletion, was_called, called, is_there in cursor.fetchall():
            if group_id != about:
                about, name = group_id, called
            is_push = is_new or not is_deletion
            yield Push(group_id, at, name if is_push else None, is_there)
            name = name if was_called is None else was_called


def _try(pushes: Iterable[Push], matching: Callable[[str], bool]) -> Tried | None:
    """What one group's pushes come to (SPEC M2, M4, M6)."""
    tried: Tried | None = None
    for push in pushes:
        at = microseconds(push.at)
        if push.name is None:
            if tried:
                tried.spans.clear()  # its mapping is rejected, and the rules are asked anew if it comes back
        elif matching(push.name):
            tried = tried or Tried(push.at, push.name)
            if not tried.is_approved:
                tried.spans.append((at, None))
        elif tried and tried.is_approved:
            tried.spans[-1] = (tried.spans[-1][0], at)
    return tried


_MEMBERS_THEN = f"""
SELECT g.id, count(m.user_id) FROM unnest(%(ids)s::uuid[], %(ats)s::timestamptz[]) AS g (id, at)
LEFT JOIN LATERAL ({as_of.MEMBERS_THEN.format(at="g.at")}) AS m ON m.group_id = g.id GROUP BY g.id
"""  # noqa: S608 - of constants


def members_then(moments: Mapping[UUID, datetime]) -> dict[UUID, int]:
    """How many people were in groups at a moment for each."""
    with connection.cursor() as cursor:
        cursor.execute(_MEMBERS_THEN, {"ids": list(map(str, moments)), "ats": list(moments.values())})
        return dict(cursor.fetchall())
