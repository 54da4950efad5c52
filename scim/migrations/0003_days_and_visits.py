"""How many requests each org has a day, and when its admins last looked (SPEC N2)."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import orgs.db.tenancy


class Migration(migrations.Migration):

    dependencies = [
        ('orgs', '0039_who_answers_for_credentials'),
        ('scim', '0002_filter_copies'),
    ]

    operations = [
        migrations.CreateModel(
            name='RequestDay',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('calls', models.PositiveBigIntegerField()),
                ('refused', models.PositiveBigIntegerField()),
                ('failed', models.PositiveBigIntegerField()),
                ('wrote_at', models.DateTimeField(null=True)),
                ('org', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='request_days', to='orgs.organization')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('org', 'day'), name='request_day_once')],
            },
        ),
        migrations.CreateModel(
            name='OverviewVisit',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('seen_at', models.DateTimeField()),
                ('since', models.DateTimeField(null=True)),
                ('org', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization')),
                ('user', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [
                    orgs.db.tenancy.TenantKey(field='user', name='overview_visit_user'),
                    models.UniqueConstraint(fields=('org', 'user'), name='overview_visit_once'),
                ],
            },
        ),
    ]
