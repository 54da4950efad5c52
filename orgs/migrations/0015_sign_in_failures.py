from django.db import migrations, models

# What django-axes kept: it is gone, and with it what it knew of addresses and clients. It makes its tables anew where
# an older version is installed again.
DROP_AXES = """
DROP TABLE IF EXISTS axes_accessattemptexpiration, axes_accessattempt, axes_accesslog, axes_accessfailurelog;
DELETE FROM django_migrations WHERE app = 'axes';
"""


class Migration(migrations.Migration):

    dependencies = [
        ('orgs', '0014_addresses_in_several_orgs'),
    ]

    operations = [
        migrations.CreateModel(
            name='SignInFailures',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('subject', models.CharField(db_collation='C', max_length=300)),
                ('client', models.CharField(blank=True, db_collation='C', max_length=45)),
                ('failures', models.PositiveIntegerField()),
                ('last_at', models.DateTimeField()),
                ('waits_until', models.DateTimeField()),
            ],
            options={
                'indexes': [models.Index(fields=['last_at'], name='sign_in_failures_last_at')],
                'constraints': [models.UniqueConstraint(fields=('subject', 'client'), name='sign_in_failures_once')],
            },
        ),
        migrations.RunSQL(DROP_AXES, migrations.RunSQL.noop),
    ]
