"""Gives everything that there was before the feed its place in it.

In transactions of a few thousand rows, since there may be millions. One that is interrupted is begun again, and finds
what it has done. Each locks the head, as whoever stamps does, so positions are given in one order.
"""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

BATCH = 5000

# What there is, by the number of its kind: an SQL expression, and a table.
SOURCES = (
    ("6", "orgs_organization", "id"),
    ("CASE kind WHEN 'team' THEN 2 WHEN 'concurrency_group' THEN 3 ELSE 4 END", "orgs_entity", "org_id"),
    ("5", "groups_provisioning_pushedgroup", "org_id"),
    ("1", "orgs_user", "org_id"),
)
FILL = """
WITH batch AS MATERIALIZED (
    SELECT id, {org} AS org_id, {kind} AS kind FROM {table} WHERE id > %(after)s AND {org} IS NOT NULL
    ORDER BY id LIMIT %(batch)s
), head AS (
    UPDATE orgs_feedhead SET position = greatest(position, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
        + (SELECT count(*) FROM batch)
    WHERE EXISTS (SELECT FROM batch)
    RETURNING position
), filled AS (
    INSERT INTO orgs_feeditem (position, org_id, kind, resource_id)
    SELECT head.position - count(*) OVER () + row_number() OVER (ORDER BY batch.id), org_id, kind, batch.id
    FROM batch, head
    ON CONFLICT (org_id, kind, resource_id) DO NOTHING
)
SELECT id FROM batch ORDER BY id DESC LIMIT 1
"""
FIRST = "00000000-0000-0000-0000-000000000000"


def fill(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for kind, table, org in SOURCES:
        after = FIRST
        while after:
            with schema_editor.connection.cursor() as cursor:
                cursor.execute(FILL.format(kind=kind, table=table, org=org), {"after": after, "batch": BATCH})
                row = cursor.fetchone()
            after = row and row[0]


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("orgs", "0031_feed"), ("groups_provisioning", "0010_person_function")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
