"""Whether a preview came true (SPEC M9): what it said, and what the ledger tells since."""

from typing import Any

from groups_provisioning.actions import conflict_decisions
from groups_provisioning.preview import plans, runs
from groups_provisioning.preview.plans import Wish
from groups_provisioning.preview.runs import Outlook, Summary
from orgs.history import Effect
from orgs.models import Entity, LedgerEntry, Organization

COUNTED = ("touched", "entered", "left", "moved", "accounts", "roles", "opened", "closed", "besides")


def foreseen(org: Organization, wish: Wish) -> Outlook | Exception:
    """What would come of it, or why it would be refused."""
    try:
        return runs.look(org, wish)
    except (*plans.REFUSALS, conflict_decisions.ConflictGone) as refusal:
        return refusal


def last_entry() -> int:
    return LedgerEntry.objects.order_by("-id").values_list("id", flat=True).first() or 0


def what_was_said(outlook: Outlook) -> dict[str, Any]:
    assert outlook.summary is not None
    return {part: getattr(outlook.summary, part) for part in COUNTED}


def what_came(org: Organization, outlook: Outlook, *, since: int) -> dict[str, Any]:
    """The same, of the entries of the ledger after this one; new entities by what stood for them."""
    made = {
        str(entity.id): stand_in
        for entity in Entity.objects.for_org(org).live()
        if (stand_in := f"new {entity.kind} {entity.name_key}") in outlook.plan.overlay.made
    }
    told, touched = Summary(), set()
    for entry in LedgerEntry.objects.for_org(org).filter(id__gt=since).order_by("id"):
        if entry.slot == "last_admin":  # says why a role stayed, or that an admin left
            continue
        touched.add(entry.user_id)
        was, now = (made.get(end, end) if isinstance(end, str) else end for end in (entry.was, entry.now))
        told.add(Effect(entry.user_id, entry.slot, was, now), outlook.plan)
    told.touched = len(touched)
    return {part: getattr(told, part) for part in COUNTED}
