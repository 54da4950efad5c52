from django.db import migrations


class Migration(migrations.Migration):
    """The rows of groups_provisioning take the place of the column; its migration 0006 copies them before this one."""

    dependencies = [
        ('orgs', '0018_profile_attributes'),
    ]

    operations = [
        migrations.RemoveField(model_name='schemaprofile', name='starting_rules'),
    ]
