"""Mappings and rules may give a role instead of assigning to an entity (SPEC R6); rules are two lists.

Backwards, these mappings and rules are deleted: before, there was nothing that they could be.
"""

import django.db.models.constraints
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('groups_provisioning', '0006_starting_rules'),
        ('orgs', '0022_listed_people'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='groupmapping',
            name='mapping_synced_has_an_entity',
        ),
        migrations.RemoveConstraint(
            model_name='mappingrule',
            name='mapping_rule_position_once',
        ),
        migrations.AddField(
            model_name='groupmapping',
            name='role',
            field=models.CharField(blank=True, default='', max_length=50),
        ),
        migrations.AddField(
            model_name='mappingrule',
            name='gives_role',
            field=models.GeneratedField(db_persist=True, expression=models.Q(('kind', 'role')), output_field=models.BooleanField()),
        ),
        migrations.AddField(
            model_name='mappingrule',
            name='role',
            field=models.CharField(blank=True, default='', max_length=50),
        ),
        migrations.AddField(
            model_name='startingrule',
            name='role',
            field=models.CharField(blank=True, default='', max_length=50),
        ),
        migrations.AlterField(
            model_name='groupmapping',
            name='kind',
            field=models.CharField(choices=[('team', 'Team'), ('concurrency_group', 'Concurrency group'), ('sub_organization', 'Sub-organization'), ('role', 'Role')], max_length=20),
        ),
        migrations.AlterField(
            model_name='groupmapping',
            name='reason',
            field=models.CharField(blank=True, choices=[('asked', 'its rule requires approval'), ('owned', 'another group is mapped to the target with this name'), ('kind_off', 'this kind was switched off when the rule matched'), ('not_created', 'rules never create sub-organizations'), ('unusable_name', 'its name cannot be used for a target'), ('excluded', 'a group that is mapped to a sub-organization cannot have other mappings'), ('rule_changed', 'the group was renamed, and its first matching rule has another target, or there is none'), ('free', 'nothing stands in the way any more; approve it'), ('target_deleted', 'its target was deleted')], default='', max_length=20),
        ),
        migrations.AlterField(
            model_name='mappingrule',
            name='kind',
            field=models.CharField(choices=[('team', 'Team'), ('concurrency_group', 'Concurrency group'), ('sub_organization', 'Sub-organization'), ('role', 'Role')], max_length=20, verbose_name='target'),
        ),
        migrations.AlterField(
            model_name='startingrule',
            name='kind',
            field=models.CharField(choices=[('team', 'Team'), ('concurrency_group', 'Concurrency group'), ('sub_organization', 'Sub-organization'), ('role', 'Role')], max_length=20, verbose_name='map to'),
        ),
        migrations.AddConstraint(
            model_name='groupmapping',
            constraint=models.UniqueConstraint(condition=models.Q(models.Q(('status', 'rejected'), _negated=True), models.Q(('role', ''), _negated=True)), fields=('group', 'role'), name='mapping_one_of_a_role'),
        ),
        migrations.AddConstraint(
            model_name='groupmapping',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status__in', ('approved', 'auto_approved')), _negated=True), models.Q(models.Q(('entity__isnull', False), models.Q(('role', ''), _negated=True), _connector='OR'), ('target_deleted', False), models.Q(('switched_at', []), _negated=True)), _connector='OR'), name='mapping_synced_has_a_target'),
        ),
        migrations.AddConstraint(
            model_name='groupmapping',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'role'), ('role', ''), _connector='XOR'), models.Q(('role', ''), ('entity__isnull', True), _connector='OR')), name='mapping_role_where_one_is_meant'),
        ),
        migrations.AddConstraint(
            model_name='mappingrule',
            constraint=models.UniqueConstraint(deferrable=django.db.models.constraints.Deferrable['DEFERRED'], fields=('org', 'gives_role', 'position'), name='mapping_rule_position_once'),
        ),
        migrations.AddConstraint(
            model_name='mappingrule',
            constraint=models.CheckConstraint(condition=models.Q(('kind', 'role'), ('role', ''), _connector='XOR'), name='mapping_rule_role_where_one_is_meant'),
        ),
        migrations.AddConstraint(
            model_name='startingrule',
            constraint=models.CheckConstraint(condition=models.Q(('kind', 'role'), ('role', ''), _connector='XOR'), name='starting_rule_role_where_one_is_meant'),
        ),
        migrations.RunSQL(
            migrations.RunSQL.noop,
            [
                "DELETE FROM groups_provisioning_mapping WHERE kind = 'role'",
                "DELETE FROM groups_provisioning_mappingrule WHERE kind = 'role'",
                "DELETE FROM groups_provisioning_startingrule WHERE kind = 'role'",
                "SET CONSTRAINTS ALL IMMEDIATE",
            ],
        ),
    ]
