"""What an org has, and what is waiting for an admin: numbers for the overview, in one statement."""

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from groups_provisioning.pages.activity.change_list import id_at
from orgs.models import EntityKind, Organization
from orgs.web.long_list import COUNTED

RECENT = timedelta(days=7)  # how long refused values are shown


@dataclass(frozen=True, slots=True)
class Overview:
    """people: whom SCIM has not deleted, but for the owner; active: of these. Of the groups, unmapped to out_of_sync
    are counted as the list of groups has them. conflicts: that are open. waiting: people to be settled. Of people,
    active, conflicts and waiting, one more than COUNTED at most are counted. held: since when settling fails, and when
    it is tried again. last_admin: who keeps the admin role (SPEC R5). refused: values that a deactivation could not
    take (SPEC U4), in the time that is RECENT. opened: people whom an admin activated against the IdP's word (SPEC
    U12). unproven: verified domains whose DNS record is gone (SPEC L1). found: pending domains whose record was found
    through a setup link (SPEC L8).
    """

    people: int
    active: int
    groups: int
    unmapped: int
    pending: int
    target_deleted: int
    out_of_sync: int
    teams: int
    concurrency_groups: int
    sub_organizations: int
    conflicts: int
    waiting: int
    held_since: datetime | None
    retry_at: datetime | None
    last_admin: str | None
    refused: int
    opened: int
    unproven: int
    found: int


_LIVE = "org_id = %(org)s AND deleted_at IS NULL"
_MAPPED = "EXISTS (SELECT FROM groups_provisioning_mapping m WHERE m.group_id = g.id AND {})".format
_NOT_UNMAPPED = "(m.status <> 'rejected' OR m.barred)"  # as `is_unmapped` has it
_PENDING, _DELETED = "m.status = 'pending' AND NOT m.target_deleted", "m.status = 'pending' AND m.target_deleted"
_ENTITIES = f"(SELECT count(*) FROM orgs_entity WHERE {_LIVE} AND kind = '{{}}')".format

_OVERVIEW = f"""
SELECT u.people, u.active, g.groups, g.unmapped, g.pending, g.target_deleted, g.out_of_sync,
    {", ".join(_ENTITIES(kind.value) for kind in EntityKind)},
    (SELECT count(*) FROM (
        SELECT FROM groups_provisioning_conflict WHERE org_id = %(org)s LIMIT %(counted)s
    ) AS conflicts),
    (SELECT count(*) FROM (SELECT DISTINCT user_id FROM orgs_mark WHERE org_id = %(org)s LIMIT %(counted)s) AS waiting),
    t.served_at, t.retry_at,
    (SELECT l.user_id::text FROM orgs_lastadmin l WHERE l.org_id = %(org)s),
    (SELECT count(*) FROM orgs_ledgerentry WHERE org_id = %(org)s AND slot = 'refused' AND change_id >= %(recent)s),
    (SELECT count(*) FROM orgs_user WHERE org_id = %(org)s AND active AND idp_active IS NOT NULL),
    (SELECT count(*) FROM orgs_verifieddomain WHERE org_id = %(org)s AND gone_since IS NOT NULL),
    (SELECT count(*) FROM orgs_pendingdomain WHERE org_id = %(org)s AND found_at IS NOT NULL)
FROM (
    SELECT count(*) AS people, count(*) FILTER (WHERE active) AS active
    FROM (SELECT active FROM orgs_user WHERE {_LIVE} AND NOT is_owner LIMIT %(counted)s) AS counted
) AS u
CROSS JOIN (
    SELECT count(*) AS groups, count(*) FILTER (WHERE out_of_sync) AS out_of_sync,
        count(*) FILTER (WHERE deleted) AS target_deleted,
        count(*) FILTER (WHERE pending AND NOT deleted) AS pending,
        count(*) FILTER (WHERE NOT known) AS unmapped
    FROM (
        SELECT out_of_sync, {_MAPPED(_DELETED)} AS deleted, {_MAPPED(_PENDING)} AS pending,
            {_MAPPED(_NOT_UNMAPPED)} AS known
        FROM groups_provisioning_pushedgroup g WHERE {_LIVE}
    ) AS each_group
) AS g
LEFT JOIN (SELECT * FROM orgs_turn WHERE org_id = %(org)s AND retry_at IS NOT NULL) AS t ON true
"""


def of(org: Organization, *, at: datetime) -> Overview:
    """The current numbers of an org."""
    about: dict[str, Any] = {"org": org.id, "counted": COUNTED + 1, "recent": id_at(at - RECENT)}
    with connection.cursor() as cursor:
        cursor.execute(_OVERVIEW, about)
        row = cursor.fetchone()
    return Overview(**dict(zip((column.name for column in fields(Overview)), row, strict=True)))
