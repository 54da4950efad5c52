"""The owner account (SPEC O8, U13): handing it over, and the mails about it."""

from enum import StrEnum

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _

from orgs import api_keys, outbox, people, sign_in
from orgs.change_details import OrgOwnerChanged
from orgs.db.keys import fold
from orgs.db.transactions import command
from orgs.history import Cause, record
from orgs.models import MailKind, Organization, User
from orgs.plain_words import plain


class Letter(StrEnum):
    FOUNDED = "founded"
    """To the owner of a new org: a link to set a password."""
    APPOINTED = "appointed"
    """To whom the owner account was handed over: the same."""
    FORMER = "former"
    """To the address that it had before."""


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
    api_keys.end_with(org, owner, cause)
    outbox.take_back(about=owner.pk)  # a link that this has ended
    write(org, Letter.APPOINTED, address, now=address)
    write(org, Letter.FORMER, was, now=address)
    record(org, cause, OrgOwnerChanged(was=was, now=address, owner=str(owner.id)))
    return owner


def write(org: Organization, kind: Letter, address: str, *, now: str) -> None:
    """Mail this, once the caller's transaction is committed. now: the address that the account has by then."""
    owner = User.objects.for_org(org).get(is_owner=True)
    if kind is Letter.FORMER:
        subject, link = _("The owner account of %(org)s was handed over"), ""
    else:
        subject, link = _("You own %(org)s on Muster"), sign_in.password_link(owner)
    words = {
        "kind": kind,
        "org": org,
        "now": now,
        "link": link,
        "days": settings.PASSWORD_RESET_TIMEOUT // 86400,
        "portal": settings.MUSTER_URL,
        "support": settings.SUPPORT_EMAIL,
    }
    letter = outbox.Letter(
        kind=MailKind.OWNER,
        to=address,
        subject=subject % {"org": plain(org.name)},
        text=render_to_string("orgs/owner_mail.txt", words),
        org=org,
        person=owner,
        about=owner.pk if link else None,
    )
    outbox.put([letter], at=timezone.now())
