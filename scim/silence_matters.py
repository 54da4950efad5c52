"""Matters of identity providers that have fallen silent, or no longer do part of their work (SPEC T5, N1)."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time
from uuid import UUID

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orgs.models import IdentityProvider, Organization, ScimToken
from orgs.open_matters import OpenMatter, Subject
from orgs.templatetags.muster import day, words
from scim import idp_days, rhythm

WHERE: dict[str, Promise] = {
    IdentityProvider.OKTA: gettext_lazy("Dashboard › Tasks, and the application’s Provisioning and Push Groups tabs"),
    IdentityProvider.ENTRA: gettext_lazy("Enterprise applications › your application › Provisioning › Overview"),
    IdentityProvider.PINGONE: gettext_lazy("Integrations › Provisioning, its connection and its rules"),
    IdentityProvider.JUMPCLOUD: gettext_lazy("SSO Applications › your application › Identity Management"),
    IdentityProvider.ONELOGIN: gettext_lazy("Applications › your application › Provisioning, and Users › Provisioning"),
    IdentityProvider.GOOGLE: gettext_lazy("Apps › Web and mobile apps › your application › Autoprovisioning"),
    IdentityProvider.OTHER: gettext_lazy("its provisioning log"),
}
"""Where an identity provider shows how its provisioning is doing, in its own words."""


@dataclass(frozen=True, slots=True)
class Halves:
    """Two things that an identity provider does, and what it means if only the first is still done.

    done, missing: fields of `idp_days.Record`. title: with the provider, the day since when, and on how many days.
    """

    kind: str
    done: str
    missing: str
    title: Promise
    text: Promise


_LEFT = gettext_lazy("People who left may still have access.")
_NEW = gettext_lazy("New people may be missing here.")
HALVES = (
    Halves(
        "idp.adds_only",
        "people_added",
        "people_removed",
        gettext_lazy("%(idp)s has added people on %(days)s days since %(last)s, and deactivated nobody"),
        _LEFT,
    ),
    Halves(
        "idp.adds_only",
        "members_added",
        "members_removed",
        gettext_lazy("%(idp)s has added members to groups on %(days)s days since %(last)s, and removed none"),
        _LEFT,
    ),
    Halves(
        "idp.removes_only",
        "people_removed",
        "people_added",
        gettext_lazy("%(idp)s has deactivated people on %(days)s days since %(last)s, and added nobody"),
        _NEW,
    ),
    Halves(
        "idp.removes_only",
        "members_removed",
        "members_added",
        gettext_lazy("%(idp)s has removed members of groups on %(days)s days since %(last)s, and added none"),
        _NEW,
    ),
)


def read(orgs: Collection[Organization], at: datetime) -> Iterator[tuple[UUID, OpenMatter]]:
    """Of each identity provider with a valid token, one matter of a kind at most. Two statements."""
    used = ScimToken.objects.valid(at).confirmed().filter(org__in=orgs, last_used_at__isnull=False)
    tokens = {(token.org_id, token.idp): token for token in used.order_by("last_used_at", "id")}
    for key, record in idp_days.records(tokens).items():
        for matter in _of(tokens[key], record, at):
            yield key[0], matter


def _of(token: ScimToken, record: idp_days.Record, at: datetime) -> Iterator[OpenMatter]:
    yield from _silent(token, record, at)
    told: set[str] = set()
    for halves in HALVES:
        if halves.kind not in told:
            for matter in _half(token, record, halves):
                told.add(matter.kind)
                yield matter


def _silent(token: ScimToken, record: idp_days.Record, at: datetime) -> Iterator[OpenMatter]:
    found = rhythm.silence(record.spoken, at=at)
    if found is None:
        return
    title = _("%(idp)s has sent nothing for %(span)s") % {"idp": _name(token), "span": words(at - found.since)}
    text = _(
        "Before, one time aside, it was never silent for longer than %(usual)s. Some identity providers stop by "
        "themselves after errors: look there at %(where)s. If it is no longer used, revoke its token."
    )
    text %= {"usual": words(found.usual), "where": WHERE[token.idp]}
    yield _matter("idp.silent", token, title, text, found.since)


def _half(token: ScimToken, record: idp_days.Record, halves: Halves) -> Iterator[OpenMatter]:
    found = rhythm.missing(getattr(record, halves.missing), getattr(record, halves.done))
    if found is None:
        return
    title = halves.title % {"idp": _name(token), "days": found.days, "last": day(found.last)}
    text = _("Before, one time aside, it did both again after %(usual)s such days at the latest. %(means)s")
    look = _(
        "Try it there with one person, and compare what it sends in the provisioning log. Its settings are at "
        "%(where)s."
    )
    text = f"{text} {look}" % {"usual": found.usual, "means": halves.text, "where": WHERE[token.idp]}
    yield _matter(halves.kind, token, title, text, datetime.combine(found.last, time(), tzinfo=UTC))


def _name(token: ScimToken) -> str:
    return token.get_idp_display() if token.idp != IdentityProvider.OTHER else _("Your identity provider")


def _matter(kind: str, token: ScimToken, title: str, text: str, since: datetime) -> OpenMatter:
    address = f"{reverse('scim-provisioning')}#tokens"
    subject = Subject("token", str(token.id), token.name, address)
    return OpenMatter(kind=kind, title=title, text=text, address=address, subjects=(subject,), since=since)
