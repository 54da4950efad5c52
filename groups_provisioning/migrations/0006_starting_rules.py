"""Starting rules become rows, which a form can edit; they were JSON in a column of the profile."""

import django.db.models.deletion
from django.db import migrations, models

PATTERN_TYPES = {"match_all": "all", "prefix": "prefix", "regex": "regex"}
KINDS = ("team", "concurrency_group", "sub_organization")


def to_rows(apps, schema_editor):
    rows = apps.get_model("groups_provisioning", "StartingRule").objects
    for profile in apps.get_model("orgs", "SchemaProfile").objects.all():
        copy(rows, profile.pk, profile.starting_rules)


def copy(rows, profile_id, entries):
    """The entries of one profile. What is no rule kept every org of the profile from being made, and is left out."""
    if isinstance(entries, list):
        valid = [
            entry
            for entry in entries
            if isinstance(entry, dict)
            and str(entry.get("pattern_type")) in PATTERN_TYPES
            and entry.get("target_kind") in KINDS
            and isinstance(entry.get("pattern", ""), str)
        ]
        rows.bulk_create(
            rows.model(
                profile_id=profile_id,
                position=position,
                pattern_type=PATTERN_TYPES[entry["pattern_type"]],
                pattern=entry.get("pattern", ""),
                kind=entry["target_kind"],
                auto_approve=entry.get("auto_approve") is True,
            )
            for position, entry in enumerate(valid, start=1)
        )


def to_json(apps, schema_editor):
    names = {value: name for name, value in PATTERN_TYPES.items()}
    rows = apps.get_model("groups_provisioning", "StartingRule").objects
    for profile in apps.get_model("orgs", "SchemaProfile").objects.all():
        profile.starting_rules = [
            {
                "pattern_type": names[row.pattern_type],
                "pattern": row.pattern,
                "target_kind": row.kind,
                "auto_approve": row.auto_approve,
            }
            for row in rows.filter(profile_id=profile.pk).order_by("position", "id")
        ]
        profile.save(update_fields=["starting_rules"])


class Migration(migrations.Migration):

    dependencies = [
        ('groups_provisioning', '0005_switched_at'),
        ('orgs', '0018_profile_attributes'),
    ]
    run_before = [('orgs', '0019_no_starting_rules')]

    operations = [
        migrations.CreateModel(
            name='StartingRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveSmallIntegerField(default=1, verbose_name='order')),
                ('pattern_type', models.CharField(choices=[('prefix', 'Begins with'), ('regex', 'Regular expression'), ('all', 'Every group')], max_length=10, verbose_name='match by')),
                ('pattern', models.TextField(blank=True, default='')),
                ('kind', models.CharField(choices=[('team', 'Team'), ('concurrency_group', 'Concurrency group'), ('sub_organization', 'Sub-organization')], max_length=20, verbose_name='map to')),
                ('auto_approve', models.BooleanField(default=False, verbose_name='approve automatically')),
                ('profile', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='founding_rules', to='orgs.schemaprofile')),
            ],
            options={'ordering': ('position', 'id')},
        ),
        migrations.RunPython(to_rows, to_json),
    ]
