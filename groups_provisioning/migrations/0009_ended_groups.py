"""What is kept of groups that were ended by hand, so that it can be undone (SPEC G10)."""

import django.contrib.postgres.fields
import django.db.models.deletion
import orgs.db.tenancy
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('groups_provisioning', '0008_indexes_for_deletion'),
        ('orgs', '0023_activity_by_hand'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='EndedGroup',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('nested', django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), default=list, size=None)),
                ('nested_in', django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), default=list, size=None)),
                ('missed', models.BooleanField(default=False)),
                ('change', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='orgs.change')),
                ('group', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='ends', to='groups_provisioning.pushedgroup')),
                ('org', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization')),
            ],
            options={
                'indexes': [models.Index(fields=['org'], name='ended_group_of_org')],
                'constraints': [models.UniqueConstraint(fields=('group',), name='ended_group_once'), orgs.db.tenancy.TenantKey(field='group', name='ended_group_group'), orgs.db.tenancy.TenantKey(deferred=True, field='change', name='ended_group_change')],
            },
        ),
        migrations.CreateModel(
            name='EndedMapping',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('status', models.CharField(choices=[('pending', 'Pending'), ('approved', 'Approved'), ('auto_approved', 'Auto-Approved'), ('rejected', 'Rejected')], max_length=15)),
                ('reason', models.CharField(blank=True, choices=[('asked', 'its rule requires approval'), ('owned', 'another group is mapped to the target with this name'), ('kind_off', 'this kind was switched off when the rule matched'), ('not_created', 'rules never create sub-organizations'), ('unusable_name', 'its name cannot be used for a target'), ('excluded', 'a group that is mapped to a sub-organization cannot have other mappings'), ('rule_changed', 'the group was renamed, and its first matching rule has another target, or there is none'), ('free', 'nothing stands in the way any more; approve it'), ('target_deleted', 'its target was deleted')], default='', max_length=20)),
                ('switched_at', django.contrib.postgres.fields.ArrayField(base_field=models.DateTimeField(), default=list, size=None)),
                ('change', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='orgs.change')),
                ('mapping', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='ends', to='groups_provisioning.groupmapping')),
                ('org', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('mapping',), name='ended_mapping_once'), orgs.db.tenancy.TenantKey(field='mapping', name='ended_mapping_mapping'), orgs.db.tenancy.TenantKey(field='change', name='ended_mapping_change')],
            },
        ),
        migrations.CreateModel(
            name='EndedMember',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('added_at', models.DateTimeField()),
                ('added_by', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='orgs.change')),
                ('group', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='ended_members', to='groups_provisioning.pushedgroup')),
                ('org', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization')),
                ('user', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('group', 'user'), name='ended_member_once'), orgs.db.tenancy.TenantKey(field='group', name='ended_member_group'), orgs.db.tenancy.TenantKey(field='user', name='ended_member_user'), orgs.db.tenancy.TenantKey(field='added_by', name='ended_member_added_by')],
            },
        ),
    ]
