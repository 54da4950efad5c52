"""Mails owner and admins when people begin to sign in in another way, since whoever decides that can be anybody."""

from datetime import datetime

from django.utils.translation import gettext as _

from orgs import admin_mail
from orgs.models import MailKind, Organization
from sso.models import Connection, Revision, State
from sso.saml.certificates import certificates_in


def write(org: Organization, *, at: datetime) -> None:
    """Say how people sign in from now on, once the caller's transaction is committed."""
    connection = Connection.objects.for_org(org).get()
    active = Revision.objects.for_org(org).filter(state=State.ACTIVE).first()
    words = {
        "org": org,
        "at": at,
        "active": active,
        "certificates": [each for pem in active.certificates for each in certificates_in(pem.encode())]
        if active
        else [],
        "creates_people": connection.creates_people,
    }
    admin_mail.write(
        org,
        MailKind.SINGLE_SIGN_ON,
        subject=_("Muster: single sign-on was changed"),
        template="sso/connection_mail.txt",
        words=words,
        at=at,
    )
