import django.contrib.postgres.fields
import django.db.models.deletion
import orgs.db.keys
import orgs.db.sealed
import orgs.db.tenancy
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('orgs', '0033_changes_by_keys'),
    ]

    operations = [
        migrations.CreateModel(
            name='Endpoint',
            fields=[
                ('id', models.UUIDField(default=orgs.db.keys.uuid7, editable=False, primary_key=True, serialize=False)),
                ('url', models.CharField(max_length=2048)),
                ('kinds', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=20), size=None)),
                ('secret', orgs.db.sealed.SealedField(editable=False)),
                ('previous_secret', orgs.db.sealed.SealedField(blank=True, default='', editable=False)),
                ('previous_until', models.DateTimeField(null=True)),
                ('max_items', models.SmallIntegerField()),
                ('position', models.BigIntegerField()),
                ('created_at', models.DateTimeField()),
                ('failures', models.IntegerField(default=0)),
                ('failing_since', models.DateTimeField(null=True)),
                ('retry_at', models.DateTimeField(null=True)),
                ('served_at', models.DateTimeField()),
                ('leased_until', models.DateTimeField(null=True)),
                ('disabled_at', models.DateTimeField(null=True)),
                ('disabled_reason', models.CharField(blank=True, choices=[('asked', 'disabled by somebody'), ('gone', 'the receiver answered that it is gone'), ('failing', 'it has failed for five days')], default='', max_length=7)),
                ('untold_since', models.DateTimeField(null=True)),
                ('org', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization')),
            ],
            options={
                'verbose_name': 'webhook',
                'ordering': ('id',),
            },
        ),
        migrations.CreateModel(
            name='Attempt',
            fields=[
                ('id', models.UUIDField(default=orgs.db.keys.uuid7, editable=False, primary_key=True, serialize=False)),
                ('at', models.DateTimeField()),
                ('message', models.CharField(max_length=30)),
                ('items', models.SmallIntegerField()),
                ('first', models.BigIntegerField(null=True)),
                ('last', models.BigIntegerField(null=True)),
                ('status', models.SmallIntegerField(null=True)),
                ('error', models.CharField(blank=True, default='', max_length=20)),
                ('milliseconds', models.IntegerField()),
                ('org', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization')),
                ('endpoint', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='attempts', to='api.endpoint')),
            ],
            options={
                'ordering': ('-id',),
            },
        ),
        migrations.AddConstraint(
            model_name='endpoint',
            constraint=models.UniqueConstraint(fields=('org', 'id'), name='endpoint_org_id'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(fields=['endpoint', 'id'], name='attempt_of_endpoint'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(fields=['at'], name='attempt_at'),
        ),
        migrations.AddConstraint(
            model_name='attempt',
            constraint=orgs.db.tenancy.TenantKey(field='endpoint', name='attempt_endpoint'),
        ),
    ]
