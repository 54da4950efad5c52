from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Apart, since an index on a table in use is built beside its writers, and outside of a transaction."""

    atomic = False

    dependencies = [
        ('orgs', '0006_engine'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='handplacement',
            index=models.Index(condition=models.Q(('placed', False)), fields=['org', 'user'], name='hand_removal_of_org'),
        ),
        AddIndexConcurrently(
            model_name='standing',
            index=models.Index(fields=['org'], name='standing_of_org'),
        ),
    ]
