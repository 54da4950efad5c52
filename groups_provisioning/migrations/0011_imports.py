"""Imports, and what they leave on groups (SPEC E6, G2)."""

import django.db.models.deletion
import orgs.db.keys
import orgs.db.tenancy
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('groups_provisioning', '0010_person_function'),
        ('orgs', '0036_references'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Import',
            fields=[
                ('id', models.UUIDField(default=orgs.db.keys.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=200)),
                ('phase', models.CharField(choices=[('checking', 'Being checked'), ('checked', 'Checked'), ('importing', 'Being imported'), ('done', 'Imported'), ('cancelled', 'Cancelled'), ('failed', 'Stopped by an error')], max_length=10)),
                ('makes_admins', models.BooleanField()),
                ('rows', models.PositiveIntegerField(default=0)),
                ('taken', models.PositiveIntegerField(default=0)),
                ('reached_kind', models.PositiveSmallIntegerField(default=0)),
                ('reached_id', models.BigIntegerField(default=0)),
                ('door', models.CharField(max_length=10)),
                ('asked_at', models.DateTimeField()),
                ('served_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='ImportRow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.PositiveSmallIntegerField(choices=[(1, 'Person'), (2, 'Group'), (3, 'Membership')])),
                ('place', models.PositiveIntegerField()),
                ('name', models.TextField()),
                ('name_key', orgs.db.keys.FoldedField('name', db_collation='C', editable=False)),
                ('external_id', models.TextField(default='')),
                ('reference', models.TextField(default='')),
                ('group', models.TextField(default='')),
                ('facts', models.JSONField(default=dict)),
                ('verdict', models.CharField(choices=[('new', 'New'), ('changed', 'Changed'), ('unchanged', 'Unchanged'), ('ambiguous', 'Ambiguous'), ('refused', 'Refused')], max_length=10, null=True)),
                ('told', models.JSONField(default=dict)),
                ('subject', models.UUIDField(null=True)),
                ('is_final', models.BooleanField(default=False)),
            ],
        ),
        migrations.AddField(
            model_name='pushedgroup',
            name='imported',
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.AddField(
            model_name='pushedgroup',
            name='reference',
            field=models.TextField(blank=True, db_default='', default='', editable=False),
        ),
        migrations.AddConstraint(
            model_name='pushedgroup',
            constraint=models.UniqueConstraint(condition=models.Q(('deleted_at', None), models.Q(('reference', ''), _negated=True)), fields=('org', 'reference'), name='pushed_group_reference_once'),
        ),
        migrations.AddField(
            model_name='import',
            name='by_person',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='import',
            name='by_key',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.apikey'),
        ),
        migrations.AddField(
            model_name='import',
            name='org',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='imports', to='orgs.organization'),
        ),
        migrations.AddField(
            model_name='importrow',
            name='org',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization'),
        ),
        migrations.AddField(
            model_name='importrow',
            name='run',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='groups_provisioning.import'),
        ),
        migrations.AddIndex(
            model_name='import',
            index=models.Index(condition=models.Q(('phase__in', ['checking', 'importing'])), fields=['id'], name='import_waiting'),
        ),
        migrations.AddConstraint(
            model_name='import',
            constraint=models.UniqueConstraint(fields=('org', 'id'), name='import_org_id'),
        ),
        migrations.AddConstraint(
            model_name='import',
            constraint=models.UniqueConstraint(condition=models.Q(('phase__in', ['checking', 'importing'])), fields=('org',), name='import_one_at_a_time'),
        ),
        migrations.AddIndex(
            model_name='importrow',
            index=models.Index(fields=['run', 'kind', 'id'], name='import_row_order'),
        ),
        migrations.AddIndex(
            model_name='importrow',
            index=models.Index(fields=['run', 'kind', 'name_key'], name='import_row_name'),
        ),
        migrations.AddIndex(
            model_name='importrow',
            index=models.Index(condition=models.Q(('external_id', ''), _negated=True), fields=['run', 'kind', 'external_id'], name='import_row_external_id'),
        ),
        migrations.AddIndex(
            model_name='importrow',
            index=models.Index(condition=models.Q(('reference', ''), _negated=True), fields=['run', 'kind', 'reference'], name='import_row_reference'),
        ),
        migrations.AddIndex(
            model_name='importrow',
            index=models.Index(condition=models.Q(('subject__isnull', False)), fields=['run', 'kind', 'subject'], name='import_row_subject'),
        ),
        migrations.AddConstraint(
            model_name='importrow',
            constraint=orgs.db.tenancy.TenantKey(field='run', name='import_row_run'),
        ),
    ]
