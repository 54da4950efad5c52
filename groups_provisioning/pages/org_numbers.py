"""What an org has: numbers for the overview, in one statement."""

from dataclasses import dataclass, fields

from django.db import connection

from orgs.models import EntityKind, Organization
from orgs.web.long_list import COUNTED


@dataclass(frozen=True, slots=True)
class OrgNumbers:
    """people: whom SCIM has not deleted, but for the owner; active: of these. waiting: people to be settled. Of people,
    active and waiting, one more than COUNTED at most are counted.
    """

    people: int
    active: int
    groups: int
    teams: int
    concurrency_groups: int
    sub_organizations: int
    waiting: int


_LIVE = "org_id = %(org)s AND deleted_at IS NULL"
_ENTITIES = f"(SELECT count(*) FROM orgs_entity WHERE {_LIVE} AND kind = '{{}}')".format

_NUMBERS = f"""
SELECT people, active, (SELECT count(*) FROM groups_provisioning_pushedgroup WHERE {_LIVE}),
    {", ".join(_ENTITIES(kind.value) for kind in EntityKind)},
    (SELECT count(*) FROM (SELECT DISTINCT user_id FROM orgs_mark WHERE org_id = %(org)s LIMIT %(counted)s) AS waiting)
FROM (
    SELECT count(*) AS people, count(*) FILTER (WHERE active) AS active
    FROM (SELECT active FROM orgs_user WHERE {_LIVE} AND NOT is_owner LIMIT %(counted)s) AS counted
) AS u
"""


def of(org: Organization) -> OrgNumbers:
    """The current numbers of an org."""
    with connection.cursor() as cursor:
        cursor.execute(_NUMBERS, {"org": org.id, "counted": COUNTED + 1})
        row = cursor.fetchone()
    return OrgNumbers(**dict(zip((column.name for column in fields(OrgNumbers)), row, strict=True)))
