"""Checks that the effects follow from the facts (SPEC C4). A difference is a defect: it is reported and repaired."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

import structlog
from django.utils import timezone

from groups_provisioning.engine import reconcile
from groups_provisioning.engine.reconcile import Drift
from groups_provisioning.models import Conflict, Membership
from orgs import feed, history, queue
from orgs.change_details import DriftStory, EffectCounts, EngineDriftFound, EngineRebuilt
from orgs.db import transactions
from orgs.db.transactions import command, snapshot
from orgs.history import Cause
from orgs.models import Door, Organization, Standing

log = structlog.get_logger(__name__)

TOLD = 5  # differences that a report lists


def org_ids() -> list[UUID]:
    """The ids of all orgs that are not being deleted, in order."""
    return list(Organization.objects.filter(closed_at=None).order_by("id").values_list("id", flat=True))


class Checked(NamedTuple):
    """How many people had drifted, and the last person who was checked; None if nobody is left to check."""

    drifted: int
    last: UUID | None


def check(org_id: UUID, *, after: UUID | None = None, seconds: float) -> Checked:
    """Compare people's effects with the facts for about `seconds`; people who differ are marked to be settled again.

    People who are waiting to be settled are skipped. after: the last person whom the previous call checked.
    """
    org = Organization.objects.filter(pk=org_id, closed_at=None).first()
    if org is None:  # it is being deleted, effects first
        return Checked(0, None)
    deadline = time.monotonic() + seconds
    drifted: list[Drift] = []
    for found, last in compare(org, after=after):
        drifted += found
        after = last
        if time.monotonic() > deadline:
            break
    else:
        after = None
    if drifted:
        _mend(org, drifted)
    return Checked(len(drifted), after)


def compare(org: Organization, *, after: UUID | None = None) -> Iterator[tuple[list[Drift], UUID]]:
    """Yield, for each batch, the people whose effects differ from the facts, and the last person compared.

    Writes nothing. People who are waiting to be settled are skipped. after: the person to continue after.
    """
    while True:
        # Facts, effects and marks come from one snapshot: a change between two batches does not look like drift.
        with snapshot():
            present = Organization.objects.select_related("profile").get(pk=org.pk)
            ids = reconcile.next_people(present, after)
            found = reconcile.drift_among(present, ids)
        if not ids:
            return
        after = ids[-1]
        yield found, after


@command
def _mend(org: Organization, drifted: Sequence[Drift]) -> None:
    first: list[DriftStory] = [
        DriftStory(user=str(effect.user_id), slot=effect.slot, was=effect.was, now=effect.now)
        for each in drifted
        for effect in each.effects
    ][:TOLD]
    log.error("effects_drifted", org=str(org.id), people=len(drifted), first=first)
    change_id = transactions.change_id()
    queue.mark(org.id, [each.user_id for each in drifted], change_id)
    cause = Cause(Door.CLOCK, timezone.now())
    detail = EngineDriftFound(people=len(drifted), first=first, marked=len(drifted))
    history.record(org, cause, detail, change_id=change_id)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rows of effects an org has."""

    roles: int
    places: int
    conflicts: int


def count(org: Organization) -> Counts:
    return Counts(*(model.objects.for_org(org).count() for model in (Standing, Membership, Conflict)))


@command
def rebuild(*, org: Organization, cause: Cause) -> tuple[Counts, Counts]:
    """Rebuild all effects of an org from the facts. Returns the counts before and after."""
    was = count(org)
    reconcile.rebuild(org=org)
    now = count(org)
    change = history.record(org, cause, EngineRebuilt(was=_told(was), now=_told(now)))
    feed.touch_everybody(org.id, change.id)  # what differed is not known
    return was, now


def _told(counts: Counts) -> EffectCounts:
    return {"roles": counts.roles, "places": counts.places, "conflicts": counts.conflicts}
