"""Mails owner and admins about each new SCIM token, since a token can make anybody admin (SPEC O4)."""

from django.utils.translation import gettext as _

from orgs import admin_mail
from orgs.models import MailKind, ScimToken


def write(token: ScimToken) -> None:
    """Once the caller's transaction is committed."""
    admin_mail.write(
        token.org,
        MailKind.TOKEN,
        subject=_("Muster: a new SCIM token"),
        template="orgs/token_mail.txt",
        words={"org": token.org, "token": token},
        at=token.created_at,
    )
