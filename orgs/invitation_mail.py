"""Mails invitations: text only, with nothing in it that an identity provider or an admin wrote."""

from datetime import datetime
from smtplib import SMTPRecipientsRefused

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from orgs import invitations
from orgs.models import Invitation
from orgs.templatetags.muster import plain

log = structlog.get_logger(__name__)


def send(*, at: datetime) -> int:
    """Mail every invitation that waits for it. Returns how many were sent.

    If the mail server is away, the next run continues there. A mail may then come twice, and the last one counts.
    """
    sent = 0
    while _send_next(at):
        sent += 1
    return sent


@transaction.atomic
def _send_next(at: datetime) -> bool:
    unsent = Invitation.objects.filter(sent_at=None, ended_at=None, refused=False, org__closed_at=None).select_related(
        "org"
    )
    invitation = unsent.select_for_update(skip_locked=True, of=("self",)).order_by("invited_at").first()
    if invitation is None:
        return False
    secret = invitations.new_secret(invitation, at)
    words = {
        "invitation": invitation,
        "link": settings.MUSTER_URL + reverse("invitation", args=[secret]),
        "portal": settings.MUSTER_URL,
    }
    subject = _("You are invited to %(org)s on Muster") % {"org": plain(invitation.org.name)}
    body = render_to_string("orgs/invitation_mail.txt", words)
    try:
        EmailMessage(subject=subject, body=body, to=[invitation.address]).send()
    except SMTPRecipientsRefused:  # the others are invited all the same
        log.warning("invitation.refused", invitation=str(invitation.pk))
        invitations.was_refused(invitation)
    return True
