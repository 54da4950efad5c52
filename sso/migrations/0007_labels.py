"""Calls fields and models what people call them. No SQL."""

import django.db.models.deletion
import orgs.db.keys
from django.db import migrations, models

from orgs.db.labels import Labels


class Migration(migrations.Migration):

    dependencies = [
        ('orgs', '0048_labels'),
        ('sso', '0006_mails_at_once'),
    ]

    operations = [
        Labels(
            state_operations=[
                migrations.AlterModelOptions(
                    name='connection',
                    options={'verbose_name': 'single sign-on', 'verbose_name_plural': 'single sign-on'},
                ),
                migrations.AlterField(
                    model_name='connection',
                    name='created_at',
                    field=models.DateTimeField(verbose_name='created'),
                ),
                migrations.AlterField(
                    model_name='connection',
                    name='creates_people',
                    field=models.BooleanField(default=False, verbose_name='creates accounts at sign-in'),
                ),
                migrations.AlterField(
                    model_name='connection',
                    name='id',
                    field=models.UUIDField(default=orgs.db.keys.uuid7, editable=False, primary_key=True, serialize=False, verbose_name='ID'),
                ),
                migrations.AlterField(
                    model_name='connection',
                    name='org',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='sso_connections', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='revision',
                    name='org',
                    field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization', verbose_name='organization'),
                ),
            ],
        ),
    ]
