"""What groups can be mapped to: for admins who choose, and for what stands in the way of many at once. Reads only."""

from collections import abc
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from django.db.models import Exists, OuterRef

from groups_provisioning.evaluation import has_place
from groups_provisioning.models import Mapping, Pending
from groups_provisioning.proposals import Candidate, Ground, excluded, fitting
from orgs import entities
from orgs.keys import fold
from orgs.models import Entity, Organization

SUGGESTED = 20


def suggested(org: Organization, kind: str, text: str) -> list[str]:
    """Names of entities that no group owns and that contain the text."""
    owned = Mapping.objects.live().filter(entity=OuterRef("id"))
    free = Entity.objects.for_org(org).live().filter(~Exists(owned), kind=kind, name_key__contains=fold(text.strip()))
    return list(free.order_by("name_key").values_list("name", flat=True)[:SUGGESTED])


@dataclass(frozen=True, slots=True)
class Choice:
    """What a name stands for: an entity that is there, or a new one. owner: the group that it is mapped to already."""

    kind: str
    name: str
    entity_id: UUID | None = None
    owner: str = ""

    @property
    def target(self) -> UUID | str:
        """As `mappings` takes it."""
        return self.entity_id or self.name


def choice(org: Organization, kind: str, name: str, *, besides: Mapping | None = None) -> Choice:
    """besides: a mapping whose own entity is nobody else's."""
    entity = Entity.objects.for_org(org).live().filter(kind=kind, name_key=fold(name)).first()
    if entity is None:
        return Choice(kind, name)
    owner = Mapping.objects.live().filter(entity=entity).values_list("id", "group__display_name").first()
    group = owner[1] if owner and (besides is None or owner[0] != besides.id) else ""
    return Choice(kind, entity.name, entity.id, group)


@dataclass(frozen=True, slots=True)
class Prospect:
    """What approving a mapping as it is would come to: the entity by its name, or the reason against it.

    owner: the group that has the entity already, where that is why.
    """

    name: str = ""
    is_new: bool = False
    reason: str = ""
    owner: str = ""


def prospects(org: Organization, mappings: Sequence[Mapping]) -> dict[UUID, Prospect]:
    """For Pending mappings, with their groups and entities."""
    placed: dict[UUID, set[str]] = {mapping.group_id: set() for mapping in mappings}
    for other in Mapping.objects.for_org(org).live().filter(group__in=list(placed)):
        if has_place(other):
            placed[other.group_id].add(other.kind)
    found = ground(org, {_name(mapping) for mapping in mappings if not has_place(mapping)})
    return {mapping.id: _prospect(mapping, placed[mapping.group_id], found) for mapping in mappings}


def _prospect(mapping: Mapping, placed: set[str], found: "Found") -> Prospect:
    others = frozenset(placed - {mapping.kind})
    if mapping.target_deleted:  # An admin chooses the new one (SPEC M7).
        return Prospect(reason=Pending.TARGET_DELETED)
    if mapping.entity is not None:
        if mapping.kind not in found.ground.kinds:
            return Prospect(reason=Pending.KIND_OFF)
        return Prospect(reason=Pending.EXCLUDED) if excluded(mapping.kind, others) else Prospect(mapping.entity.name)
    name = mapping.group.display_name
    fit = fitting(mapping.kind, Candidate(mapping.group_id, name, others), found.ground, creates=True)
    if fit.reason:
        return Prospect(reason=fit.reason, owner=found.owners.get(_name(mapping), ""))
    return Prospect(fit.new_name or name.strip(), is_new=bool(fit.new_name))


def _name(mapping: Mapping) -> entities.Named:
    return mapping.kind, fold(mapping.group.display_name.strip())


class Found(NamedTuple):
    """The ground of some names, and which groups own what has them."""

    ground: Ground
    owners: abc.Mapping[entities.Named, str]


def ground(org: Organization, names: Iterable[entities.Named]) -> Found:
    wanted = set(names)
    rows = Entity.objects.for_org(org).live().filter(name_key__in={key for _, key in wanted})
    ids = {(row.kind, row.name_key): row.id for row in rows if (row.kind, row.name_key) in wanted}
    owning = Mapping.objects.live().filter(entity__in=ids.values()).values_list("entity_id", "group__display_name")
    groups = dict(owning)
    owners = {name: groups[id_] for name, id_ in ids.items() if id_ in groups}
    return Found(Ground(entities.kinds_on(org), ids, frozenset(groups)), owners)
