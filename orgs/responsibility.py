"""Who answers for keys and tokens (SPEC E5): who made them, until somebody else takes them over.

That nobody does any more is read from who is an admin now, and so ends by itself (N1): when somebody takes the
credential over, when it ends, or when who answers for it is an active admin again. What the command line or a key made
has nobody who could leave.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.db.models import Q
from django.db.models.functions import Coalesce

from orgs import roles
from orgs.db.tenancy import TenantQuerySet
from orgs.models import ApiKey, Organization, ScimToken, User

Rows = TypeVar("Rows", bound=TenantQuerySet)


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Valid tokens and keys for which nobody answers any more."""

    tokens: list[ScimToken]
    keys: list[ApiKey]


def unanswered(org: Organization, *, at: datetime) -> Unanswered:
    """Those of an org whose person is deactivated, deleted, or no longer an admin, and who nobody has taken over."""
    return Unanswered(
        tokens=list(_left(org, ScimToken.objects.for_org(org).valid(at))),
        keys=list(_left(org, ApiKey.objects.for_org(org).valid(at))),
    )


def _left(org: Organization, rows: Rows) -> Rows:
    administer = Q(id__in=roles.admins(org).order_by().values("id")) | Q(is_staff=True, active=True)
    answering = User.objects.filter(administer).order_by().values("id")
    who = Coalesce("taken_over_by", "created_by")
    found = rows.alias(who=who).filter(who__isnull=False).exclude(who__in=answering)
    return found.select_related("taken_over_by", "created_by").order_by("created_at", "id")
