"""An index of those whom SCIM lists, in the order of lists: what a page skips or counts is not read."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("orgs", "0021_words_of_people")]

    operations = [
        AddIndexConcurrently(
            "user",
            models.Index(fields=["org", "id"], condition=models.Q(deleted_at=None, is_owner=False), name="user_listed"),
        ),
    ]
