"""Whether /ServiceProviderConfig announces cursor pagination, by profile (SPEC P4); off where nobody says so."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orgs", "0011_support_is_told")]

    operations = [
        migrations.AddField(
            model_name="schemaprofile",
            name="announces_cursors",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text=(
                    "Lists pagination (RFC 9865) in /ServiceProviderConfig. Older clients then refuse the whole "
                    "document and send nothing. Cursors work without being announced."
                ),
                verbose_name="announce cursor pagination",
            ),
        ),
    ]
