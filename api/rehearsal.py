"""What commands would do: they are carried out, history is read, and nothing stays of it.

For decisions about many people `groups_provisioning.preview` says more, and without their locks.
"""

from collections.abc import Callable
from typing import Any

from django.db import transaction

from orgs.db.transactions import command
from orgs.history import Cause
from orgs.models import Change, LedgerEntry


@command
def of(do: Callable[[], Any], cause: Cause) -> list[dict[str, Any]]:
    """What history would tell, had `do` run commands with this cause. Raises what they raise."""
    do()
    would = changes(cause)
    transaction.set_rollback(True)
    return would


def changes(cause: Cause) -> list[dict[str, Any]]:
    """What history tells of this cause so far, within the transaction of its commands."""
    assert cause.request_id
    found = list(Change.objects.filter(id__gt=cause.request_id, request_id=cause.request_id).order_by("id"))
    effects = LedgerEntry.objects.filter(change__in=found).order_by("id")
    return [
        {
            "verb": change.verb,
            "organization": str(change.org_id),
            "detail": change.detail,
            "effects": [
                {"person": str(entry.user_id), "slot": entry.slot, "was": entry.was, "now": entry.now}
                for entry in effects
                if entry.change_id == change.id
            ],
        }
        for change in found
    ]
