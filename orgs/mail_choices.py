"""What each admin is mailed of what needs attention, and when (SPEC N3): the only module that writes `MailChoices`.

What is about an account, or about who has access, is always mailed, and is not for choosing.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from orgs.models import MailChoices, MailTime, MatterKind, User
from orgs.open_matters import SEVERITIES, Severity

_SALT = "orgs.mail_choices.stop"

USUAL = {Severity.URGENT: MailTime.AT_ONCE, Severity.WARNING: MailTime.DAILY, Severity.NOTE: MailTime.DAILY}
"""When somebody is mailed who has chosen nothing."""

ALWAYS = frozenset({"webhook.ended"})
"""Of which somebody is mailed in any case (SPEC E3): the owner, if everybody has switched it off."""

AREAS: Mapping[str, tuple[Any, Mapping[str, Any]]] = {
    "credentials": (
        _("Credentials and identity providers"),
        {
            MatterKind.DEAD_TOKEN: MatterKind.DEAD_TOKEN.label,
            MatterKind.FOREIGN_ADDRESS: MatterKind.FOREIGN_ADDRESS.label,
            MatterKind.TOKEN_IN_CLEAR: MatterKind.TOKEN_IN_CLEAR.label,
            "token.lapsed": _("A token expired, and nothing has replaced it"),
            "token.expiring": _("A token expires soon"),
            "token.unanswered": _("Nobody answers for a token any more"),
            "token.waiting": _("A token waits for confirmation"),
            "key.unanswered": _("Nobody answers for an API key any more"),
            "idp.several": _("Several identity providers write the same people or groups"),
            "idp.silent": _("An identity provider has gone silent"),
            "idp.adds_only": _("An identity provider adds, and no longer removes"),
            "idp.removes_only": _("An identity provider removes, and no longer adds"),
            "domain.gone": _("The DNS record of a domain is gone"),
            "domain.found": _("A domain can be verified"),
        },
    ),
    "sso": (
        _("Single sign-on"),
        {
            "sso.failing": _("Single sign-on fails"),
            "sso.ended": _("A secret of single sign-on has ended"),
            "sso.ending": _("A secret or certificate of single sign-on ends soon"),
            "sso.unread": _("The identity provider’s metadata cannot be read"),
        },
    ),
    "people": (
        _("People"),
        {
            MatterKind.USER_REFUSED: MatterKind.USER_REFUSED.label,
            MatterKind.USER_UNWRITTEN: MatterKind.USER_UNWRITTEN.label,
            MatterKind.USER_TAKEN: MatterKind.USER_TAKEN.label,
            "admin.none": _("Nobody is an admin any more"),
            "admin.last": _("The last admin was to lose the role"),
            "proposal.open": _("A decision waits for a second admin"),
            "user.opened": _("Somebody is active against the identity provider’s word"),
            "value.refused": _("A value was refused"),
            MatterKind.UNDESCRIBED: MatterKind.UNDESCRIBED.label,
        },
    ),
    "groups": (
        _("Groups and assignments"),
        {
            "changes.held": _("Changes are held"),
            "changes.held_by_support": _("Support holds changes"),
            "effects.held": _("Applying changes was interrupted"),
            MatterKind.GROUPS_OFF: MatterKind.GROUPS_OFF.label,
            MatterKind.GROUP_REFUSED: MatterKind.GROUP_REFUSED.label,
            MatterKind.GROUP_UNWRITTEN: MatterKind.GROUP_UNWRITTEN.label,
            MatterKind.GROUP_ENDED: MatterKind.GROUP_ENDED.label,
            "conflict.open": _("A conflict is open"),
            "group.pending": _("A group waits for approval"),
            "group.target_deleted": _("The target of a group was deleted"),
            "group.out_of_sync": _("A group is out of sync"),
            "group.kind_off": _("The members of an approved group are not assigned"),
            "member.unplaced": _("Somebody in an approved group is not assigned"),
            "group.unmapped": _("A group is unmapped"),
        },
    ),
    "webhooks": (
        _("Webhooks"),
        {
            "webhook.ended": _("A webhook was disabled"),
            "webhook.failing": _("A webhook is failing"),
        },
    ),
}
"""Every kind of matter in words, by what it is about."""


def usual(kind: str) -> MailTime:
    return USUAL[SEVERITIES[kind]]


def of(person: User) -> dict[str, MailTime]:
    """When somebody is mailed of each kind of matter."""
    return of_each([person])[person.pk]


def of_each(people: Iterable[User]) -> dict[UUID, dict[str, MailTime]]:
    """As `of`, for several. One statement."""
    ids = [person.pk for person in people]
    chosen = dict(MailChoices.objects.filter(person__in=ids).values_list("person_id", "times"))
    return {id_: {kind: _chosen(chosen.get(id_, {}), kind) for kind in SEVERITIES} for id_ in ids}


def _chosen(times: Mapping[str, str], kind: str) -> MailTime:
    return MailTime(times[kind]) if kind in times else usual(kind)


def choose(person: User, times: Mapping[str, str]) -> None:
    """times: by kind of matter; those that are not there are as usual."""
    unusual = {kind: str(time) for kind, time in times.items() if time != usual(kind)}
    assert person.org
    if unusual:
        MailChoices.objects.update_or_create(person=person, defaults={"org": person.org, "times": unusual})
    else:
        MailChoices.objects.filter(person=person).delete()


def forget_person(user_id: UUID) -> int:
    """Delete what somebody chose who is erased. Returns how many rows (SPEC U5)."""
    return MailChoices.objects.filter(person=user_id).delete()[0]


# --- Ending them from a mail ------------------------------------------------------------------------------------------


class BadLink(Exception):
    """The address was not made here, or its account is gone."""


def address_to_stop(person: User, time: MailTime) -> str:
    """The URL that ends the mails that come at this time, for whoever has the mail (RFC 8058)."""
    token = signing.dumps([str(person.pk), time], salt=_SALT)
    return settings.MUSTER_URL + reverse("mails-stop", args=[token])


def of_link(token: str) -> tuple[User, MailTime]:
    """Whose mails are to end, and which. Raises BadLink."""
    try:
        id_, time = signing.loads(token, salt=_SALT)
        return User.objects.select_related("org").get(pk=id_, active=True, deleted_at=None), MailTime(time)
    except (signing.BadSignature, User.DoesNotExist) as error:
        raise BadLink from error


def stop(person: User, time: MailTime) -> None:
    """Mail nothing any more of what came at this time."""
    choose(person, {kind: MailTime.NEVER if each == time else each for kind, each in of(person).items()})
