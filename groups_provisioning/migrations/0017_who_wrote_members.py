"""Keeps which change wrote a membership, where it is not the one that first added it: one that was given back (SPEC T2).

The columns are there at once, whatever the size of the tables; the index has only memberships that were given back.
"""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import F, Func, Q, TextField, UUIDField, Value
from django.db.models.functions import Cast, NullIf

WRITTEN_BY = """
ALTER TABLE groups_provisioning_groupmember ADD COLUMN written_by_id uuid;
ALTER TABLE groups_provisioning_groupmember ALTER COLUMN written_by_id
    SET DEFAULT nullif(current_setting('muster.change', true), '')::uuid;
ALTER TABLE groups_provisioning_memberpast ADD COLUMN written_by_id uuid;
"""
NOT_WRITTEN_BY = """
ALTER TABLE groups_provisioning_memberpast DROP COLUMN written_by_id;
ALTER TABLE groups_provisioning_groupmember DROP COLUMN written_by_id;
"""

FUNCTIONS = """
CREATE OR REPLACE FUNCTION keep_members() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO groups_provisioning_memberpast
        (org_id, group_id, user_id, added_at, added_by_id, written_at, {of_past}removed_at, removed_by_id)
    SELECT org_id, group_id, user_id, added_at, added_by_id, written_at, {of_deleted}clock_timestamp(),
        nullif(current_setting('muster.change', true), '')::uuid
    FROM old_rows;
    RETURN NULL;
END
$$;
CREATE OR REPLACE FUNCTION keep_rewritten_members() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO groups_provisioning_memberpast
        (org_id, group_id, user_id, added_at, added_by_id, written_at, {of_past}removed_at, removed_by_id)
    SELECT o.org_id, o.group_id, o.user_id, o.added_at, o.added_by_id, o.written_at, {of_rewritten}n.written_at,
        nullif(current_setting('muster.change', true), '')::uuid
    FROM old_rows o JOIN new_rows n ON n.id = o.id;
    RETURN NULL;
END
$$;
CREATE OR REPLACE FUNCTION begin_member_anew() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.written_at := clock_timestamp();{and_by}
    RETURN NEW;
END
$$;
"""
KEPT = FUNCTIONS.format(
    of_past="written_by_id, ",
    of_deleted="written_by_id, ",
    of_rewritten="o.written_by_id, ",
    and_by="\n    NEW.written_by_id := nullif(current_setting('muster.change', true), '')::uuid;",
)
NOT_KEPT = FUNCTIONS.format(of_past="", of_deleted="", of_rewritten="", and_by="")

UNDER_WAY = Cast(
    NullIf(
        Func(Value("muster.change"), Value(True), function="current_setting", output_field=TextField()), Value("")
    ),
    UUIDField(),
)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("groups_provisioning", "0016_holds_mended_and_tried")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(WRITTEN_BY, NOT_WRITTEN_BY)],
            state_operations=[
                migrations.AddField(
                    model_name="groupmember",
                    name="written_by_id",
                    field=models.UUIDField(db_default=UNDER_WAY, editable=False, null=True),
                ),
                migrations.AddField(
                    model_name="memberpast", name="written_by_id", field=models.UUIDField(null=True)
                ),
            ],
        ),
        migrations.RunSQL(KEPT, NOT_KEPT),
        # A large table takes longer than the limits of every connection allow.
        migrations.RunSQL("SET statement_timeout = 0", "RESET statement_timeout"),
        migrations.RunSQL("SET lock_timeout = 0", "RESET lock_timeout"),
        AddIndexConcurrently(
            "groupmember",
            models.Index(
                fields=["written_by_id"],
                condition=Q(written_by_id__gt=F("added_by")),
                name="group_member_given_back",
            ),
        ),
        migrations.RunSQL("RESET statement_timeout", "SET statement_timeout = 0"),
        migrations.RunSQL("RESET lock_timeout", "SET lock_timeout = 0"),
    ]
