"""Who answers for keys and tokens (SPEC E5): who made them, until somebody else takes them over.

That nobody does any more is read from who is an admin now, and so ends by itself (N1): when somebody takes the
credential over, when it ends, or when who answers for it is an active admin again. What the command line or a key made
has nobody who could leave.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from django.db.models import QuerySet

from orgs import roles
from orgs.models import ApiKey, Organization, ScimToken


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Valid tokens and keys for which nobody answers any more."""

    tokens: list[ScimToken]
    keys: list[ApiKey]


def unanswered(org: Organization, *, at: datetime) -> Unanswered:
    """Those of an org whose person is deactivated, deleted, or no longer an admin, and who nobody has taken over."""
    return of_each([org], at=at)[org.pk]


def of_each(orgs: Collection[Organization], *, at: datetime) -> dict[UUID, Unanswered]:
    """As `unanswered`, for several. Three statements."""
    tokens, keys = _answered(ScimToken.objects.valid(at), orgs), _answered(ApiKey.objects.valid(at), orgs)
    admins = roles.admins_of(orgs).filter(id__in={_who(each) for each in (*tokens, *keys)})
    answering = set(admins.order_by().values_list("id", flat=True))
    found = {org.pk: Unanswered([], []) for org in orgs}
    for token in tokens:
        if not _is_answered(token, answering):
            found[token.org_id].tokens.append(token)
    for key in keys:
        if not _is_answered(key, answering):
            found[key.org_id].keys.append(key)
    return found


def _is_answered(each: Any, admins: Collection[UUID]) -> bool:
    return _who(each) in admins or (each.answered_by.is_staff and each.answered_by.active)


def _answered(rows: QuerySet[Any], orgs: Collection[Organization]) -> list[Any]:
    """Those that somebody made or took over, with who did."""
    found = rows.filter(org__in=orgs).exclude(taken_over_by=None, created_by=None)
    return list(found.select_related("taken_over_by", "created_by").order_by("created_at", "id"))


def _who(each: Any) -> UUID:
    return cast(UUID, each.taken_over_by_id or each.created_by_id)
