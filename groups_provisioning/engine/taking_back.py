"""What facts would be without what a token, or one change, did (SPEC T2). Reads only; `actions.undo` carries it out.

What was created goes. A row that somebody else has changed since, or whose name is taken, stays as it is in that
respect, and so does what was created and then used by somebody else.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from groups_provisioning.engine.undo_checks import Check
from groups_provisioning.engine.undo_plan import TakingBack
from groups_provisioning.engine.undo_reading import traced_rows
from orgs import past
from orgs.change_details import ChangesTakenBack
from orgs.models import Change, Organization, ScimToken


class NotTaken(Exception):
    """There is no such token or change in this org, or it is none that can be taken back."""


class HistoryTooShort(Exception):
    """It was done before history was kept; the argument is since when it is."""


@dataclass(frozen=True, slots=True)
class Span:
    """What a token did, from `since` until `until`, or one change."""

    token: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    change: UUID | None = None

    def as_json(self) -> dict[str, str | None]:
        """As wishes and history have it; `of_json` reads it."""
        return {
            "token": str(self.token) if self.token else None,
            "since": self.since.isoformat() if self.since else None,
            "until": self.until.isoformat() if self.until else None,
            "change": str(self.change) if self.change else None,
        }

    @classmethod
    def of_json(
        cls, *, token: str | None = None, since: str | None = None, until: str | None = None, change: str | None = None
    ) -> "Span":
        return cls(
            token=UUID(token) if token else None,
            since=datetime.fromisoformat(since) if since else None,
            until=datetime.fromisoformat(until) if until else None,
            change=UUID(change) if change else None,
        )


def plan(org: Organization, span: Span) -> TakingBack:
    """What would be done to take it back. Raises NotTaken, HistoryTooShort."""
    ids, is_undo = _changes(org, span)
    back = TakingBack(frozenset(ids), is_undo)
    found = traced_rows(org, back.changes)
    Check(org, back, found).carry_out()
    return back


def _changes(org: Organization, span: Span) -> tuple[list[UUID], bool]:
    rows = Change.objects.for_org(org)
    if span.change:
        change = rows.filter(id=span.change).first()
        if change is None or not is_undoable(change):
            raise NotTaken
        ids, since, is_undo = [change.id], change.at, change.verb == ChangesTakenBack.verb
    else:
        assert span.since
        if not ScimToken.objects.for_org(org).filter(id=span.token or "").exists():
            raise NotTaken
        theirs = rows.filter(by_token=span.token, at__gte=span.since, at__lte=span.until)
        ids, since, is_undo = list(theirs.values_list("id", flat=True)), span.since, False
    if since < (began := past.began(org)):
        raise HistoryTooShort(began)
    return ids, is_undo


def is_undoable(change: Change) -> bool:
    """Whether a change is one that can be taken back: what a token did, or an undo."""
    return change.by_token_id is not None or change.verb == ChangesTakenBack.verb
