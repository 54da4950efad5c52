"""The feed (SPEC E1): what is new after a cursor, and without one everything there is."""

from typing import Any, ClassVar
from uuid import UUID

from rest_framework.request import Request

from api import cursors, feed_items, problems
from api.base import ApiView
from api.cursors import Cursor, CursorMismatch
from api.description import describes
from api.feed_items import OF_ALL, OF_AN_ORG
from api.problems import Problem
from api.serializers import ChangesPage, ChangesQuery
from orgs import feed
from orgs.feed import Look, Range
from orgs.models import Scope

PROBLEMS = ("cursor-mismatch", "resync-required")


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

    @describes("Follow an organization", query=ChangesQuery, answer=ChangesPage, problems=PROBLEMS)
    def get(self, request: Request, org: UUID) -> dict[str, Any]:
        """What has changed in it since a cursor; without one everything there is, which is the full sync. An item is a
        resource as it is now, and moves to the end whenever something of it changes. Store `next` once the page is
        applied, and ask on while `has_more`.
        """
        if self.key_of not in (None, org):
            raise problems.not_found()
        return self.answer(request, org)


class AllChanges(Changes):
    """Those of all orgs, for the operator's keys."""

    kinds = OF_ALL

    @describes("Follow all organizations", query=ChangesQuery, answer=ChangesPage, problems=PROBLEMS)
    def get(self, request: Request) -> dict[str, Any]:
        """The same of all organizations, and the organizations themselves, for keys of the operator."""
        if self.key_of is not None:
            raise problems.not_found()
        return self.answer(request, None)


def read_cursor(after: str, org_id: UUID | None, kinds: frozenset[str]) -> Cursor:
    """What a client sends as a cursor. Raises Problem."""
    try:
        return cursors.read(after, org_id=org_id, kinds=kinds)
    except CursorMismatch:
        raise problems.cursor_mismatch() from None


def refuse_former(cursor: Cursor, look: Look) -> None:
    """Raises Problem where a cursor is not of this epoch, or was given by a database that had come further."""
    if cursor.epoch == look.epoch and cursor.position <= look.position:
        return
    detail = (
        "The database has been restored, or has moved, since this cursor was given. Start without one, overwrite what "
        "you have whatever its positions, and delete what is not named."
    )
    raise Problem(410, detail, kind="resync-required")
