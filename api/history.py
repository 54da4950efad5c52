"""The history (SPEC E4): changes and their effects after a cursor, in the order in which they were committed."""

from typing import Any
from uuid import UUID

from rest_framework.request import Request

from api import cursors, history_items, ocsf, problems
from api.base import ApiView
from api.changes import PROBLEMS, read_cursor, refuse_former
from api.cursors import Cursor
from api.description import describes
from api.serializers import HistoryPage, HistoryQuery
from orgs import feed, history_feed
from orgs.db.transactions import snapshot
from orgs.history_feed import Page, Wanted
from orgs.models import Scope


class History(ApiView):
    scope = Scope.HISTORY

    def answer(self, request: Request, org_id: UUID | None) -> dict[str, Any]:
        asked = self.asked(request, HistoryQuery)
        wanted = Wanted(org_id, asked["since"], asked["until"], asked.get("verb", frozenset()), asked["resource"])
        question = _question(wanted)
        cursor = read_cursor(asked["after"], org_id, question) if "after" in asked else None
        after = cursor.position if cursor else 0
        look = feed.look_at_history(org_id, after)
        if not look.is_open:
            raise problems.not_found()
        if cursor:
            refuse_former(cursor, look)
        page, items = Page([], look.position, has_more=False), []
        if look.is_newer:
            with snapshot():
                page = history_feed.page(wanted, after, asked["limit"])
                items = history_items.native(org_id, page.items)
        if asked["format"] == "ocsf":
            items = [event for item in items for event in ocsf.events(item)]
        following = cursors.write(Cursor(look.epoch, page.end), org_id=org_id, kinds=question)
        return {"items": items, "epoch": str(look.epoch), "next": following, "has_more": page.has_more}


class OrgHistory(History):
    """That of one org, for its own keys and for the operator's. `feed` finds out whether the org is there."""

    @describes("Read the history of an organization", query=HistoryQuery, answer=HistoryPage, problems=PROBLEMS)
    def get(self, request: Request, org: UUID) -> dict[str, Any]:
        """Every change with its effects, in the order in which they were committed; whoever keeps the cursor misses
        none.
        """
        if self.key_of not in (None, org):
            raise problems.not_found()
        return self.answer(request, org)


class AllHistory(History):
    """That of all orgs, for the operator's keys."""

    @describes("Read the history of all organizations", query=HistoryQuery, answer=HistoryPage, problems=PROBLEMS)
    def get(self, request: Request) -> dict[str, Any]:
        """The same of all organizations, for keys of the operator."""
        if self.key_of is not None:
            raise problems.not_found()
        return self.answer(request, None)


def _question(wanted: Wanted) -> frozenset[str]:
    """What a cursor is good for. The form of the answer is no part of it: the items are the same."""
    about = {"since": wanted.since, "until": wanted.until, "resource": wanted.resource}
    parts = {f"{name}={value}" for name, value in about.items() if value}
    return frozenset({"history", *parts, *(f"verb={verb}" for verb in wanted.verbs)})
