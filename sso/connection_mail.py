"""Mails owner and admins when people begin to sign in in another way, since whoever decides that can be anybody."""

from django.db import transaction
from django.utils.translation import gettext as _

from orgs import admin_mail
from sso.models import Connection, Revision, State
from sso.saml.certificates import certificates_in


def tell() -> int:
    """Mail about every connection of which nobody was told what it is now. Returns how many.

    The mail says how people sign in by now, not each change since; those are in the org's activity. If the mail server
    is away, the next run continues there: a mail may come twice, but none is lost.
    """
    told = 0
    while _tell_next():
        told += 1
    return told


@transaction.atomic
def _tell_next() -> bool:
    untold = Connection.objects.filter(untold_since__isnull=False, org__closed_at=None).select_related("org__profile")
    connection = untold.order_by("untold_since").select_for_update(skip_locked=True, of=("self",)).first()
    if connection is None:
        return False
    Connection.objects.filter(pk=connection.pk).update(untold_since=None)
    active = Revision.objects.for_org(connection.org).filter(state=State.ACTIVE).first()
    words = {
        "org": connection.org,
        "at": connection.untold_since,
        "active": active,
        "certificates": [each for pem in active.certificates for each in certificates_in(pem.encode())]
        if active
        else [],
        "creates_people": connection.creates_people,
    }
    admin_mail.send(
        connection.org,
        subject=_("Muster: single sign-on was changed"),
        template="sso/connection_mail.txt",
        words=words,
    )
    return True
