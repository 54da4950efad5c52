"""What each identity provider does, day by day (SPEC T5). Learning begins with this: no row is made of before."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orgs', '0041_support_views_and_roles'),
        ('scim', '0004_requests_by_target'),
    ]

    operations = [
        migrations.CreateModel(
            name='IdpDay',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('idp', models.CharField(choices=[('okta', 'Okta'), ('entra', 'Microsoft Entra ID'), ('pingone', 'PingOne'), ('jumpcloud', 'JumpCloud'), ('onelogin', 'OneLogin'), ('google', 'Google Workspace'), ('other', 'Another')], max_length=12)),
                ('day', models.DateField()),
                ('hours', models.PositiveIntegerField(default=0)),
                ('people_added', models.BooleanField(default=False)),
                ('people_removed', models.BooleanField(default=False)),
                ('members_added', models.BooleanField(default=False)),
                ('members_removed', models.BooleanField(default=False)),
                ('org', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='idp_days', to='orgs.organization')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('org', 'idp', 'day'), name='idp_day_once')],
            },
        ),
    ]
