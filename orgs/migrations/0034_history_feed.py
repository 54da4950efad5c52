"""The places of history: changes, and the effects that they had later. New columns of the outbox; no row is read."""

import django.db.models.deletion
from django.db import migrations, models

KINDS = [
    (1, "Person"),
    (2, "Team"),
    (3, "Concurrency Group"),
    (4, "Sub Organization"),
    (5, "Group"),
    (6, "Organization"),
    (7, "Change"),
    (8, "Effects"),
]


class Migration(migrations.Migration):
    dependencies = [("orgs", "0033_changes_by_keys")]

    operations = [
        migrations.AddField("feedtouch", "first_entry", models.BigIntegerField(null=True)),
        migrations.AddField("feedtouch", "last_entry", models.BigIntegerField(null=True)),
        migrations.AddField("feedtouch", "entry_count", models.IntegerField(null=True)),
        migrations.AlterField("feedtouch", "kind", models.SmallIntegerField(choices=KINDS)),
        migrations.CreateModel(
            name="HistoryItem",
            fields=[
                ("position", models.BigIntegerField(primary_key=True, serialize=False)),
                ("kind", models.SmallIntegerField(choices=KINDS[6:])),
                ("change_id", models.UUIDField()),
                ("first_entry", models.BigIntegerField(null=True)),
                ("last_entry", models.BigIntegerField(null=True)),
                ("entry_count", models.IntegerField(null=True)),
                ("org", models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="orgs.organization")),
            ],
            options={
                "indexes": [models.Index(fields=["org", "position"], name="history_item_of_org")],
                "constraints": [models.UniqueConstraint(condition=models.Q(("kind", 7)), fields=("change_id",), name="history_item_once")],
            },
        ),
    ]
