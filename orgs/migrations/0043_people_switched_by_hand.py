"""An index without `active`: an update of an indexed column makes new entries in every index of its table, and so did each
deactivation by an identity provider, in the index of words too.
"""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("orgs", "0042_past_of_facts")]

    operations = [
        AddIndexConcurrently(
            "user",
            models.Index(
                fields=["org"], condition=models.Q(idp_active__isnull=False), name="user_switched_by_hand"
            ),
        ),
        RemoveIndexConcurrently("user", "user_by_hand"),
    ]
