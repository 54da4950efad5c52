"""The model `Mapping` is called `GroupMapping`. Its table keeps its name: there is no SQL in this migration."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("groups_provisioning", "0003_previews")]

    operations = [
        migrations.AlterModelTable("Mapping", "groups_provisioning_mapping"),
        migrations.RenameModel("Mapping", "GroupMapping"),
    ]
