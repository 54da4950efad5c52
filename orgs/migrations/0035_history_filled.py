"""Gives every change of before its place in the history, in the order of their ids, with the effects that it has.

In transactions of a few thousand rows, since there may be millions. One that is interrupted is begun again, and finds
what it has done. Each locks the head, as whoever stamps does, so positions are given in one order.
"""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

BATCH = 5000
ENTRIES = 1000  # of one item, since a change may have effects on everybody

FILL = """
WITH batch AS MATERIALIZED (
    SELECT id, org_id FROM orgs_change WHERE id > %(after)s ORDER BY id LIMIT %(batch)s
), parts AS MATERIALIZED (
    SELECT c.id, c.org_id, coalesce(e.part, 0) AS part, e.first_entry, e.last_entry, e.entry_count
    FROM batch c LEFT JOIN LATERAL (
        SELECT (n - 1) / %(entries)s AS part, min(id) AS first_entry, max(id) AS last_entry, count(*) AS entry_count
        FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM orgs_ledgerentry WHERE change_id = c.id) AS l
        GROUP BY 1
    ) AS e ON true
    WHERE NOT EXISTS (SELECT FROM orgs_historyitem i WHERE i.change_id = c.id AND i.kind = 7)
), head AS (
    UPDATE orgs_feedhead SET position = greatest(position, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
        + (SELECT count(*) FROM parts)
    WHERE EXISTS (SELECT FROM parts)
    RETURNING position
), filled AS (
    INSERT INTO orgs_historyitem (position, org_id, kind, change_id, first_entry, last_entry, entry_count)
    SELECT head.position - count(*) OVER () + row_number() OVER (ORDER BY parts.id, part), org_id,
        CASE part WHEN 0 THEN 7 ELSE 8 END, parts.id, first_entry, last_entry, entry_count
    FROM parts, head
)
SELECT id FROM batch ORDER BY id DESC LIMIT 1
"""
FIRST = "00000000-0000-0000-0000-000000000000"


def fill(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    after = FIRST
    while after:
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(FILL, {"after": after, "batch": BATCH, "entries": ENTRIES})
            row = cursor.fetchone()
        after = row and row[0]


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("orgs", "0034_history_feed")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
