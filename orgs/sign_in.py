"""Signing in with a password, and the mails that help with it (SPEC L1).

An address may have accounts in several orgs, which know nothing of each other. Whatever is asked for an address takes
the same work and gets the same answer whether it has an account or not.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX, make_password
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orgs import domains, outbox, people, sign_in_failures
from orgs.db.keys import fold
from orgs.models import MailKind, Organization, User
from orgs.models.people import UserQuerySet
from orgs.outbox import Letter
from orgs.sign_in_failures import OF_A_CLIENT, OF_AN_ACCOUNT
from orgs.web.in_flight import InFlight
from orgs.web.limits import Buckets, client_network

ADDRESS = 254  # characters
TRIED = 3  # accounts that a password is tried on where no org is named
MAILS_TO_ONE_ADDRESS = 3  # an hour, of each kind
MAILS_FROM_ONE_CLIENT = 30  # an hour: many people may share an IP address
FAILURES_OF_A_CLIENT = {"rate": 1 / 60, "burst": 20}  # whatever the addresses are: many people may share one here too

log = structlog.get_logger(__name__)
mails = Buckets("mails")
attempts = Buckets("sign-in")
hashing = InFlight(running=2, waiting=2, all_waiting=2, seconds=5)  # each takes 100 MB and a core


class TooManyAttempts(Exception):
    """This client has failed too often. Arguments: when it may try again; whether that was with this address."""


class ResetLinks(PasswordResetTokenGenerator):
    """Links that also end with the account's sessions: on deactivation and deletion (SPEC U4)."""

    def _make_hash_value(self, user: User, timestamp: int) -> str:
        return f"{super()._make_hash_value(user, timestamp)}{user.session_epoch}"


reset_links = ResetLinks()


def account_of(address: str, password: str, *, org: Organization | None, client: str, at: datetime) -> User | None:
    """The account that has this address and this password, if there is one that may sign in.

    org: whose sign-in page it is, with one account tried; None for the common page, with the oldest three, and always
    as many hashes. client: an IP address. An account that waits is not tried, and nobody is told. Success forgets the
    failures of that account alone; those of the address and the client fade. Raises TooManyAttempts,
    and Busy while too many others' passwords are looked at.
    """
    address = fold(address)[:ADDRESS]
    return _limited(address, password, lambda: _candidates(address, org), client=client, at=at)


def confirms(user: User, password: str, *, client: str, at: datetime) -> bool:
    """Whether this is the password of somebody who is signed in. With the limits of `account_of`; raises the same."""
    address = (user.login_email or "")[:ADDRESS]
    return _limited(address, password, lambda: {str(user.pk): user}, client=client, at=at) is not None


Candidates = Callable[[], dict[str, User | None]]


def _limited(address: str, password: str, candidates: Candidates, *, client: str, at: datetime) -> User | None:
    client = client_network(client)[:45]
    with hashing.place("password"):
        if wait := attempts.take(client, **FAILURES_OF_A_CLIENT):
            log.warning("sign_in.client_waits", client=client)
            raise TooManyAttempts(at + timedelta(seconds=wait), False)
        account = _tried(address, password, candidates, client=client, at=at)
    if account is not None:
        attempts.give_back(client, **FAILURES_OF_A_CLIENT)
    return account


def _tried(address: str, password: str, to_try: Candidates, *, client: str, at: datetime) -> User | None:
    if not sign_in_failures.count([address], OF_A_CLIENT, client=client, at=at):
        log.warning("sign_in.waits", client=client)
        attempts.give_back(client, **FAILURES_OF_A_CLIENT)  # nothing was tried
        raise TooManyAttempts(sign_in_failures.waits_until(address, client), True)
    candidates = to_try()
    tried = sign_in_failures.count(candidates, OF_AN_ACCOUNT, at=at)
    right = [
        (subject, account)
        for subject, account in candidates.items()
        if _is_right(account if subject in tried else None, password)
    ]
    if not right:
        log.info("sign_in.failed", client=client)
        return None
    own, account = right[0]
    sign_in_failures.take_back([address], client=client, at=at)
    sign_in_failures.take_back(tried - {own}, at=at)
    sign_in_failures.forget(own)
    return account


def _candidates(address: str, org: Organization | None) -> dict[str, User | None]:
    """The accounts to try, by what their failures are counted under; as many whether there are any or not.

    Support comes first: nobody can crowd it out by provisioning its address. In an org the owner does (SPEC O8).
    """
    known = _open_accounts(address).with_passwords().exclude(password__startswith=UNUSABLE_PASSWORD_PREFIX)
    if org is None:
        found, number = known.order_by("-is_staff", "id"), TRIED
    else:
        found, number = known.for_org(org).order_by("-is_owner", "id"), 1
    candidates: dict[str, User | None] = {str(account.pk): account for account in found[:number]}
    nobody = (f"{address} {place} {org.pk if org else ''}" for place in range(len(candidates), number))
    return candidates | dict.fromkeys(nobody)


def _open_accounts(address: str) -> UserQuerySet:
    return User.objects.filter(login_email=address, active=True, deleted_at=None, org__closed_at=None)


def _is_right(account: User | None, password: str) -> bool:
    if account is None:
        make_password(password)  # takes as long as finding out that a password is wrong
        return False
    return account.check_password(password)


