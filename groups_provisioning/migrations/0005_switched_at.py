import django.contrib.postgres.fields
from django.db import migrations, models
from django.db.models import Q

REASONS = [
    ("asked", "its rule asks for approval"),
    ("owned", "another group is mapped to what has this name"),
    ("kind_off", "this kind was switched off when the rule matched"),
    ("not_created", "sub-organizations are never created by a rule"),
    ("unusable_name", "nothing can have this name"),
    ("excluded", "a sub-organization excludes other mappings of the same group"),
    ("rule_changed", "after a rename no rule, or one for another kind, is the first to match"),
    ("free", "what stood in the way is gone; approve it"),
    ("target_deleted", "what it was mapped to was deleted"),
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
