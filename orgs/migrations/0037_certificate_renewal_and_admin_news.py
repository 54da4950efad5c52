import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import orgs.db.keys
import orgs.db.tenancy


class Migration(migrations.Migration):
    dependencies = [("orgs", "0036_references")]

    operations = [
        # Only the choices, which the database does not have.
        migrations.AlterField(
            model_name="setuplink",
            name="purpose",
            field=models.CharField(
                choices=[
                    ("sso", "Single sign-on"),
                    ("scim", "SCIM provisioning"),
                    ("domain", "Domains"),
                    ("renew", "Certificate renewal"),
                ],
                max_length=6,
            ),
        ),
        migrations.CreateModel(
            name="AdminNews",
            fields=[
                ("id", models.UUIDField(default=orgs.db.keys.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("domain_asked", "domain asked for"),
                            ("domain_added", "domain added"),
                            ("domain_gone", "domain gone"),
                            ("domain_removed", "domain removed"),
                            ("admin_made", "admin made"),
                            ("admin_unmade", "admin unmade"),
                        ],
                        max_length=14,
                    ),
                ),
                ("domain", models.CharField(blank=True, default="", max_length=253)),
                ("at", models.DateTimeField()),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
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
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["org"], name="admin_news_of_org")],
                "constraints": [
                    orgs.db.tenancy.TenantKey(field="person", name="admin_news_person"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("domain", ""), ("person__isnull", False)),
                            models.Q(models.Q(("domain", ""), _negated=True), ("person", None)),
                            _connector="OR",
                        ),
                        name="admin_news_about_one_thing",
                    ),
                ],
            },
        ),
    ]
