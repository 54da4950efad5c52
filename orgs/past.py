"""What facts were before (SPEC T3): since when that is kept, and what is dropped of it or erased. Triggers write it."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, models, transaction
from django.utils import timezone

from orgs.models import Erasure, FactKind, Organization, Past, PastBegin
from orgs.traces import GONE, Traces

CHUNK = 5_000
"""Rows that one transaction drops, or that one part of an erasure looks at."""

PERSONAL = (
    "user_name",
    "login_email",
    "external_id",
    "reference",
    "display_name",
    "given_name",
    "family_name",
    "attributes",
    "extension_urn",
)
"""The columns of a person that say who they are."""


def began(org: Organization) -> datetime:
    """The moment from which on the facts of an org are known as of any later one."""
    return max(PastBegin.objects.get().at, org.created_at)


class NotKept(Exception):
    """A moment from before the past was kept. began: since when it is."""

    def __init__(self, began: datetime) -> None:
        super().__init__(began)
        self.began = began


class NotYet(Exception):
    """A moment in the future."""


def check(org: Organization, at: datetime) -> None:
    """Raises NotKept, NotYet where the facts of an org are not known as of a moment."""
    if at > timezone.now():
        raise NotYet
    if at < (since := began(org)):
        raise NotKept(since)


def drop_before(at: datetime) -> int:
    """Move the beginning forward, and drop what nobody can ask for any more. Returns how many rows went."""
    PastBegin.objects.filter(at__lt=at).update(at=at)
    return drop_rows("orgs_past", "at", at)


def drop_rows(table: str, column: str, before: datetime) -> int:
    """Delete rows whose time is before then, CHUNK in each transaction, from a table whose ids follow that time."""
    sql = _DROP(table=table, column=column)
    dropped = 0
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql, {"before": before, "rows": CHUNK})
            dropped += cursor.rowcount
            if cursor.rowcount < CHUNK:
                return dropped


# The oldest rows are found by their key.
_DROP = """
DELETE FROM {table} WHERE {column} < %(before)s AND id IN (SELECT id FROM {table} ORDER BY id LIMIT %(rows)s)
""".format

_NAMES = """
SELECT array_agg(DISTINCT name) FROM orgs_past, LATERAL (
    SELECT was ->> 'user_name' UNION SELECT was ->> 'external_id'
    UNION SELECT each ->> 'value' FROM jsonb_path_query(was, '$.attributes.emails[*]') AS each
) AS known (name)
WHERE about = %(user)s AND kind = 'user' AND name <> ''
"""


def former_names(user_id: UUID) -> Iterable[str]:
    """What identified somebody before: former userNames, external ids and addresses."""
    with connection.cursor() as cursor:
        cursor.execute(_NAMES, {"user": user_id})
        (names,) = cursor.fetchone()
    return names or ()


def assign(row: models.Model, columns: Mapping[str, Any]) -> list[str]:
    """Set columns to what they were, as the past has them. Returns the names of the fields to save."""
    fields = {field.column: field for field in row._meta.concrete_fields}
    for column, value in columns.items():
        setattr(row, fields[column].attname, fields[column].to_python(value))
    return [fields[column].name for column in columns]


_FORGET = """
UPDATE orgs_past SET was = was - %(personal)s::text[]
WHERE about = %(user)s AND kind = 'user' AND was ?| %(personal)s::text[]
"""


def forget_person(user_id: UUID) -> int:
    """Leave nothing of what somebody was called in their own past (SPEC U5). Returns how many rows lost something."""
    with connection.cursor() as cursor:
        cursor.execute(_FORGET, {"user": user_id, "personal": list(PERSONAL)})
        return int(cursor.rowcount)


def forget_in_others(erasure: Erasure, traces: Traces, after: datetime) -> tuple[int, datetime | None]:
    """Take somebody who was erased out of the former attributes of people and groups (SPEC U5).

    Looks at one part of the org's past, from then on. Returns how many rows had them, and how far that was; None at the
    end.
    """
    rows = list(Past.objects.for_org(erasure.org_id).filter(at__gte=after).order_by("at", "id")[:CHUNK])
    changed = []
    for row in rows:
        if row.kind in (FactKind.USER, FactKind.GROUP) and row.was and row.was.get("attributes"):
            left: Any = traces.without(row.was["attributes"])
            if left != row.was["attributes"]:
                row.was["attributes"] = {} if left is GONE else left
                changed.append(row)
    Past.objects.bulk_update(changed, ["was"])
    return len(changed), rows[-1].at if len(rows) == CHUNK else None
