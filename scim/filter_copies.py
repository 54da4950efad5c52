"""Makes the documents that filters read anew, once a profile describes other attributes than before (SPEC P8).

A resource is rewritten by the description of its time, and an edit of the profile touches none: they may be a million.
So the sweep compares, and works off what differs. Names become canonical on the way; no fact changes, and no revision.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from groups_provisioning.actions import group_intake
from groups_provisioning.models import PushedGroup
from orgs import people
from orgs.models import Organization, SchemaProfile, User
from scim.mapping import groups, users
from scim.mapping.filters import description
from scim.mapping.profiles import dialect
from scim.models import FilterCopies
from scim.protocol.dialect import Dialect

AT_ONCE = 500


def of_row(row: User | PushedGroup) -> Mapping[str, Any]:
    """What filters read of a person or a group, by column (`orgs.people.Documents`)."""
    assert row.org
    own = dialect(row.org.profile)
    if isinstance(row, PushedGroup):
        return {"folded": _facts_of_group(row, own).folded}
    facts = _facts_of_user(row, own)
    return {"folded": facts.folded, "email_keys": list(facts.email_keys)}


def _facts_of_user(row: User, own: Dialect) -> people.Facts:
    return users.facts_of(users.resource_of(row, own), own)


def _facts_of_group(row: PushedGroup, own: Dialect) -> group_intake.GroupFacts:
    return groups.facts_of(groups.resource_of(row, own), own)


@dataclass(frozen=True, slots=True)
class _Kind:
    """name: as `ResourceType` has it. rows: all of an org, the deleted too, but nobody who was erased. restate: writes
    a row's two documents.
    """

    name: str
    rows: Callable[[Organization], Any]
    facts: Callable[[Any, Dialect], Any]
    restate: Callable[..., bool]


_KINDS = (
    _Kind(
        "User",
        lambda org: User.objects.for_org(org).filter(erased_at=None),
        _facts_of_user,
        people.restate,
    ),
    _Kind(
        "Group",
        lambda org: PushedGroup.objects.for_org(org),
        _facts_of_group,
        group_intake.restate,
    ),
)


def refresh(*, seconds: float) -> bool:
    """Work for so long on what is out of date. Returns whether more is left that need not wait for the next sweep."""
    deadline = time.monotonic() + seconds
    for org, kind, wanted in _out_of_date():
        while _next_batch(org, kind, wanted):
            if time.monotonic() > deadline:
                return True
    return False


def _out_of_date() -> Iterator[tuple[Organization, _Kind, str]]:
    for profile in SchemaProfile.objects.all():
        kinds = {kind.name: kind for kind in dialect(profile).resource_types}
        for kind in _KINDS:
            wanted = description(kinds[kind.name])
            made = FilterCopies.objects.filter(kind=kind.name, description=wanted, done=True)
            for org in profile.orgs.exclude(id__in=made.values("org")).order_by("id"):
                yield org, kind, wanted


@transaction.atomic
def _next_batch(org: Organization, kind: _Kind, wanted: str) -> bool:
    """Go through some resources. Returns whether more are left of this round.

    A request that is still under way may write by the former description, also where this has been: a round that found
    something is therefore followed by another one, in the next sweep.
    """
    FilterCopies.objects.get_or_create(org=org, kind=kind.name, defaults={"description": wanted})
    progress = FilterCopies.objects.for_org(org).select_for_update(skip_locked=True).filter(kind=kind.name).first()
    if progress is None:
        return False
    if progress.description != wanted:
        progress.description, progress.after, progress.changed, progress.done = wanted, None, False, False
    own = dialect(org.profile)
    rows = kind.rows(org).order_by("id")
    batch = list((rows.filter(id__gt=progress.after) if progress.after else rows)[:AT_ONCE])
    for row in batch:
        facts = kind.facts(row, own)
        documents: Mapping[str, Any] = {"attributes": facts.attributes, "folded": facts.folded}
        if any(getattr(row, name) != document for name, document in documents.items()):
            kind.restate(row, **documents)
            progress.changed = True
    more = len(batch) == AT_ONCE
    if more:
        progress.after = batch[-1].id
    else:
        progress.done = not progress.changed
        progress.after, progress.changed = None, False
    progress.save()
    return more
