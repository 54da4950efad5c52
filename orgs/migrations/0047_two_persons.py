"""What waits for a second admin, and the switch for it (SPEC T6). Its default is there at once, whatever the size of the table."""

from importlib import import_module

import django.contrib.postgres.fields
import django.db.models.deletion
import orgs.db.keys
import orgs.db.tenancy
from django.conf import settings
from django.db import migrations, models


past = import_module("orgs.migrations.0045_hold_limits")

FORMER = [*past.FORMER, "hold_limits"]


class Migration(migrations.Migration):

    dependencies = [
        ('orgs', '0046_words_of_scopes'),
    ]

    operations = [
        migrations.AddField(
            model_name='organization',
            name='two_persons',
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.RunSQL(
            past.past.function(*past.OF_ORGANIZATIONS, [*FORMER, "two_persons"]),
            past.past.function(*past.OF_ORGANIZATIONS, FORMER),
        ),
        migrations.CreateModel(
            name='Proposal',
            fields=[
                ('id', models.UUIDField(default=orgs.db.keys.uuid7, editable=False, primary_key=True, serialize=False)),
                ('wish', models.JSONField()),
                ('fingerprint', models.CharField(max_length=64)),
                ('asked_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
                ('state', models.CharField(choices=[('open', 'Waiting'), ('approved', 'Approved'), ('refused', 'Refused'), ('withdrawn', 'Withdrawn'), ('expired', 'Expired')], default='open', max_length=9)),
                ('decided_at', models.DateTimeField(null=True)),
                ('reason', models.CharField(blank=True, default='', max_length=500)),
                ('changes', django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), default=list, size=None)),
                ('asked_by', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('asked_key', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='orgs.apikey')),
                ('decided_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('org', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization', verbose_name='organization')),
            ],
            options={
                'ordering': ('-id',),
                'indexes': [models.Index(fields=['org', 'state'], name='proposal_of_org'), models.Index(condition=models.Q(('state', 'open')), fields=['id'], name='proposal_open')],
                'constraints': [orgs.db.tenancy.TenantKey(field='asked_by', name='proposal_asked_by'), orgs.db.tenancy.TenantKey(field='asked_key', name='proposal_asked_key'), models.CheckConstraint(condition=models.Q(models.Q(('asked_by', None), ('asked_key__isnull', False)), models.Q(('asked_by__isnull', False), ('asked_key', None)), _connector='OR'), name='proposal_asked_by_somebody'), models.CheckConstraint(condition=models.Q(models.Q(('decided_at', None), ('decided_by', None), ('state', 'open')), models.Q(models.Q(('state', 'open'), _negated=True), ('decided_at__isnull', False)), _connector='OR'), name='proposal_open_or_decided'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'approved'), _negated=True), models.Q(('decided_by__isnull', False), models.Q(('asked_by', None), models.Q(('decided_by', models.F('asked_by')), _negated=True), _connector='OR')), _connector='OR'), name='proposal_approved_by_another')],
            },
        ),
    ]
