"""The feed (SPEC E1): what is new after a cursor, and without one everything there is."""

from typing import Any, ClassVar
from uuid import UUID

from rest_framework.request import Request

from api import cursors, feed_items, problems
from api.base import ApiView
from api.cursors import Cursor, CursorMismatch
from api.feed_items import OF_ALL, OF_AN_ORG
from api.problems import Problem
from api.serializers import ChangesQuery
from orgs import feed
from orgs.feed import Look, Range
from orgs.models import Scope


class Changes(ApiView):
    """kinds: those that there are here."""

    scope = Scope.READ
    kinds: ClassVar[frozenset[str]]

    def answer(self, request: Request, org_id: UUID | None) -> dict[str, Any]:
        asked = self.asked(request, ChangesQuery, kinds=self.kinds)
        kinds = asked.get("kinds", self.kinds)
        cursor = read_cursor(asked["after"], org_id, kinds) if "after" in asked else None
        range_ = Range(org_id, kinds, cursor.position if cursor else 0)
        look = feed.look(range_)
        if not look.is_open:
            raise problems.not_found()
        if cursor:
            refuse_former(cursor, look)
        page, items = feed_items.read(range_, asked["limit"], look)
        following = cursors.write(Cursor(look.epoch, page.end), org_id=org_id, kinds=kinds)
        return {"items": items, "epoch": str(look.epoch), "next": following, "has_more": page.has_more}


class OrgChanges(Changes):
    """Those of one org, for its own keys and for the operator's. `feed.look` finds out whether it is there."""

    kinds = OF_AN_ORG

    def get(self, request: Request, org: UUID) -> dict[str, Any]:
        if self.key_of not in (None, org):
            raise problems.not_found()
        return self.answer(request, org)


class AllChanges(Changes):
    """Those of all orgs, for the operator's keys."""

    kinds = OF_ALL

    def get(self, request: Request) -> dict[str, Any]:
        if self.key_of is not None:
            raise problems.not_found()
        return self.answer(request, None)


def read_cursor(after: str, org_id: UUID | None, kinds: frozenset[str]) -> Cursor:
    """What a client sends as a cursor. Raises Problem."""
    try:
        return cursors.read(after, org_id=org_id, kinds=kinds)
    except CursorMismatch:
        detail = "This is no cursor, or was given for another organization or other filters. Start without one."
        raise Problem(400, detail, kind="cursor-mismatch", title="The cursor is of another question") from None


def refuse_former(cursor: Cursor, look: Look) -> None:
    """Raises Problem where a cursor is not of this epoch, or was given by a database that had come further."""
    if cursor.epoch == look.epoch and cursor.position <= look.position:
        return
    detail = (
        "The database has been restored, or has moved, since this cursor was given. Start without one, overwrite what "
        "you have whatever its positions, and delete what is not named."
    )
    raise Problem(410, detail, kind="resync-required", title="The feed has to be read from its start")
