import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('scim', '0001_request_log'),
        ('orgs', '0018_profile_attributes'),
    ]

    operations = [
        migrations.CreateModel(
            name='FilterCopies',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=5)),
                ('description', models.CharField(max_length=64)),
                ('after', models.UUIDField(null=True)),
                ('changed', models.BooleanField(default=False)),
                ('done', models.BooleanField(default=False)),
                ('org', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='filter_copies', to='orgs.organization')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('org', 'kind'), name='filter_copies_once')],
            },
        ),
    ]
