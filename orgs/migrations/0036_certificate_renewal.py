from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orgs", "0033_changes_by_keys")]

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
    ]
