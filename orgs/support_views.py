"""Support looks at an org's own pages (SPEC N4): the only module that writes `SupportView`.

Nothing can be changed meanwhile; `orgs.web.viewing` sees to that. Beginning and end are in the org's history.
"""

from datetime import datetime
from uuid import UUID

from orgs import history
from orgs.change_details import SupportViewBegan, SupportViewEnded
from orgs.db.transactions import command
from orgs.history import Cause
from orgs.models import Door, Organization, SupportView, User
from orgs.models.support_views import LASTS


class OrgClosed(Exception):
    """The org is being deleted: its pages are closed to everybody."""


@command
def begin(*, org: Organization, cause: Cause) -> SupportView:
    """Begin to look at an org's pages. cause: its person is who looks. Raises OrgClosed."""
    assert cause.person
    if org.closed_at is not None:
        raise OrgClosed(org.pk)
    view = SupportView.objects.create(org=org, person=cause.person, began_at=cause.at)
    history.record(org, cause, SupportViewBegan(view=str(view.id)))
    return view


@command
def end(*, view_id: UUID, cause: Cause) -> bool:
    """Stop looking. Returns whether it went on until now; ended again, it stays as it is."""
    locked = SupportView.objects.select_for_update(of=("self",)).select_related("org").filter(pk=view_id, ended_at=None)
    view = locked.first()
    if view is None:
        return False
    view.ended_at = min(cause.at, view.ends_at)
    view.save(update_fields=["ended_at"])
    history.record(view.org, cause, SupportViewEnded(view=str(view.id)))
    return True


def present(view_id: UUID, person: User, *, at: datetime) -> SupportView | None:
    """The view with this id, while it goes on and is this person's."""
    lasting = SupportView.objects.filter(ended_at=None, began_at__gt=at - LASTS, org__closed_at=None)
    view = lasting.select_related("org__profile").filter(pk=view_id, person=person).first()
    if view is not None:
        view.person = person
    return view


def end_due(*, at: datetime) -> int:
    """End those whose time is up. Returns how many."""
    due = SupportView.objects.filter(ended_at=None, began_at__lte=at - LASTS).values_list("pk", flat=True)
    return sum(end(view_id=view_id, cause=Cause(Door.CLOCK, at)) for view_id in due)
