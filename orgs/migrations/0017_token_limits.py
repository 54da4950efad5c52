
import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orgs', '0016_matters'),
    ]

    operations = [
        migrations.AddField(
            model_name='scimtoken',
            name='networks',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=43), blank=True, default=list, size=None),
        ),
        migrations.AddField(
            model_name='scimtoken',
            name='told_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        # Owners and admins are mailed about tokens that are made from now on.
        migrations.RunSQL("UPDATE orgs_scimtoken SET told_at = created_at", migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name='scimtoken',
            index=models.Index(condition=models.Q(('told_at__isnull', True)), fields=['created_at'], name='scim_token_untold'),
        ),
    ]
