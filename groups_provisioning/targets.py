"""What groups can be mapped to, for admins who choose. Reads only."""

from django.db.models import Exists, OuterRef

from groups_provisioning.models import Mapping
from orgs.keys import fold
from orgs.models import Entity, Organization

SUGGESTED = 20


def suggested(org: Organization, kind: str, text: str) -> list[str]:
    """Names of entities that no group owns and that contain the text."""
    owned = Mapping.objects.live().filter(entity=OuterRef("id"))
    free = Entity.objects.for_org(org).live().filter(~Exists(owned), kind=kind, name_key__contains=fold(text.strip()))
    return list(free.order_by("name_key").values_list("name", flat=True)[:SUGGESTED])
