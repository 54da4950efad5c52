"""Mails owner and admins about each new SCIM token, since a token can make anybody admin (SPEC O4)."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from orgs import admin_mail
from orgs.models import ScimToken


def tell(*, at: datetime) -> int:
    """Mail about every token that nobody was told of. Returns how many.

    If the mail server is away, the next run continues there: a mail may come twice, but none is lost.
    """
    told = 0
    while _tell_next(at):
        told += 1
    return told


@transaction.atomic
def _tell_next(at: datetime) -> bool:
    untold = ScimToken.objects.filter(told_at=None).select_related("org__profile", "setup_link").order_by("created_at")
    token = untold.select_for_update(skip_locked=True, of=("self",)).first()
    if token is None:
        return False
    ScimToken.objects.filter(pk=token.pk).update(told_at=at)
    admin_mail.send(
        token.org,
        subject=_("Muster: a new SCIM token"),
        template="orgs/token_mail.txt",
        words={"org": token.org, "token": token},
    )
    return True
