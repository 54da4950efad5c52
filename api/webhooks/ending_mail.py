"""Mails owner and admins, or support, when a webhook was disabled because its receiver is gone or keeps failing."""

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from api.models import Endpoint
from orgs import admin_mail, guarded_http

TEMPLATE = "api/ending_mail.txt"


def tell() -> int:
    """Mail about every webhook that was disabled by itself, unless somebody was told. Returns how many.

    If the mail server is away, the next run continues there: a mail may come twice, but none is lost.
    """
    told = 0
    while _tell_next():
        told += 1
    return told


@transaction.atomic
def _tell_next() -> bool:
    untold = Endpoint.objects.filter(untold_since__isnull=False, org__closed_at=None).select_related("org__profile")
    endpoint = untold.order_by("untold_since").select_for_update(skip_locked=True, of=("self",)).first()
    if endpoint is None:
        return False
    Endpoint.objects.filter(pk=endpoint.pk).update(untold_since=None)
    words = {"host": guarded_http.split(endpoint.url).hostname, "endpoint": endpoint}
    subject = _("Muster: a webhook was disabled")
    if endpoint.org is not None:
        admin_mail.send(endpoint.org, subject=subject, template=TEMPLATE, words=words)
    elif settings.SUPPORT_EMAIL:
        body = render_to_string(TEMPLATE, words | {"portal": settings.MUSTER_URL})
        EmailMessage(subject=subject, body=body, to=[settings.SUPPORT_EMAIL]).send()
    return True
