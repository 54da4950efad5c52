"""An index without `active`: an update of an indexed column makes new entries in every index of its table, and so did each
deactivation by an identity provider, in the index of words too.
"""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("orgs", "0042_past_of_facts")]

    operations = [
        # A large table takes longer than the limits of every connection allow.
        migrations.RunSQL("SET statement_timeout = 0", "RESET statement_timeout"),
        migrations.RunSQL("SET lock_timeout = 0", "RESET lock_timeout"),
        AddIndexConcurrently(
            "user",
            models.Index(
                fields=["org"], condition=models.Q(idp_active__isnull=False), name="user_switched_by_hand"
            ),
        ),
        RemoveIndexConcurrently("user", "user_by_hand"),
        migrations.RunSQL("RESET statement_timeout", "SET statement_timeout = 0"),
        migrations.RunSQL("RESET lock_timeout", "SET lock_timeout = 0"),
    ]
