"""Who deactivated somebody, when and by which request (SPEC U12). Reads only."""

from dataclasses import dataclass
from datetime import datetime

from orgs.models import Change, LedgerEntry, User
from orgs.models.history import with_causers


@dataclass(frozen=True, slots=True)
class Ended:
    """The changes that deactivated an account; None where there is none, or from before there was history.

    change: the one that counts. by_idp: where it was by hand, the one by which the IdP deactivated them as well.
    """

    change: Change | None
    by_idp: Change | None = None


def ended(user: User, *, at: datetime | None = None) -> Ended:
    """Why an account is closed; nothing of one that is active against the IdP's word but what that was.

    at: as of which the person is given; now by default.
    """
    activity = user.activity
    if activity.active and not activity.is_opened:
        return Ended(None)
    return Ended(
        change=_last(user, "account", "deleted" if user.deleted_at else "inactive", at),
        by_idp=_last(user, "idp_active", False, at) if activity.is_closed and not activity.said else None,
    )


def _last(user: User, slot: str, now: object, at: datetime | None) -> Change | None:
    entries = LedgerEntry.objects.filter(user=user, slot=slot, now=now).order_by("-id")
    if at is not None:
        entries = entries.filter(change__at__lte=at)
    entry = entries.select_related(*with_causers("change")).first()
    return entry.change if entry else None
