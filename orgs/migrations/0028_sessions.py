"""Sessions with their person beside them, under a hash of their key; and the time zone that somebody reads times in.

Sessions of before end: whoever was signed in signs in again. Their table goes, since it has the keys themselves.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

DROP = """
DROP TABLE IF EXISTS django_session;
DELETE FROM django_migrations WHERE app = 'sessions'
"""
# As `sessions.0001_initial` of Django makes it, which is noted as applied.
CREATE = """
CREATE TABLE django_session (
    session_key varchar(40) NOT NULL PRIMARY KEY, session_data text NOT NULL, expire_date timestamptz NOT NULL
);
CREATE INDEX django_session_session_key_c0390e0f_like ON django_session (session_key varchar_pattern_ops);
CREATE INDEX django_session_expire_date_a5c62663 ON django_session (expire_date);
INSERT INTO django_migrations (app, name, applied) VALUES ('sessions', '0001_initial', now())
"""


class Migration(migrations.Migration):
    dependencies = [("orgs", "0027_domains_read_again")]

    operations = [
        migrations.CreateModel(
            name="Session",
            fields=[
                ("session_data", models.TextField(verbose_name="session data")),
                ("expire_date", models.DateTimeField(db_index=True, verbose_name="expire date")),
                ("session_key", models.CharField(db_collation="C", max_length=64, primary_key=True, serialize=False)),
                ("began_at", models.DateTimeField()),
                ("seen_at", models.DateTimeField()),
                ("address", models.GenericIPAddressField(null=True)),
                ("agent", models.CharField(blank=True, max_length=200)),
                ("connection", models.UUIDField(null=True)),
                ("provider_session", models.CharField(blank=True, max_length=255)),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sessions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("connection__isnull", False)),
                        fields=["connection", "provider_session"],
                        name="session_of_connection",
                    )
                ],
            },
        ),
        migrations.RunSQL(DROP, CREATE),
        migrations.AddField(
            model_name="user",
            name="time_zone",
            field=models.CharField(blank=True, db_default="", default="", max_length=64, verbose_name="time zone"),
        ),
    ]
