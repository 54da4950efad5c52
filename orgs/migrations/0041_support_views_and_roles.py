"""What the operator's staff may do, and when they look at an org's own pages (SPEC N4)."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import orgs.db.keys

# Whoever could do everything still can; an index has the staff.
SUPERUSERS = "UPDATE orgs_user SET is_superuser = true WHERE is_staff"


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("orgs", "0040_outbox"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="is_superuser",
            field=models.BooleanField(db_default=False, default=False, verbose_name="superuser"),
        ),
        migrations.AddField(
            model_name="user",
            name="groups",
            field=models.ManyToManyField(blank=True, related_name="+", to="auth.group"),
        ),
        migrations.CreateModel(
            name="SupportView",
            fields=[
                (
                    "id",
                    models.UUIDField(default=orgs.db.keys.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("began_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "org",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="orgs.organization",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["org", "id"], name="support_view_of_org"),
                    models.Index(
                        condition=models.Q(("ended_at", None)), fields=["began_at"], name="support_view_open"
                    ),
                ],
            },
        ),
        migrations.RunSQL(SUPERUSERS, migrations.RunSQL.noop),
    ]
