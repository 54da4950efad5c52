from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Apart, since an index on a table in use is built beside its writers, and outside of a transaction."""

    atomic = False

    dependencies = [
        ('orgs', '0008_history_by_subject'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='ledgerentry',
            index=models.Index(condition=models.Q(('slot', 'refused')), fields=['org', 'change'], name='ledger_refused'),
        ),
    ]
