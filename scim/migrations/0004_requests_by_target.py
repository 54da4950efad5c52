"""An index of the request log by whom a request was about; and the numbers of the days that the log still has.

Both go day by day, beside those who write. A partitioned table's index cannot be built so at once: it begins empty, is
built for each partition, and is complete when the last one is attached. A migration that is interrupted is begun again.
"""

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

PARTITIONS = """
SELECT partition.relname, EXISTS (
    SELECT FROM pg_inherits JOIN pg_index ON indexrelid = inhrelid
    WHERE inhparent = 'request_log_target'::regclass AND indrelid = partition.oid
) FROM pg_inherits JOIN pg_class partition ON partition.oid = inhrelid
WHERE inhparent = 'scim_requestlog'::regclass ORDER BY 1
"""
COUNT = """
INSERT INTO scim_requestday AS d (org_id, day, calls, refused, failed, wrote_at)
SELECT org_id, (at AT TIME ZONE 'UTC')::date, count(*), count(*) FILTER (WHERE status BETWEEN 400 AND 499),
    count(*) FILTER (WHERE status >= 500),
    max(at) FILTER (WHERE status < 400 AND operation ~ '(create|replace|change|delete|bulk)$')
FROM {partition} l JOIN orgs_organization o ON o.id = l.org_id
GROUP BY 1, 2
ON CONFLICT (org_id, day) DO UPDATE SET calls = greatest(d.calls, excluded.calls),
    refused = greatest(d.refused, excluded.refused), failed = greatest(d.failed, excluded.failed),
    wrote_at = greatest(d.wrote_at, excluded.wrote_at)
"""


def build(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("CREATE INDEX IF NOT EXISTS request_log_target ON ONLY scim_requestlog (org_id, target, id)")
        cursor.execute(PARTITIONS)
        for partition, has_index in cursor.fetchall():
            if not has_index:
                name = f"{partition}_target"
                cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")  # that an interruption left
                cursor.execute(f"CREATE INDEX CONCURRENTLY {name} ON {partition} (org_id, target, id)")
                cursor.execute(f"ALTER INDEX request_log_target ATTACH PARTITION {name}")
            cursor.execute(COUNT.format(partition=partition))


def drop(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("DROP INDEX IF EXISTS request_log_target")


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("scim", "0003_days_and_visits")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(build, drop)],
            state_operations=[
                migrations.AddIndex("requestlog", models.Index(fields=["org", "target", "id"], name="request_log_target")),
            ],
        ),
    ]
