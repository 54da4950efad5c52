"""What commands would do: they are carried out, history is read, and nothing stays of it.

For decisions about many people `groups_provisioning.preview` says more, and without their locks.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db import transaction

from orgs.db.transactions import command
from orgs.history import Cause
from orgs.models import Change, LedgerEntry


@command
def of(do: Callable[[], Any], cause: Cause) -> list[dict[str, Any]]:
    """What history would tell, had `do` run commands with this cause. Raises what they raise."""
    do()
    would = _changes(cause)
    transaction.set_rollback(True)
    return would


def _changes(cause: Cause) -> list[dict[str, Any]]:
    assert cause.request_id
    found = list(Change.objects.filter(id__gt=cause.request_id, request_id=cause.request_id).order_by("id"))
    effects: defaultdict[UUID, list[dict[str, Any]]] = defaultdict(list)
    for entry in LedgerEntry.objects.filter(change__in=found).order_by("id"):
        told = {"person": str(entry.user_id), "slot": entry.slot, "was": entry.was, "now": entry.now}
        effects[entry.change_id].append(told)
    return [
        {
            "verb": change.verb,
            "organization": str(change.org_id),
            "detail": change.detail,
            "effects": effects[change.id],
        }
        for change in found
    ]