def with_providers(address: str) -> list[Organization]:
    """The orgs to whose identity providers an address leads, since its domain is theirs, the oldest first (SPEC L1).

    Whether it has an account there, nobody looks. A domain whose record is gone leads nowhere.
    """
    listed = domains.proving(address)
    active = Organization.objects.filter(closed_at=None).exclude(sso_connection=None)
    return list(active.filter(id__in=listed.values("org")).order_by("id"))


def sign_in_path(org: Organization | None) -> str:
    """The page where the accounts of an org sign in; None: support."""
    return reverse("sign-in") if org is None else reverse("sign-in-org", args=[org.slug])


def password_link(user: User) -> str:
    """A URL where `user` can choose a password, valid for PASSWORD_RESET_TIMEOUT and one use."""
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    path = reverse("set-password", kwargs={"uidb64": uid, "token": reset_links.make_token(user)})
    return settings.MUSTER_URL + path


def mail_password_links(address: str, *, client: str) -> None:
    """Mail links to set a password, one for each org in which the address has an account. As `_ask`.

    For an account that signs in without one (SPEC L6), the mail says so, and where.
    """
    _ask(MailKind.PASSWORD, address, client)


def mail_sign_in_addresses(address: str, *, client: str) -> None:
    """Mail the orgs in which the address has an account, with their sign-in addresses. As `_ask`."""
    _ask(MailKind.SIGN_IN, address, client)


def sign_in_address(account: User) -> str:
    """The URL of the page where an account signs in."""
    return settings.MUSTER_URL + sign_in_path(account.org)


def _ask(kind: MailKind, address: str, client: str) -> None:
    """Have a mail written for each org in which the address has an account that may sign in; if there is none, none.

    Do nothing either if `client`, an IP address, or anybody for this address has asked too often: nobody's mailbox can
    be flooded from here. The caller learns nothing of this. Who has the address is looked up by the worker that sends
    mails (`answer`), so that the request does the same for an unknown one.
    """
    # Valkey gets no addresses.
    hashed = salted_hmac("orgs.sign_in.mails", fold(address)).hexdigest()
    if _too_often(("from", client_network(client)), MAILS_FROM_ONE_CLIENT) or _too_often(
        (kind, hashed), MAILS_TO_ONE_ADDRESS
    ):
        log.warning("mails_limited", client=client)
        return
    outbox.put([Letter(kind=kind, to=address, subject="", text="")], at=timezone.now())


def _too_often(key: tuple[str, str], per_hour: int) -> bool:
    return mails.take(key, rate=per_hour / 3600, burst=per_hour) > 0


def _link_to_set_password(account: User) -> str | None:
    """None for where to sign in through an identity provider instead."""
    return password_link(account) if account.password_counts else None


_ANSWERS: dict[str, tuple[Any, str, Callable[[User], str | None]]] = {
    MailKind.PASSWORD: (
        gettext_lazy("Set your password for Muster"),
        "registration/set_password_mail.txt",
        _link_to_set_password,
    ),
    MailKind.SIGN_IN: (
        gettext_lazy("Where you can sign in to Muster"),
        "registration/where_to_sign_in_mail.txt",
        sign_in_address,
    ),
}
"""What is mailed to whoever asks: subject, template, and a link for each account."""


def answer(kind: str, address: str, *, at: datetime) -> None:
    """Mail what was asked for by `mail_password_links` or `mail_sign_in_addresses`."""
    subject, template, link = _ANSWERS[kind]
    # The password of an address is the owner's, where an org has a person with it beside them (SPEC O8).
    accounts = _open_accounts(fold(address)).select_related("org").order_by("is_owner", "-id")
    letters = []
    for mailbox, of_mailbox in _by_mailbox(accounts).items():
        linked = [(_place(account), link(account), sign_in_address(account)) for account in of_mailbox]
        words: dict[str, Any] = {
            "entries": sorted((place, there) for place, there, _address in linked if there),
            "through_providers": sorted((place, address) for place, there, address in linked if not there),
            "portal": settings.MUSTER_URL,
            "days": settings.PASSWORD_RESET_TIMEOUT // 86400,
        }
        one = of_mailbox[0] if len(of_mailbox) == 1 else None
        letters.append(
            Letter(
                kind=MailKind(kind),
                to=mailbox,
                subject=str(subject),
                text=render_to_string(template, words),
                org=one.org if one else None,
                person=one,
            )
        )
    outbox.put(letters, at=at)


def _place(account: User) -> str:
    return account.org.name if account.org else str(_("Muster support"))


def _by_mailbox(accounts: Iterable[User]) -> dict[str, list[User]]:
    """One account of each org, the last, by the address that is written to.

    That is one, unless names are the same without case but not the same mailbox: straße.example, strasse.example.
    """
    of_orgs = {account.org_id: account for account in accounts}
    spelt: dict[str, list[User]] = {}
    for account in of_orgs.values():
        spelt.setdefault(account.user_name.lower(), []).append(account)
    return {of_mailbox[0].user_name: of_mailbox for of_mailbox in spelt.values()}


def set_password(*, user: User, password: str, but: str = "") -> bool:
    """Set the password, end sessions and every wait after failed attempts. Returns False if the account was closed.

    but: the key of the row of the session that goes on.
    """
    if not people.set_password(user=user, password=password, but=but):
        return False
    sign_in_failures.forget(str(user.pk), user.login_email or "")
    return True
