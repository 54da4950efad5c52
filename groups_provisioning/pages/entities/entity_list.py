"""Teams, concurrency groups and sub-organizations and their members, as lists show them."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.models import Count, Exists, IntegerField, OuterRef, Prefetch, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from groups_provisioning.models import GroupMapping, Membership, Source
from groups_provisioning.pages.people import people_list
from orgs.activity import Activity
from orgs.db.keys import fold
from orgs.db.keyset import chunks
from orgs.entities import kinds_on
from orgs.models import Entity, HandPlacement, Organization, User
from orgs.models.people import NAMES
from orgs.web.long_list import COUNTED


class Owned(models.TextChoices):
    MAPPED = "mapped", _("Mapped")
    UNMAPPED = "unmapped", _("Not mapped")


@dataclass(frozen=True, slots=True)
class Wanted:
    text: str = ""
    owned: str = ""


BATCH = 2000  # rows whose related rows are read at once

_PEOPLE = Membership.objects.filter(entity=OuterRef("pk")).order_by().values("entity").annotate(n=Count("*"))
_OWNERS = GroupMapping.objects.live().select_related("group")

ORDERS = {"name": ("name_key", "id"), "-name": ("-name_key", "-id"), "created": ("id",), "-created": ("-id",)}
"""Each is that of an index, as in `people_list.ORDERS`."""


def entities(org: Organization, kind: str, wanted: Wanted, sorted_by: str = "name") -> QuerySet[Entity]:
    """The live entities of a kind in one of ORDERS, each with its number of `people` and its owner, a mapping, in
    `owners`.
    """
    found = Entity.objects.for_org(org).live().filter(kind=kind)
    if wanted.text:
        found = found.filter(name_key__contains=fold(wanted.text.strip()))
    if wanted.owned:
        owner = Exists(GroupMapping.objects.live().filter(entity=OuterRef("pk")))
        found = found.filter(owner if wanted.owned == Owned.MAPPED else ~owner)
    people = Coalesce(Subquery(_PEOPLE.values("n"), output_field=IntegerField()), 0)
    owners = Prefetch("mappings", queryset=_OWNERS, to_attr="owners")
    return found.annotate(people=people).prefetch_related(owners).order_by(*ORDERS[sorted_by])


def placeable(org: Organization, user: User, text: str) -> QuerySet[Entity]:
    """The entities that somebody can be assigned to by hand, of the kinds that are on.

    `is_in`: they are assigned already; `is_by_hand`: they are assigned by hand.
    """
    here = Membership.objects.filter(user=user, entity=OuterRef("pk"))
    found = Entity.objects.for_org(org).live().filter(kind__in=kinds_on(org), name_key__contains=fold(text.strip()))
    by_hand = HandPlacement.objects.filter(user=user, entity=OuterRef("pk"), placed=True)
    return found.annotate(is_in=Exists(here), is_by_hand=Exists(by_hand)).order_by("name_key", "id")


def owner(entity: Entity) -> GroupMapping | None:
    """The mapping that owns an entity (SPEC M1)."""
    return _OWNERS.filter(entity=entity).first()


def counts(entity: Entity) -> dict[str, int]:
    """How many people are in an entity, by source; sources without people are left out.

    Of more than COUNTED people, some COUNTED + 1 are counted.
    """
    sources = Membership.objects.filter(entity=entity).values_list("source", flat=True)[: COUNTED + 1]
    return dict(sorted(Counter(sources).items()))


def members(entity: Entity, text: str, source: str, sorted_by: str = "name") -> QuerySet[Membership]:
    """Who is in an entity, and through which source, with their roles and names. sorted_by: of MEMBER_ORDERS."""
    # Narrow rows: all that is known about a person may be 256 KiB.
    columns = ("source", "mapping__group__display_name", "user__active", *(f"user__{name}" for name in NAMES))
    found = _members(entity, text, source).select_related("user__standing", "mapping__group")
    return found.only(*columns, "user__standing__roles").order_by(*people_list.MEMBER_ORDERS[sorted_by])


def _members(entity: Entity, text: str, source: str) -> QuerySet[Membership]:
    # Of this org, so that its people's index can give the order.
    found = Membership.objects.filter(entity=entity, user__org=entity.org_id)
    if source:
        found = found.filter(source=source)
    if text.strip():
        wanted = people_list.matching(User.objects.for_org(entity.org_id), entity.org_id, text)
        found = found.filter(user__in=wanted.values("id"))
    return found


def taken_out(entity: Entity) -> QuerySet[HandPlacement]:
    """Who is removed from an entity by hand, while that lasts (SPEC R4)."""
    found = HandPlacement.objects.for_org(entity.org_id).filter(entity=entity, placed=False)
    return found.select_related("user", "change__by_person").order_by("user__user_name_key", "id")


def rows(entities: QuerySet[Entity]) -> Iterator[tuple[Any, ...]]:
    """A table row for each entity: name, people, limit, its group and mapping, when, and id."""
    for entity in entities.iterator(chunk_size=BATCH):
        owner = next(iter(entity.owners), None)  # type: ignore[attr-defined]
        group, status = (owner.group.display_name, owner.get_status_display()) if owner else (None, None)
        people = entity.people  # type: ignore[attr-defined]
        yield entity.name, people, entity.session_limit, group, status, entity.created_at, entity.id


_FILE = (
    *(f"user__{name}" for name in NAMES),
    *("user__active", "user__idp_active", "user__deleted_at", "user__standing__roles"),
    *("source", "mapping__group__display_name", "user_id"),
)


def member_rows(entity: Entity, text: str, source: str) -> Iterator[tuple[Any, ...]]:
    """A row for each member: who, account, roles, source, group, and id."""
    sources = {value: str(label) for value, label in Source.choices}
    accounts = {each: str(each.label) for each in people_list.Account}
    for chunk in chunks(_members(entity, text, source), _FILE, by="user__user_name_key", tie="user_id"):
        for *names, active, idp_active, deleted_at, roles, by, group, id_ in chunk:
            yield (
                *people_list.names_in_file(*names),
                accounts[people_list.account(Activity(active, idp_active), deleted_at)],
                ", ".join(roles or ()),
                sources[by],
                group,
                id_,
            )
