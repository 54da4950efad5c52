"""Says of a scope what it reads, in words that pages use. No SQL."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orgs', '0045_hold_limits'),
    ]

    operations = [
        migrations.AlterField(
            model_name='apikey',
            name='scopes',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('read', 'Read people, groups and their targets'), ('manage', 'Do what admins do'), ('credentials', 'Manage credentials, connections, domains, links, keys and admin roles'), ('history', 'Read the history'), ('webhooks', 'Manage webhooks')], max_length=11), size=None),
        ),
    ]
