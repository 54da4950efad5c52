"""Verified mail domains: the only module that writes `VerifiedDomain` (SPEC O6)."""

import re
from collections.abc import Collection

from django.db import IntegrityError, connection

from orgs.history import Cause, record
from orgs.keys import fold
from orgs.models import Organization, VerifiedDomain
from orgs.transactions import command

_DOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")


# On the way of every create: plain SQL, since building the query anew would cost more than running it.
_KNOWN = "SELECT name, org_id FROM orgs_verifieddomain WHERE org_id = %s OR name = %s"


class NotADomain(Exception):
    """This is no domain; the argument is what was given."""


class DomainTaken(Exception):
    """Another org has verified this domain; the argument is its name."""


class ForeignDomain(Exception):
    """The org lists its domains, and the address is in none of them; the arguments are those domains."""


class VerifiedElsewhere(Exception):
    """The address is in a domain of another org."""


def check_names(org: Organization, names: Collection[str]) -> set[str]:
    """The folded names, which the org can have. Raises NotADomain, DomainTaken."""
    wished = {fold(name.strip()).removeprefix("@") for name in names}
    for name in sorted(wished):
        if len(name) > 253 or not _DOMAIN.fullmatch(name):
            raise NotADomain(name)
    if taken := VerifiedDomain.objects.filter(name__in=wished).exclude(org=org).first():
        raise DomainTaken(taken.name)
    return wished


@command
def keep(*, org: Organization, names: Collection[str], cause: Cause) -> None:
    """Make exactly these the org's verified domains, as support vouches. Raises NotADomain, DomainTaken."""
    wished = check_names(org, names)
    present = {domain.name for domain in VerifiedDomain.objects.select_for_update().filter(org=org)}
    if wished == present:
        return
    VerifiedDomain.objects.filter(org=org, name__in=present - wished).delete()
    fresh = [VerifiedDomain(org=org, name=name, verified_at=cause.at) for name in sorted(wished - present)]
    try:
        VerifiedDomain.objects.bulk_create(fresh)
    except IntegrityError as error:
        raise DomainTaken(*(domain.name for domain in fresh)) from error
    record(org, cause, "org.domains_changed", was=sorted(present), now=sorted(wished))


def check(org: Organization, address: str | None) -> None:
    """Whether an address can be used in this org. Raises ForeignDomain, VerifiedElsewhere. One query.

    address: folded; None for a userName that is no address, and so of no domain.
    """
    if address is None:
        return
    name = address.rpartition("@")[2]
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN, [org.id, name])
        owners = dict(cursor.fetchall())
    if owners.get(name, org.id) != org.id:
        raise VerifiedElsewhere(name)
    if owners and name not in owners:
        raise ForeignDomain(*sorted(owners))
