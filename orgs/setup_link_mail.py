"""Mails owner and admins when a setup link is made, opened and used (SPEC L8).

Of tokens that are made through it, `orgs.token_mail` tells.
"""

from datetime import datetime
from enum import StrEnum

from django.utils.translation import gettext as _

from orgs import admin_mail
from orgs.models import MailKind, SetupLink


class News(StrEnum):
    MADE = "made"
    OPENED = "opened"
    USED = "used"


def write(link: SetupLink, news: News, *, at: datetime) -> None:
    """Once the caller's transaction is committed."""
    admin_mail.write(
        link.org,
        MailKind.SETUP_LINK,
        subject=_("Muster: a setup link"),
        template="orgs/setup_link_mail.txt",
        words={"link": link, "news": news},
        at=at,
    )
