"""From when on an org has mass changes held (SPEC T1). The default is there at once, whatever the size of the table."""

from importlib import import_module

from django.db import migrations, models

past = import_module("orgs.migrations.0044_past_by_columns")

OF_ORGANIZATIONS = ("organization", "id", "id", "id")
FORMER = past.ORGANIZATION.split()


class Migration(migrations.Migration):

    dependencies = [
        ('orgs', '0044_past_by_columns'),
    ]

    operations = [
        migrations.AddField(
            model_name='organization',
            name='hold_limits',
            field=models.CharField(choices=[('strict', 'Strict'), ('standard', 'Standard'), ('lenient', 'Lenient')], db_default='standard', default='standard', editable=False, max_length=10),
        ),
        migrations.RunSQL(
            past.function(*OF_ORGANIZATIONS, [*FORMER, "hold_limits"]),
            past.function(*OF_ORGANIZATIONS, FORMER),
        ),
    ]
