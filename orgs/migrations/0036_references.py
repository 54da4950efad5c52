"""The id in a former system, which an import brings (SPEC E6). Its index is built beside the table's writers."""

from django.db import migrations, models

UNIQUE = """
CREATE UNIQUE INDEX CONCURRENTLY user_reference_once ON orgs_user (org_id, reference)
WHERE deleted_at IS NULL AND reference <> ''
"""
DROP = "DROP INDEX CONCURRENTLY IF EXISTS user_reference_once"


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("orgs", "0035_history_filled")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="reference",
            field=models.TextField(
                blank=True, db_default="", default="", editable=False, verbose_name="id in a former system"
            ),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                # An index that could not be built stays behind as invalid, and would be in the way of the next attempt.
                migrations.RunSQL(DROP, migrations.RunSQL.noop),
                migrations.RunSQL(UNIQUE, DROP),
            ],
            state_operations=[
                migrations.AddConstraint(
                    model_name="user",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("deleted_at", None), models.Q(("reference", ""), _negated=True)),
                        fields=("org", "reference"),
                        name="user_reference_once",
                    ),
                )
            ],
        ),
    ]
