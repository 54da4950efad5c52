"""Metadata at the addresses of identity providers: read when one is entered, and again every day (SPEC L2, L3).

While an address cannot be read, what it brought before is used: it has to be there for nobody's sign-in.
"""

from contextlib import suppress
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q

from orgs.history import Cause
from orgs.models import Door
from sso import connections, fetching
from sso.models import Revision, State
from sso.refusals import Refused
from sso.saml import metadata
from sso.saml.metadata import IdentityProvider

EVERY = timedelta(days=1)
AGAIN = timedelta(hours=1)  # after it could not be read

_ACCEPTED = {"Accept": "application/samlmetadata+xml, application/xml, text/xml"}


def read(url: str, *, now: datetime, entity_id: str | None = None) -> IdentityProvider:
    """Whom the metadata at a URL describes. entity_id: which one, if there can be several.

    May take ten seconds, for which no transaction should be open. Raises Refused, as `fetching.fetch` and
    `metadata.read`.
    """
    body = fetching.body(fetching.fetch(url, networks=settings.IDP_NETWORKS, headers=_ACCEPTED))
    plain_http = fetching.split(url).scheme == "http"
    return metadata.read(body, now=now, entity_id=entity_id, plain_http=plain_http)


def next_to_read(*, at: datetime) -> Revision | None:
    """What nobody has read for a day, or for an hour if that failed. It is for the caller to read from now on."""
    due = Q(metadata_asked_at__lte=at - EVERY) | ~Q(metadata_failure="") & Q(metadata_asked_at__lte=at - AGAIN)
    rows = Revision.objects.filter(due, connection__org__closed_at=None).exclude(state=State.PAST)
    found = rows.select_related("connection__org").order_by("metadata_asked_at").first()
    if found is None:
        return None
    claimed = Revision.objects.for_org(found.org_id).filter(pk=found.pk, metadata_asked_at=found.metadata_asked_at)
    return found if claimed.update(metadata_asked_at=at) else next_to_read(at=at)


def read_again(revision: Revision, *, at: datetime) -> None:
    """Take over what the metadata address of a revision brings, or note why it does not. With its connection and org.

    May take ten seconds, for which no transaction should be open.
    """
    url, org = revision.metadata_url, revision.connection.org
    try:
        found = read(url, now=at, entity_id=revision.issuer)
    except Refused as refused:
        connections.note_unread(revision, refused)
        return
    with suppress(Revision.DoesNotExist):  # somebody changed it meanwhile
        connections.renew(org=org, revision_id=revision.id, url=url, read=found, cause=Cause(Door.CLOCK, at))
