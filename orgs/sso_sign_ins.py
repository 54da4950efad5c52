"""Who came through an org's identity provider, and what became of it: the only module that writes `SsoSignIn`."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from orgs.models import SsoSignIn
from orgs.traces import Traces

KEPT = timedelta(days=90)


def forget(*, at: datetime) -> None:
    """Delete what is older than anybody asks for."""
    SsoSignIn.objects.filter(at__lt=at - KEPT).delete()


def forget_person(org_id: UUID, traces: Traces, *, until: datetime) -> int:
    """Delete what came of somebody who was erased, or was refused in words that name them. Returns how many rows."""
    rows = SsoSignIn.objects.for_org(org_id).filter(at__lte=until).values_list("id", "name", "detail")
    found: Sequence[UUID] = [id_ for id_, *texts in rows.iterator() if traces.found_in(*texts)]
    return SsoSignIn.objects.filter(id__in=found).delete()[0]
