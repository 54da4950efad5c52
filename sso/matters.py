"""Matters of single sign-on, read from its tables (SPEC N1)."""

from collections.abc import Collection, Iterator
from datetime import datetime
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from orgs.models import Organization
from orgs.open_matters import OpenMatter
from orgs.templatetags.muster import day
from sso import refusal_words, status
from sso.models import Revision


def read(orgs: Collection[Organization], at: datetime) -> Iterator[tuple[UUID, OpenMatter]]:
    """Of the connection that people sign in through; of one that is being set up, its page tells. Three statements at
    most, and none without an active connection.
    """
    signing_in = [org for org in orgs if org.sso_connection is not None]
    for org_id, found in status.of_each(signing_in, at=at).items() if signing_in else ():
        if found.active is not None:
            for matter in _of(found, found.active):
                yield org_id, matter


def _of(found: status.Status, active: Revision) -> Iterator[OpenMatter]:
    configure = reverse("sso-configure")
    if found.unreadable is active:
        text = _("Nobody can sign in through your identity provider until it is entered again, tested and activated.")
        yield _matter("sso.failing", _("The client secret of single sign-on cannot be read any more"), text, configure)
    if found.key_is_lost:
        text = _(
            "Assertions that are encrypted cannot be read. Save the configuration again, which makes a new key, and "
            "give our metadata to the identity provider."
        )
        yield _matter("sso.failing", _("Our private key for single sign-on cannot be read any more"), text, configure)
    if found.unread:
        title = _("Your identity provider cannot be read at the moment")
        if active.is_saml:
            title = _("The metadata of your identity provider cannot be used")
        text = refusal_words.in_words(found.unread)
        yield _matter("sso.unread", title, text, reverse("sso"), since=active.metadata_read_at)
    if found.secret_ends_on:
        ends = day(found.secret_ends_on)
        kind, title = "sso.ending", _("The client secret of single sign-on ends on %(on)s")
        if found.secret_has_ended:
            kind, title = "sso.ended", _("The client secret of single sign-on ended on %(on)s")
        text = _("Make another one at your identity provider, enter it here as a draft, test it and activate it.")
        yield _matter(kind, title % {"on": ends}, text, configure)
    if found.certificates_end:
        title = _("The last certificate of your identity provider ends on %(on)s")
        if found.certificates_have_ended:
            title = _("The last certificate of your identity provider ended on %(on)s")
        text = _("Make one there, and enter it here as the second certificate before it is used.")
        if active.metadata_url:
            text = _("Make one there: it is read from the metadata within a day.")
        title %= {"on": day(found.certificates_end)}
        yield _matter("sso.ending", title, text, reverse("sso"))


def _matter(kind: str, title: str, text: str, address: str, since: datetime | None = None) -> OpenMatter:
    return OpenMatter(kind=kind, title=title, text=text, address=address, since=since)
