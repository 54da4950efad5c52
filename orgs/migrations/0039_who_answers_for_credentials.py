"""Who answers for a token or key, where it is not who made it (SPEC E5). Null for all there are."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def _person() -> "models.ForeignKey[None, None]":
    return models.ForeignKey(
        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
    )


class Migration(migrations.Migration):
    dependencies = [("orgs", "0038_matters_of_writes")]

    operations = [
        migrations.AddField(model_name="scimtoken", name="taken_over_by", field=_person()),
        migrations.AddField(model_name="apikey", name="taken_over_by", field=_person()),
    ]
