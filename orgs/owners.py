"""The owner account (SPEC O8, U13): handing it over, and the mails about it."""

from smtplib import SMTPRecipientsRefused

import structlog
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.validators import validate_email
from django.db import transaction
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from orgs import people, sign_in
from orgs.change_details import OrgOwnerChanged
from orgs.db.keys import fold
from orgs.db.transactions import command
from orgs.history import Cause, record
from orgs.models import Letter, Organization, OwnerLetter, User
from orgs.templatetags.muster import plain

log = structlog.get_logger(__name__)


class SameAddress(Exception):
    """The owner account has this address already."""


def check(org: Organization, address: str) -> User:
    """The owner as they are now, if the account can be handed over to this address.

    Raises people.NotAnAddress, SameAddress.
    """
    owner = User.objects.for_org(org).get(is_owner=True)
    try:
        validate_email(address)
    except ValidationError as error:
        raise people.NotAnAddress(address) from error
    if fold(address) == owner.login_email:
        raise SameAddress(address)
    return owner


@command
def hand_over(*, org: Organization, address: str, cause: Cause) -> User:
    """Give the owner account to somebody else: its address changes, and whatever opened it until now ends.

    Both addresses are mailed, the new one with a link to set a password. Raises people.NotAnAddress, SameAddress.
    """
    was = check(org, address).user_name
    owner = people.hand_over_owner(org=org, address=address, at=cause.at)
    write(org, Letter.APPOINTED, address, now=address)
    write(org, Letter.FORMER, was, now=address)
    record(org, cause, OrgOwnerChanged(was=was, now=address, owner=str(owner.id)))
    return owner


def write(org: Organization, kind: Letter, address: str, *, now: str) -> None:
    """Have a worker mail this, once the caller's transaction is committed."""
    OwnerLetter.objects.create(org=org, kind=kind, address=address, now=now)


def send_letters() -> int:
    """Send what waits. Returns how many. If the mail server is away, the next run continues there."""
    sent = 0
    while _send_next():
        sent += 1
    return sent


@transaction.atomic
def _send_next() -> bool:
    waiting = OwnerLetter.objects.filter(org__closed_at=None).select_related("org").order_by("id")
    letter = waiting.select_for_update(skip_locked=True, of=("self",)).first()
    if letter is None:
        return False
    letter.delete()
    owner = User.objects.for_org(letter.org_id).get(is_owner=True)
    if letter.kind == Letter.FORMER:
        subject, link = _("The owner account of %(org)s was handed over"), ""
    elif owner.login_email == fold(letter.address):
        subject, link = _("You own %(org)s on Muster"), sign_in.password_link(owner)
    else:
        return True  # handed over again since, so there is nothing to set a password for
    words = {"letter": letter, "link": link, "days": settings.PASSWORD_RESET_TIMEOUT // 86400} | {
        "portal": settings.MUSTER_URL,
        "support": settings.SUPPORT_EMAIL,
    }
    try:
        EmailMessage(
            subject=subject % {"org": plain(letter.org.name)},
            body=render_to_string("orgs/owner_mail.txt", words),
            to=[letter.address],
        ).send()
    except SMTPRecipientsRefused:  # no later attempt would fare better, and the others wait behind it
        log.warning("owner_letter.refused", org=str(letter.org_id), kind=letter.kind)
    return True
