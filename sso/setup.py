"""Preparing single sign-on through a setup link (SPEC L8): what an admin does too, but for anything that counts."""

from orgs import setup_links
from orgs.db.transactions import command
from orgs.history import Cause
from orgs.models import SetupLink
from sso import connections
from sso.connections import Facts, SamlFacts
from sso.models import Connection, Protocol, Revision


@command
def prepare(*, link: SetupLink, idp: str, protocol: Protocol = Protocol.OIDC, cause: Cause) -> Connection:
    """As `connections.prepare`. Raises setup_links.NotOpen."""
    setup_links.use(link=link, at=cause.at)
    return connections.prepare(org=link.org, idp=idp, protocol=protocol, cause=cause)


@command
def draft(*, link: SetupLink, facts: Facts | SamlFacts, cause: Cause) -> Revision:
    """As `connections.draft`. Raises setup_links.NotOpen, Refused.

    facts: with a client secret, where the protocol has one. The one there is must not be kept: it would go to whatever
    issuer is entered here.
    """
    assert isinstance(facts, SamlFacts) or facts.client_secret is not None
    setup_links.use(link=link, at=cause.at)
    return connections.draft(org=link.org, facts=facts, cause=cause)
