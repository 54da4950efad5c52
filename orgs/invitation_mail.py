"""Mails invitations, with nothing in them that an identity provider or an admin wrote."""

from collections.abc import Mapping
from datetime import datetime

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from orgs import outbox
from orgs.models import Invitation, MailKind, Organization
from orgs.outbox import Letter
from orgs.plain_words import plain


def write(org: Organization, secrets: Mapping[Invitation, str], *, at: datetime) -> None:
    """Mail invitations of one org, once the caller's transaction is committed. secrets: of their links."""
    subject = _("You are invited to %(org)s on Muster") % {"org": plain(org.name)}
    letters = []
    for invitation, secret in secrets.items():
        link = settings.MUSTER_URL + reverse("invitation", args=[secret])
        words = {"invitation": invitation, "link": link, "portal": settings.MUSTER_URL}
        text = render_to_string("orgs/invitation_mail.txt", words)
        letters.append(
            Letter(
                kind=MailKind.INVITATION,
                to=invitation.address,
                subject=subject,
                text=text,
                org=org,
                about=invitation.pk,
            )
        )
    outbox.put(letters, at=at)
