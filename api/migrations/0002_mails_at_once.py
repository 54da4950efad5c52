"""Nothing waits here to be told: admins are mailed of matters, and support by the outbox."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('api', '0001_webhooks'),
    ]

    operations = [
        migrations.RemoveField(
            model_name='endpoint',
            name='untold_since',
        ),
    ]
