"""Two things that holds of mass changes lacked (SPEC T1).

Since when what holds somebody has waited, so that who is added to a group again has the old time there. And which limits
were exceeded, the org's or not, so that an admin who chooses others sees what these would have held.
"""

import django.db.models.deletion
import orgs.db.tenancy
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('groups_provisioning', '0015_past_by_columns'),
        ('orgs', '0045_hold_limits'),
    ]

    operations = [
        migrations.AddField(
            model_name='hold',
            name='waited_from',
            field=models.DateTimeField(null=True),
        ),
        migrations.CreateModel(
            name='Excess',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('limits', models.CharField(choices=[('strict', 'Strict'), ('standard', 'Standard'), ('lenient', 'Lenient')], max_length=10)),
                ('at', models.DateTimeField()),
                ('org', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization')),
                ('token', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='orgs.scimtoken')),
            ],
            options={
                'verbose_name_plural': 'excesses',
                'indexes': [models.Index(fields=['org', 'at'], name='excess_of_org')],
                'constraints': [orgs.db.tenancy.TenantKey(field='token', name='excess_token')],
            },
        ),
    ]
