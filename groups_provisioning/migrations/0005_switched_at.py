import django.contrib.postgres.fields
from django.db import migrations, models
from django.db.models import Q

REASONS = [
    ("asked", "its rule requires approval"),
    ("owned", "another group is mapped to the target with this name"),
    ("kind_off", "this kind was switched off when the rule matched"),
    ("not_created", "rules never create sub-organizations"),
    ("unusable_name", "its name cannot be used for a target"),
    ("excluded", "a group that is mapped to a sub-organization cannot have other mappings"),
    ("rule_changed", "the group was renamed, and its first matching rule is for another kind, or there is none"),
    ("free", "nothing stands in the way any more; approve it"),
    ("target_deleted", "its target was deleted"),
]
SYNCED = Q(status__in=("approved", "auto_approved"))

FORWARDS = """
UPDATE groups_provisioning_mapping SET switched_at = CASE
    WHEN status IN ('approved', 'auto_approved') THEN ARRAY[approved_at]
    ELSE ARRAY[approved_at, greatest(fell_back_at, approved_at)] END
WHERE approved_at IS NOT NULL AND (status IN ('approved', 'auto_approved') OR fell_back_at IS NOT NULL);
"""
BACKWARDS = """
UPDATE groups_provisioning_mapping SET
    approved_at = switched_at[(cardinality(switched_at) - 1) / 2 * 2 + 1],
    fell_back_at = CASE WHEN status = 'pending' AND NOT target_deleted
        THEN switched_at[cardinality(switched_at)] END
WHERE switched_at <> '{}';
"""


class Migration(migrations.Migration):
    """When mappings were approved and ceased to be, as a list of times (SPEC M2)."""

    dependencies = [("groups_provisioning", "0004_group_mapping"), ("orgs", "0013_switched_at")]

    operations = [
        migrations.AddField(
            "groupmapping",
            "switched_at",
            django.contrib.postgres.fields.ArrayField(
                base_field=models.DateTimeField(), blank=True, default=list, editable=False, size=None
            ),
        ),
        migrations.RemoveConstraint("groupmapping", "mapping_synced_has_an_entity"),
        migrations.RunSQL(FORWARDS, BACKWARDS),
        migrations.RemoveField("groupmapping", "approved_at"),
        migrations.RemoveField("groupmapping", "fell_back_at"),
        migrations.AddConstraint(
            "groupmapping",
            models.CheckConstraint(
                condition=~SYNCED | Q(entity__isnull=False, target_deleted=False) & ~Q(switched_at=[]),
                name="mapping_synced_has_an_entity",
            ),
        ),
        migrations.AlterField(
            "groupmapping",
            "reason",
            models.CharField(blank=True, choices=REASONS, default="", max_length=20),
        ),
    ]
