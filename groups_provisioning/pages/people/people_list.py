"""The people of an org, as lists show them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.models import Exists, F, Func, OuterRef, Prefetch, Q, QuerySet, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Collate
from django.utils.translation import gettext_lazy as _

from groups_provisioning.models import Conflict, Membership
from orgs.db.keys import fold
from orgs.models import Entity, EntityKind, HandPlacement, Organization, User


class AddedBy(models.TextChoices):
    SCIM = "scim", _("SCIM")
    HAND = "hand", _("By hand")


class Account(models.TextChoices):
    ACTIVE = "active", _("Active")
    INACTIVE = "inactive", _("Deactivated")
    DELETED = "deleted", _("Deleted by SCIM")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to list; an empty string filters nothing. People whom SCIM deleted are listed only if `account` says so."""

    text: str = ""
    role: str = ""
    added_by: str = ""
    account: str = ""


# Everything that a search looks at. What SCIM sent is already folded; the collation is that of the keys.
_HAYSTACK = Collate(
    Func(
        Value(" "),
        *(
            Collate(part, "C")
            for part in (
                F("user_name_key"),
                KT("folded__displayName"),
                KT("folded__name__givenName"),
                KT("folded__name__familyName"),
                F("external_id"),
                Func(F("email_keys"), Value(" "), function="array_to_string", output_field=models.TextField()),
            )
        ),
        function="concat_ws",
        output_field=models.TextField(),
    ),
    "C",
)


def people(org: Organization, wanted: Wanted) -> QuerySet[User]:
    """People ordered by userName, each with roles, assignments, and whether they have open conflicts.

    Every word of the text must occur.
    """
    found = User.objects.for_org(org).filter(deleted_at__isnull=wanted.account != Account.DELETED)
    if wanted.account in (Account.ACTIVE, Account.INACTIVE):
        found = found.filter(active=wanted.account == Account.ACTIVE)
    if wanted.added_by:
        found = found.filter(scim_managed=wanted.added_by == AddedBy.SCIM)
    if wanted.role:
        found = found.filter(standing__roles__contains=[wanted.role])
    found = found.annotate(has_conflicts=Exists(Conflict.objects.filter(user=OuterRef("pk"))))
    related = matching(found, wanted.text).select_related("standing").prefetch_related(_PLACES)
    return related.defer("attributes", "folded").order_by("user_name_key", "id")


def placeable(org: Organization, entity: Entity, text: str) -> QuerySet[User]:
    """Who can be assigned to an entity by hand; `is_in`: assigned already; `is_by_hand`: assigned by hand."""
    here = Membership.objects.filter(entity=entity, user=OuterRef("pk"))
    by_hand = HandPlacement.objects.filter(entity=entity, user=OuterRef("pk"), placed=True)
    found = User.objects.for_org(org).live().annotate(is_in=Exists(here), is_by_hand=Exists(by_hand))
    return matching(found, text).order_by("user_name_key", "id")


def matching(found: QuerySet[User], text: str) -> QuerySet[User]:
    """People in whose names, addresses or external id every word of the text occurs."""
    words = fold(text).split()
    return found.alias(haystack=_HAYSTACK).filter(*(Q(haystack__contains=word) for word in words)) if words else found


_PLACES = Prefetch(
    "places",
    queryset=Membership.objects.select_related("entity").order_by("kind", "entity__name_key"),
    to_attr="shown_places",
)

BATCH = 2000  # people whose memberships are read at once


def rows(people: QuerySet[User]) -> Iterator[tuple[Any, ...]]:
    """A table row for each person: names, account, roles, assignments by kind, origin, ids, and when created."""
    for user in people.iterator(chunk_size=BATCH):
        yield (
            user.user_name,
            user.label if user.label != user.user_name else "",
            account(user).label,
            ", ".join(roles(user)),
            *(", ".join(place.entity.name for place in user.shown_places if place.kind == kind) for kind in EntityKind),  # type: ignore[attr-defined]
            added_by(user),
            user.external_id,
            user.created_at,
            user.id,
        )


def account(user: User) -> Account:
    if user.deleted_at is not None:
        return Account.DELETED
    return Account.ACTIVE if user.active else Account.INACTIVE


def added_by(user: User) -> str:
    """Where an account comes from, in words."""
    if user.is_owner:
        return str(_("Owner"))
    return str((AddedBy.SCIM if user.scim_managed else AddedBy.HAND).label)


def roles(user: User) -> list[str]:
    """The effective roles; empty if the person has not been settled yet."""
    standing = getattr(user, "standing", None)
    return standing.roles if standing else []


def attributes(user: User) -> Iterator[tuple[str, Any]]:
    """What the IdP has sent about somebody, in SCIM's terms: the path of each value, and the value.

    An element of an array is named by its type, if it has one.
    """
    columns = {"userName": user.user_name, "externalId": user.external_id, "displayName": user.display_name}
    columns |= {"name.givenName": user.given_name, "name.familyName": user.family_name}
    yield from ((path, value) for path, value in columns.items() if value)
    yield "active", user.active
    yield from leaves(user.attributes)


def leaves(attributes: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The path of each value in a resource, and the value."""
    for name, value in attributes.items():
        yield from _leaves(name, value, ":" if ":" in name else ".")


def _leaves(path: str, value: Any, joint: str = ".") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _leaves(f"{path}{joint}{key}", each)
    elif isinstance(value, list):
        for index, each in enumerate(value, 1):
            kind = each.get("type") if isinstance(each, dict) else None
            rest = {key: part for key, part in each.items() if key != "type"} if kind else each
            yield from _leaves(f"{path}[{kind or index}]", rest)
    else:
        yield path, value
