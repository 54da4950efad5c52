"""From when on an org has mass changes held (SPEC T1). The default is there at once, whatever the size of the table."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orgs', '0043_people_switched_by_hand'),
    ]

    operations = [
        migrations.AddField(
            model_name='organization',
            name='hold_limits',
            field=models.CharField(choices=[('strict', 'Strict'), ('standard', 'Standard'), ('lenient', 'Lenient')], db_default='standard', default='standard', editable=False, max_length=10),
        ),
    ]
