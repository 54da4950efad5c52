"""Calls fields and models what people call them. No SQL."""

import django.db.models.deletion
from django.db import migrations, models

from orgs.db.labels import Labels


class Migration(migrations.Migration):

    dependencies = [
        ('orgs', '0048_labels'),
        ('scim', '0005_idp_days'),
    ]

    operations = [
        Labels(
            state_operations=[
                migrations.AlterField(
                    model_name='overviewvisit',
                    name='org',
                    field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='requestlog',
                    name='address',
                    field=models.GenericIPAddressField(null=True, verbose_name='IP address'),
                ),
                migrations.AlterField(
                    model_name='requestlog',
                    name='id',
                    field=models.UUIDField(editable=False, primary_key=True, serialize=False, verbose_name='request ID'),
                ),
                migrations.AlterField(
                    model_name='requestlog',
                    name='org',
                    field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='requestlog',
                    name='request_size',
                    field=models.PositiveIntegerField(verbose_name='bytes of the body'),
                ),
                migrations.AlterField(
                    model_name='requestlog',
                    name='response_size',
                    field=models.PositiveIntegerField(verbose_name='bytes of the body'),
                ),
                migrations.AlterField(
                    model_name='requestlog',
                    name='token',
                    field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='orgs.scimtoken', verbose_name='sent by'),
                ),
            ],
        ),
    ]
