"""Invitations, mails to owners, and orgs that are being deleted."""

import django.contrib.postgres.fields
import django.db.models.deletion
import orgs.db.keys
import orgs.db.tenancy
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orgs', '0024_erasures'),
    ]

    operations = [
        migrations.AddField(
            model_name='organization',
            name='closed_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.CreateModel(
            name='OrgDeletion',
            fields=[
                ('id', models.UUIDField(default=orgs.db.keys.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=150)),
                ('slug', models.CharField(max_length=80)),
                ('asked_at', models.DateTimeField()),
                ('stage', models.CharField(blank=True, default='', max_length=63)),
                ('reached', models.TextField(blank=True, default='')),
                ('rows', models.PositiveBigIntegerField(default=0, verbose_name='rows deleted')),
                ('finished_at', models.DateTimeField(null=True)),
                ('asked_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('org', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='deletion', to='orgs.organization')),
            ],
            options={
                'verbose_name': 'deleted organization',
                'verbose_name_plural': 'deleted organizations',
                'ordering': ('-asked_at',),
            },
        ),
        migrations.CreateModel(
            name='Invitation',
            fields=[
                ('id', models.UUIDField(default=orgs.db.keys.uuid7, editable=False, primary_key=True, serialize=False)),
                ('address', models.CharField(max_length=254)),
                ('address_key', orgs.db.keys.FoldedField('address', db_collation='C', editable=False)),
                ('roles', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=50), size=None)),
                ('days', models.PositiveSmallIntegerField()),
                ('digest', models.BinaryField(max_length=32, null=True, unique=True)),
                ('invited_at', models.DateTimeField()),
                ('sent_at', models.DateTimeField(null=True)),
                ('expires_at', models.DateTimeField()),
                ('refused', models.BooleanField(default=False)),
                ('ended_at', models.DateTimeField(null=True)),
                ('ending', models.CharField(blank=True, choices=[('accepted', 'Accepted'), ('revoked', 'Revoked'), ('deactivated', 'Ended')], default='', max_length=11)),
                ('invited_by', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('org', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='invitations', to='orgs.organization')),
                ('user', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ('-invited_at', '-id'),
                'indexes': [models.Index(fields=['org', '-invited_at', '-id'], name='invitation_of_org'), models.Index(condition=models.Q(('ended_at', None), ('refused', False), ('sent_at', None)), fields=['invited_at'], name='invitation_unsent')],
                'constraints': [orgs.db.tenancy.TenantKey(field='invited_by', name='invitation_invited_by'), orgs.db.tenancy.TenantKey(field='user', name='invitation_user'), models.UniqueConstraint(condition=models.Q(('ended_at', None)), fields=('org', 'address_key'), name='invitation_once_to_an_address'), models.CheckConstraint(condition=models.Q(models.Q(('ended_at', None), ('ending', '')), models.Q(('ended_at__isnull', False), models.Q(('ending', ''), _negated=True)), _connector='OR'), name='invitation_ended_somehow')],
            },
        ),
        migrations.CreateModel(
            name='OwnerLetter',
            fields=[
                ('id', models.UUIDField(default=orgs.db.keys.uuid7, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('founded', 'founded'), ('appointed', 'appointed'), ('former', 'former')], max_length=9)),
                ('address', models.CharField(max_length=254)),
                ('now', models.CharField(max_length=254)),
                ('org', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization')),
            ],
            options={
                'indexes': [models.Index(fields=['org'], name='owner_letter_of_org')],
            },
        ),
    ]
