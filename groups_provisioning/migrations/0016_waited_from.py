"""Since when what holds somebody has waited, so that who is added to a group again has the old time there (SPEC T1)."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('groups_provisioning', '0014_holds'),
    ]

    operations = [
        migrations.AddField(
            model_name='hold',
            name='waited_from',
            field=models.DateTimeField(null=True),
        ),
    ]
