from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models

UNIQUE = "CREATE UNIQUE INDEX CONCURRENTLY {name} ON orgs_user {columns}"
DROP = "DROP INDEX CONCURRENTLY IF EXISTS {name}"


class CannotGoBack(Exception):
    """The accounts are no longer unique in the way that this migration ended."""


def refuse_what_is_shared(apps, schema_editor):
    """Going back needs what was unique before: name what is shared, before anything is changed."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(
            "SELECT 'sign-in address ' || login_email FROM orgs_user GROUP BY login_email HAVING count(login_email) > 1"
            " UNION ALL "
            "SELECT 'userName ' || user_name_key FROM orgs_user WHERE deleted_at IS NULL AND org_id IS NOT NULL"
            " GROUP BY org_id, user_name_key HAVING count(*) > 1"
            " UNION ALL "
            "SELECT 'domain ' || name FROM orgs_verifieddomain GROUP BY name HAVING count(*) > 1 LIMIT 10"
        )
        if shared := [text for (text,) in cursor.fetchall()]:
            raise CannotGoBack(f"Of several accounts or organizations: {', '.join(shared)}")


def unique(name: str, fields: list[str], condition: models.Q, sql: str) -> migrations.SeparateDatabaseAndState:
    """A partial unique constraint whose index is built beside the table's writers."""
    return migrations.SeparateDatabaseAndState(
        database_operations=[
            # An index that could not be built stays behind as invalid, and would be in the way of the next attempt.
            migrations.RunSQL(DROP.format(name=name), migrations.RunSQL.noop),
            migrations.RunSQL(UNIQUE.format(name=name, columns=sql), DROP.format(name=name)),
        ],
        state_operations=[
            migrations.AddConstraint("user", models.UniqueConstraint(fields=fields, condition=condition, name=name))
        ],
    )


class Migration(migrations.Migration):
    """Nothing is unique across orgs: neither an address nor a domain; and nobody's userName is compared with the
    owner's (SPEC U2, O6, O8). Every account that there is fits the new constraints, since the old ones were stricter.

    Indexes are built beside the table's writers, and outside of a transaction.
    """

    atomic = False

    dependencies = [
        ("orgs", "0013_switched_at"),
    ]

    operations = [
        unique(
            "user_staff_address_once",
            ["login_email"],
            models.Q(("is_staff", True)),
            "(login_email) WHERE is_staff",
        ),
        unique(
            "user_name_once_among_people",
            ["org", "user_name_key"],
            models.Q(("deleted_at", None), ("is_owner", False)),
            "(org_id, user_name_key) WHERE deleted_at IS NULL AND NOT is_owner",
        ),
        AddIndexConcurrently("user", models.Index(fields=["login_email", "id"], name="user_login_email")),
        AddIndexConcurrently("user", models.Index(fields=["org", "user_name_key", "id"], name="user_name")),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "ALTER TABLE orgs_user DROP CONSTRAINT user_login_email_once",
                    "ALTER TABLE orgs_user ADD CONSTRAINT user_login_email_once UNIQUE USING INDEX user_login_email_once",
                ),
                migrations.RunSQL(
                    migrations.RunSQL.noop,
                    UNIQUE.format(name="user_login_email_once", columns="(login_email)"),
                ),
                migrations.RunSQL(
                    DROP.format(name="user_name_once_per_org"),
                    UNIQUE.format(
                        name="user_name_once_per_org", columns="(org_id, user_name_key) WHERE deleted_at IS NULL"
                    ),
                ),
            ],
            state_operations=[
                migrations.RemoveConstraint("user", "user_login_email_once"),
                migrations.RemoveConstraint("user", "user_name_once_per_org"),
            ],
        ),
        RemoveIndexConcurrently("user", "user_name_of_deleted"),
        migrations.AddConstraint(
            "verifieddomain", models.UniqueConstraint(fields=["org", "name"], name="verified_domain_once")
        ),
        migrations.AlterField(
            "verifieddomain", "name", models.CharField(db_collation="C", max_length=253)
        ),
        migrations.AlterField(
            "verifieddomain",
            "org",
            models.ForeignKey(
                db_index=False, on_delete=models.deletion.PROTECT, related_name="verified_domains", to="orgs.organization"
            ),
        ),
        migrations.RunPython(migrations.RunPython.noop, refuse_what_is_shared),
    ]
