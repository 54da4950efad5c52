"""Keeps what facts were before (SPEC T3): the table, and the triggers on what this app has.

Statement-level triggers, so that nothing that writes facts can forget it: raw SQL, `bulk_update` and the admin are seen
too. No table is rewritten or read; CREATE TRIGGER waits for writers, for as long as `lock_timeout` lets it.
"""

import django.db.models.deletion
from django.db import migrations, models

# Arguments of a trigger: the kind, the columns that hold the key, the subject and the org ('' for none), and those that
# are left out because they follow from others, are no facts, or are secret.
FUNCTION = """
CREATE FUNCTION keep_past() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept_kind text := TG_ARGV[0];
    key text := TG_ARGV[1];
    subject text := TG_ARGV[2];
    owner text := TG_ARGV[3];
    left_out text[] := TG_ARGV[4]::text[];
    cause uuid := nullif(current_setting('muster.change', true), '')::uuid;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO orgs_past (org_id, kind, row, about, at, change_id, was)
        SELECT (before.row ->> owner)::uuid, kept_kind, before.row ->> key, (before.row ->> subject)::uuid,
            clock_timestamp(), cause, differing.was
        FROM (SELECT to_jsonb(o) - left_out AS row FROM old_rows o) AS before
        JOIN (SELECT to_jsonb(n) - left_out AS row FROM new_rows n) AS after
            ON after.row -> key = before.row -> key AND after.row <> before.row
        CROSS JOIN LATERAL (
            SELECT jsonb_object_agg(each.key, each.value) AS was FROM jsonb_each(before.row) AS each
            WHERE each.value IS DISTINCT FROM after.row -> each.key
        ) AS differing
        WHERE owner = '' OR before.row ->> owner IS NOT NULL;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO orgs_past (org_id, kind, row, about, at, change_id, was)
        SELECT (before.row ->> owner)::uuid, kept_kind, before.row ->> key, (before.row ->> subject)::uuid,
            clock_timestamp(), cause, before.row
        FROM (SELECT to_jsonb(o) - left_out AS row FROM old_rows o) AS before
        WHERE owner = '' OR before.row ->> owner IS NOT NULL;
    ELSE
        INSERT INTO orgs_past (org_id, kind, row, about, at, change_id, was)
        SELECT (after.row ->> owner)::uuid, kept_kind, after.row ->> key, (after.row ->> subject)::uuid,
            clock_timestamp(), cause, NULL
        FROM (SELECT to_jsonb(n) AS row FROM new_rows n) AS after
        WHERE owner = '' OR after.row ->> owner IS NOT NULL;
    END IF;
    RETURN NULL;
END
$$
"""

# An org that is deleted takes its past along, and switches this off for the transaction.
UNLESS_OFF = "WHEN (current_setting('muster.keep_past', true) IS DISTINCT FROM 'off')"

TRIGGERS = """
CREATE TRIGGER keep_past_insert AFTER INSERT ON {table} REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT {unless_off} EXECUTE FUNCTION keep_past({arguments});
CREATE TRIGGER keep_past_update AFTER UPDATE ON {table}
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT {unless_off} EXECUTE FUNCTION keep_past({arguments});
CREATE TRIGGER keep_past_delete AFTER DELETE ON {table} REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT {unless_off} EXECUTE FUNCTION keep_past({arguments});
"""
NO_TRIGGERS = """
DROP TRIGGER keep_past_insert ON {table};
DROP TRIGGER keep_past_update ON {table};
DROP TRIGGER keep_past_delete ON {table};
"""


def keeping(table: str, kind: str, key: str, subject: str, owner: str, left_out: str) -> migrations.RunSQL:
    arguments = ", ".join(f"'{each}'" for each in (kind, key, subject, owner, f"{{{left_out}}}"))
    on = TRIGGERS.format(table=table, unless_off=UNLESS_OFF, arguments=arguments)
    return migrations.RunSQL(on, NO_TRIGGERS.format(table=table))


OF_USERS = (
    "password,last_login,session_epoch,time_zone,is_staff,is_superuser,"
    "revision,modified_at,folded,email_keys,user_name_key"
)
BEGIN = "INSERT INTO orgs_pastbegin (one, at) VALUES (true, clock_timestamp())"


class Migration(migrations.Migration):

    dependencies = [
        ('orgs', '0041_support_views_and_roles'),
    ]

    operations = [
        migrations.CreateModel(
            name='PastBegin',
            fields=[
                ('one', models.BooleanField(default=True, primary_key=True, serialize=False)),
                ('at', models.DateTimeField()),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('one', True)), name='past_has_one_begin')],
            },
        ),
        migrations.CreateModel(
            name='Past',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('user', 'User'), ('hand', 'Hand'), ('last_admin', 'Last Admin'), ('entity', 'Entity'), ('organization', 'Organization'), ('profile', 'Profile'), ('role', 'Role'), ('group', 'Group'), ('nested', 'Nested'), ('mapping', 'Mapping'), ('rule', 'Rule'), ('decision', 'Decision')], max_length=12)),
                ('row', models.CharField(max_length=36)),
                ('about', models.UUIDField()),
                ('at', models.DateTimeField()),
                ('change_id', models.UUIDField(null=True)),
                ('was', models.JSONField(null=True)),
                ('org', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='orgs.organization')),
            ],
            options={
                'indexes': [models.Index(fields=['about', 'at'], name='past_about'), models.Index(fields=['org', 'at'], name='past_of_org'), models.Index(condition=models.Q(('change_id__isnull', False)), fields=['change_id'], name='past_by_change')],
            },
        ),
        migrations.RunSQL(FUNCTION, "DROP FUNCTION keep_past()"),
        keeping("orgs_user", "user", "id", "id", "org_id", OF_USERS),
        keeping("orgs_handplacement", "hand", "id", "user_id", "org_id", ""),
        keeping("orgs_lastadmin", "last_admin", "org_id", "org_id", "org_id", ""),
        keeping("orgs_entity", "entity", "id", "id", "org_id", "name_key"),
        keeping("orgs_organization", "organization", "id", "id", "id", "name_key"),
        keeping("orgs_schemaprofile", "profile", "id", "id", "", "revision"),
        keeping("orgs_role", "role", "id", "profile_id", "", ""),
        migrations.RunSQL(BEGIN, migrations.RunSQL.noop),
    ]
