"""Keeps what facts were before (SPEC T3): the table of memberships, and the triggers on what this app has.

Statement-level triggers, so that nothing that writes facts can forget it: raw SQL, `bulk_update` and the admin are seen
too. No table is rewritten or read; CREATE TRIGGER waits for writers, for as long as `lock_timeout` lets it.
"""

from importlib import import_module

import django.db.models.deletion
from django.db import migrations, models

keeping = import_module("orgs.migrations.0042_past_of_facts").keeping

# Without a default the column is there at once, whatever the size of the table.
WRITTEN_AT = """
ALTER TABLE groups_provisioning_groupmember ADD COLUMN written_at timestamp with time zone;
ALTER TABLE groups_provisioning_groupmember ALTER COLUMN written_at SET DEFAULT clock_timestamp();
"""
NOT_WRITTEN_AT = "ALTER TABLE groups_provisioning_groupmember DROP COLUMN written_at"

# A row that is updated begins anew, and is another one from then on.
FUNCTIONS = """
CREATE FUNCTION keep_members() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO groups_provisioning_memberpast
        (org_id, group_id, user_id, added_at, added_by_id, written_at, removed_at, removed_by_id)
    SELECT org_id, group_id, user_id, added_at, added_by_id, written_at, clock_timestamp(),
        nullif(current_setting('muster.change', true), '')::uuid
    FROM old_rows;
    RETURN NULL;
END
$$;
CREATE FUNCTION keep_rewritten_members() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO groups_provisioning_memberpast
        (org_id, group_id, user_id, added_at, added_by_id, written_at, removed_at, removed_by_id)
    SELECT o.org_id, o.group_id, o.user_id, o.added_at, o.added_by_id, o.written_at, n.written_at,
        nullif(current_setting('muster.change', true), '')::uuid
    FROM old_rows o JOIN new_rows n ON n.id = o.id;
    RETURN NULL;
END
$$;
CREATE FUNCTION begin_member_anew() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.written_at := clock_timestamp();
    RETURN NEW;
END
$$;
"""
NO_FUNCTIONS = "DROP FUNCTION keep_members(); DROP FUNCTION keep_rewritten_members(); DROP FUNCTION begin_member_anew();"

TRIGGERS = """
CREATE TRIGGER keep_members_update AFTER UPDATE ON groups_provisioning_groupmember
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('muster.keep_past', true) IS DISTINCT FROM 'off')
    EXECUTE FUNCTION keep_rewritten_members();
CREATE TRIGGER keep_members_delete AFTER DELETE ON groups_provisioning_groupmember
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT WHEN (current_setting('muster.keep_past', true) IS DISTINCT FROM 'off')
    EXECUTE FUNCTION keep_members();
CREATE TRIGGER begin_member_anew BEFORE UPDATE ON groups_provisioning_groupmember
    FOR EACH ROW EXECUTE FUNCTION begin_member_anew();
"""
NO_TRIGGERS = """
DROP TRIGGER keep_members_update ON groups_provisioning_groupmember;
DROP TRIGGER keep_members_delete ON groups_provisioning_groupmember;
DROP TRIGGER begin_member_anew ON groups_provisioning_groupmember;
"""

BEGIN = "UPDATE orgs_pastbegin SET at = clock_timestamp()"


class Migration(migrations.Migration):

    dependencies = [
        ('groups_provisioning', '0011_imports'),
        ('orgs', '0042_past_of_facts'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(WRITTEN_AT, NOT_WRITTEN_AT)],
            state_operations=[
                migrations.AddField(
                    model_name='groupmember',
                    name='written_at',
                    field=models.DateTimeField(
                        db_default=models.Func(function='clock_timestamp', output_field=models.DateTimeField()),
                        editable=False,
                        null=True,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name='MemberPast',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('group_id', models.UUIDField()),
                ('user_id', models.UUIDField()),
                ('added_at', models.DateTimeField()),
                ('added_by_id', models.UUIDField()),
                ('written_at', models.DateTimeField(null=True)),
                ('removed_at', models.DateTimeField()),
                ('removed_by_id', models.UUIDField(null=True)),
                ('org', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization')),
            ],
            options={
                'indexes': [models.Index(fields=['user_id', 'removed_at'], name='member_past_user'), models.Index(fields=['group_id', 'removed_at'], name='member_past_group'), models.Index(fields=['org', 'removed_at'], name='member_past_of_org'), models.Index(condition=models.Q(('removed_by_id__isnull', False)), fields=['removed_by_id'], name='member_past_by_change')],
            },
        ),
        migrations.RunSQL(FUNCTIONS, NO_FUNCTIONS),
        migrations.RunSQL(TRIGGERS, NO_TRIGGERS),
        keeping(
            "groups_provisioning_pushedgroup", "group", "id", "id", "org_id",
            "revision,modified_at,member_count,folded,display_name_key",
        ),
        keeping("groups_provisioning_nestedgroup", "nested", "id", "group_id", "org_id", ""),
        keeping("groups_provisioning_mapping", "mapping", "id", "group_id", "org_id", ""),
        keeping("groups_provisioning_mappingrule", "rule", "id", "org_id", "org_id", "gives_role"),
        keeping("groups_provisioning_decision", "decision", "id", "user_id", "org_id", ""),
        migrations.RunSQL(BEGIN, migrations.RunSQL.noop),
    ]
