"""The feed (SPEC E1): what is new after a cursor, and without one everything there is."""

from typing import Any, ClassVar
from uuid import UUID

from rest_framework.request import Request

from api import cursors, problems, states
from api.base import ApiView
from api.cursors import Cursor, CursorMismatch
from api.description import describes
from api.problems import Problem
from api.serializers import STATES, ChangesPage, ChangesQuery
from orgs import feed
from orgs.db.transactions import snapshot
from orgs.feed import NUMBERS, Item, Look, Page, Range
from orgs.models import Scope

OF_AN_ORG = frozenset(NUMBERS) - {"organization"}
OF_ALL = frozenset(NUMBERS)
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
        if cursor and (cursor.epoch != look.epoch or cursor.position > look.position):
            raise resync_required()
        page, items = _page(range_, asked["limit"], look)
        following = cursors.write(Cursor(look.epoch, page.end), org_id=org_id, kinds=kinds)
        return {"items": items, "epoch": str(look.epoch), "next": following, "has_more": page.has_more}


class OrgChanges(Changes):
    """Those of one org, for its own keys and for the operator's. `feed.look` finds out whether it is there."""

    kinds = OF_AN_ORG

    @describes(
        "Follow an organization",
        query=ChangesQuery,
        answer=ChangesPage,
        problems=("cursor-mismatch", "resync-required"),
    )
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
    """The cursor that a client sent. Raises Problem."""
    try:
        return cursors.read(after, org_id=org_id, kinds=kinds)
    except CursorMismatch:
        raise problems.cursor_mismatch() from None


def resync_required() -> Problem:
    """What is answered to a cursor of another epoch."""
    detail = (
        "The database has been restored, or has moved, since this cursor was given. Start without `after`, overwrite "
        "what you have whatever its positions, and delete what is not named."
    )
    return Problem(410, detail, kind="resync-required")


def _page(range_: Range, limit: int, look: Look) -> tuple[Page, list[dict[str, Any]]]:
    if not look.is_newer:
        return Page([], look.position, has_more=False), []
    with snapshot():
        page = feed.page(range_, limit)
        found = states.present(page.items)
        fitting = next((n for n, item in enumerate(page.items) if item.resource not in found), len(page.items))
        if fitting < len(page.items):
            items = page.items[:fitting]
            page = Page(items, items[-1].position, has_more=True)
        changes = states.last_changes(page.items)
    serializers = {kind: serializer() for kind, serializer in STATES.items()}
    return page, [
        _item(item, found[item.resource], changes.get(item.resource), serializers[item.kind]) for item in page.items
    ]


def _item(item: Item, found: states.Found, change: dict[str, Any] | None, serializer: Any) -> dict[str, Any]:
    return {
        "kind": item.kind,
        "id": item.id,
        "organization": str(item.org_id),
        "position": item.position,
        "deleted": found.state is None,
        "erased": found.is_erased,
        "state": None if found.state is None else serializer.to_representation(found.state),
        "last_change": change,
    }
