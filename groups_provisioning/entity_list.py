"""Teams, concurrency groups and sub-organizations, and who is in them, as an org's admins look through them."""

from dataclasses import dataclass

from django.db import models
from django.db.models import Count, Exists, IntegerField, OuterRef, Prefetch, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from groups_provisioning import people_list
from groups_provisioning.models import Mapping, Membership, Source
from orgs.keys import fold
from orgs.models import Entity, HandPlacement, Organization, User


class Owned(models.TextChoices):
    MAPPED = "mapped", _("A SCIM group is mapped to it")
    UNMAPPED = "unmapped", _("None is")


@dataclass(frozen=True, slots=True)
class Wanted:
    text: str = ""
    owned: str = ""


_PEOPLE = Membership.objects.filter(entity=OuterRef("pk")).order_by().values("entity").annotate(n=Count("*"))
_OWNERS = Mapping.objects.live().select_related("group")


def entities(org: Organization, kind: str, wanted: Wanted) -> QuerySet[Entity]:
    """The live entities of a kind by name, each with its number of `people` and the mapping that owns it in `owners`."""
    found = Entity.objects.for_org(org).live().filter(kind=kind)
    if wanted.text:
        found = found.filter(name_key__contains=fold(wanted.text.strip()))
    if wanted.owned:
        owner = Exists(Mapping.objects.live().filter(entity=OuterRef("pk")))
        found = found.filter(owner if wanted.owned == Owned.MAPPED else ~owner)
    people = Coalesce(Subquery(_PEOPLE.values("n"), output_field=IntegerField()), 0)
    owners = Prefetch("mappings", queryset=_OWNERS, to_attr="owners")
    return found.annotate(people=people).prefetch_related(owners).order_by("name_key", "id")


def owner(entity: Entity) -> Mapping | None:
    """The mapping that owns an entity (SPEC M1)."""
    return _OWNERS.filter(entity=entity).first()


def counts(entity: Entity) -> dict[str, int]:
    """How many people are in an entity, by source; only sources that there are."""
    found = Membership.objects.filter(entity=entity).order_by().values_list("source").annotate(n=Count("*"))
    return {source: count for source, count in found.order_by("source")}


def members(entity: Entity, text: str, source: str) -> QuerySet[Membership]:
    """Who is in an entity and by which source, in order of their user names."""
    found = Membership.objects.filter(entity=entity)
    if source:
        found = found.filter(source=source)
    if text.strip():
        wanted = people_list.matching(User.objects.filter(org=entity.org_id), text)
        found = found.filter(user__in=wanted.values("id"))
    related = ("user__standing", "mapping__group")
    return found.select_related(*related).order_by("user__user_name_key")


def taken_out(entity: Entity) -> QuerySet[HandPlacement]:
    """Who was taken out of an entity by hand, while that holds (SPEC R4)."""
    found = HandPlacement.objects.filter(org=entity.org_id, entity=entity, placed=False)
    return found.select_related("user", "change__by_person").order_by("user__user_name_key")


def source_words(membership: Membership) -> str:
    """By what somebody is in: the source, and the group it comes from."""
    if membership.mapping:
        return f"{Source(membership.source).label}: {membership.mapping.group.display_name}"
    return str(Source(membership.source).label)
