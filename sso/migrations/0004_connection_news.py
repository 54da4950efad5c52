from django.db import migrations, models


class Migration(migrations.Migration):
    """A nullable column without a default: no row is written, and the lock is momentary."""

    dependencies = [
        ("sso", "0003_signing_in"),
    ]

    operations = [
        migrations.AddField(
            model_name="connection",
            name="untold_since",
            field=models.DateTimeField(editable=False, null=True),
        ),
    ]
