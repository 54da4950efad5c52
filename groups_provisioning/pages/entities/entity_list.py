"""Teams, concurrency groups and sub-organizations and their members, as lists show them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.models import Count, Exists, IntegerField, OuterRef, Prefetch, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from groups_provisioning.models import GroupMapping, Membership
from groups_provisioning.pages.people import people_list
from orgs.db.keys import fold
from orgs.entities import kinds_on
from orgs.models import Entity, HandPlacement, Organization, User


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


def entities(org: Organization, kind: str, wanted: Wanted) -> QuerySet[Entity]:
    """The live entities of a kind by name, each with its number of `people` and its owner, a mapping, in `owners`."""
    found = Entity.objects.for_org(org).live().filter(kind=kind)
    if wanted.text:
        found = found.filter(name_key__contains=fold(wanted.text.strip()))
    if wanted.owned:
        owner = Exists(GroupMapping.objects.live().filter(entity=OuterRef("pk")))
        found = found.filter(owner if wanted.owned == Owned.MAPPED else ~owner)
    people = Coalesce(Subquery(_PEOPLE.values("n"), output_field=IntegerField()), 0)
    owners = Prefetch("mappings", queryset=_OWNERS, to_attr="owners")
    return found.annotate(people=people).prefetch_related(owners).order_by("name_key", "id")


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
    """How many people are in an entity, by source; sources without people are left out."""
    found = Membership.objects.filter(entity=entity).order_by().values_list("source").annotate(n=Count("*"))
    return dict(found.order_by("source"))


def members(entity: Entity, text: str, source: str) -> QuerySet[Membership]:
    """Who is in an entity and through which source, ordered by userName."""
    found = Membership.objects.filter(entity=entity)
    if source:
        found = found.filter(source=source)
    if text.strip():
        wanted = people_list.matching(User.objects.for_org(entity.org_id), text)
        found = found.filter(user__in=wanted.values("id"))
    related = ("user__standing", "mapping__group")
    return found.select_related(*related).order_by("user__user_name_key", "id")


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


def member_rows(members: QuerySet[Membership]) -> Iterator[tuple[Any, ...]]:
    """A row for each member: who, account, roles, source, group, and id."""
    for membership in members.iterator(chunk_size=BATCH):
        user, mapping = membership.user, membership.mapping
        yield (
            user.user_name,
            user.label if user.label != user.user_name else "",
            people_list.account(user).label,
            ", ".join(people_list.roles(user)),
            membership.get_source_display(),
            mapping.group.display_name if mapping else None,
            user.id,
        )
