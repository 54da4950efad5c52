"""The roles of a profile, loaded (SPEC R1), and who administers an org by them (SPEC O8)."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet

from orgs.catalogue import Catalogue
from orgs.models import Organization, Role, SchemaProfile, User

_HELD = "SELECT key FROM orgs_role WHERE profile_id = %s FOR KEY SHARE"


def catalogue(profile: SchemaProfile) -> Catalogue:
    """The roles of `profile`, loaded once per process and profile revision."""
    return _load(profile.pk, profile.revision, profile.role_policy)


def admins(org: Organization) -> QuerySet[User]:
    """The active people who may open the org's pages: the owner, and who has the admin role."""
    has_role = Q(is_owner=True) | Q(standing__roles__contains=[catalogue(org.profile).admin])
    found = User.objects.for_org(org).live().filter(has_role, active=True)
    return found.select_related("standing").defer("attributes", "folded").order_by("-is_owner", "user_name_key", "id")


def held(profile: SchemaProfile) -> frozenset[str]:
    """The keys of the roles that `profile` has, locked so that none is deleted before this transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(_HELD, [profile.pk])
        return frozenset(key for (key,) in cursor.fetchall())


@lru_cache(maxsize=256)
def _load(profile_id: UUID, revision: int, policy: str) -> Catalogue:
    return of_rows(Role.objects.filter(profile=profile_id).values("key", "rank", "is_default", "is_admin"), policy)


def of_rows(rows: Iterable[Mapping[str, Any]], policy: str) -> Catalogue:
    """The roles that these rows of `Role` say."""
    roles = sorted(rows, key=lambda row: -row["rank"])
    return Catalogue(
        keys=tuple(role["key"] for role in roles),
        default=next(role["key"] for role in roles if role["is_default"]),
        admin=next(role["key"] for role in roles if role["is_admin"]),
        policy=policy,
    )
