"""Matters of tokens, of the identity providers that use them, and of domains, read from their tables (SPEC N1)."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db import connection
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from orgs import responsibility, scim_connection
from orgs.models import Organization, PendingDomain, ScimToken, User, VerifiedDomain
from orgs.open_matters import FEW, OpenMatter, Subject
from orgs.templatetags.muster import relative

LOOKED_AT = 2_000
"""Changes of people and groups, the latest, among which several identity providers are looked for."""
RECENT = timedelta(days=7)


def read(orgs: Collection[Organization], at: datetime) -> Iterator[tuple[UUID, OpenMatter]]:
    """Eight statements at most."""
    connections, unanswered = scim_connection.of_each(orgs, at=at), responsibility.of_each(orgs, at=at)
    for org in orgs:
        for matter in (*_of_connection(connections[org.pk]), *_unanswered(unanswered[org.pk])):
            yield org.pk, matter
    yield from _several([connections[org.pk].active for org in orgs], at)
    yield from _domains(orgs)


def _of_connection(connected: scim_connection.Connection) -> Iterator[OpenMatter]:
    for token in connected.waiting:
        yield _of_token(
            "token.waiting",
            token,
            _("The SCIM token “%(name)s” waits for your confirmation") % {"name": token.name},
            _("It was made through a setup link. Until you confirm it, every change that it sends is refused."),
            since=token.created_at,
        )
    for token, successor in connected.warnings:
        yield _of_token("token.expiring", token, *_expires(token, successor), since=None)
    for token in connected.lapsed:
        assert token.expires_at is not None
        when = relative(token.expires_at)
        title = _("“%(name)s” expired %(when)s, and nothing has replaced it") % {"name": token.name, "when": when}
        text = _(
            "Everything that %(idp)s sends with it is refused. Create another token and enter it in %(idp)s; or, if it "
            "is no longer needed, revoke this one."
        )
        text %= {"idp": token.idp_name}
        yield _of_token("token.lapsed", token, title, text, since=token.expires_at)


def _of_token(kind: str, token: ScimToken, title: str, text: str, *, since: datetime | None) -> OpenMatter:
    address = f"{reverse('scim-provisioning')}#tokens"
    subject = Subject("token", str(token.id), token.name, address)
    return OpenMatter(kind=kind, title=title, text=text, address=address, subjects=(subject,), since=since)


def _unanswered(found: responsibility.Unanswered) -> Iterator[OpenMatter]:
    """Tokens and keys whose maker is no longer an admin (SPEC E5)."""
    words = _("%(person)s is no longer an active admin. Take responsibility for it, or revoke it.")
    for token in found.tokens:
        title = _("Nobody is responsible for “%(name)s” any more") % {"name": token.name}
        text = words % {"person": token.answered_by.label if token.answered_by else ""}
        yield _of_token("token.unanswered", token, title, text, since=None)
    for key in found.keys:
        title = _("Nobody is responsible for “%(name)s” any more") % {"name": key.name}
        text = words % {"person": key.answered_by.label if key.answered_by else ""}
        subject = Subject("key", str(key.id), key.name, address := reverse("api-keys"))
        yield OpenMatter(kind="key.unanswered", title=title, text=text, address=address, subjects=(subject,))


def _expires(token: ScimToken, successor: ScimToken | None) -> tuple[str, str]:
    assert token.expires_at is not None
    about = {"name": token.name, "when": relative(token.expires_at), "idp": token.idp_name}
    title = _("“%(name)s” expires %(when)s") % about
    if successor is None:
        text = _(
            "Create another token, enter it in %(idp)s, then revoke this one. Provisioning will not be interrupted."
        )
        return title, text % about
    text = _("“%(name)s” can replace it: enter that one in %(idp)s if you have not done so yet, then revoke this one.")
    return title, text % (about | {"name": successor.name})


# By the order of ids, and so never more than LOOKED_AT rows of an org.
_SEVERAL = """
SELECT o.org_id, found.* FROM unnest(%(orgs)s::uuid[]) AS o (org_id) CROSS JOIN LATERAL (
    SELECT subject, family, max(called), max(at), (array_agg(request_id ORDER BY at DESC))[1],
        count(*) OVER () AS subjects, min(at)
    FROM (
        SELECT split_part(c.verb, '.', 1) AS family, coalesce(c.detail ->> 'user', c.detail ->> 'group') AS subject,
            c.detail ->> 'name' AS called, c.at, c.by_token_id, c.request_id
        FROM orgs_change c WHERE c.org_id = o.org_id ORDER BY c.id DESC LIMIT %(looked_at)s
    ) AS latest
    JOIN orgs_scimtoken t ON t.id = latest.by_token_id AND t.id = ANY(%(tokens)s)
    WHERE family IN ('user', 'group') AND subject IS NOT NULL AND at >= %(since)s
    GROUP BY subject, family HAVING count(DISTINCT t.idp) > 1
    ORDER BY max(at) DESC LIMIT %(few)s
) AS found
"""


def _several(active: Iterable[list[ScimToken]], at: datetime) -> Iterator[tuple[UUID, OpenMatter]]:
    """active: the valid tokens of each org."""
    used = {
        tokens[0].org_id: [token for token in tokens if token.last_used_at]
        for tokens in active
        if len({token.idp for token in tokens}) > 1
    }
    if not used:
        return
    about: dict[str, Any] = {
        "orgs": list(used),
        "since": at - RECENT,
        "looked_at": LOOKED_AT,
        "tokens": [token.id for tokens in used.values() for token in tokens],
        "few": FEW,
    }
    with connection.cursor() as cursor:
        cursor.execute(_SEVERAL, about)
        rows = cursor.fetchall()
    people = User.objects.filter(org__in=used).in_bulk([row[1] for row in rows if row[2] == "user"]) if rows else {}
    called = {str(person.id): person.label for person in people.values()}
    for org_id, found in groupby(rows, key=lambda row: row[0]):
        yield org_id, _of_several([row[1:] for row in found], called, used[org_id])


def _of_several(rows: Sequence[Any], called: Mapping[str, str], used: Sequence[ScimToken]) -> OpenMatter:
    count = rows[0][5]
    idps = " / ".join(sorted({token.idp_name for token in used}))
    title = ngettext(
        "Several identity providers write the same person or group",
        "Several identity providers write the same %(count)s people and groups",
        count,
    )
    text = _(
        "In the last week, tokens of %(idps)s changed them in turn, so each undoes what the other wrote. Let one of "
        "them provision each person and each group, or choose the right identity provider for each token."
    )
    return OpenMatter(
        kind="idp.several",
        title=title % {"count": f"{count:,}"} if count > 1 else title,
        text=text % {"idps": idps},
        address=reverse("activity"),
        count=count,
        subjects=tuple(_written(id_, family, called.get(id_) or name or id_) for id_, family, name, *_rest in rows),
        since=min(row[6] for row in rows),
        last=rows[0][3],
        request_id=rows[0][4],
    )


def _written(id_: str, family: str, name: str) -> Subject:
    kind = "group" if family == "group" else "person"
    return Subject(kind, id_, name, reverse(kind, args=[id_]))


def _domains(orgs: Collection[Organization]) -> Iterator[tuple[UUID, OpenMatter]]:
    gone = VerifiedDomain.objects.filter(org__in=orgs, gone_since__isnull=False).order_by("org", "gone_since")
    for org_id, group in groupby(gone, key=lambda each: each.org_id):
        lost = list(group)
        title = ngettext(
            "The DNS record of %(count)s domain is gone", "The DNS records of %(count)s domains are gone", len(lost)
        )
        text = _("It no longer leads anybody to your single sign-on. Set the record again, or remove the domain.")
        yield org_id, _of_domains("domain.gone", title, text, lost, lost[0].gone_since)
    asked = PendingDomain.objects.filter(org__in=orgs, found_at__isnull=False).order_by("org", "found_at")
    for org_id, waiting in groupby(asked, key=lambda each: each.org_id):
        found = list(waiting)
        title = ngettext("%(count)s domain can be verified", "%(count)s domains can be verified", len(found))
        text = _("The DNS record was found through a setup link. Verify the domain, or remove it.")
        yield org_id, _of_domains("domain.found", title, text, found, found[0].found_at)


def _of_domains(
    kind: str,
    title: str,
    text: str,
    domains: Sequence[VerifiedDomain] | Sequence[PendingDomain],
    since: datetime | None,
) -> OpenMatter:
    address = f"{reverse('authentication')}#domains"
    return OpenMatter(
        kind=kind,
        title=title % {"count": len(domains)},
        text=text,
        address=address,
        count=len(domains),
        subjects=tuple(Subject("domain", "", each.name, address) for each in domains[:FEW]),
        since=since,
    )
