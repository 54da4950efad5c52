"""Changes that were made with a key to the API. A column without a constraint or an index: no row is read."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orgs", "0032_fill_the_feed")]

    operations = [
        migrations.AddField(
            model_name="change",
            name="by_key",
            field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="orgs.apikey"),
        ),
        migrations.AlterField(
            model_name="change",
            name="door",
            field=models.CharField(choices=[("scim", "SCIM"), ("page", "Portal"), ("link", "Setup link"), ("api", "API"), ("admin", "Support"), ("command", "Command line"), ("clock", "Muster itself")], max_length=10),
        ),
    ]
