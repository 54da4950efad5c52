"""The past of groups, mappings, rules and decisions is kept by functions that name columns; see that of `orgs`."""

from importlib import import_module

from django.db import migrations

keeping = import_module("orgs.migrations.0044_past_by_columns").keeping
BEFORE = import_module("orgs.migrations.0042_past_of_facts").FUNCTION

GROUP = (
    "id org_id display_name external_id reference imported attributes extension_urn roles out_of_sync created_at deleted_at"
)
MAPPING = (
    "id org_id group_id kind role entity_id status reason rule_id target_deleted barred switched_at created_at change_id"
)
RULE = "id org_id position pattern_type pattern kind role auto_approve created_at"
DECISION = "id org_id user_id winner_id loser_id at change_id undone_by_id"


class Migration(migrations.Migration):

    dependencies = [
        ('groups_provisioning', '0014_holds'),
        ('orgs', '0044_past_by_columns'),
    ]

    operations = [
        keeping(
            "groups_provisioning_pushedgroup", "group", "id", "id", "org_id", GROUP,
            "revision,modified_at,member_count,folded,display_name_key",
        ),
        keeping("groups_provisioning_nestedgroup", "nested", "id", "group_id", "org_id", "id org_id group_id member_id", ""),
        keeping("groups_provisioning_mapping", "mapping", "id", "group_id", "org_id", MAPPING, ""),
        keeping("groups_provisioning_mappingrule", "rule", "id", "org_id", "org_id", RULE, "gives_role"),
        keeping("groups_provisioning_decision", "decision", "id", "user_id", "org_id", DECISION, ""),
        migrations.RunSQL("DROP FUNCTION keep_past()", BEFORE),
    ]
