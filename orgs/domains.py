"""Verified mail domains: the only module that writes `VerifiedDomain` and `PendingDomain` (SPEC O6)."""

import re
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import F, Q

from orgs import admin_news, txt_records
from orgs.admin_news import Kind
from orgs.change_details import OrgDomainAsked, OrgDomainDropped, OrgDomainsChanged
from orgs.db.keys import fold
from orgs.db.tenancy import TenantQuerySet
from orgs.db.transactions import command
from orgs.history import Cause, record
from orgs.models import Door, Organization, PendingDomain, User, VerifiedDomain

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})*")
LONGEST = 253
AGAIN = timedelta(days=1)  # after which a record is looked for again
MOST_PENDING = 50  # of an org; each is one that nobody has proved yet

# What proves a domain: a TXT record with RECORD_VALUE, either at RECORD_NAME below the domain or at the domain itself.
RECORD_NAME = "_muster-verification"
RECORD_VALUE = "muster-verification="

LISTED = "SELECT name FROM orgs_verifieddomain WHERE org_id = %s"
"""Plain SQL, since it runs on every create and building the query would cost more than running it."""


class NotADomain(Exception):
    """This is not a valid domain; the argument is what was given."""


class TooManyPending(Exception):
    """As many domains as an org may have wait for their proof; the argument is that number."""


class UnknownDomain(Exception):
    """This org has no such domain, verified or pending."""


class NotProven(Exception):
    """The DNS does not have the value that proves the domain; the arguments are the values that it has instead."""


class ForeignDomain(Exception):
    """The address is in none of the org's verified domains; the arguments are those domains."""


def check_names(names: Collection[str]) -> set[str]:
    """The folded names, once it is clear that they are domains. Raises NotADomain."""
    wished = {fold(name.strip()).removeprefix("@") for name in names}
    for name in sorted(wished):
        if len(name) > LONGEST or not _DOMAIN.fullmatch(name):
            raise NotADomain(name)
    return wished


@command
def keep(*, org: Organization, names: Collection[str], cause: Cause) -> None:
    """Make exactly these the org's verified domains, on support's authority. Raises NotADomain."""
    wished = check_names(names)
    present = {domain.name for domain in VerifiedDomain.objects.for_org(org).select_for_update()}
    if wished == present:
        return
    VerifiedDomain.objects.for_org(org).filter(name__in=present - wished).delete()
    PendingDomain.objects.for_org(org).filter(name__in=wished).delete()
    VerifiedDomain.objects.bulk_create(
        [VerifiedDomain(org=org, name=name, verified_at=cause.at) for name in sorted(wished - present)],
        ignore_conflicts=True,  # an admin verified one at this moment
    )
    record(org, cause, OrgDomainsChanged(was=sorted(present), now=sorted(wished)))
    told = {Kind.DOMAIN_ADDED: wished - present, Kind.DOMAIN_REMOVED: present - wished}
    admin_news.about_domains(org, told, cause)


@command
def ask(*, org: Organization, name: str, cause: Cause) -> str:
    """Note that the org wants to prove a domain by the DNS. Returns its folded name.

    A domain that the org already has stays as it is. Nobody can set a record in a public suffix such as `co.uk`, so no
    list of suffixes is needed. Raises NotADomain, TooManyPending.
    """
    (wished,) = check_names([name])
    if "." not in wished or len(f"{RECORD_NAME}.{wished}") > LONGEST:
        raise NotADomain(wished)
    if VerifiedDomain.objects.for_org(org).filter(name=wished).exists():
        return wished
    others = PendingDomain.objects.for_org(org).exclude(name=wished)
    if len(others.values_list("pk")[:MOST_PENDING]) == MOST_PENDING:
        raise TooManyPending(MOST_PENDING)
    _pending, is_new = PendingDomain.objects.get_or_create(
        org=org, name=wished, defaults={"token": secrets.token_urlsafe(24), "asked_at": cause.at}
    )
    if is_new:
        record(org, cause, OrgDomainAsked(name=wished))
        if cause.door != Door.LINK:  # which is mailed about itself (`orgs.setup_link_mail`)
            admin_news.about_domains(org, {Kind.DOMAIN_ASKED: [wished]}, cause)
    return wished


def verify(*, org: Organization, name: str, cause: Cause) -> None:
    """Verify a pending domain if the DNS has the record that proves it. May take seconds.

    No transaction is open while the DNS is asked. Raises UnknownDomain, txt_records.Unanswered, NotProven.
    """
    pending = PendingDomain.objects.for_org(org).filter(name=name).first()
    if pending is None:
        raise UnknownDomain(name)
    _find(pending)
    prove(org=org, name=name, cause=cause)


def look_for(*, org: Organization, name: str, at: datetime) -> None:
    """Note whether the record of a pending domain is there, which leaves verifying it to an admin. As slow as `verify`.

    Raises UnknownDomain, txt_records.Unanswered, NotProven.
    """
    pending = PendingDomain.objects.for_org(org).filter(name=name).first()
    if pending is None:
        raise UnknownDomain(name)
    row = PendingDomain.objects.for_org(org).filter(pk=pending.pk)
    try:
        _find(pending)
    except NotProven:
        row.update(found_at=None)
        raise
    row.update(found_at=at)


