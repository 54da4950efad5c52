"""The feed: its outbox, its items and its head; and keys to the API."""

import django.contrib.postgres.fields
import django.db.models.deletion
import orgs.db.keys
from django.conf import settings
from django.db import migrations, models

# Rows of the outbox live for seconds, and items are written again and again: neither waits for a fifth of the table.
VACUUM = """
ALTER TABLE orgs_feedtouch SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
ALTER TABLE orgs_feeditem SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000);
"""
HEAD = """
INSERT INTO orgs_feedhead (one, position, floor, swept_at, epoch, system_identifier, timeline)
SELECT true, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, 0, now(), gen_random_uuid(), system_identifier,
    substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)
FROM pg_control_system()
"""


class Migration(migrations.Migration):

    dependencies = [
        ('orgs', '0030_setup_links'),
    ]

    operations = [
        migrations.CreateModel(
            name='FeedHead',
            fields=[
                ('one', models.BooleanField(default=True, primary_key=True, serialize=False)),
                ('position', models.BigIntegerField()),
                ('floor', models.BigIntegerField(default=0)),
                ('swept_at', models.DateTimeField()),
                ('epoch', models.UUIDField()),
                ('system_identifier', models.BigIntegerField()),
                ('timeline', models.CharField(max_length=8)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('one', True)), name='feed_has_one_head')],
            },
        ),
        migrations.CreateModel(
            name='FeedTouch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.SmallIntegerField(choices=[(1, 'Person'), (2, 'Team'), (3, 'Concurrency Group'), (4, 'Sub Organization'), (5, 'Group'), (6, 'Organization')])),
                ('resource_id', models.UUIDField()),
                ('change_id', models.UUIDField(null=True)),
                ('org', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization')),
            ],
        ),
        migrations.CreateModel(
            name='ApiKey',
            fields=[
                ('id', models.UUIDField(default=orgs.db.keys.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=100)),
                ('scopes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('read', 'Read people, groups and entities'), ('manage', 'Do what admins do'), ('credentials', 'Manage credentials, connections, domains, links, keys and admin roles'), ('history', 'Read the history'), ('webhooks', 'Manage webhooks')], max_length=11), size=None)),
                ('digest', models.BinaryField(max_length=32, unique=True)),
                ('hint', models.CharField(editable=False, max_length=20)),
                ('created_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
                ('last_used_at', models.DateTimeField(blank=True, null=True)),
                ('last_used_address', models.GenericIPAddressField(blank=True, null=True)),
                ('last_used_agent', models.CharField(blank=True, default='', max_length=200)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('org', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='api_keys', to='orgs.organization')),
                ('revoked_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ('-created_at',),
                'constraints': [models.UniqueConstraint(fields=('org', 'id'), name='api_key_org_id')],
            },
        ),
        migrations.CreateModel(
            name='FeedItem',
            fields=[
                ('position', models.BigIntegerField(primary_key=True, serialize=False)),
                ('kind', models.SmallIntegerField(choices=[(1, 'Person'), (2, 'Team'), (3, 'Concurrency Group'), (4, 'Sub Organization'), (5, 'Group'), (6, 'Organization')])),
                ('resource_id', models.UUIDField()),
                ('change_id', models.UUIDField(null=True)),
                ('org', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization')),
            ],
            options={
                'indexes': [models.Index(fields=['org', 'position'], name='feed_item_of_org')],
                'constraints': [models.UniqueConstraint(fields=('org', 'kind', 'resource_id'), name='feed_item_once')],
            },
        ),
        migrations.RunSQL(VACUUM, migrations.RunSQL.noop),
        migrations.RunSQL(HEAD, migrations.RunSQL.noop),
    ]
