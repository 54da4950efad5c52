"""Teams, concurrency groups and sub-organizations."""

from uuid import UUID

from orgs.keys import fold
from orgs.models import Entity, Organization


def named(org: Organization, kind: str, name: str) -> UUID | None:
    """The id of the live entity of this kind with this name, without letter case."""
    return (
        Entity.objects.for_org(org).live().filter(kind=kind, name_key=fold(name)).values_list("id", flat=True).first()
    )
