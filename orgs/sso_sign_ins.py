"""Who came through an org's identity provider, and what became of it: the only module that writes `SsoSignIn`."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from orgs.models import Organization, SsoSignIn
from orgs.traces import Traces

KEPT = timedelta(days=90)


def note(
    org: Organization,
    *,
    sign_in_id: UUID,
    connection_id: UUID,
    at: datetime,
    name: str,
    address: str,
    reason: str = "",
    detail: str = "",
) -> None:
    """Note that somebody came. name: the userName, where one is known. reason, detail: why they were refused.

    detail: never who somebody is at the identity provider.
    """
    row = SsoSignIn(id=sign_in_id, org=org, connection=connection_id, at=at, name=name, reason=reason, detail=detail)
    row.address = address[:45]
    row.save(force_insert=True)


def forget(*, at: datetime) -> None:
    """Delete what is older than anybody asks for."""
    SsoSignIn.objects.filter(at__lt=at - KEPT).delete()


def forget_person(org_id: UUID, traces: Traces, *, until: datetime) -> int:
    """Delete what came of somebody who was erased, or was refused in words that name them. Returns how many rows."""
    rows = SsoSignIn.objects.for_org(org_id).filter(at__lte=until).values_list("id", "name", "detail")
    found: Sequence[UUID] = [id_ for id_, *texts in rows.iterator() if traces.found_in(*texts)]
    return SsoSignIn.objects.filter(id__in=found).delete()[0]
