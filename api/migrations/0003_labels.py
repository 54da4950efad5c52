"""Calls fields and models what people call them. No SQL."""

import django.contrib.postgres.fields
import django.db.models.deletion
import orgs.db.keys
from django.db import migrations, models

from orgs.db.labels import Labels


class Migration(migrations.Migration):

    dependencies = [
        ('api', '0002_mails_at_once'),
        ('orgs', '0048_labels'),
    ]

    operations = [
        Labels(
            state_operations=[
                migrations.AlterModelOptions(
                    name='endpoint',
                    options={'ordering': ('id',), 'verbose_name': 'webhook', 'verbose_name_plural': 'webhooks'},
                ),
                migrations.AlterField(
                    model_name='attempt',
                    name='org',
                    field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='endpoint',
                    name='created_at',
                    field=models.DateTimeField(verbose_name='created'),
                ),
                migrations.AlterField(
                    model_name='endpoint',
                    name='disabled_at',
                    field=models.DateTimeField(null=True, verbose_name='disabled since'),
                ),
                migrations.AlterField(
                    model_name='endpoint',
                    name='failures',
                    field=models.IntegerField(default=0, verbose_name='failures in a row'),
                ),
                migrations.AlterField(
                    model_name='endpoint',
                    name='id',
                    field=models.UUIDField(default=orgs.db.keys.uuid7, editable=False, primary_key=True, serialize=False, verbose_name='ID'),
                ),
                migrations.AlterField(
                    model_name='endpoint',
                    name='kinds',
                    field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=20), size=None, verbose_name='notifies about'),
                ),
                migrations.AlterField(
                    model_name='endpoint',
                    name='max_items',
                    field=models.SmallIntegerField(verbose_name='items of a message, at most'),
                ),
                migrations.AlterField(
                    model_name='endpoint',
                    name='org',
                    field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='endpoint',
                    name='previous_until',
                    field=models.DateTimeField(null=True, verbose_name='previous secret ends'),
                ),
                migrations.AlterField(
                    model_name='endpoint',
                    name='retry_at',
                    field=models.DateTimeField(null=True, verbose_name='next attempt'),
                ),
            ],
        ),
    ]
