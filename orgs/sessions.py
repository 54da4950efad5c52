"""Ending sessions (SPEC L7). A session that has no row any more is out on its next request.

`orgs.people.end_sessions` ends them with the account, and whatever else a command ends for good (SPEC U4).
"""

from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from orgs.db.prepared import Prepared
from orgs.db.transactions import command, postpone
from orgs.models import Session, User
from orgs.models.sign_in import PROVIDER_SESSION

_END_ALL = Prepared("DELETE FROM orgs_session WHERE user_id = %s")


def open_sessions(user: User) -> QuerySet[Session]:
    """The browsers that somebody is signed in with, the one seen last first."""
    found: QuerySet[Session] = Session.objects.filter(user=user, expire_date__gt=timezone.now())
    return found.order_by("-seen_at", "pk")


@command
def end(*, user: User, key: str) -> bool:
    """End one session of a person. key: of its row. Returns whether there was one, of this person."""
    return bool(Session.objects.filter(user=user, pk=key).delete()[0])


@command
def end_all(*, user: User, but: str = "") -> int:
    """End the sessions of a person; they may sign in again. but: the key of the row of one that goes on.

    Returns how many there were.
    """
    return Session.objects.filter(user=user).exclude(pk=but).delete()[0]


def end_with(user: User) -> None:
    """End the sessions of somebody whose account changes in this transaction; what that costs is the next statement."""
    postpone(_END_ALL, [user.pk])


@command
def end_of_connection(connection: UUID, *, provider_session: str | None = None, user: User | None = None) -> int:
    """End the sessions of those who signed in with an SSO connection; all of them, or as an IdP asks for.

    provider_session: only those that the IdP calls so. user: only theirs. Returns how many there were.
    """
    found = Session.objects.filter(connection=connection)
    if provider_session is not None:
        found = found.filter(provider_session=provider_session[:PROVIDER_SESSION])
    if user is not None:
        found = found.filter(user=user)
    return found.delete()[0]


def forget_expired() -> None:
    """Delete what is no session any more; until then it is only not accepted."""
    Session.objects.filter(expire_date__lt=timezone.now()).delete()