def read_again(domain: VerifiedDomain, *, at: datetime) -> None:
    """Note whether the DNS still has the record that proved a domain. May take seconds, as `verify`.

    Where the DNS gives no answer, what it said before stays. Raises txt_records.Unanswered, NotProven.
    """
    row = VerifiedDomain.objects.filter(pk=domain.pk)
    row.update(read_at=at)
    try:
        _find(domain)
    except NotProven:
        _note_gone(domain, at)
        raise
    row.update(gone_since=None)


@command
def _note_gone(domain: VerifiedDomain, at: datetime) -> None:
    if VerifiedDomain.objects.filter(pk=domain.pk, gone_since=None).update(gone_since=at):
        admin_news.about_domains(domain.org, {Kind.DOMAIN_GONE: [domain.name]}, Cause(Door.CLOCK, at))


def next_to_read(*, at: datetime) -> VerifiedDomain | None:
    """The domain whose record was not looked for in the longest time, if that is longer than AGAIN."""
    proved = VerifiedDomain.objects.filter(by_dns=True, org__closed_at=None).exclude(token="")
    due = proved.filter(Q(read_at=None) | Q(read_at__lte=at - AGAIN))
    return due.order_by(F("read_at").asc(nulls_first=True), "pk").first()


def proving(address: str) -> TenantQuerySet[VerifiedDomain]:
    """The domains that say whose an address is, one of each org that has verified its domain.

    One whose DNS record is gone proves nothing any more (SPEC L1).
    """
    _, at, name = fold(address).rpartition("@")
    return VerifiedDomain.objects.filter(name=name if at else "", gone_since=None)


def _find(domain: PendingDomain | VerifiedDomain) -> None:
    """Raises txt_records.Unanswered, NotProven."""
    proof = record_value(domain)
    there: set[str] = set()
    for place in (f"{RECORD_NAME}.{domain.name}", domain.name):
        there |= txt_records.texts(place)
        if proof in there:
            return
    raise NotProven(*sorted(text for text in there if text.startswith(RECORD_VALUE)))


@command
def prove(*, org: Organization, name: str, cause: Cause) -> None:
    """Enter a pending domain as verified: what `verify` does once the DNS has its record. Raises UnknownDomain."""
    was = _names(org)
    pending = PendingDomain.objects.for_org(org).select_for_update().filter(name=name).first()
    if pending is None:
        raise UnknownDomain(name)
    pending.delete()
    # Support may have entered it at this moment.
    proved = {"verified_at": cause.at, "by_dns": True, "token": pending.token, "read_at": cause.at}
    VerifiedDomain.objects.get_or_create(org=org, name=name, defaults=proved)
    record(org, cause, OrgDomainsChanged(was=was, now=_names(org)))
    admin_news.about_domains(org, {Kind.DOMAIN_ADDED: {pending.name} - {*was}}, cause)


@command
def remove(*, org: Organization, name: str, cause: Cause) -> None:
    """Take a domain off the org's list, verified or pending. Raises UnknownDomain."""
    was = _names(org)
    if VerifiedDomain.objects.for_org(org).filter(name=name).delete()[0]:
        record(org, cause, OrgDomainsChanged(was=was, now=_names(org)))
        admin_news.about_domains(org, {Kind.DOMAIN_REMOVED: [name]}, cause)
    elif PendingDomain.objects.for_org(org).filter(name=name).delete()[0]:
        record(org, cause, OrgDomainDropped(name=name))
    else:
        raise UnknownDomain(name)


def record_value(domain: PendingDomain | VerifiedDomain) -> str:
    """The value that the TXT record must have."""
    return f"{RECORD_VALUE}{domain.token}"


def count_inside(org: Organization, name: str) -> int:
    """How many of the people whom SCIM may list have an address in this domain."""
    return User.objects.for_org(org).provisionable().filter(login_email__endswith=f"@{name}").count()


def count_outside(org: Organization, names: Collection[str]) -> int:
    """How many of the people whom SCIM may list have an address outside these domains."""
    people = User.objects.for_org(org).provisionable().exclude(login_email=None)
    for name in names:
        people = people.exclude(login_email__endswith=f"@{name}")
    return people.count()


def _names(org: Organization) -> list[str]:
    return list(VerifiedDomain.objects.for_org(org).values_list("name", flat=True))


def check(org: Organization, address: str | None) -> None:
    """Check that an address can be used in this org. Raises ForeignDomain. One query.

    address: folded; None for a userName that is not an address and therefore has no domain.
    """
    if address is not None:
        with connection.cursor() as cursor:
            cursor.execute(LISTED, [org.id])
            check_among([name for (name,) in cursor.fetchall()], address)


def check_among(listed: Collection[str], address: str | None) -> None:
    """`check` for a caller who has read the org's domains by LISTED."""
    if address is not None and listed and address.rpartition("@")[2] not in listed:
        raise ForeignDomain(*sorted(listed))
