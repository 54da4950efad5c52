"""Owner and admins are mailed by the outbox: nothing waits here to be told."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('sso', '0005_saml'),
    ]

    operations = [
        migrations.RemoveField(
            model_name='connection',
            name='untold_since',
        ),
    ]
