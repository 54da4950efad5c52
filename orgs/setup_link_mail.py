"""Mails owner and admins when a setup link is made, opened and used (SPEC L8).

Of tokens that are made through it, `orgs.token_mail` tells.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from orgs import admin_mail, setup_links
from orgs.models import SetupLink


def tell(*, at: datetime) -> int:
    """Mail about every link of which there is something to tell. Returns how many.

    If the mail server is away, the next run continues there: a mail may come twice, but none is lost.
    """
    told = 0
    while _tell_next(at):
        told += 1
    return told


@transaction.atomic
def _tell_next(at: datetime) -> bool:
    untold = SetupLink.objects.filter(~Q(untold=[]), org__closed_at=None).select_related("org__profile", "made_by")
    link = untold.select_for_update(skip_locked=True, of=("self",)).order_by("made_at").first()
    if link is None:
        return False
    works = link.ended_at is None and link.expires_at > at
    words = {"link": link, "news": link.untold, "works": works}
    setup_links.told(link)
    admin_mail.send(link.org, subject=_("Muster: a setup link"), template="orgs/setup_link_mail.txt", words=words)
    return True
