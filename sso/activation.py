"""What activating a draft comes to, told beforehand (SPEC L6)."""

from dataclasses import dataclass

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db.models import Count, Exists, OuterRef, Q

from orgs.models import IdentityLink, Organization, User
from sso.models import Revision


@dataclass(frozen=True, slots=True)
class Effects:
    """people: who are active, the owner aside. with_password: of these, who have one. unlinked: of these, whom nothing
    links to the draft's issuer yet. owner: who keeps the password.
    """

    people: int
    with_password: int
    unlinked: int
    owner: User | None


def effects(org: Organization, draft: Revision) -> Effects:
    """Two queries, one of which reads all people of the org."""
    links = IdentityLink.objects.for_org(org).filter(user=OuterRef("pk"), issuer=draft.authority)
    has_one = ~Q(password="") & ~Q(password__startswith=UNUSABLE_PASSWORD_PREFIX)
    people = User.objects.for_org(org).provisionable().filter(active=True)
    counts = people.annotate(is_linked=Exists(links)).aggregate(
        people=Count("pk"),
        with_password=Count("pk", filter=has_one),
        unlinked=Count("pk", filter=Q(is_linked=False)),
    )
    return Effects(**counts, owner=User.objects.for_org(org).filter(is_owner=True).first())
