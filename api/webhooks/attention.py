"""What an org's admins should know of its webhooks (SPEC N1): read from their rows, so that it ends by itself."""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from api.models import Ending, Endpoint
from api.webhooks.standing import host_of
from orgs.models import Organization
from orgs.open_matters import OpenMatter, Subject
from orgs.templatetags.muster import words

LASTING = timedelta(minutes=10)
"""For how long one fails before it is said: a receiver that restarts is nobody's business."""


def read(orgs: Collection[Organization], at: datetime) -> Iterator[tuple[UUID, OpenMatter]]:
    """Webhooks that were disabled by themselves, until somebody enables, disables or deletes them, and failing ones."""
    for each in Endpoint.objects.filter(org__in=orgs).exclude(failing_since=None, disabled_at=None):
        assert each.org_id is not None
        address = reverse("webhook", args=[each.id])
        about = {"host": host_of(each)}
        subject = Subject("webhook", str(each.id), about["host"], address)
        if each.disabled_reason in (Ending.GONE, Ending.FAILING):
            kind, since = "webhook.ended", each.disabled_at
            title = _("The webhook to %(host)s was disabled") % about
            text = _("Its receiver is gone, or has failed for five days. Nothing is lost: once enabled, it resumes.")
        elif each.disabled_at is None and each.failing_since and at - each.failing_since >= LASTING:
            kind, since = "webhook.failing", each.failing_since
            title = _("The webhook to %(host)s is failing") % about
            text = _("Nothing has reached its receiver for %(span)s. It is tried again, for five days in all.")
            text %= {"span": words(at - each.failing_since)}
        else:
            continue
        matter = OpenMatter(kind=kind, title=title, text=text, address=address, subjects=(subject,), since=since)
        yield each.org_id, matter
