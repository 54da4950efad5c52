"""Calls fields and models what people call them. No SQL."""

import django.contrib.postgres.fields
import django.db.models.deletion
import orgs.db.keys
from django.conf import settings
from django.db import migrations, models

from orgs.db.labels import Labels


class Migration(migrations.Migration):

    dependencies = [
        ('groups_provisioning', '0017_who_wrote_members'),
        ('orgs', '0048_labels'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        Labels(
            state_operations=[
                migrations.AlterModelOptions(
                    name='conflict',
                    options={'verbose_name': 'conflict', 'verbose_name_plural': 'conflicts'},
                ),
                migrations.AlterModelOptions(
                    name='decision',
                    options={'verbose_name': 'decision', 'verbose_name_plural': 'decisions'},
                ),
                migrations.AlterModelOptions(
                    name='groupmapping',
                    options={'verbose_name': 'mapping', 'verbose_name_plural': 'mappings'},
                ),
                migrations.AlterModelOptions(
                    name='import',
                    options={'verbose_name': 'import', 'verbose_name_plural': 'imports'},
                ),
                migrations.AlterModelOptions(
                    name='mappingrule',
                    options={'ordering': ('position',), 'verbose_name': 'rule', 'verbose_name_plural': 'rules'},
                ),
                migrations.AlterModelOptions(
                    name='membership',
                    options={'verbose_name': 'assignment', 'verbose_name_plural': 'assignments'},
                ),
                migrations.AlterModelOptions(
                    name='pushedgroup',
                    options={'verbose_name': 'SCIM group', 'verbose_name_plural': 'SCIM groups'},
                ),
                migrations.AlterField(
                    model_name='breach',
                    name='org',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='conflict',
                    name='holders',
                    field=django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), size=None, verbose_name='current mappings'),
                ),
                migrations.AlterField(
                    model_name='conflict',
                    name='incoming',
                    field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='conflicts', to='groups_provisioning.groupmapping', verbose_name='incoming mapping'),
                ),
                migrations.AlterField(
                    model_name='conflict',
                    name='org',
                    field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='conflict',
                    name='user',
                    field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='conflicts', to=settings.AUTH_USER_MODEL, verbose_name='person'),
                ),
                migrations.AlterField(
                    model_name='decision',
                    name='loser',
                    field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='decisions_lost', to='groups_provisioning.groupmapping', verbose_name='instead of'),
                ),
                migrations.AlterField(
                    model_name='decision',
                    name='org',
                    field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='decision',
                    name='undone_by',
                    field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='orgs.change', verbose_name='undone by the change'),
                ),
                migrations.AlterField(
                    model_name='decision',
                    name='user',
                    field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='decisions', to=settings.AUTH_USER_MODEL, verbose_name='person'),
                ),
                migrations.AlterField(
                    model_name='decision',
                    name='winner',
                    field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='decisions_won', to='groups_provisioning.groupmapping', verbose_name='chosen'),
                ),
                migrations.AlterField(
                    model_name='endedgroup',
                    name='org',
                    field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='endedmapping',
                    name='org',
                    field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='endedmember',
                    name='org',
                    field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='excess',
                    name='org',
                    field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='groupmapping',
                    name='barred',
                    field=models.BooleanField(default=False, verbose_name='rejected by an admin'),
                ),
                migrations.AlterField(
                    model_name='groupmapping',
                    name='change',
                    field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='orgs.change', verbose_name='last change'),
                ),
                migrations.AlterField(
                    model_name='groupmapping',
                    name='created_at',
                    field=models.DateTimeField(verbose_name='created'),
                ),
                migrations.AlterField(
                    model_name='groupmapping',
                    name='entity',
                    field=models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='mappings', to='orgs.entity', verbose_name='target'),
                ),
                migrations.AlterField(
                    model_name='groupmapping',
                    name='group',
                    field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='mappings', to='groups_provisioning.pushedgroup', verbose_name='SCIM group'),
                ),
                migrations.AlterField(
                    model_name='groupmapping',
                    name='id',
                    field=models.UUIDField(default=orgs.db.keys.uuid7, editable=False, primary_key=True, serialize=False, verbose_name='ID'),
                ),
                migrations.AlterField(
                    model_name='groupmapping',
                    name='org',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='mappings', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='groupmapping',
                    name='reason',
                    field=models.CharField(blank=True, choices=[('asked', 'its rule requires approval'), ('owned', 'another group is mapped to the target with this name'), ('kind_off', 'this kind was switched off when the rule matched'), ('not_created', 'rules never create sub-organizations'), ('unusable_name', 'its name cannot be used for a target'), ('excluded', 'a group that is mapped to a sub-organization cannot have other mappings'), ('rule_changed', 'the group was renamed, and its first matching rule has another target, or there is none'), ('free', 'nothing stands in the way any more; approve it'), ('target_deleted', 'its target was deleted')], default='', max_length=20, verbose_name='pending because'),
                ),
                migrations.AlterField(
                    model_name='groupmember',
                    name='org',
                    field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='hold',
                    name='org',
                    field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='import',
                    name='ended_at',
                    field=models.DateTimeField(null=True, verbose_name='ended'),
                ),
                migrations.AlterField(
                    model_name='import',
                    name='id',
                    field=models.UUIDField(default=orgs.db.keys.uuid7, editable=False, primary_key=True, serialize=False, verbose_name='ID'),
                ),
                migrations.AlterField(
                    model_name='import',
                    name='name',
                    field=models.CharField(max_length=200, verbose_name='file'),
                ),
                migrations.AlterField(
                    model_name='import',
                    name='org',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='imports', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='import',
                    name='phase',
                    field=models.CharField(choices=[('checking', 'Being checked'), ('checked', 'Checked'), ('importing', 'Being imported'), ('done', 'Imported'), ('cancelled', 'Cancelled'), ('failed', 'Stopped by an error')], max_length=10, verbose_name='status'),
                ),
                migrations.AlterField(
                    model_name='import',
                    name='taken',
                    field=models.PositiveIntegerField(default=0, verbose_name='rows done'),
                ),
                migrations.AlterField(
                    model_name='importrow',
                    name='org',
                    field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='mappingrule',
                    name='auto_approve',
                    field=models.BooleanField(default=False, verbose_name='approves automatically'),
                ),
                migrations.AlterField(
                    model_name='mappingrule',
                    name='created_at',
                    field=models.DateTimeField(verbose_name='created'),
                ),
                migrations.AlterField(
                    model_name='mappingrule',
                    name='id',
                    field=models.UUIDField(default=orgs.db.keys.uuid7, editable=False, primary_key=True, serialize=False, verbose_name='ID'),
                ),
                migrations.AlterField(
                    model_name='mappingrule',
                    name='kind',
                    field=models.CharField(choices=[('team', 'Team'), ('concurrency_group', 'Concurrency group'), ('sub_organization', 'Sub-organization'), ('role', 'Role')], max_length=20, verbose_name='maps to'),
                ),
                migrations.AlterField(
                    model_name='mappingrule',
                    name='org',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='mapping_rules', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='mappingrule',
                    name='pattern_type',
                    field=models.CharField(choices=[('prefix', 'Begins with'), ('regex', 'Regular expression'), ('all', 'Every group')], max_length=10, verbose_name='match by'),
                ),
                migrations.AlterField(
                    model_name='mappingrule',
                    name='position',
                    field=models.PositiveIntegerField(verbose_name='order'),
                ),
                migrations.AlterField(
                    model_name='memberpast',
                    name='org',
                    field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='membership',
                    name='entity',
                    field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='memberships', to='orgs.entity', verbose_name='assigned to'),
                ),
                migrations.AlterField(
                    model_name='membership',
                    name='org',
                    field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='membership',
                    name='user',
                    field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='places', to=settings.AUTH_USER_MODEL, verbose_name='person'),
                ),
                migrations.AlterField(
                    model_name='nestedgroup',
                    name='org',
                    field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='preview',
                    name='org',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='previews', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='pushedgroup',
                    name='created_at',
                    field=models.DateTimeField(verbose_name='created'),
                ),
                migrations.AlterField(
                    model_name='pushedgroup',
                    name='deleted_at',
                    field=models.DateTimeField(blank=True, null=True, verbose_name='deleted'),
                ),
                migrations.AlterField(
                    model_name='pushedgroup',
                    name='display_name',
                    field=models.TextField(verbose_name='name'),
                ),
                migrations.AlterField(
                    model_name='pushedgroup',
                    name='external_id',
                    field=models.TextField(blank=True, default='', verbose_name='external ID'),
                ),
                migrations.AlterField(
                    model_name='pushedgroup',
                    name='id',
                    field=models.UUIDField(default=orgs.db.keys.uuid7, editable=False, primary_key=True, serialize=False, verbose_name='ID'),
                ),
                migrations.AlterField(
                    model_name='pushedgroup',
                    name='member_count',
                    field=models.PositiveIntegerField(default=0, editable=False, verbose_name='members'),
                ),
                migrations.AlterField(
                    model_name='pushedgroup',
                    name='modified_at',
                    field=models.DateTimeField(verbose_name='last changed'),
                ),
                migrations.AlterField(
                    model_name='pushedgroup',
                    name='org',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='pushed_groups', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='pushedgroup',
                    name='roles',
                    field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=50), blank=True, default=list, size=None, verbose_name='roles of members'),
                ),
                migrations.AlterField(
                    model_name='taken',
                    name='org',
                    field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization', verbose_name='organization'),
                ),
            ],
        ),
    ]
