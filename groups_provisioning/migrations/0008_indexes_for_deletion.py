"""Indexes by which PostgreSQL finds what points to a change or a mapping that is deleted with its org."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("groups_provisioning", "0007_roles_of_groups")]

    operations = [
        AddIndexConcurrently("groupmember", models.Index(fields=["added_by"], name="group_member_by_change")),
        AddIndexConcurrently("membership", models.Index(fields=["mapping"], name="membership_by_mapping")),
    ]
