"""Renewing the certificates of a SAML identity provider through a setup link (SPEC L8).

For those that were given by hand: what comes with metadata at an address is read again every day.
"""

from collections.abc import Sequence

from orgs import setup_links
from orgs.db.transactions import command
from orgs.history import Cause
from orgs.models import Organization, Purpose, SetupLink
from sso import connections
from sso.models import Revision, State
from sso.saml.certificates import Certificate
from sso.status import Status


class NotByHand(Exception):
    """The org has no active connection whose certificates were given by hand."""


def renewable(org: Organization) -> Revision | None:
    """What is active, if its certificates were given by hand."""
    active = Revision.objects.for_org(org).filter(state=State.ACTIVE).first()
    return active if active is not None and active.is_pinned_by_hand else None


def waiting(found: Status) -> Revision | None:
    """The draft, if it is of the identity provider that is active, and accepts certificates that this does not.

    Other drafts are no business of whoever renews a certificate.
    """
    return found.draft if connections.renews(found.active, found.draft) and found.new_certificates else None


@command
def make_link(*, org: Organization, recipient: str, cause: Cause) -> setup_links.Made:
    """A link by which somebody hands in the next certificate; it ends when people no longer sign in in this way.

    recipient: as in `setup_links.make`. Raises NotByHand, setup_links.AlreadyOpen.
    """
    Organization.objects.select_for_update(no_key=True).get(pk=org.pk)  # it must not be switched off meanwhile
    if renewable(org) is None:
        raise NotByHand
    return setup_links.make(org=org, purpose=Purpose.RENEWAL, recipient=recipient, cause=cause)


@command
def add(*, link: SetupLink, certificates: Sequence[Certificate], cause: Cause) -> Revision:
    """As `connections.add_certificates`, through a link. Raises setup_links.NotOpen, and what that raises.

    The org is locked before the link is, as where the connection is switched off and the link ends with it.
    """
    draft = connections.add_certificates(org=link.org, certificates=certificates, cause=cause)
    setup_links.use(link=link, at=cause.at)
    return draft
