"""People who were erased (SPEC U5): a stub keeps the id, and an empty userName."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import orgs.db.tenancy

# Checked without a lock that writers would wait for: first for new rows, then for those that are there.
CHECK = """
ALTER TABLE orgs_user ADD CONSTRAINT user_name_empty_once_erased CHECK (
    (erased_at IS NULL AND user_name <> '') OR (deleted_at IS NOT NULL AND erased_at IS NOT NULL AND user_name = '')
) NOT VALID
"""
VALIDATE = "ALTER TABLE orgs_user VALIDATE CONSTRAINT user_name_empty_once_erased"
DROP = "ALTER TABLE orgs_user DROP CONSTRAINT user_name_empty_once_erased"
FORMER_DROP = "ALTER TABLE orgs_user DROP CONSTRAINT user_name_not_empty"
# Backwards, whoever was erased is called by their id.
FORMER_CHECK = "ALTER TABLE orgs_user ADD CONSTRAINT user_name_not_empty CHECK (user_name <> '') NOT VALID"
FORMER_VALIDATE = """
UPDATE orgs_user SET user_name = id::text, user_name_key = id::text WHERE user_name = '';
ALTER TABLE orgs_user VALIDATE CONSTRAINT user_name_not_empty
"""
CONDITION = models.Q(models.Q(("erased_at", None), models.Q(("user_name", ""), _negated=True)), models.Q(("deleted_at__isnull", False), ("erased_at__isnull", False), ("user_name", "")), _connector="OR")


class Migration(migrations.Migration):
    """Not in one transaction, so that no lock on people is held while their rows are read."""

    atomic = False

    dependencies = [("orgs", "0022_listed_people")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="erased_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="erased"),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(migrations.RunSQL.noop, FORMER_VALIDATE),
                migrations.RunSQL(CHECK, DROP),
                migrations.RunSQL(VALIDATE, migrations.RunSQL.noop),
                migrations.RunSQL(FORMER_DROP, FORMER_CHECK),
            ],
            state_operations=[
                migrations.RemoveConstraint(model_name="user", name="user_name_not_empty"),
                migrations.AddConstraint(
                    model_name="user",
                    constraint=models.CheckConstraint(condition=CONDITION, name="user_name_empty_once_erased"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Erasure",
            fields=[
                ("user", models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, primary_key=True, related_name="erasure", serialize=False, to=settings.AUTH_USER_MODEL)),
                ("org", models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="orgs.organization")),
                ("at", models.DateTimeField()),
                ("completed_at", models.DateTimeField(null=True)),
                ("name_digest", models.BinaryField(max_length=32)),
                ("traces", models.JSONField(null=True)),
                ("step", models.CharField(default="", max_length=50)),
                ("reached", models.UUIDField(null=True)),
                ("counts", models.JSONField(default=dict)),
            ],
            options={
                "constraints": [
                    orgs.db.tenancy.TenantKey(field="user", name="erasure_user"),
                    models.CheckConstraint(
                        condition=models.Q(models.Q(("completed_at", None), ("traces__isnull", False)), models.Q(("completed_at__isnull", False), ("traces__isnull", True)), _connector="OR"),
                        name="erasure_complete_without_traces",
                    ),
                ],
                "indexes": [
                    models.Index(condition=models.Q(("completed_at", None)), fields=["at"], name="erasure_under_way")
                ],
            },
        ),
    ]
