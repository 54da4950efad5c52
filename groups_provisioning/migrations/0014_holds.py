"""Holds of mass changes (SPEC T1), and the function for the facts about one person, which reads them."""

import django.contrib.postgres.fields
import django.db.models.deletion
import orgs.db.keys
import orgs.db.tenancy
from django.conf import settings
from django.db import migrations, models


CREATE = """
CREATE FUNCTION engine_person_with_hold(an_org uuid, a_person uuid) RETURNS TABLE (
    version text, last_admin uuid, id uuid, active boolean, is_deleted boolean, is_owner boolean,
    deactivated_at timestamptz[], idp_roles varchar[], manual_roles varchar[], placement text, roles varchar[],
    groups text, hands text, decisions text, places text, conflicts text, is_young boolean, hold text
) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY 
SELECT (
SELECT concat_ws(' ', o.xmin, o.ctid, (
    SELECT concat_ws(' ', p.xmin, p.ctid) FROM orgs_schemaprofile p WHERE p.id = o.profile_id
)) FROM orgs_organization o WHERE o.id = an_org
), (SELECT user_id FROM orgs_lastadmin WHERE org_id = an_org), u.id,
    u.active, u.deleted_at IS NOT NULL, u.is_owner, u.deactivated_at,
    u.idp_roles, u.manual_roles, p.id::text, s.roles,
    (SELECT json_agg(json_build_array(m.group_id, (extract(epoch FROM m.added_at) * 1000000)::bigint))::text
        FROM groups_provisioning_groupmember m WHERE m.user_id = u.id),
    (SELECT json_agg(json_build_array(h.entity_id, e.kind, h.placed) ORDER BY h.change_id)::text
        FROM orgs_handplacement h JOIN orgs_entity e ON e.id = h.entity_id
        WHERE h.user_id = u.id AND e.deleted_at IS NULL),
    (SELECT json_agg(json_build_array(d.winner_id, d.loser_id, (extract(epoch FROM d.at) * 1000000)::bigint)
            ORDER BY d.at, d.id)::text
        FROM groups_provisioning_decision d WHERE d.user_id = u.id AND d.undone_by_id IS NULL),
    (SELECT json_agg(json_build_array(m.entity_id, m.kind, m.source, m.mapping_id))::text
        FROM groups_provisioning_membership m WHERE m.user_id = u.id),
    (SELECT json_agg(json_build_array(c.incoming_id, (extract(epoch FROM c.since) * 1000000)::bigint, c.holders))::text
        FROM groups_provisioning_conflict c WHERE c.user_id = u.id),
    u.created_at > now() - interval '1 day',
    CASE WHEN k.user_id IS NOT NULL THEN json_build_array(k.released, k.kept -> 'roles', (
        SELECT json_agg(place) FROM json_array_elements((k.kept -> 'places')::json) AS place
        JOIN orgs_entity e ON e.id = (place ->> 0)::uuid AND e.deleted_at IS NULL
    ))::text END
FROM orgs_user u
LEFT JOIN orgs_standing s ON s.user_id = u.id
LEFT JOIN groups_provisioning_hold k ON k.user_id = u.id
LEFT JOIN orgs_entity p ON p.id = u.placement_id AND p.deleted_at IS NULL AND p.kind = 'concurrency_group'
WHERE u.org_id = an_org AND u.id = a_person ORDER BY u.id
;
END
$$
"""

DROP = "DROP FUNCTION engine_person_with_hold(uuid, uuid)"


class Migration(migrations.Migration):

    dependencies = [
        ('groups_provisioning', '0013_listed_members'),
        ('orgs', '0043_people_switched_by_hand'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Breach',
            fields=[
                ('id', models.UUIDField(default=orgs.db.keys.uuid7, editable=False, primary_key=True, serialize=False)),
                ('state', models.CharField(choices=[('assessing', 'Assessing'), ('open', 'Open'), ('ended', 'Ended')], max_length=10)),
                ('rules', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=20), default=list, size=None)),
                ('began_at', models.DateTimeField()),
                ('opened_at', models.DateTimeField(null=True)),
                ('assessed_from', models.DateTimeField(null=True)),
                ('last_mark', models.BigIntegerField()),
                ('reset_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('org', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization')),
                ('token', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='orgs.scimtoken')),
            ],
        ),
        migrations.CreateModel(
            name='Hold',
            fields=[
                ('user', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, primary_key=True, related_name='hold', serialize=False, to=settings.AUTH_USER_MODEL)),
                ('at', models.DateTimeField()),
                ('kept', models.JSONField()),
                ('released', models.BooleanField(default=False)),
                ('breach', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='holds', to='groups_provisioning.breach')),
                ('change', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='orgs.change')),
                ('org', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization')),
            ],
        ),
        migrations.CreateModel(
            name='Taken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('places', django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), size=None)),
                ('roles', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=50), size=None)),
                ('promoted', models.BooleanField()),
                ('org', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization')),
                ('token', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='orgs.scimtoken')),
                ('user', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name_plural': 'taken',
            },
        ),
        migrations.AddIndex(
            model_name='breach',
            index=models.Index(condition=models.Q(('state', 'ended'), _negated=True), fields=['org'], name='breach_going_on'),
        ),
        migrations.AddConstraint(
            model_name='breach',
            constraint=models.UniqueConstraint(fields=('org', 'id'), name='breach_org_id'),
        ),
        migrations.AddConstraint(
            model_name='breach',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'ended'), _negated=True), fields=('token',), name='breach_one_of_a_token'),
        ),
        migrations.AddConstraint(
            model_name='breach',
            constraint=orgs.db.tenancy.TenantKey(field='token', name='breach_token'),
        ),
        migrations.AddIndex(
            model_name='hold',
            index=models.Index(fields=['breach', 'user'], name='hold_of_breach'),
        ),
        migrations.AddConstraint(
            model_name='hold',
            constraint=orgs.db.tenancy.TenantKey(field='user', name='hold_user'),
        ),
        migrations.AddConstraint(
            model_name='hold',
            constraint=orgs.db.tenancy.TenantKey(field='breach', name='hold_breach'),
        ),
        migrations.AddConstraint(
            model_name='hold',
            constraint=orgs.db.tenancy.TenantKey(deferred=True, field='change', name='hold_change'),
        ),
        migrations.AddIndex(
            model_name='taken',
            index=models.Index(fields=['token', 'at'], name='taken_by_token'),
        ),
        migrations.AddIndex(
            model_name='taken',
            index=models.Index(fields=['at'], name='taken_at'),
        ),
        migrations.AddConstraint(
            model_name='taken',
            constraint=orgs.db.tenancy.TenantKey(field='token', name='taken_token'),
        ),
        migrations.AddConstraint(
            model_name='taken',
            constraint=orgs.db.tenancy.TenantKey(field='user', name='taken_user'),
        ),
        migrations.RunSQL(CREATE, DROP),
    ]
