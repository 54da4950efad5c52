"""The people of an org, as lists show them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Exists, F, Func, OuterRef, Prefetch, QuerySet, Value
from django.utils.translation import gettext_lazy as _

from groups_provisioning.models import Conflict, GroupMember, Membership, PushedGroup
from orgs.activity import Activity
from orgs.db.keys import fold
from orgs.db.keyset import chunks
from orgs.db.words import have_words, words_of
from orgs.models import Entity, EntityKind, HandPlacement, Organization, User
from orgs.models.people import NAMES, label


class AddedBy(models.TextChoices):
    SCIM = "scim", _("SCIM")
    HAND = "hand", _("By hand")


class Account(models.TextChoices):
    """What lists call an account. As filters, the first two include those that an admin switched by hand."""

    ACTIVE = "active", _("Active")
    INACTIVE = "inactive", _("Deactivated")
    CLOSED = "closed", _("Deactivated by hand")
    OPENED = "opened", _("Activated by hand")
    DELETED = "deleted", _("Deleted by SCIM")


CONFLICT = "conflict"
"""A filter beside the accounts: whoever has an open conflict."""

ORDERS = {
    "name": ("user_name_key", "id"),
    "-name": ("-user_name_key", "-id"),
    "added": ("id",),  # ids begin with the time
    "-added": ("-id",),
}
MEMBER_ORDERS = {"name": ("user__user_name_key", "user_id"), "-name": ("-user__user_name_key", "-user_id")}
"""Those of people, and of members of something. Each is that of an index: an org may have 200,000 people."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to list; an empty string filters nothing. People whom SCIM deleted are listed only if `account` says so.

    Who was erased is never listed. within: what occurs in the name of an entity or a SCIM group that they are in.
    """

    text: str = ""
    role: str = ""
    added_by: str = ""
    account: str = ""
    within: str = ""


def found(org: Organization, wanted: Wanted) -> QuerySet[User]:
    """The people who are wanted, in no order. Every word of the text must occur."""
    found = User.objects.for_org(org).filter(deleted_at__isnull=wanted.account != Account.DELETED, erased_at=None)
    if wanted.account == CONFLICT:
        found = found.filter(Exists(Conflict.objects.filter(user=OuterRef("pk"))))
    elif wanted.account and wanted.account != Account.DELETED:
        found = found.filter(active=wanted.account in (Account.ACTIVE, Account.OPENED))
    if wanted.account in (Account.CLOSED, Account.OPENED):
        found = found.filter(idp_active__isnull=False)
    if wanted.added_by:
        found = found.filter(scim_managed=wanted.added_by == AddedBy.SCIM)
    if wanted.role:
        found = found.filter(standing__roles__contains=[wanted.role])
    if within := fold(wanted.within.strip()):
        found = _within(found, org, within)
    return matching(found, org.id, wanted.text)


def people(org: Organization, wanted: Wanted, sorted_by: str = "name") -> QuerySet[User]:
    """People in one of ORDERS, each with roles, assignments, and whether they have open conflicts."""
    conflicts = Exists(Conflict.objects.filter(user=OuterRef("pk")))
    related = found(org, wanted).annotate(has_conflicts=conflicts).select_related("standing").prefetch_related(_PLACES)
    return related.defer("attributes", "folded").order_by(*ORDERS[sorted_by])


def placeable(org: Organization, entity: Entity, text: str) -> QuerySet[User]:
    """Who can be assigned to an entity by hand; `is_in`: assigned already; `is_by_hand`: assigned by hand."""
    here = Membership.objects.filter(entity=entity, user=OuterRef("pk"))
    by_hand = HandPlacement.objects.filter(entity=entity, user=OuterRef("pk"), placed=True)
    found = User.objects.for_org(org).live().annotate(is_in=Exists(here), is_by_hand=Exists(by_hand))
    return matching(found, org.id, text).order_by("user_name_key", "id")


def matching(found: QuerySet[User], org_id: UUID, text: str) -> QuerySet[User]:
    """Those in whose names, addresses or external id every word of the text begins one.

    The index is asked first, apart: a plan for everything at once may walk an order, and read everybody for nobody.
    """
    words = words_of(text)
    if not words:
        return found
    condition = have_words(org_id, words)
    ids = list(User.objects.filter(condition).order_by().values_list("id", flat=True)[: MATCHES + 1])
    return found.filter(condition) if len(ids) > MATCHES else found.filter(_is_one_of("id", ids))


def _within(found: QuerySet[User], org: Organization, name: str) -> QuerySet[User]:
    """Those in an entity or a SCIM group in whose name this occurs. Few are found by their ids, as in `matching`."""
    entities = Entity.objects.for_org(org).live().filter(name_key__contains=name)
    groups = PushedGroup.objects.for_org(org).live().filter(display_name_key__contains=name)
    placed = Membership.objects.filter(_is_one_of("entity", list(entities.values_list("id", flat=True))))
    pushed = GroupMember.objects.filter(_is_one_of("group", list(groups.values_list("id", flat=True))))
    both = placed.values_list("user_id").union(pushed.values_list("user_id"), all=True)
    ids = list({id_ for (id_,) in both[: MATCHES + 1]})
    if len(ids) <= MATCHES:
        return found.filter(_is_one_of("id", ids))
    return found.filter(Exists(placed.filter(user=OuterRef("pk"))) | Exists(pushed.filter(user=OuterRef("pk"))))


def _is_one_of(column: str, ids: Sequence[UUID]) -> Func:
    """A condition: the column has one of these ids. `in` would send each by itself."""
    array = Value(ids, output_field=ArrayField(models.UUIDField()))
    return Func(
        F(column), array, template="%(expressions)s)", arg_joiner=" = ANY (", output_field=models.BooleanField()
    )


_PLACES = Prefetch(
    "places",
    queryset=Membership.objects.select_related("entity").order_by("kind", "entity__name_key"),
    to_attr="shown_places",
)

MATCHES = 10_000  # of a search, that are found by their ids

_FILE = (
    *NAMES,
    "id",
    "active",
    "idp_active",
    "deleted_at",
    "is_owner",
    "scim_managed",
    "external_id",
    "created_at",
    "standing__roles",
)


def rows(org: Organization, wanted: Wanted) -> Iterator[tuple[Any, ...]]:
    """A table row for each person: names, account, roles, assignments by kind, origin, ids, and when created."""
    accounts, origins = {each: str(each.label) for each in Account}, {each: str(each.label) for each in AddedBy}
    owner = str(_("Owner"))
    for chunk in chunks(found(org, wanted), _FILE, by="user_name_key", tie="id"):
        places = _names_of_places([row[4] for row in chunk])
        for *names, id_, active, idp_active, deleted_at, is_owner, by_scim, external_id, created_at, roles in chunk:
            yield (
                *names_in_file(*names),
                accounts[account(Activity(active, idp_active), deleted_at)],
                ", ".join(roles or ()),
                *(", ".join(places.get((id_, kind), ())) for kind in EntityKind),
                owner if is_owner else origins[AddedBy.SCIM if by_scim else AddedBy.HAND],
                external_id,
                created_at,
                id_,
            )


def names_in_file(*names: str) -> tuple[str, str]:
    """The userName, and what the person is called where that differs; from the columns of NAMES."""
    called = label(*names)
    return names[0], called if called != names[0] else ""


def _names_of_places(people: Sequence[UUID]) -> dict[tuple[UUID, str], list[str]]:
    """The names of the entities that these people are in, by person and kind."""
    found: dict[tuple[UUID, str], list[str]] = {}
    places = Membership.objects.filter(user__in=people).order_by("entity__name_key")
    for user, kind, name in places.values_list("user_id", "kind", "entity__name"):
        found.setdefault((user, kind), []).append(name)
    return found


def account(activity: Activity, deleted_at: datetime | None) -> Account:
    if deleted_at is not None:
        return Account.DELETED
    if activity.idp is not None:
        return Account.OPENED if activity.active else Account.CLOSED
    return Account.ACTIVE if activity.active else Account.INACTIVE


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
    yield "active", user.activity.said
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
